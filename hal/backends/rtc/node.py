"""Device nodes of clocks and I²C buses, and the regular files that stand for them in a tree.

`/dev/rtcN` answers three requests (`linux/rtc.h`): read the time, set it, read voltage flags. It can be open once.
`struct rtc_time` is nine 32-bit numbers on every machine: second, minute, hour, day, month from 0, year from 1900, then
weekday, day of the year and summer time, which are not relied on.

In a tree, never on the machine itself, `dev/rtcN` may be a file of that structure, with or without the 32-bit flags
behind it, and `dev/i2c-N` one of 256 registers for each of 128 addresses. Neither ticks, like the kernel's `i2c-stub`.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from errno import EAGAIN, EBUSY, EINVAL, ENOTTY, EOPNOTSUPP, EPERM, ERANGE
from fcntl import LOCK_EX, LOCK_NB, flock, ioctl
from pathlib import Path
from typing import Protocol, TypeVar, cast

from hal.backends import i2c
from hal.backends.rtc.source import WAIT_SECONDS
from hal.errors import FileFault, ValueRefused
from hal.root import Root
from hal.stdlib import UTC

READ_TIME, SET_TIME, READ_FLAGS = 0x80247009, 0x4024700A, 0x80047013
"""RTC_RD_TIME, RTC_SET_TIME, RTC_VL_READ."""
TIME = struct.Struct("=9i")
FLAGS = struct.Struct("=I")
REGISTERS, ADDRESSES = 256, 128
"""Of a chip, and of a bus."""

_INTERVAL_SECONDS = 0.02
T = TypeVar("T")


class Bus(Protocol):
    """Block transfers of an I²C bus, as smbus2 names them; a block has at most 32 bytes."""

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """Registers of a chip, from one on."""

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        """Write registers of a chip, from one on."""


class RtcNode(Protocol):
    """An open clock: the structure as bytes; both raise `OSError` as the kernel does."""

    def read(self) -> bytes:
        """`struct rtc_time`."""

    def write(self, data: bytes) -> None:
        """Set it to a `struct rtc_time`."""

    def flags(self) -> int | None:
        """The voltage flags; `None` where the driver has none."""


@contextmanager
def rtc_node(root: Root, name: str) -> Iterator[RtcNode]:
    """A clock's device node, held; waits until a deadline for who has it open."""
    path = _usable(root, name)
    if _is_stand_in(root, path):
        with root.lock(name, timeout_seconds=WAIT_SECONDS):
            yield _StandIn(root, name)
        return
    with faults(name):
        fd = _patient(lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
    try:
        yield _Character(fd)
    finally:
        os.close(fd)


@contextmanager
def i2c_bus(root: Root, name: str) -> Iterator[Bus]:
    """An I²C bus, held for those who take it through here."""
    path = _usable(root, name)
    if _is_stand_in(root, path):
        with root.lock(name, timeout_seconds=WAIT_SECONDS):
            yield _StandInBus(root, name)
        return
    with i2c.smbus(root, name) as bus:
        with faults(name):
            _patient(lambda: flock(cast("int", bus.fd), LOCK_EX | LOCK_NB))
        yield cast("Bus", bus)


def is_there(root: Root, name: str) -> bool:
    """Whether a node, or in a tree what may stand for it, has this name."""
    try:
        _usable(root, name)
    except FileFault:
        return False
    return True


@contextmanager
def faults(name: str) -> Iterator[None]:
    """What the kernel answers becomes a `FileFault` in words."""
    try:
        yield
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        if error.errno in (EBUSY, EAGAIN):
            words = "another program or a kernel driver has it"
        elif error.errno == EPERM:
            words = "not permitted: setting a clock needs root's CAP_SYS_TIME"
        raise FileFault(f"{name}: {words}", path=name) from error


def told_invalid(error: OSError) -> bool:
    """Whether this answer to a read means that the chip's time is not valid."""
    return error.errno in (EINVAL, ERANGE)


@contextmanager
def refusals(name: str, wanted: datetime) -> Iterator[None]:
    """What the kernel answers to a time that the chip cannot hold."""
    try:
        yield
    except OSError as error:
        if error.errno in (EINVAL, ERANGE):
            raise ValueRefused(
                f"{name}: {wanted.isoformat()} is a time that its driver does not take",
                path=name,
                allowed=("a time within what the chip can hold",),
            ) from error
        raise


def packed(wanted: datetime) -> bytes:
    """`struct rtc_time` of a time."""
    fields = wanted.astimezone(UTC).timetuple()
    return TIME.pack(
        fields.tm_sec,
        fields.tm_min,
        fields.tm_hour,
        fields.tm_mday,
        fields.tm_mon - 1,
        fields.tm_year - 1900,
        (fields.tm_wday + 1) % 7,
        fields.tm_yday - 1,
        0,
    )


def unpacked(data: bytes) -> datetime:
    """The time of a `struct rtc_time`. Raises `ValueError` for what is none."""
    if len(data) != TIME.size:
        raise ValueError(f"{len(data)} bytes are no struct rtc_time, which has {TIME.size}")
    second, minute, hour, day, month, year, *_ = TIME.unpack(data)
    try:
        return datetime(year + 1900, month + 1, day, hour, minute, second, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{year + 1900}-{month + 1}-{day} {hour}:{minute}:{second} is no time: {error}") from None


class _Character:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self) -> bytes:
        return ioctl(self._fd, READ_TIME, bytes(TIME.size))

    def write(self, data: bytes) -> None:
        ioctl(self._fd, SET_TIME, data)

    def flags(self) -> int | None:
        try:
            return int(FLAGS.unpack(ioctl(self._fd, READ_FLAGS, bytes(FLAGS.size)))[0])
        except OSError as error:
            if error.errno in (ENOTTY, EINVAL, EOPNOTSUPP):
                return None
            raise


class _StandIn:
    """What the node would do, on a file: an invalid time is `EINVAL`, here, too."""

    def __init__(self, root: Root, name: str) -> None:
        self._root, self._name = root, name
        size = root.size(name)
        if size not in (TIME.size, TIME.size + FLAGS.size):
            raise FileFault(
                f"{name}: {size} bytes stand for no clock; allowed are {TIME.size}, and {TIME.size + FLAGS.size} "
                "with voltage flags",
                path=name,
            )
        self._has_flags = size > TIME.size

    def read(self) -> bytes:
        data = self._root.span(self._name, 0, TIME.size)
        try:
            unpacked(data)
        except ValueError as error:
            raise OSError(EINVAL, str(error)) from error
        return data

    def write(self, data: bytes) -> None:
        flags = FLAGS.pack(0) if self._has_flags else b""  # a chip that is set is valid again
        self._root.patch(self._name, 0, data + flags)

    def flags(self) -> int | None:
        if not self._has_flags:
            return None
        return int(FLAGS.unpack(self._root.span(self._name, TIME.size, FLAGS.size))[0])


class _StandInBus:
    def __init__(self, root: Root, name: str) -> None:
        self._root, self._name = root, name
        if (size := root.size(name)) != REGISTERS * ADDRESSES:
            raise FileFault(
                f"{name}: {size} bytes stand for no I²C bus; allowed are {REGISTERS * ADDRESSES}", path=name
            )

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        return list(self._root.span(self._name, i2c_addr * REGISTERS + register, length))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        self._root.patch(self._name, i2c_addr * REGISTERS + register, bytes(data))


def _usable(root: Root, name: str) -> Path:
    """The host path of a node, or of a regular file in a tree. Raises `FileFault` for anything else, unopened."""
    path = root.resolve(name)
    with faults(name):
        mode = os.lstat(path).st_mode
    if stat.S_ISCHR(mode) or (stat.S_ISREG(mode) and not root.is_machine):
        return path
    raise FileFault(f"{name}: not a device node", path=name)


def _is_stand_in(root: Root, path: Path) -> bool:
    return path.is_file()


def _patient(take: Callable[[], T]) -> T:
    """Try again while another has it, until a deadline."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return take()
        except OSError as error:
            if error.errno not in (EBUSY, EAGAIN) or time.monotonic() >= deadline:
                raise
        time.sleep(_INTERVAL_SECONDS)
