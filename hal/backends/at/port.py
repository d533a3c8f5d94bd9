"""A modem's serial port: a device node opened with pyserial, held against others of ours, never waited for for ever.

In a tree, never on the machine itself, `dev/ttyUSB2` may be a file that names a pseudo terminal of the machine that
runs this (`/dev/pts/5`), at whose other end a simulated modem is. Nothing else of that machine can be named so.
"""

from __future__ import annotations

import os
import re
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EAGAIN, EBUSY, EIO, ENODEV, ENOENT, ENXIO
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING

from hal.errors import FileFault, HalError
from hal.root import Root

if TYPE_CHECKING:
    from serial import Serial

OPEN_SECONDS = 4.0
"""How long a port may be held by another of ours, or not be ready: ModemManager tries as long."""
CHUNK = 4096

_NAME = re.compile(r"tty[A-Z][A-Za-z]*[0-9]{1,4}|pts/[0-9]{1,6}", re.ASCII)
_PSEUDO_TERMINAL = re.compile(r"/dev/pts/[0-9]{1,6}", re.ASCII)
_INTERVAL_SECONDS = 0.05
_GONE = (EIO, ENODEV, ENOENT, ENXIO)


class Gone(Exception):
    """The port vanished while it was open."""


class Stuck(Exception):
    """The modem takes no bytes."""


class Port:
    """An open port. Bytes come as they come; nothing waits beyond its deadline, a time of `time.monotonic`."""

    def __init__(self, serial: Serial, name: str) -> None:
        self._serial, self.name = serial, name

    def read(self, deadline: float) -> bytes:
        """What is there, at most `CHUNK` bytes; waits for the first of it, and is empty at the deadline."""
        from serial import SerialException

        try:
            ready, _, _ = select.select([self._serial.fileno()], [], [], max(0.0, deadline - time.monotonic()))
            return bytes(self._serial.read(CHUNK)) if ready else b""
        except (OSError, ValueError, SerialException) as error:
            raise Gone(str(error)) from error

    def write(self, data: bytes, deadline: float) -> None:
        """All of it. Raises `Stuck` at the deadline."""
        from serial import SerialException, SerialTimeoutException

        try:
            self._serial.write_timeout = max(0.05, deadline - time.monotonic())
            self._serial.write(data)
        except SerialTimeoutException as error:
            raise Stuck(str(error)) from error
        except (OSError, ValueError, SerialException) as error:
            raise Gone(str(error)) from error


@contextmanager
def opened(root: Root, tty: str, *, wait_seconds: float = OPEN_SECONDS) -> Iterator[Port]:
    """The port of a tty by its name in sysfs (`ttyUSB2`), raw, with DTR, held until left.

    Raises `FileFault` for what is no serial port, cannot be opened, or is held by another of ours until the deadline.
    """
    try:
        from serial import Serial, SerialException
    except ImportError as error:
        raise HalError(f"dev/{tty}: pyserial is not installed: pip install 'device-hal[modems]'", path=tty) from error
    name = f"dev/{tty}"
    if not _NAME.fullmatch(tty):
        raise FileFault(f"{tty!r}: not the name of a serial port", path=name)
    path = _node(root, name)
    with _held(path, name, time.monotonic() + wait_seconds):
        try:
            # DTR on and raw are pyserial's way; the speed means nothing on USB.
            serial = Serial(str(path), 115200, timeout=0, write_timeout=1, rtscts=False, xonxoff=False)
        except (SerialException, OSError) as error:
            raise FileFault(f"{name}: cannot be opened as a serial port: {error}", path=name) from error
        try:
            yield Port(serial, name)
        finally:
            with suppress(Exception):  # what was not taken is forgotten: closing would wait for it
                serial.reset_output_buffer()
            with suppress(OSError):
                serial.close()


def _node(root: Root, name: str) -> Path:
    """The host path of a serial port's node, unopened."""
    path = root.resolve(name)
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise FileFault(f"{name}: {(error.strerror or str(error)).lower()}", path=name) from error
    if stat.S_ISREG(mode) and not root.is_machine:
        target = root.read_text(name, limit=64).strip()
        if not _PSEUDO_TERMINAL.fullmatch(target):
            raise FileFault(f"{name}: {target!r} is no pseudo terminal, so it stands for no serial port", path=name)
        path = Path(target)
        with suppress(OSError):
            mode = os.lstat(path).st_mode
    if not stat.S_ISCHR(mode):
        raise FileFault(f"{name}: not a device node", path=name)
    return path


@contextmanager
def _held(path: Path, name: str, deadline: float) -> Iterator[None]:
    """Open and lock the node, before anything is said or set: who holds it may be in the middle of an answer."""
    fd = -1
    while fd < 0:
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            if not os.isatty(fd):
                raise FileFault(f"{name}: not a serial port", path=name)
            flock(fd, LOCK_EX | LOCK_NB)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
                fd = -1
            waits = error.errno in (EBUSY, EAGAIN)
            if not waits or time.monotonic() >= deadline:
                words = "another program has it" if waits else (error.strerror or str(error)).lower()
                raise FileFault(f"{name}: {words}", path=name) from error
            time.sleep(_INTERVAL_SECONDS)
        except FileFault:
            os.close(fd)
            raise
    try:
        yield
    finally:
        os.close(fd)
