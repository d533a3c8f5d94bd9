"""Requests of the communications, storage and HID classes, to an interface; and RNDIS, which rides on two of them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from virtual.descriptors import HID_REPORT, MAC
from virtual.usbip import Setup, Stall

NTB_PARAMETERS = struct.pack("<HHIHHHHIHHHH", 28, 1, 16384, 4, 0, 4, 0, 16384, 4, 0, 4, 0)
READ: Mapping[int, bytes] = {
    0x21: bytes.fromhex("80250000000008"),  # line coding: 9600 8N1
    0x80: NTB_PARAMETERS,
    0x83: bytes(2),  # NTB format: 16 bit
    0x85: struct.pack("<I", 16384),
    0x87: struct.pack("<H", 2048),
    0x89: bytes(2),  # no CRC
    0xFE: b"\0",  # the highest unit
}
WRITE = {
    0x00: "encapsulated command", 0x0A: "HID idle", 0x0B: "HID protocol", 0x09: "HID report", 0x20: "line coding",
    0x22: "control line state", 0x23: "break", 0x43: "Ethernet packet filter", 0x84: "NTB format",
    0x86: "NTB input size", 0x88: "datagram size", 0x8A: "CRC mode", 0xFF: "storage reset",
}  # fmt: skip
ENCAPSULATED_COMMAND, ENCAPSULATED_RESPONSE, HID_DESCRIPTOR = 0x00, 0x01, 0x2200
INITIALIZE, QUERY, SET, KEEP_ALIVE, DONE = 2, 4, 5, 8, 0x80000000
ADDRESSES = (0x01010101, 0x01010102)


class Interface:
    """The requests that any interface understands; what stands behind it may answer some itself."""

    def __init__(self, function: str) -> None:
        self.function = function
        self._response = b""

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Raises `Stall` for what no class has."""
        if setup.type == 0x81 and setup.value == HID_DESCRIPTOR and self.function == "hid":
            return HID_REPORT
        if setup.type == 0xA1 and setup.request == ENCAPSULATED_RESPONSE:
            response, self._response = self._response, b""
            return response
        if setup.type == 0xA1 and setup.request in READ:
            return READ[setup.request]
        if setup.type == 0x21 and setup.request in WRITE:
            if setup.request == ENCAPSULATED_COMMAND and self.function == "rndis":
                self._response = rndis(data)
            return b""
        raise Stall


def rndis(message: bytes) -> bytes:
    """The answer to an RNDIS message; nothing for one that has none."""
    kind, _length, number = struct.unpack("<III", message[:12])
    if kind == INITIALIZE:
        answer = struct.pack("<IIIIIIIIII", 0, 1, 0, 1, 0, 1, 16384, 0, 0, 0)
    elif kind == QUERY:
        (wanted,) = struct.unpack("<I", message[12:16])
        data = bytes.fromhex(MAC) if wanted in ADDRESSES else bytes(4)
        answer = struct.pack("<III", 0, len(data), 16) + data
    elif kind in (SET, KEEP_ALIVE):
        answer = struct.pack("<I", 0)
    else:
        return b""
    return struct.pack("<III", kind | DONE, 12 + len(answer), number) + answer
