"""Bytes as lines, for formats whose lines end with LF or CR LF; and lines as people can read them."""

from __future__ import annotations

from collections.abc import Iterator


def cut(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each line and its end: LF, CR LF, or at the end of the data a CR or nothing. Joined they are the same bytes."""
    *whole, last = data.split(b"\n")
    for line in whole:
        text = line.removesuffix(b"\r")
        yield text, line[len(text) :] + b"\n"
    if last:
        text = last.removesuffix(b"\r")
        yield text, last[len(text) :]


def plain(line: bytes) -> bool:
    """Whether a line is printable ASCII and tabs."""
    return all(byte == 9 or 32 <= byte < 127 for byte in line)


def shown(line: bytes) -> str:
    """A line for people: one that is not plain is escaped."""
    return line.decode("ascii") if plain(line) else line.decode("latin-1").encode("unicode_escape").decode("ascii")
