"""What the modules of the conformance suite share: damage, the published schema, and a look at every file of a tree."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hal
from hal.root import Root


def closed(schema: Any) -> Any:
    """The published schema lets a later version add keys; this version's documents have none that it does not list."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(item) for key, item in schema.items()}
    return {**found, "additionalProperties": False} if schema.get("type") == "object" else found


SCHEMA = closed(json.loads((Path(hal.__file__).parent / "schema" / "capabilities.json").read_text()))
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2].rstrip(b"\n"),
    "binary": lambda data: bytes(range(256)) * 4,
    "not text": lambda data: b"\xff" + data[1:],
}
Tree = Callable[[str], Root]


def snapshot(root: Root) -> dict[str, tuple[bytes, int, int]]:
    """Every file of a tree: its content, and what a rewrite with the same content would change."""
    found = {}
    for folder, _, names in os.walk(root.directory):
        for path in (Path(folder, name) for name in names):
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode):
                found[str(path.relative_to(root.directory))] = (path.read_bytes(), facts.st_ino, facts.st_mtime_ns)
    return found
