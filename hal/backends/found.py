"""What a setting of the running kernel was before this project changed it for the first time since the last boot.

The kernel forgets such a setting at the next boot, so its record lies below `/run`, which is gone by then as well, and
carries the boot's number: a record of another boot (in a recorded tree, or where `/run` is kept) counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from attrs import frozen

from hal.backends import attributes
from hal.errors import Damaged
from hal.json_file import read_object
from hal.model import Change, Cost, Outcome, SetResult
from hal.record import Record
from hal.root import Root

FOLDER = "run/hal"
BOOT = "proc/sys/kernel/random/boot_id"


@frozen(kw_only=True, repr=False, eq=False)
class Found(Record):
    """The values that were there, by name, and what was chosen since."""

    values: Mapping[str, str]
    chosen: str


class Decision(NamedTuple):
    """What a wish comes to: the values to write, the choice before and after, and the record that stays.

    `back` is what is there before the first of the `stages`, in the order in which it can be written again.
    """

    setting: str
    stages: tuple[attributes.Values, ...]
    back: attributes.Values
    previous: str
    value: str
    record: Found | None
    is_due: bool

    @property
    def note(self) -> str:
        """How long the change holds."""
        if not self.is_due:
            return ""
        if self.record is None:
            return "back to what was found after the boot"
        return f"until the next boot; with {self.setting} in config.json, `hal apply` sets it again after every boot"

    @property
    def change(self) -> Change | None:
        """As a preview tells it."""
        if not self.is_due:
            return None
        return Change(previous=self.previous, value=self.value, cost=Cost.NONE, note=self.note)

    @property
    def result(self) -> SetResult:
        """As it is told once it was carried out."""
        outcome = Outcome.APPLIED if self.is_due else Outcome.UNCHANGED
        return SetResult(previous=self.previous, value=self.value, outcome=outcome, cost=Cost.NONE, note=self.note)


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


def carry_out(root: Root, name: str, decision: Decision) -> None:
    """The record first, so that what was found is never lost; last, where it is not needed any more.

    Raises `NotApplied` where an attribute does not take its value. Then, and where a change is interrupted, what was
    there is written again, and the record as it was.
    """
    if not decision.is_due:
        return
    before = read(root, name)
    if decision.record is not None:
        write(root, name, decision.record)
    try:
        for stage in decision.stages:
            attributes.put(root, stage, back=decision.back, path=decision.setting)
    except BaseException:
        restore(root, name, before)
        raise
    if decision.record is None:
        root.remove(name)
