"""Boot configuration: what the firmware reads before the kernel runs, as settings and as what a file holds besides."""

from __future__ import annotations

from attrs import frozen

from hal.model.setting import Cost, Outcome
from hal.record import Record
from hal.stdlib import StrEnum


@frozen(kw_only=True, repr=False, eq=False)
class BootSetting(Record):
    """One setting as it stands in a file or store.

    `value` is its canonical text: what `set` takes, and what reading gives back. A key that may stand several times has
    all its values in one, as the supervisor writes them: `"spi=on","audio=on"`. `section` is the condition it stands
    under, as written (`[cm4]`); it is empty for what holds for every board, and only that can be set. `variable` is the
    supervisor's name for it, empty where it has none. `note` says what is unusual.
    """

    key: str
    value: str
    section: str = ""
    variable: str = ""
    note: str = ""


class Keeping(StrEnum):
    """Why a line is kept as it is and no setting."""

    COMMENT = "comment"
    CONDITION = "condition"
    """It decides for which boards the lines behind it hold."""
    RESERVED = "reserved"
    """A setting that is not to be changed here: the OS or its bootloader depends on it."""
    UNKNOWN = "unknown"
    """Nobody here knows what it means."""


@frozen(kw_only=True, repr=False, eq=False)
class KeptLine(Record):
    """A line that survives every change, byte for byte. `line` counts from 1; in `text` odd bytes are escaped."""

    line: int
    text: str
    why: Keeping
    note: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class BootSettingChange(Record):
    """One setting that changes: `None` is absent. `note` says what follows from it."""

    key: str
    previous: str | None
    value: str | None
    cost: Cost = Cost.REBOOT
    note: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class BootConfigResult(Record):
    """What a setter did. *Accepted*: stored, read back, and waits for a reboot. Without changes nothing is written."""

    changes: tuple[BootSettingChange, ...]
    outcome: Outcome
    cost: Cost
