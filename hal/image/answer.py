"""image.json: the joined answer whole, for programs: the build, the plugins, every part with who asked for it and why.

`hal/schema/image.json` is its JSON Schema. Bytes stand there by their number and SHA-256: the files themselves are in
the output beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import attrs

from hal.image.output import Line, OutputFile, text_file
from hal.model import Image, JoinedPart

ANSWER = "image.json"
SCHEMA = 1
"""Rises when a reader of the old form would misread the new one; keys may be added without that."""
_SHAPE = "the shape of the file: hal/schema/image.json"


def answer(image: Image) -> OutputFile:
    """The file: one line for the build, and one for each part."""
    return text_file(ANSWER, _lines(image))


def _lines(image: Image) -> Iterator[Line]:
    row = image.device_type
    yield Line(text="{", why=_SHAPE)
    yield Line(text=f'  "schema": {SCHEMA},', why=_SHAPE)
    for key, value in {"slug": row.slug, "name": row.name, "machine": row.machine}.items():
        yield Line(text=f'  "{key}": {_text(value)},', why="the device type, as its row has it")
    yield Line(text=f'  "build": {_text(built(image))},', why="the build that this is for")
    yield Line(
        text=f'  "plugins": {_text(image.plugins)},', why="who was asked: the owner and the add-ons in the image"
    )
    yield Line(text='  "parts": [', why=_SHAPE)
    for place, part in enumerate(image.parts, 1):
        yield Line(text=f"    {_text(told(part))}{',' if place < len(image.parts) else ''}", parts=(part,))
    yield Line(text="  ],", why=_SHAPE)
    lacking = [{"fact": each.fact, "message": each.message} for each in image.lacking]
    yield Line(text=f'  "lacking": {_text(lacking)}', why="facts that nobody knows, and what the image lacks for that")
    yield Line(text="}", why=_SHAPE)


def built(image: Image) -> dict[str, Any]:
    """The build as plain data."""
    return attrs.asdict(image.build)


def told(part: JoinedPart) -> dict[str, Any]:
    """A part as plain data. Its value is a text, `null`, or what bytes are known by."""
    value: Any = part.value
    if isinstance(value, bytes):
        value = {"bytes": len(value), "sha256": sha256(value).hexdigest()}
    asked = [
        {"by": each.contributor, "said": each.said, "reason": each.reason, "gave_way": each.gave_way}
        for each in part.asked
    ]
    return {"kind": part.kind, "name": part.name, "value": value, "fresh_only": part.fresh_only, "asked": asked}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
