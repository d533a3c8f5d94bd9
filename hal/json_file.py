"""Reading a JSON object from a device's file: bounded, exact about where it is wrong, never trusted."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from hal.errors import Damaged
from hal.root import Root

MAX_BYTES = 1024 * 1024
"""The largest JSON file read. config.json is about 1 KiB; keys with certificates make it tens of KiB."""

MAX_DEPTH = 64
"""The deepest nesting accepted. config.json needs five levels."""


def read_object(root: Root, name: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises `FileFault` where it cannot be read, `Damaged` where it is larger than any such file, and what `parse_object`
    raises.
    """
    if root.is_file(name) and (size := root.size(name)) > MAX_BYTES:
        raise Damaged(f"larger than {MAX_BYTES} bytes ({size})", path=name)
    return parse_object(root.read_bytes(name, limit=MAX_BYTES), name)


def parse_object(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object in the bytes of a file of this name.

    Raises `Damaged`, with line and column where they are known, where it is not one JSON object of UTF-8 text, names a
    key twice, holds `NaN`, an infinite number or one of thousands of digits, or nests deeper than `MAX_DEPTH`.
    """
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Damaged(f"not UTF-8 text (byte {error.start})", path=name, line=line) from error
    if not text.strip():
        raise Damaged("empty", path=name, line=1)
    _refuse_depth(text, name)
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _unique(pairs, name),
            parse_constant=_constant(name),
            parse_float=lambda word: _finite(word, name),
        )
    except json.JSONDecodeError as error:
        raise Damaged(error.msg, path=name, line=error.lineno, column=error.colno) from error
    except ValueError as error:  # Python refuses to convert an integer of thousands of digits
        raise Damaged("a number of thousands of digits", path=name) from error
    if not isinstance(value, dict):
        raise Damaged(f"a JSON object is expected, not {type(value).__name__}", path=name, line=1)
    return value


def _refuse_depth(text: str, name: str) -> None:
    """Nesting is counted before parsing, because the parser recurses."""
    depth = 0
    in_string = escaped = False
    for position, character in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line = text.count("\n", 0, position) + 1
                raise Damaged(f"nested deeper than {MAX_DEPTH} levels", path=name, line=line)
        elif character in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Damaged(f"the key {key!r} stands there twice", path=name)
        found[key] = value
    return found


def _constant(name: str) -> Any:
    def refuse(word: str) -> NoReturn:
        raise Damaged(f"{word} is not JSON", path=name)

    return refuse


def _finite(word: str, name: str) -> float:
    """`1e999` would become infinite, which no JSON that is printed later can hold."""
    number = float(word)
    if math.isinf(number):
        raise Damaged(f"the number {word:.20} is too large", path=name)
    return number
