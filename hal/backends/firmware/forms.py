"""The forms of firmware files: whether bytes are whole, and which version they name. One function a form.

Sources: `drivers/net/wireless/broadcom/brcm80211/brcmfmac/usb.c` and `ralink/rt2x00/rt2800lib.c` of Linux for what the
drivers demand; the CRC of a TRX file was compared with Debian's brcmfmac43143.bin, those of Ralink with its rt2870.bin.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

from attrs import frozen

from hal.model import FirmwareForm
from hal.record import Record

_TRX = struct.Struct("<4sIII")
_TRX_CHECKED_FROM = 12
"""The CRC stands at byte 8, and covers all that follows it."""
_TRX_UNPACKED = 0x20
"""The flag without which the USB driver takes a file for none."""
_BUILD = re.compile(rb"Version: ([0-9.]+)[ -~]*? (FWID [0-9a-f]{2}-[0-9a-f]+)")
_PART = 4096
"""Bytes of one part of a Ralink file: the microcode of one kind of chip."""


@frozen(kw_only=True, repr=False, eq=False)
class Look(Record):
    """What the bytes are: `problem` where they are damaged, else the version that they name, where they do."""

    problem: str = ""
    version: str = ""


def trx(data: bytes) -> Look:
    """Broadcom: magic, length, CRC-32 (without its final inversion), the flag for an image that is not packed."""
    if len(data) < _TRX.size:
        return Look(problem=f"{len(data)} bytes are less than a header")
    magic, length, crc, flags = _TRX.unpack_from(data)
    if magic != b"HDR0":
        return Look(problem=f"begins with {magic!r} instead of b'HDR0'")
    if length != len(data):
        return Look(problem=f"the header says {length} bytes, the file has {len(data)}")
    found = zlib.crc32(data[_TRX_CHECKED_FROM:]) ^ 0xFFFFFFFF
    if found != crc:
        return Look(problem=f"the header says CRC {crc:08x}, the bytes have {found:08x}")
    if not flags & _TRX_UNPACKED:
        return Look(problem="not marked as an image for USB")
    named = _BUILD.search(data)
    return Look(version=b" ".join(named.groups()).decode() if named else "")


def ralink(data: bytes) -> Look:
    """Ralink for USB: two parts of 4096 bytes or more, each with its own CRC-CCITT; the version of the last."""
    if not data or len(data) % _PART:
        return Look(problem=f"{len(data)} bytes are no whole number of parts of {_PART}")
    if len(data) == _PART:
        return Look(problem=f"{_PART} bytes are only the part for older chips")
    parts = [data[at : at + _PART] for at in range(0, len(data), _PART)]
    for number, part in enumerate(parts, 1):
        told, found = int.from_bytes(part[-2:], "little"), crc_ccitt(part[:-2])
        if told != found:
            return Look(problem=f"part {number} of {len(parts)}: says CRC {told:04x}, the bytes have {found:04x}")
    return Look(version=f"{data[-4]}.{data[-3]}")


def crc_ccitt(data: bytes) -> int:
    """The reflected CRC-16 with polynomial 0x8408, from 0xffff."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x8408 if value & 1 else 0)
    return value


FORMS: dict[FirmwareForm, Callable[[bytes], Look]] = {FirmwareForm.TRX: trx, FirmwareForm.RALINK: ralink}


def look(form: FirmwareForm | None, data: bytes) -> Look:
    """What bytes of that form are; of a file without a known form nothing is known."""
    return Look() if form is None else FORMS[form](data)
