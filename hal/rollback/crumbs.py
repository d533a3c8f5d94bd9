"""What lies in the state partition: balenaOS's breadcrumbs, under their names of today, and the record beside them.

A breadcrumb is an empty file; only that it exists counts. The record, `hal-rollback.json`, holds what they cannot: who
is updated to whom, how boots of the new slot ended, and the events, so that the reason of a rollback survives reboots.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from attrs import Attribute, asdict, evolve, field, frozen
from attrs.validators import deep_iterable, instance_of, optional

from hal.errors import FileFault, HalError
from hal.json_file import read_object
from hal.model import RollbackEvent, Slot
from hal.record import Record
from hal.root import Root
from hal.stdlib import UTC

STATE = "mnt/state"
HEALTH = f"{STATE}/rollback-health-breadcrumb"
ALTBOOT = f"{STATE}/rollback-altboot-breadcrumb"
VARIABLES = f"{STATE}/rollback-health-variables"
ALTBOOT_TRIGGERED = f"{STATE}/rollback-altboot-triggered"
HEALTH_TRIGGERED = f"{STATE}/rollback-health-triggered"
HEALTH_FAILED = f"{STATE}/rollback-health-failed"

GUARDS = (HEALTH, ALTBOOT)
"""While one of these is there, the services watch an update."""

TRACES = (HEALTH_TRIGGERED, ALTBOOT_TRIGGERED, HEALTH_FAILED)
"""What an earlier update left for people to find; a new update removes them."""

RECORD = f"{STATE}/hal-rollback.json"

EVENTS_KEPT = 20

_SCHEMA = 1


def _count(_instance: object, attribute: Attribute[int], value: object) -> None:
    if type(value) is not int or value < 0:
        raise ValueError(f"{attribute.name} is {value!r}, no count")


@frozen(kw_only=True, repr=False, eq=False)
class UpdateRecord(Record):
    """One update: from which slot to which, in which boot it was made, and how boots of the new slot ended.

    `switched` is whether the pointer was about to move; before that, only boot files may have changed. `starts` counts
    boots of the new slot that reached user space, `crashes` and `unclear` how those before the present one ended.
    `boot_id` is the kernel's name of the boot in which the update was made, `last_boot_id` of the last start counted.
    `recovering` is set from the decision to go back until the old slot's boot files are back; `boot_id` is then
    that of the decision, and `leaves` counts how often the old slot was named again, `recoveries` how often its boot
    files could not be put back. `known` are the traces of
    crashes that have been looked at: those from before the update say nothing.
    """

    source: Slot = field(validator=instance_of(Slot))
    target: Slot = field(validator=instance_of(Slot))
    boot_id: str | None = field(default=None, validator=optional(instance_of(str)))
    switched: bool = field(default=False, validator=instance_of(bool))
    round: int = field(default=1, validator=_count)
    starts: int = field(default=0, validator=_count)
    crashes: int = field(default=0, validator=_count)
    unclear: int = field(default=0, validator=_count)
    last_boot_id: str | None = field(default=None, validator=optional(instance_of(str)))
    ended_orderly: bool = field(default=False, validator=instance_of(bool))
    recovering: bool = field(default=False, validator=instance_of(bool))
    leaves: int = field(default=0, validator=_count)
    recoveries: int = field(default=0, validator=_count)
    known: tuple[str, ...] = field(default=(), validator=deep_iterable(instance_of(str), instance_of(tuple)))

    def __attrs_post_init__(self) -> None:
        if self.source is self.target:
            raise ValueError(f"from slot {self.source} to itself")


@frozen(kw_only=True, repr=False, eq=False)
class RollbackRecord(Record):
    """The record: the update under way, if any, and the events, newest last. `notes` tell of damage."""

    update: UpdateRecord | None = None
    events: tuple[RollbackEvent, ...] = ()
    notes: tuple[str, ...] = ()


def read(root: Root) -> RollbackRecord:
    """The record; an absent one is empty, and so is one that cannot be understood, with a note."""
    if not root.exists(RECORD):
        return RollbackRecord()
    try:
        found = read_object(root, RECORD)
        if found.get("schema") != _SCHEMA:
            raise HalError(f"{RECORD}: schema {found.get('schema')!r} is not known; {_SCHEMA} is")
        update = found.get("update")
        return RollbackRecord(
            update=None if update is None else UpdateRecord(**_slots(update)),
            events=tuple(RollbackEvent(**_event(event)) for event in found.get("events", [])),
        )
    except HalError as error:
        return RollbackRecord(notes=(f"{error.message}; it is taken as empty",))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        return RollbackRecord(notes=(f"{RECORD}: not understood, and taken as empty ({error})",))


def write(root: Root, record: RollbackRecord) -> None:
    """Replace the record durably. The newest events are kept."""
    document = {
        "schema": _SCHEMA,
        "update": None if record.update is None else asdict(record.update),
        "events": [asdict(event) for event in record.events[-EVENTS_KEPT:]],
    }
    root.replace(RECORD, (json.dumps(document, indent=2) + "\n").encode())


def with_event(
    record: RollbackRecord,
    event: str,
    reason: str,
    *,
    source: Slot | None,
    target: Slot | None,
    evidence: Iterable[str] = (),
) -> RollbackRecord:
    """The record with one more event."""
    added = RollbackEvent(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        event=event,
        source=source,
        target=target,
        reason=reason,
        evidence=tuple(evidence),
    )
    return evolve(record, events=(*record.events, added))


def lay(root: Root, crumbs: Iterable[str]) -> None:
    """Make breadcrumbs, durably; those that are there stay as they are."""
    for crumb in crumbs:
        if not root.exists(crumb):
            root.replace(crumb, b"")


def sweep(root: Root, crumbs: Iterable[str]) -> None:
    """Remove breadcrumbs, durably."""
    for crumb in crumbs:
        root.remove(crumb)


def vpn_before(root: Root) -> bool | None:
    """Whether the VPN was up before the update; `None` where nobody noted it."""
    try:
        text = root.read_text(VARIABLES)
    except FileFault:
        return None
    values = [line.partition("=")[2].strip() for line in text.splitlines() if line.startswith("BALENAOS_ROLLBACK_VPN")]
    return values[-1] == "1" if values else None


def _slots(fields: dict[str, Any]) -> dict[str, Any]:
    found = {**fields, "source": Slot(fields["source"]), "target": Slot(fields["target"])}
    if "known" in fields:
        found["known"] = tuple(_list(fields["known"]))
    return found


def _event(fields: dict[str, Any]) -> dict[str, Any]:
    slots = {name: None if fields.get(name) is None else Slot(fields[name]) for name in ("source", "target")}
    for name in ("time", "event", "reason"):
        if not isinstance(fields[name], str):
            raise TypeError(f"{name} is {fields[name]!r}, no text")
    return {**fields, **slots, "evidence": tuple(_list(fields.get("evidence", [])))}


def _list(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{value!r} is no list of texts")
    return value
