"""A PNG image of one colour, for generated trees: what a boot splash is in them."""

from __future__ import annotations

import struct
import zlib

_BLOCK = 65535


def picture(width: int, height: int, colour: tuple[int, int, int] = (255, 255, 255)) -> bytes:
    """The bytes of a PNG image of so many pixels, of the colour in 8 bits each of red, green and blue.

    One bit a pixel and a palette. The stream is not compressed, so that every version of zlib makes the same bytes.
    """
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    rows = bytes((1 + (width + 7) // 8) * height)
    parts = (("IHDR", header), ("PLTE", bytes(colour)), ("IDAT", _stored(rows)), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind.encode(), data) for kind, data in parts)


def _stored(data: bytes) -> bytes:
    blocks = [data[place : place + _BLOCK] for place in range(0, len(data), _BLOCK)]
    stored = b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks, 1)
    )
    return b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
