"""Changing one key of config.json in its text: every other byte stays as it is.

The file is owned by many: the user, the cloud's tools, the supervisor, services of other versions. So a key is changed
where it stands, and nothing is parsed and printed anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

from attrs import frozen

from hal.errors import ValueRefused

_BLANK = " \t\r\n"
_DECODER = JSONDecoder()


@frozen
class _Member:
    """A member of an object: where its key, its value and the value's end are."""

    key: str
    start: int
    value: int
    end: int


def changed(text: str, path: tuple[str, ...], value: object) -> str:
    """The text with the value at `path` set; objects on the way that are not there are made.

    `text` is one JSON object, as `hal.json_file` accepts it. Raises `ValueRefused` where something else than an object
    stands on the way. A value that is equal already leaves the text as it is.
    """
    place, depth = _object(text, 0), 0
    while True:
        found = next((each for each in _members(text, place) if each.key == path[depth]), None)
        last = depth == len(path) - 1
        if found is None:
            rest: Any = value
            for key in reversed(path[depth + 1 :]):
                rest = {key: rest}
            return _inserted(text, place, path[depth], rest, depth)
        if last:
            if _same(json.loads(text[found.value : found.end]), value):
                return text
            return text[: found.value] + _printed(text, value, depth) + text[found.end :]
        if text[found.value] != "{":
            if json.loads(text[found.value : found.end]) is not None:
                where = ".".join(path[: depth + 1])
                raise ValueRefused(f"{where}: no object, so {'.'.join(path)} cannot be set", path=where)
            rest = value
            for key in reversed(path[depth + 1 :]):
                rest = {key: rest}
            return text[: found.value] + _printed(text, rest, depth) + text[found.end :]
        place, depth = found.value, depth + 1


def removed(text: str, path: tuple[str, ...]) -> str:
    """The text without the value at `path`; where it is not there, the text as it is. Emptied objects stay."""
    place = _object(text, 0)
    for depth, key in enumerate(path):
        members = list(_members(text, place))
        at = next((number for number, each in enumerate(members) if each.key == key), None)
        if at is None:
            return text
        found = members[at]
        if depth == len(path) - 1:
            if at + 1 < len(members):
                return text[: found.start] + text[members[at + 1].start :]
            begin = members[at - 1].end if at else place + 1
            return text[:begin] + text[found.end :]
        if text[found.value] != "{":
            return text
        place = found.value
    return text


# -- inside --------------------------------------------------------------------------------------------------------


def _members(text: str, place: int) -> Iterator[_Member]:
    """The members of the object whose brace stands at `place`."""
    at = _object(text, place + 1)
    while text[at] != "}":
        start = at
        key, at = scanstring(text, at + 1)
        at = _object(text, _object(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield _Member(key, start, at, end)
        at = _object(text, end)
        if text[at] == ",":
            at = _object(text, at + 1)


def _object(text: str, at: int) -> int:
    """The next character that is not blank; a byte order mark at the start is."""
    while text[at] in _BLANK or (at == 0 and text[at] == "\ufeff"):
        at += 1
    return at


def _indent(text: str) -> str:
    """What one level is indented by, told by the first line within the object; nothing in a file of one line."""
    place = _object(text, 0)
    first = next(_members(text, place), None)
    between = text[place + 1 : first.start] if first else "\n  "
    return between.rpartition("\n")[2] if "\n" in between else ""


def _printed(text: str, value: object, depth: int) -> str:
    """A value in the style of the text, as a member of an object that is `depth` levels deep."""
    indent = _indent(text)
    if not indent:
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", "\n" + indent * (depth + 1))


def _inserted(text: str, place: int, key: str, value: object, depth: int) -> str:
    """A new member behind the last one, on a line of its own where the others have theirs."""
    member = f"{json.dumps(key, ensure_ascii=False)}: {_printed(text, value, depth)}"
    members = list(_members(text, place))
    indent = _indent(text)
    if members:
        lead = "\n" + indent * (depth + 1) if indent else " "
        return text[: members[-1].end] + "," + lead + member + text[members[-1].end :]
    close = _object(text, place + 1)
    if not indent:
        return text[: place + 1] + member + text[close:]
    return f"{text[: place + 1]}\n{indent * (depth + 1)}{member}\n{indent * depth}{text[close:]}"


def _same(found: object, value: object) -> bool:
    """Equal in JSON: `true` is not 1."""
    return json.dumps(found, sort_keys=True) == json.dumps(value, sort_keys=True)
