"""Events of the running machine, through pyudev: what the kernel says, and what udev says after its rules.

pyudev opens, filters and sizes the sockets. Messages are read here, because its own reading ends at the first full
buffer (`ENOBUFS`, pyudev issue 194) and at the first message that libudev cannot parse, and takes twice as long.

Both groups are listened to. udev's alone are silent while udevd is down, for what was in its hands when it was killed,
and in a container with a network namespace of its own; the kernel's alone do not tell that the rules are done.
"""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, closing, suppress
from errno import ENOBUFS
from select import EPOLLIN, epoll
from struct import calcsize, unpack
from typing import TYPE_CHECKING

from hal.errors import HalError
from hal.peripherals.events import Heard, device_path, places_in
from hal.root import Root

if TYPE_CHECKING:
    from pyudev import Context, Monitor

BUFFER_BYTES = 32 * 1024 * 1024
"""Asked for each socket. The kernel counts twice that, and some 830 bytes for a short message: 80,000 of them."""
DRAIN_MESSAGES = 4096
"""Read at one time from a socket, before anything else gets its turn."""
SUBSYSTEMS = ("usb", "usb-serial", "usbmisc", "tty", "net", "wwan", "scsi", "scsi_generic", "block")
"""What can change below a USB device in `hal.backends.usb.present`. The kernel drops udev's other messages unread."""

_UDEVD = "run/udev/control"
_MESSAGE_BYTES = 16 * 1024
_SO_MEMINFO, _DROPS, _COUNTERS = 55, 8, "=9I"
"""Of `asm/socket.h` and `linux/sock_diag.h`: counters of a socket, the ninth is what it dropped (Linux 4.12)."""


class UdevEvents:
    """Listens from when it is made. Raises `HalError` where pyudev or libudev is missing, or a socket cannot be opened.

    udev is listened to where `udev` says so, by default where its daemon runs (`/run/udev/control` is there).
    """

    def __init__(self, root: Root, *, buffer_bytes: int = BUFFER_BYTES, udev: bool | None = None) -> None:
        if udev is None:
            udev = root.exists(_UDEVD)
        self._message = bytearray(_MESSAGE_BYTES)
        context = _context()
        with ExitStack() as held:
            try:
                self._ready = held.enter_context(epoll())
            except OSError as error:
                raise HalError(f"events of this machine: {error}") from error
            self.ears = tuple(
                held.enter_context(closing(Ear(context, name, buffer_bytes)))
                for name in ("kernel", *(("udev",) if udev else ()))
            )
            for ear in self.ears:
                self._ready.register(ear.socket, EPOLLIN)
            self._held = held.pop_all()

    def __str__(self) -> str:
        return ", ".join(str(ear) for ear in self.ears)

    def fileno(self) -> int:
        """Ready when one of the sockets is."""
        return self._ready.fileno()

    def drain(self) -> Heard:
        """Read both sockets, at most `DRAIN_MESSAGES` of each."""
        paths: set[bytes] = set()
        found = [ear.drain(paths, self._message) for ear in self.ears]
        return Heard(
            count=sum(each.count for each in found),
            places=frozenset().union(*map(places_in, paths)),
            everything=any(each.everything for each in found),
            overflows=sum(each.overflows for each in found),
            lost=sum(each.lost for each in found),
        )

    def close(self) -> None:
        """Close the sockets."""
        self._held.close()


class Ear:
    """A socket of one group. `buffer_bytes` is what it may hold, by the kernel's own count, as read back."""

    def __init__(self, context: Context, name: str, buffer_bytes: int) -> None:
        self.name = name
        try:
            self._monitor = _monitor(context, name)
            # A second descriptor of the same socket, so that each of the two owners closes its own.
            self.socket = socket.socket(fileno=os.dup(self._monitor.fileno()))
            self.buffer_bytes = self._enlarge(buffer_bytes)
        except (OSError, ValueError) as error:
            raise HalError(f"events of {name}: {error}", path=name) from error
        self._dropped = self._drops()
        self._full = False
        if not self.socket.getsockname()[1]:
            self.close()
            raise HalError(f"events of {name}: libudev listens to nothing here, because udev does not run", path=name)

    def __str__(self) -> str:
        return f"{self.name} ({self.buffer_bytes // 1024} KiB)"

    def _enlarge(self, buffer_bytes: int) -> int:
        """Without the right to exceed it (CAP_NET_ADMIN), the limit is `/proc/sys/net/core/rmem_max`."""
        try:
            self._monitor.set_receive_buffer_size(buffer_bytes)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def close(self) -> None:
        """Close both descriptors; pyudev closes its own when the monitor is forgotten."""
        self.socket.close()
        del self._monitor

    def drain(self, paths: set[bytes], message: bytearray) -> Heard:
        """Add the device paths that were heard to `paths`.

        A full buffer is told once, by an error in place of a message; until it is empty, further messages are dropped
        without a word (`netlink_overrun` in the kernel). So all that is read from then on may be incomplete.
        """
        count = overflows = 0
        everything, full = False, self._full
        for _ in range(DRAIN_MESSAGES):
            try:
                size = self.socket.recv_into(message)
            except BlockingIOError:
                self._full = False
                break
            except OSError as error:
                if error.errno != ENOBUFS:
                    raise HalError(f"events of {self.name}: {error}", path=self.name) from error
                overflows += 1
                full = self._full = True
                continue
            count += 1
            path = device_path(message, size)
            if path is None:
                everything = True
            else:
                paths.add(path)
        dropped = self._drops()
        lost, self._dropped = (dropped - self._dropped) & 0xFFFFFFFF, dropped
        return Heard(
            count=count,
            everything=everything or full or lost > 0,
            overflows=overflows,
            lost=lost,
        )

    def _drops(self) -> int:
        """Messages that found the buffer full since the socket was opened."""
        with suppress(OSError):
            found = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, calcsize(_COUNTERS))
            if len(found) == calcsize(_COUNTERS):
                return int(unpack(_COUNTERS, found)[_DROPS])
        return 0


def _context() -> Context:
    try:
        from pyudev import Context

        # Made once for all: to find libudev it runs a program.
        return Context()
    except ImportError as error:
        raise HalError(
            f"events of this machine: pyudev or libudev is not installed ({error}): pip install 'device-hal[hotplug]'"
        ) from error


def _monitor(context: Context, name: str) -> Monitor:
    """A monitor that listens already."""
    from pyudev import Monitor

    monitor = Monitor.from_netlink(context, source=name)
    for subsystem in SUBSYSTEMS:
        monitor.filter_by(subsystem)
    monitor.start()
    return monitor
