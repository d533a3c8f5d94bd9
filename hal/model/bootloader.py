"""Slots, and what a bootloader will do with them."""

from __future__ import annotations

from attrs import frozen

from hal.model.device_type import BootloaderKind
from hal.record import Record
from hal.stdlib import StrEnum


class Slot(StrEnum):
    """One of the two root file systems: `resin-rootA` or `resin-rootB`."""

    A = "A"
    B = "B"

    @property
    def other(self) -> Slot:
        """The other one."""
        return Slot.B if self is Slot.A else Slot.A


class ValueState(StrEnum):
    """How good a variable of the bootloader's state file is."""

    VALID = "valid"
    ABSENT = "absent"
    JUNK = "junk"
    """Not of the form this variable has."""
    OUT_OF_RANGE = "out-of-range"
    """Of the right form, but no value this device can have."""


class SelectionRule(StrEnum):
    """Which logic chooses the slot: it is in the boot files, or compiled into the bootloader."""

    CLASSIC = "classic"
    """As in balenaOS's own boot files."""
    MENDED = "mended"
    """As in the boot files this project renders."""
    COMPILED = "compiled"
    """In a program that no boot file changes."""


@frozen(kw_only=True, repr=False, eq=False)
class BootVariable(Record):
    """One variable: its text as stored, how good it is, and what it is taken to mean here."""

    name: str
    file: str
    text: str | None
    state: ValueState
    meaning: str


@frozen(kw_only=True, repr=False, eq=False)
class SlotFacts(Record):
    """A slot of this device: `value` is how the state file names it, `partition` counts in decimal.

    `kernel` is whether its root file system, where it is mounted, holds the kernel; `None` where that cannot be seen.
    """

    slot: Slot
    value: str
    partition: int | None
    kernel: bool | None


@frozen(kw_only=True, repr=False, eq=False)
class NextBoot(Record):
    """What the next boot does, in the words of the rule that decides it. `slot` is `None` where nothing would boot.

    `counts` is whether it counts as a try. `then` is where the following boots go if none of them reaches user space.
    """

    slot: Slot | None
    reason: str
    counts: bool
    then: tuple[Slot | None, ...]


@frozen(kw_only=True, repr=False, eq=False)
class BootStatus(Record):
    """The bootloader's state, read without changing anything.

    `named` is the slot that was asked for: the state file names it. `active` is the one the bootloader's own state
    chooses, which is the same but for Cboot. `running` is the one mounted as root. `None` where it is not known.
    `pending` is whether an update waits for its commit, that is, whether rollback is armed. `boot_count` is the tries
    used of `boot_limit`; it is `None` where this bootloader keeps no count that can be read. `notes` say what is
    unusual: damaged values, traces of another bootloader, writes that a power cut interrupted.
    """

    kind: BootloaderKind
    rule: SelectionRule
    slots: tuple[SlotFacts, ...]
    named: Slot | None
    active: Slot | None
    running: Slot | None
    running_evidence: str
    pending: bool
    boot_count: int | None
    boot_limit: int
    next_boot: NextBoot
    variables: tuple[BootVariable, ...]
    notes: tuple[str, ...] = ()


class BootOperation(StrEnum):
    """What can be asked of a bootloader's state."""

    SWITCH = "switch"
    COMMIT = "commit"
    CLEAR_BOOT_COUNT = "clear-boot-count"
    ROLL_BACK = "rollback"


class WriteKind(StrEnum):
    """How a file is written, and so what a power cut may leave of it."""

    OVERWRITE = "overwrite"
    """In place, same size, at most one changed sector that decides anything: old or new."""
    EXTEND = "extend"
    """In place and longer, with the same meaning before and after."""
    REPLACE = "replace"
    """A new file, renamed into place: where there was none, or nothing worth keeping."""
    REMOVE = "remove"
    PROGRAM = "program"
    """No file: a program of the device changes what only it can, and `file` is its command line."""


@frozen(kw_only=True, repr=False, eq=False)
class BootWrite(Record):
    """One durable step of an operation: a file, and the bytes it holds afterwards (`None`: it is removed).

    `step` says what is true once it is on disk, so that a power cut behind it has a meaning.
    """

    file: str
    kind: WriteKind
    data: bytes | None
    step: str
