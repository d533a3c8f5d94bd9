"""What a real-time clock is: how it is reached, what it says of its own health, and what its time looks like."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from hal.record import Record
from hal.stdlib import StrEnum


class RtcProblem(StrEnum):
    """What is the matter with a clock, or with the time it gives."""

    UNREADABLE = "unreadable"
    """It is there, and does not answer."""
    DATA_INVALID = "data-invalid"
    """The chip or its driver says that the time means nothing, or the registers hold no date."""
    OSCILLATOR_STOPPED = "oscillator-stopped"
    """It stands still, or stood still since it was set."""
    BATTERY_LOW = "battery-low"
    BATTERY_EMPTY = "battery-empty"
    BACKUP_OFF = "backup-off"
    """Its battery would not be used when the power goes."""
    ACCURACY_LOW = "accuracy-low"
    """Its supply was too low for its rate to be right."""
    NEVER_SET = "never-set"
    """Before 2001: it counts from 1970 or 2000, where clocks begin that have lost their time."""
    BEFORE_BUILD = "before-build"
    """Before the running OS was built (`/etc/timestamp`)."""


@frozen(kw_only=True, repr=False, eq=False)
class RtcState(Record):
    """A clock as it is. What cannot be read, or the chip does not tell, is `None`.

    `node` is the device node it is reached by; `absence` says why there is none, and then nothing below is known.
    `driver` is the kernel's, `None` where the chip's registers are read directly. `battery` is the table's fact.
    `time` is what can be relied on as far as the chip tells; where it is `None`, `fault` says why. `healthy` is whether
    nothing is the matter, `None` where the chip tells nothing of its health and the time looks right.
    `sets_system_clock` is whether the kernel took the system's time from it at boot. `ran_on_battery` is whether it has
    done so since that was last cleared. `first` and `last` are the times it can hold.
    """

    name: str
    node: str | None = None
    absence: str | None = None
    driver: str | None = None
    chip: str | None = None
    i2c_bus: int | None = None
    i2c_address: int | None = None
    battery: bool | None = None
    time: datetime | None = None
    fault: str = ""
    healthy: bool | None = None
    problems: tuple[RtcProblem, ...] = ()
    sets_system_clock: bool | None = None
    ran_on_battery: bool | None = None
    battery_microvolts: int | None = None
    first: datetime | None = None
    last: datetime | None = None
    note: str = ""
