"""Reading and changing single keys of the device's own config.json."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping

from attrs import frozen

from hal.errors import Damaged, FileFault, ValueRefused
from hal.identify import CONFIG
from hal.json_file import MAX_BYTES, parse_object, read_object
from hal.model import Cost
from hal.record import Record
from hal.root import Root
from hal.settings import edit
from hal.settings.keys import BY_PATH, KEYS, KNOWN, Key, unknown, values
from hal.settings.values import without_login

HIDDEN = "(not shown)"
TURNS = "run/hal/config"
"""Whoever changes config.json through this holds its lock meanwhile."""
LOCK_SECONDS = 20.0
TRIES = 5


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
        for _ in range(TRIES):
            before = _bytes(root)
            after, changes = _changed(before, wanted)
            if not changes or dry_run:
                return changes
            if _bytes(root) == before:  # the supervisor writes it, too, and takes no turn
                root.replace(CONFIG, after)
                return changes
    raise FileFault(f"{CONFIG}: somebody else changed it {TRIES} times meanwhile; nothing was written", path=CONFIG)


def _bytes(root: Root) -> bytes:
    if root.size(CONFIG) > MAX_BYTES:
        raise Damaged(f"larger than {MAX_BYTES} bytes", path=CONFIG)
    return root.read_bytes(CONFIG, limit=MAX_BYTES)


def _changed(data: bytes, wanted: Mapping[str, object]) -> tuple[bytes, tuple[KeyChange, ...]]:
    """The file with the changes, and what differs."""
    before = parse_object(data, CONFIG)
    text = data.decode()
    changes = []
    for path, value in wanted.items():
        key, place = _key(path)
        text = edit.removed(text, place) if value is None else edit.changed(text, place, value)
        if value is not None:
            whole = _at(json.loads(text.removeprefix("\ufeff")), tuple(key.path.split(".")))
            for fault in key.kind.faults(whole):
                where = f"{key.path}{fault.where}"
                if where == path or where.startswith((f"{path}.", f"{path}[")):
                    shown = key.kind.words if key.secret else without_login(fault.message)
                    raise ValueRefused(f"{where[:200]}: {shown}", path=path, allowed=fault.allowed)
        previous = _at(before, place)
        if previous != value or type(previous) is not type(value):
            changes.append(
                KeyChange(
                    path=path,
                    previous=_shown(previous, hidden=key.secret),
                    value=_shown(value, hidden=key.secret),
                    cost=key.cost,
                    reader=key.reader,
                )
            )
    try:
        after = text.encode()
    except UnicodeEncodeError as error:
        raise ValueRefused(f"{CONFIG}: {text[error.start : error.end]!r} is no character", path=CONFIG) from error
    if len(after) > MAX_BYTES:
        raise ValueRefused(f"{CONFIG}: at most {MAX_BYTES} bytes are read, not {len(after)}", path=CONFIG)
    return after, tuple(changes)


def _key(path: str) -> tuple[Key, tuple[str, ...]]:
    """The key of the table that a path names or lies in, and the path in parts; a rule's name may have dots."""
    for key in KEYS:
        if path == key.path or path.startswith(f"{key.path}."):
            rest = path[len(key.path) + 1 :]
            if path != key.path and (not rest or key.kind.schema.get("type") != "object"):
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
    return HIDDEN if hidden and value is not None else value


def listed(root: Root) -> tuple[tuple[str, object], ...]:
    """Every key that is set, in file order, then those that nobody is known to read.

    Of the latter, and of secrets, the value is not shown: nobody knows what an unknown key holds.
    """
    config = read_object(root, CONFIG)
    found = [(path, _shown(value, hidden=path in BY_PATH and BY_PATH[path].secret)) for path, value in values(config)]
    return (*found, *((path, HIDDEN) for path in unknown(config)))
