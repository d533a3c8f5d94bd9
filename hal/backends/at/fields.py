"""Fields of an answer line, and the newest line that can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

_FIELD = re.compile(r'\s*(?:"([^"]*)"?\s*|([^,"]*))(?:,|$)')
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
T = TypeVar("T")


class Unreadable(ValueError):
    """A line that is no answer of its command."""


def fields(line: str) -> tuple[str, ...]:
    """The fields between commas, without quotes and white space around them; a comma in quotes separates nothing."""
    found = []
    at = 0
    while match := _FIELD.match(line, at):
        found.append((match[1] if match[1] is not None else match[2]).strip())
        if match.end() == len(line) and not match[0].endswith(","):
            return tuple(found)
        at = match.end()
    raise Unreadable(f"{line!r}: not fields between commas")


def number(text: str) -> int:
    """A decimal number, with or without quotes around it."""
    text = text.strip().strip('"')
    if not _NUMBER.fullmatch(text):
        raise Unreadable(f"{text!r}: not a number")
    return int(text)


def numbers(line: str, count: int) -> tuple[int, ...]:
    """Exactly so many numbers."""
    found = fields(line)
    if len(found) != count:
        raise Unreadable(f"{line!r}: {len(found)} fields, {count} are expected")
    return tuple(map(number, found))


def newest(one: Callable[[str], T]) -> Callable[[tuple[str, ...]], T]:
    """Reads the last line that can be read: an answer stands right before its final line, unsolicited lines before."""

    def read(lines: tuple[str, ...]) -> T:
        reason = Unreadable("no line with an answer")
        for line in reversed(lines):
            try:
                return one(line)
            except Unreadable as error:
                reason = error
        raise reason

    return read
