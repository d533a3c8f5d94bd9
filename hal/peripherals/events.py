"""What is heard: that something happened at a place on the USB bus, or that something was missed."""

from __future__ import annotations

import re
from sys import byteorder
from typing import Protocol

from attrs import frozen

from hal.record import Record

_PLACE = re.compile(rb"(?<=/)\d+-\d+(?:\.\d+)*(?=[/:]|\Z)")
_UDEV = b"libudev\0"
_PATH = b"DEVPATH="


@frozen(kw_only=True, repr=False, eq=False)
class Heard(Record):
    """What a source of events had to say at one time. It names places; what is there now, sysfs tells."""

    count: int = 0
    """Messages that were read, those about other things than USB among them."""
    places: frozenset[str] = frozenset()
    """Places as in `1-1.2` that a message named: the device, its interfaces, or what their drivers made of them."""
    everything: bool = False
    """Whether any place may have changed: a message was lost, or could not be read."""
    overflows: int = 0
    """How often the source said that its buffer had been full."""
    lost: int = 0
    """Messages that were dropped meanwhile; 0, too, where the kernel (before 4.12) does not say."""


class EventSource(Protocol):
    """Where events come from. `str()` of it says so in a few words."""

    def fileno(self) -> int:
        """A descriptor that is ready to be read when there is something to hear."""

    def drain(self) -> Heard:
        """Read what is there without waiting, a bounded amount. Raises `HalError` where no more can be heard."""

    def close(self) -> None:
        """Listen no more."""


def device_path(message: bytes | bytearray, size: int) -> bytes | None:
    """The `DEVPATH` of a message of the kernel or of udev; `None` where it has none.

    Both are properties that each end with NUL. Before them the kernel writes one line; udev writes a header of binary
    numbers which begins with its name and says where they begin (`sd-device/device-monitor.c` of systemd).
    """
    start = 0
    if message.startswith(_UDEV):
        start = int.from_bytes(message[16:20], byteorder)
        if not 20 <= start < size:
            return None
    if message.startswith(_PATH, start):
        begin = start + len(_PATH)
    else:
        found = message.find(b"\0" + _PATH, start, size)
        if found < 0:
            return None
        begin = found + 1 + len(_PATH)
    end = message.find(b"\0", begin, size)
    return bytes(message[begin : size if end < 0 else end])


def places_in(path: bytes) -> frozenset[str]:
    """The places on the USB bus along a device path: a device behind hubs changes what is below each of them."""
    return frozenset(each.decode() for each in _PLACE.findall(path))
