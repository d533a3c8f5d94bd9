"""An update on trial: how far it is, what happened, and how patient the device is with it."""

from __future__ import annotations

from attrs import frozen

from hal.model.bootloader import BootStatus, Slot
from hal.record import Record
from hal.stdlib import StrEnum


class Phase(StrEnum):
    """How far an update is. It follows from the bootloader's state, the breadcrumbs and the record, nothing else."""

    SETTLED = "settled"
    """No update: the running slot is the one that boots next."""
    PREPARED = "prepared"
    """An update began and was interrupted before the switch: the old slot runs and boots next."""
    ARMED = "armed"
    """The switch was made in this boot: the next boot tries the new slot."""
    TRIAL = "trial"
    """The new slot runs and waits for its commit."""
    COMMITTING = "committing"
    """The new slot is committed, and what follows a commit is not done yet."""
    FALLEN_BACK = "fallen-back"
    """The bootloader took the other slot than the state file names."""
    LEAVING = "leaving"
    """The running slot was found unhealthy: the next boot takes the old one."""
    RECOVERING = "recovering"
    """The old slot runs and boots next, and its boot files are not all back yet."""
    UNGUARDED = "unguarded"
    """Another slot is named than runs, with no trace of an update: a fresh encrypted device is like that.

    Where the bootloader has given up the named slot, the running one is kept, as after a fallback.
    """
    UNKNOWN = "unknown"
    """Nothing tells which slot is running."""


@frozen(kw_only=True, repr=False, eq=False)
class RollbackPolicy(Record):
    """How patient a device is with a new OS.

    Health is checked every `interval_seconds`, until `checks` of them failed. A boot of the new slot that reached user
    space and ended in a crash (the kernel's or the watchdog's record says so) may happen `crashes` times less one; one
    that ended with nothing to tell why, as a power cut does, `interruptions` times less one; an orderly reboot never
    counts. `rounds` is how often the new slot gets the bootloader's tries, if nothing shows that it crashed.
    """

    interval_seconds: float = 60.0
    checks: int = 15
    crashes: int = 3
    interruptions: int = 30
    rounds: int = 2


@frozen(kw_only=True, repr=False, eq=False)
class RollbackEvent(Record):
    """Something that was decided, why, and on which evidence. `time` is ISO 8601 in UTC by the device's clock."""

    time: str
    event: str
    source: Slot | None
    target: Slot | None
    reason: str
    evidence: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class RollbackStatus(Record):
    """How far an update is, what the next boot does, and what happened before, the newest last."""

    phase: Phase
    meaning: str
    bootloader: BootStatus
    breadcrumbs: tuple[str, ...]
    events: tuple[RollbackEvent, ...]
    notes: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class RollbackOutcome(Record):
    """What a part of the state machine did: the phase it found, a sentence for each thing done, whether to reboot.

    `failed` lists what did not work and was passed over, because the rest mattered more.
    """

    phase: Phase
    done: tuple[str, ...]
    reboot: bool = False
    failed: tuple[str, ...] = ()
