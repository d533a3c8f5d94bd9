"""Firmware files for trees: made here, whole, in the forms of the real ones."""

from __future__ import annotations

import lzma
import struct
import zlib

from hal.backends.firmware.forms import crc_ccitt


def trx(body: bytes = b"43143b0-roml/usb Version: 6.10.198.66 CRC: 0 FWID 01-e976bb95", flags: int = 0x10020) -> bytes:
    """A Broadcom file: header, then what it covers."""
    rest = struct.pack("<I3I", flags, len(body), 0, 0) + body
    crc = zlib.crc32(rest) ^ 0xFFFFFFFF
    return b"HDR0" + struct.pack("<II", 12 + len(rest), crc) + rest


def ralink(parts: int = 2, version: tuple[int, int] = (0, 36)) -> bytes:
    """A Ralink file: parts of 4096 bytes, each with version and CRC at its end."""
    found = b""
    for number in range(parts):
        part = bytes((number + 1,)) * 4092 + bytes(version)
        found += part + crc_ccitt(part).to_bytes(2, "little")
    return found


def xz(data: bytes, check: int = lzma.CHECK_CRC32) -> bytes:
    """Packed as balenaOS's build does, or with another check."""
    return lzma.compress(data, format=lzma.FORMAT_XZ, check=check)


def regdb(*countries: str, version: int = 20, magic: bytes = b"RGDB") -> bytes:
    """A regulatory database: its list of countries, and one rule that all share."""
    entries = b"".join(struct.pack(">2sH", each.encode(), 8) for each in countries)
    return magic + struct.pack(">I", version) + entries + bytes(4) + bytes(32)
