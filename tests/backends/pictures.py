"""PNG images for tests: sound ones of every kind, and damaged ones by name."""

from __future__ import annotations

import struct
import zlib

from hal.tree.picture import picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def image(head: bytes, rows: bytes, *extra: bytes) -> bytes:
    return SIGNATURE + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rows(width: int, height: int, bits: int) -> bytes:
    return (b"\0" + bytes((width * bits + 7) // 8)) * height


def interlaced(width: int, height: int, bits: int) -> bytes:
    """The rows of the seven passes of Adam7, by counting pixels: pass 1 has every eighth of every eighth row …"""
    of = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"]
    found = b""
    for number in "1234567":
        for y in range(height):
            count = sum(of[y % 8][x % 8] == number for x in range(width))
            found += b"\0" + bytes((count * bits + 7) // 8) if count else b""
    return found


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


SOUND = picture(8, 8)
WIDE = picture(100, 50, (200, 0, 0))
ANIMATED = image(
    header(8, 8),
    rows(8, 8, 24),
    chunk(b"acTL", struct.pack(">II", 2, 0)),
    chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 1, 0, 0)),
)
STREAM = zlib.compress(rows(8, 8, 24))

DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blanks": (b" \n" * 9, "no PNG image"),
    "not PNG": (b"\xff\xd8\xff\xe0\0\x10JFIF" * 9, "no PNG image"),
    "another sign": (b"\x89PNG\n\x1a\n\0" + SOUND[8:], "no PNG image"),
    "signature only": (SIGNATURE, "cut off"),
    "cut in the header": (SOUND[:20], "cut off"),
    "cut in half": (SOUND[: len(SOUND) // 2], "cut off"),
    "last byte cut": (SOUND[:-1], "cut off"),
    "end cut": (SOUND[:-12], "cut off"),
    "other end": (flipped(SOUND, len(SOUND) - 1), "cut off"),
    "zeros behind": (SOUND[:40] + bytes(len(SOUND) - 40), ""),
    "header checksum": (flipped(SOUND, 30), "damaged: "),
    "pixel checksum": (flipped(SOUND, len(SOUND) - 13), "damaged: "),
    "pixels": (flipped(SOUND, 45), "damaged: "),
    "stream checksum": (
        SIGNATURE + header(8, 8) + chunk(b"IDAT", flipped(STREAM, len(STREAM) - 1)) + chunk(b"IEND", b""),
        "damaged: ",
    ),
    "stream cut": (SIGNATURE + header(8, 8) + chunk(b"IDAT", STREAM[:-6]) + chunk(b"IEND", b""), "damaged: "),
    "a row too few": (image(header(8, 8), rows(8, 7, 24)), "175 bytes of pixels where 200 are promised"),
    "a row too few, interlaced": (image(header(8, 8, interlace=1), interlaced(8, 8, 24)[:-1]), "damaged: "),
    "no pixels": (SIGNATURE + header(8, 8) + chunk(b"IEND", b""), "damaged: "),
    "no width": (image(header(0, 8), b""), "0 x 8 pixels"),
    "no palette": (image(header(8, 8, colour=3), rows(8, 8, 8)), "palette"),
    "no such colour": (image(header(8, 8, colour=5), rows(8, 8, 24)), "damaged: "),
    "no such depth": (image(header(8, 8, depth=3), rows(8, 8, 24)), "damaged: "),
    "no such filter": (image(header(8, 8), (b"\x09" + bytes(24)) * 8), "damaged: "),
    "header twice removed": (SIGNATURE + SOUND[33:], "without the header"),
    "text bomb": (
        image(header(8, 8), rows(8, 8, 24), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        "damaged: ",
    ),
    "profile bomb": (
        image(header(8, 8), rows(8, 8, 24), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        "damaged: ",
    ),
    "a second header that is a bomb": (
        image(header(8, 8), bytes(9_000_000), header(30_000, 30_000, depth=1, colour=0)),
        "a second header",
    ),
    "animated": (ANIMATED, "animated"),
}
"""What is no whole image, with a word of what is said about it."""

TOO_LARGE: dict[str, tuple[bytes, str]] = {
    "10 MiB": (SOUND + bytes(10 * 1024 * 1024), "at most 1048576 are allowed"),
    "a byte too many": (SOUND + bytes(1024 * 1024 + 1 - len(SOUND)), "1048577 bytes are too many"),
    "a bomb": (image(header(30_000, 30_000, depth=1, colour=0), bytes(9_000_000)), "30000 x 30000 pixels are too many"),
    "4 GiB of width": (image(header(0xFFFFFFFF, 0xFFFFFFFF), b""), "4294967295 x 4294967295 pixels are too many"),
    "too wide": (image(header(4097, 1), rows(4097, 1, 24)), "at most 4096 a side"),
    "too many pixels": (image(header(4096, 2048), b""), "8294400 in all"),
}
"""What is over a limit, so that it is not decoded."""

KINDS = [
    (colour, depth)
    for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items()
    for depth in depths
]


def of_kind(colour: int, depth: int, interlace: int, width: int = 11, height: int = 9) -> bytes:
    """A sound image of a colour type and depth."""
    bits = SAMPLES[colour] * depth
    palette = [chunk(b"PLTE", bytes(3 * 2**depth))] if colour == 3 else []
    lines = interlaced(width, height, bits) if interlace else rows(width, height, bits)
    return image(header(width, height, depth, colour, interlace), lines, *palette)
