"""Texts that U-Boot imports (`extra_uEnv.txt`, `uEnv.txt`): edits that touch the lines of their own names alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from hal.backends.bootloader import uenv


def values(data: bytes) -> dict[str, str]:
    """What an import sets. A name that is deleted, or only follows a line at which the import stops, is not there."""
    return {name: value for name, value in uenv.import_text(data).values.items() if value is not None}


def others(data: bytes, names: Collection[str]) -> Iterator[tuple[int, bytes, uenv.Line | None]]:
    """What the text says besides the lines of these names: line number, bytes without what ends it, and the line.

    The line is `None` behind the end of the import. A NUL may end a line, too, and a value may go on behind a newline.
    """
    number, at = 1, 0
    for line in (*uenv.lines(data), None):
        piece = data[at:] if line is None else data[line.start : line.end]
        if line is None or line.name not in names:
            for place, row in enumerate(piece.split(b"\n"), start=number):
                yield from ((place, text, line) for text in row.split(b"\0") if text.strip(b"\r \t"))
        number += piece.count(b"\n")
        at += len(piece)


def with_values(data: bytes, wanted: Mapping[str, str | None]) -> bytes:
    """The text with these values, each in the place of the first line of its name; `None` removes all of them.

    A new line goes behind the last one that says something, before what ends the import.
    """
    for name, value in wanted.items():
        data = _with_value(data, name, value)
    return data


def _with_value(data: bytes, name: str, value: str | None) -> bytes:
    same = [line for line in uenv.lines(data) if line.name == name and not line.stops]
    new = b"" if value is None else f"{name}={value}".encode()
    if new and same:
        first = same[0]
        body = data[first.start : first.end]
        end = body[-1:] if body[-1:] in (b"\n", b"\0") else b""
        start = first.start + len(body) - len(body.lstrip(b" \t"))
        data = _without(data, same[1:])
        return data[:start] + new + end + data[first.end :]
    data = _without(data, same)
    if not new:
        return data
    at = max((line.end for line in uenv.lines(data) if line.name != "" and not line.stops), default=0)
    before = data[:at]
    if before and not before.endswith(b"\n"):  # the last line has no end, and the new one has none either
        return before.rstrip(b"\0") + b"\n" + new + before[len(before.rstrip(b"\0")) :] + data[at:]
    return before + new + b"\n" + data[at:]


def _without(data: bytes, lines: list[uenv.Line]) -> bytes:
    for line in reversed(lines):
        data = data[: line.start] + data[line.end :]
    return data
