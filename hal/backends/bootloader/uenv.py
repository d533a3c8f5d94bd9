"""U-Boot's environment: the text that `env import -t` reads, and the binary image of a saved environment.

Text (`resinOS_uEnv.txt`, `extra_uEnv.txt`, `bootcount.env`, `uEnv.txt`): blanks before a line are skipped, a line that
starts with `#` is a comment, `name=value` sets, `name=` and `name` delete, a backslash stands for the next character,
NUL ends the text, and a carriage return belongs to the value. Of two lines with one name the later counts. Rules are
those of U-Boot 2023.01, which the lab asks.

Image: CRC-32 (little endian) over what follows, with two copies one byte that tells them apart, then `name=value`
texts, each ended by NUL, and another NUL. Bytes behind it are part of the checksum.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hal.errors import Damaged, ValueRefused

TEXT_SIZE = 512
"""Bytes of a text this project writes: one sector, filled up with newlines."""

HASH, BACKSLASH = ord("#"), ord("\\")


class Imported(NamedTuple):
    """What an import does: the value of each name, `None` where it is deleted.

    `complete` is false where U-Boot stops with an error, at a line without a name; what came before is in effect.
    """

    values: dict[str, str | None]
    complete: bool


class Line(NamedTuple):
    """A line as U-Boot cuts a text: a backslash takes the newline behind it into the value.

    `start` is where the line begins, its blanks included, `end` where the next one does. `name` is `None` for a
    comment, and empty for a blank line, and for one at which the import stops (`stops`). `value` is `None` where the
    name is deleted.
    """

    start: int
    end: int
    name: str | None
    value: str | None = None
    stops: bool = False


def import_text(data: bytes) -> Imported:
    """Read a text as `env import -t` does. There is no text that it refuses."""
    values: dict[str, str | None] = {}
    # A text is mostly the newlines it is filled up with. Two of them end whatever stands before.
    for line in lines(data[: len(data.rstrip(b"\n")) + 2]):
        if line.stops:
            return Imported(values, complete=False)
        if line.name:
            values[line.name] = line.value
    return Imported(values, complete=True)


def lines(data: bytes) -> Iterator[Line]:
    """The lines of a text, in order, as far as `env import -t` goes."""
    end = len(data)
    padded = data + b"\0\0"  # behind the text stands a NUL, and looking one further must not fail
    at = 0
    while at < end:
        start = at
        while padded[at] in b" \t":
            at += 1
        stop = _row_end(padded, at)
        if padded[at] == HASH:
            at = stop + 1
            yield Line(start, min(at, end), None)
        else:
            equals = padded.find(b"=", at, stop)
            name = _text(padded[at : stop if equals < 0 else equals])
            if equals < 0 or equals + 1 == stop:
                at = stop + 1
                yield Line(start, min(at, end), name)
            else:
                value, at = _value(padded, equals + 1, stop)
                at += 1
                if not name:
                    yield Line(start, min(at, end), name, stops=True)
                    return
                yield Line(start, min(at, end), name, _text(value))
        if padded[min(at, end)] == 0:
            break


def text(values: Mapping[str, str], *, size: int = TEXT_SIZE) -> bytes:
    """Lines `name=value` in this order, filled up with newlines to `size` bytes. Raises `ValueRefused`."""
    data = _bytes("".join(f"{name}={value}\n" for name, value in values.items()))
    if len(data) > size or import_text(data).values != dict(values):
        raise ValueRefused(f"{values!r}: no U-Boot text of {size} bytes can hold it")
    return data.ljust(size, b"\n")


def read_image(data: bytes, *, path: str, copies: int = 1) -> dict[str, str]:
    """The variables of a saved environment, or of one of its two copies. Raises `Damaged` for a wrong checksum."""
    start = 4 if copies == 1 else 5
    if len(data) <= start or zlib.crc32(data[start:]) != int.from_bytes(data[:4], "little"):
        raise Damaged("no U-Boot environment: the checksum does not fit", path=path)
    values: dict[str, str] = {}
    for entry in data[start:].split(b"\0"):
        if not entry:
            break
        name, equals, value = entry.partition(b"=")
        if equals:
            values[_text(name)] = _text(value)
    return values


def image(values: Mapping[str, str], *, size: int, copies: int = 1, mark: int = 1) -> bytes:
    """A saved environment of `size` bytes; of two copies the one with the higher `mark` (0 to 255) is the newer."""
    body = b"".join(_bytes(f"{name}={value}") + b"\0" for name, value in values.items()) + b"\0"
    start = 4 if copies == 1 else 5
    if any("\0" in name + value or "=" in name or not name for name, value in values.items()):
        raise ValueRefused(f"{values!r}: a name has no '=' and neither name nor value has NUL")
    if len(body) > size - start:
        raise ValueRefused(f"{len(body)} bytes of variables do not fit into an environment of {size}")
    body = body.ljust(size - start, b"\0")
    return zlib.crc32(body).to_bytes(4, "little") + (b"" if copies == 1 else bytes([mark])) + body


def _row_end(text: bytes, at: int) -> int:
    """Where the newline or NUL is that comes next."""
    newline = text.find(b"\n", at)
    nul = text.find(b"\0", at, newline if newline >= 0 else None)
    return nul if nul >= 0 else newline


def _value(text: bytes, at: int, stop: int) -> tuple[bytes, int]:
    """A value, and where it ends: what stands behind a backslash belongs to it, a newline too, but no NUL."""
    if text.find(b"\\", at, stop) < 0:
        return text[at:stop], stop
    value = bytearray()
    while text[at] not in b"\n\0":
        if text[at] == BACKSLASH and text[at + 1] != 0:
            at += 1
        value.append(text[at])
        at += 1
    return bytes(value), at


def _bytes(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueRefused(f"{text!r}: cannot be written as UTF-8") from error


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
