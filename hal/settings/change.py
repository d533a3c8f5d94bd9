"""Reading and changing single keys of the device's own config.json."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from attrs import frozen

from hal.errors import ValueRefused
from hal.identify import CONFIG
from hal.json_file import MAX_BYTES, parse_object, read_object
from hal.model import Cost
from hal.record import Record
from hal.root import Root
from hal.settings import edit
from hal.settings.keys import BY_PATH, KEYS, KNOWN, Key, unknown, values

TURNS = "run/hal/config"
"""Whoever changes config.json through this holds its lock meanwhile."""
LOCK_SECONDS = 20.0


@frozen(kw_only=True, repr=False, eq=False)
class KeyChange(Record):
    """A key of config.json that was, or would be, changed. `None` is a key that is not there."""

    path: str
    previous: object
    value: object
    cost: Cost
    reader: str


def change(root: Root, wanted: Mapping[str, object], *, dry_run: bool = False) -> tuple[KeyChange, ...]:
    """Set keys of the device's config.json by their dotted paths, and remove those whose value is `None`, all at once.

    Every other byte stays. Answers what differed; where nothing did, nothing is written. Raises `ValueRefused` for a
    key that nobody reads and for a value that is not allowed, `Damaged` for a file that is no JSON, and `FileFault`,
    all before the first write.
    """
    root.make_folder(TURNS)
    with root.lock(TURNS, timeout_seconds=LOCK_SECONDS):
        text = root.read_bytes(CONFIG, limit=MAX_BYTES).decode(errors="replace")
        before = read_object(root, CONFIG)
        after = text
        changes = []
        for path, value in wanted.items():
            key, place = _key(path)
            after = edit.removed(after, place) if value is None else edit.changed(after, place, value)
            now = parse_object(after.encode(), CONFIG)
            whole = _at(now, tuple(key.path.split(".")))
            if value is not None:
                for fault in key.kind.faults(whole):
                    if f"{key.path}{fault.where}".startswith(path):
                        shown = key.kind.words if key.secret else fault.message
                        raise ValueRefused(f"{key.path}{fault.where}: {shown}", path=path, allowed=fault.allowed)
            if (previous := _at(before, place)) != value or type(previous) is not type(value):
                hidden = key.secret
                changes.append(
                    KeyChange(
                        path=path,
                        previous=_shown(previous, hidden=hidden),
                        value=_shown(value, hidden=hidden),
                        cost=key.cost,
                        reader=key.reader,
                    )
                )
        data = after.encode()
        if len(data) > MAX_BYTES:
            raise ValueRefused(
                f"{CONFIG}: at most {MAX_BYTES} bytes are read, and this would be {len(data)}", path=CONFIG
            )
        if changes and not dry_run:
            root.replace(CONFIG, data)
    return tuple(changes)


def _key(path: str) -> tuple[Key, tuple[str, ...]]:
    """The key of the table that a path names or lies in, and the path in parts; a rule's name may have dots."""
    for key in KEYS:
        if path == key.path or path.startswith(f"{key.path}."):
            rest = path.removeprefix(key.path).removeprefix(".")
            if rest and key.kind.schema.get("type") != "object":
                break
            return key, (*key.path.split("."), *([rest] if rest else []))
    close = difflib.get_close_matches(path, KNOWN, n=3)
    hint = f"; close to it are {', '.join(close)}" if close else ""
    raise ValueRefused(f"{path!r:.80}: no part of the OS is known to read such a key{hint}", path=path, allowed=close)


def _at(config: object, place: tuple[str, ...]) -> object:
    for key in place:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _shown(value: object, *, hidden: bool) -> object:
    return "(not shown)" if hidden and value is not None else value


def listed(root: Root) -> tuple[tuple[str, object], ...]:
    """Every key that is set, also those nobody is known to read, in file order; secrets are not shown."""
    config = read_object(root, CONFIG)
    found = [(path, _shown(value, hidden=path in BY_PATH and BY_PATH[path].secret)) for path, value in values(config)]
    return (*found, *((path, _at(config, tuple(path.split(".")))) for path in unknown(config)))
