"""PNG images, judged: limits first, then every pixel decoded by Pillow, with its PNG decoder and no other.

Pillow is imported here only, and only when an image is judged (the extra `device-hal[splash]`). What it lets pass is
looked for here: a palette that is missing and fewer rows than the header promises, which libpng, with which plymouth
draws, refuses; an end that is cut; and a second header, which would get around the limits.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from struct import unpack_from
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"

MAX_BYTES = 1024 * 1024
"""The largest file. balenaOS's supervisor reads at most so much back, and takes a larger image for none."""

MAX_SIDE = 4096
MAX_PIXELS = 3840 * 2160
"""What a 4K screen shows; decoded, 32 MiB of memory while the device boots."""

ALLOWED = (f"a PNG image of at most {MAX_BYTES} bytes, {MAX_SIDE} pixels a side and {MAX_PIXELS} pixels",)

LIBRARY_MISSING = "decoding a PNG image needs Pillow, which is not installed: pip install 'device-hal[splash]'"

_END = b"\0\0\0\0IEND\xaeB`\x82"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""
_PALETTE = 3
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The passes of an interlaced image: first column and row, and the steps between them."""
_PIECE = 64 * 1024


class Judged(NamedTuple):
    """Width and height by the header; whether the image is whole (`None`: not decoded), and what is wrong with it."""

    width: int | None
    height: int | None
    whole: bool | None
    wrong: str


class _Fault(Exception):
    """What is wrong with an image, in words."""


def available() -> bool:
    """Whether Pillow is installed."""
    try:
        import PIL.PngImagePlugin  # noqa: F401
    except ImportError:
        return False
    return True


def judge(data: bytes, *, decode: bool = True) -> Judged:
    """How good an image is. Raises nothing, whatever the bytes are.

    An image over a limit is not decoded, so that it costs no memory; nor is any where Pillow is not installed.
    """
    width = height = None
    try:
        width, height = _size(data)
        wrong = _over(data, width, height)
        if wrong or not decode or not available():
            return Judged(width, height, None, wrong)
        _decode(data)
    except _Fault as fault:
        return Judged(width, height, False, str(fault))
    return Judged(width, height, True, "")


def _size(data: bytes) -> tuple[int, int]:
    if not data:
        raise _Fault("empty")
    if not data.startswith(SIGNATURE):
        raise _Fault(f"no PNG image: it begins with {data[:8]!r}")
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        raise _Fault("cut off, or without the header of a PNG image")
    width, height = unpack_from(">II", data, 16)
    if not width or not height:
        raise _Fault(f"{width} x {height} pixels are no image")
    return width, height


def _over(data: bytes, width: int, height: int) -> str:
    if len(data) > MAX_BYTES:
        return f"{len(data)} bytes are too many, at most {MAX_BYTES} are allowed"
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        return f"{width} x {height} pixels are too many, at most {MAX_SIDE} a side and {MAX_PIXELS} in all are allowed"
    return ""


def _decode(data: bytes) -> None:
    chunks = _chunks(data)
    if b"acTL" in chunks:
        raise _Fault("animated, and a boot splash is one picture")
    depth, colour, _, _, interlaced = data[24:29]
    if colour == _PALETTE and b"PLTE" not in chunks:
        raise _Fault("without the palette that its header promises")
    from PIL.PngImagePlugin import PngImageFile

    try:
        with PngImageFile(BytesIO(data)) as image:
            image.verify()  # every checksum
        width, height = _size(data)
        with PngImageFile(BytesIO(data)) as image:
            if image.size != (width, height):
                raise _Fault("damaged: it has a second header")  # Pillow takes the last, so no limit would hold
            image.load()  # every pixel
        needed = _row_bytes(width, height, depth * _SAMPLES[colour], interlaced=bool(interlaced))
        found = _inflated(chunks[b"IDAT"], needed)
    except _Fault:
        raise
    except Exception as error:
        # Of damaged images Pillow raises whatever its parts raise: SyntaxError, OSError, ValueError, zlib.error …
        raise _Fault(f"damaged: {str(error) or type(error).__name__}") from error
    if found < needed:
        raise _Fault(f"damaged: {found} bytes of pixels where {needed} are promised")


def _chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """The content of every chunk up to the end, by kind."""
    found: dict[bytes, list[bytes]] = {}
    place = len(SIGNATURE)
    while not data.startswith(_END, place):
        behind = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if behind > len(data):
            raise _Fault(f"cut off after {len(data)} bytes")
        found.setdefault(data[place + 4 : place + 8], []).append(data[place + 8 : behind - 4])
        place = behind
    return found


def _row_bytes(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """What the rows of an image have, each with its filter byte."""
    if not interlaced:
        return height * (1 + (width * bits + 7) // 8)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _ADAM7)
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


def _inflated(pieces: list[bytes], enough: int) -> int:
    """How many bytes the stream has, counted in pieces until there are enough."""
    stream, count = zlib.decompressobj(), 0
    for piece in pieces:
        while piece and not stream.eof and count < enough:
            count += len(stream.decompress(piece, _PIECE))
            piece = stream.unconsumed_tail
    return count if count >= enough else count + len(stream.flush())
