"""A storage function: SCSI commands in bulk wrappers, each answered with a status wrapper.

A stick in storage mode is a CD drive with a small blank disc. Vendor commands (opcode 0x11) are not for this file: the
device decides what they do. A command block whose length is given as 0, as usb_modeswitch sends it, is taken as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from attrs import frozen
from virtual.usbip import Stall

COMMAND, STATUS = b"USBC", b"USBS"
VENDOR_COMMAND = 0x11


@frozen
class Medium:
    """How the unit presents itself, and how large what is in it is."""

    device_type: int
    vendor: str
    product: str
    revision: str
    block: int
    blocks: int


MEDIA: Mapping[str, Mapping[str, Medium]] = {
    "huawei": {
        "cdrom": Medium(5, "HUAWEI", "Mass Storage", "2.31", 2048, 64),
        "card": Medium(0, "HUAWEI", "TF CARD Storage", "2.31", 512, 0),
    },
    "disk": {"disk": Medium(0, "SanDisk", "Cruzer Blade", "1.26", 512, 2048)},
}
NO_SENSE, NO_MEDIUM, BAD_COMMAND, BAD_FIELD = (0, 0, 0), (2, 0x3A, 0), (5, 0x20, 0), (5, 0x24, 0)
Sense = tuple[int, int, int]


class Refused(Exception):
    """The unit does not do it; the sense data say why."""

    def __init__(self, sense: Sense) -> None:
        super().__init__(sense)
        self.sense = sense


class Storage:
    """One storage interface with one unit. `say` gives bytes to the host; `vendor` decides on vendor commands.

    `heard` is told of every command block, `ejected` when the host has ejected the medium.
    """

    def __init__(
        self,
        medium: Medium,
        say: Callable[[bytes], None],
        *,
        vendor: Callable[[bytes], Callable[[], None] | None],
        heard: Callable[[bytes], None],
        ejected: Callable[[], None],
    ) -> None:
        self.medium, self._say, self._vendor, self._heard, self._ejected = medium, say, vendor, heard, ejected
        self._sense: Sense = NO_SENSE
        self._there = medium.blocks > 0
        self._data_left = 0
        self._pending = b""

    def out(self, data: bytes) -> None:
        """A wrapper, or the data that follow one."""
        if self._data_left:
            self._data_left -= len(data)
            if self._data_left <= 0:
                self._say(self._pending)
            return
        if len(data) != 31 or not data.startswith(COMMAND):
            raise Stall
        tag, length, flags = struct.unpack("<4sIB", data[4:13])
        block = data[15:31]
        self._heard(block)
        after: Callable[[], None] | None = None
        try:
            answer, after = self._answer(block)
            status = 0
        except Refused as refused:
            self._sense, answer, status = refused.sense, b"", 1
        answer = answer[:length] if flags & 0x80 else b""
        ended = STATUS + tag + struct.pack("<IB", length - len(answer), status)
        if length and not flags & 0x80:
            self._data_left, self._pending = length, ended
            return
        if length:
            self._say(answer)
        self._say(ended)
        if after:
            after()

    def _answer(self, block: bytes) -> tuple[bytes, Callable[[], None] | None]:
        """The data of a command, and what happens once its status is given."""
        opcode = block[0]
        if opcode == VENDOR_COMMAND:
            if (after := self._vendor(block)) is None:
                raise Refused(BAD_COMMAND)
            return b"", after
        if opcode == 0x1B:
            return b"", self._start_stop(block)
        if (answer := self.ANSWERS.get(opcode)) is None:
            raise Refused(BAD_COMMAND)
        return answer(self, block), None

    def _start_stop(self, block: bytes) -> Callable[[], None] | None:
        if block[4] & 3 == 2:
            self._there = False
            return self._ejected
        return None

    # -- commands ------------------------------------------------------------------------------------------------

    def _ready(self, block: bytes = b"") -> bytes:
        if not self._there:
            raise Refused(NO_MEDIUM)
        return b""

    def _inquiry(self, block: bytes) -> bytes:
        if block[1] & 1:
            raise Refused(BAD_FIELD)
        texts = (self.medium.vendor.ljust(8), self.medium.product.ljust(16), self.medium.revision.ljust(4))
        return bytes((self.medium.device_type, 0x80, 2, 2, 31, 0, 0, 0)) + "".join(texts).encode()

    def _request_sense(self, block: bytes) -> bytes:
        (key, code, qualifier), self._sense = self._sense, NO_SENSE
        return bytes((0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0))

    def _mode_sense_6(self, block: bytes) -> bytes:
        return bytes((3, 0, 0x80 if self.medium.device_type == 5 else 0, 0))

    def _mode_sense_10(self, block: bytes) -> bytes:
        page = bytes((0x2A, 18)) + bytes(18) if self.medium.device_type == 5 else b""
        return struct.pack(">HBBHH", 6 + len(page), 0, 0, 0, 0) + page

    def _capacity(self, block: bytes) -> bytes:
        self._ready()
        return struct.pack(">II", self.medium.blocks - 1, self.medium.block)

    def _format_capacities(self, block: bytes) -> bytes:
        self._ready()
        return struct.pack(">IIBBH", 8, self.medium.blocks, 2, 0, self.medium.block)

    def _read(self, block: bytes) -> bytes:
        self._ready()
        first, count = struct.unpack(">IxH", block[2:9])
        if first + count > self.medium.blocks:
            raise Refused((5, 0x21, 0))
        return bytes(count * self.medium.block)

    def _toc(self, block: bytes) -> bytes:
        """One data track, and the lead-out."""
        self._ready()
        track = struct.pack(">BBBBIBBBBI", 0, 0x14, 1, 0, 0, 0, 0x14, 0xAA, 0, self.medium.blocks)
        return struct.pack(">HBB", 2 + len(track), 1, 1) + track

    def _configuration(self, block: bytes) -> bytes:
        """A CD-ROM profile, and no features."""
        return struct.pack(">IHH", 4, 0, 0x0008 if self._there else 0)

    def _event(self, block: bytes) -> bytes:
        return struct.pack(">HBBBBBB", 6, 4, 0x10, 0, 2 if self._there else 0, 0, 0)

    def _nothing(self, block: bytes) -> bytes:
        return b""

    ANSWERS: Mapping[int, Callable[[Storage, bytes], bytes]] = {
        0x00: _ready, 0x03: _request_sense, 0x12: _inquiry, 0x1A: _mode_sense_6, 0x1E: _nothing,
        0x23: _format_capacities, 0x25: _capacity, 0x28: _read, 0x43: _toc, 0x46: _configuration, 0x4A: _event,
        0x5A: _mode_sense_10,
    }  # fmt: skip
