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
    for line in lines(data):
        if line.stops:
            return Imported(values, complete=False)
        if line.name:
            values[line.name] = line.value
    return Imported(values, complete=True)


def lines(data: bytes) -> Iterator[Line]:
    """The lines of a text, in order, as far as `env import -t` goes."""
    end = len(data)
    at = 0

    def byte(position: int) -> bytes:
        return data[position : position + 1] if position < end else b"\0"

    while at < end:
        start = at
        while byte(at) in (b" ", b"\t"):
            at += 1
        if byte(at) == b"#":
            at = _to(data, at, b"\n\0") + 1
            yield Line(start, min(at, end), None)
        else:
            stop = _to(data, at, b"=\n\0")
            name = _text(data[at:stop])
            if byte(stop) in (b"\0", b"\n") or byte(stop + 1) in (b"\0", b"\n"):
                at = stop + (2 if byte(stop) == b"=" else 1)
                yield Line(start, min(at, end), name)
            else:
                at = stop + 1
                value = bytearray()
                while byte(at) not in (b"\0", b"\n"):
                    if byte(at) == b"\\" and byte(at + 1) != b"\0":
                        at += 1
                    value += byte(at)
                    at += 1
                at += 1
                if not name:
                    yield Line(start, min(at, end), name, stops=True)
                    return
                yield Line(start, min(at, end), name, _text(bytes(value)))
        if byte(at) == b"\0":
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


def _to(data: bytes, at: int, stops: bytes) -> int:
    while at < len(data) and data[at] not in stops:
        at += 1
    return at


def _bytes(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueRefused(f"{text!r}: cannot be written as UTF-8") from error


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
