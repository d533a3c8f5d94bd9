"""WiFi firmware files of the right form and no content: what a driver checks before it uploads one."""

from __future__ import annotations

import struct
import zlib

TRX_UNCOMPRESSED, TRX_HEADER = 0x20, 28
RALINK_HALF = 4096


def brcmfmac(size: int = 40_000) -> bytes:
    """A TRX image of so many bytes, the header among them, with its checksum: CRC-32 without the last inversion."""
    body = bytes(number * 7 & 0xFF for number in range(size - TRX_HEADER))
    checked = struct.pack("<IIII", TRX_UNCOMPRESSED, len(body), 0, 0) + body
    return struct.pack("<4sII", b"HDR0", size, zlib.crc32(checked) ^ 0xFFFFFFFF) + checked


def ralink(version: tuple[int, int] = (0, 36)) -> bytes:
    """Two halves, each with its version and its checksum; RT5572 is given the second."""
    return b"".join(_half(fill, version) for fill in (0x11, 0x22))


def _half(fill: int, version: tuple[int, int]) -> bytes:
    body = bytes([fill]) * (RALINK_HALF - 4) + bytes(version)
    return body + struct.pack("<H", crc(body))


def crc(data: bytes) -> int:
    """CRC-CCITT, reflected, from 0xffff."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x8408 if value & 1 else value >> 1
    return value
