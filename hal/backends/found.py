"""What a setting of the running kernel was before this project changed it for the first time since the last boot.

The kernel forgets such a setting at the next boot, so its record lies below `/run`, which is gone by then as well, and
carries the boot's number: a record of another boot (in a recorded tree, or where `/run` is kept) counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import frozen

from hal.errors import Damaged
from hal.json_file import read_object
from hal.record import Record
from hal.root import Root

FOLDER = "run/hal"
BOOT = "proc/sys/kernel/random/boot_id"


@frozen(kw_only=True, repr=False, eq=False)
class Found(Record):
    """The values that were there, by name, and what was chosen since."""

    values: Mapping[str, str]
    chosen: str


def read(root: Root, name: str) -> Found | None:
    """The record of this boot; `None` where nothing was changed. Raises `Damaged` for one that cannot be understood."""
    if not root.exists(name):
        return None
    data = read_object(root, name)
    if data.get("boot") != root.read_value(BOOT):
        return None
    values, chosen = data.get("values"), data.get("chosen")
    if (
        not isinstance(chosen, str)
        or not isinstance(values, dict)
        or not all(isinstance(value, str) for value in values.values())
    ):
        raise Damaged("no record of what was found; remove it, and what is set now counts as the default", path=name)
    return Found(values=values, chosen=chosen)


def write(root: Root, name: str, found: Found) -> None:
    """Keep the record, before the change that it belongs to."""
    root.make_folder(FOLDER)
    data = {"boot": root.read_value(BOOT), "chosen": found.chosen, "values": dict(found.values)}
    root.replace(name, (json.dumps(data, indent=1, sort_keys=True) + "\n").encode())


def restore(root: Root, name: str, found: Found | None) -> None:
    """The record as it was before a change that did not come about."""
    if found is None:
        root.remove(name)
    else:
        write(root, name, found)
