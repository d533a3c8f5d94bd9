"""What capabilities answer: profiles, modes, readings, and how far a change got."""

from __future__ import annotations

from attrs import frozen

from hal.model.device_type import PowerLevel
from hal.record import Record
from hal.stdlib import StrEnum


class Cost(StrEnum):
    """What a change costs before it is in effect."""

    NONE = "none"
    SERVICE_RESTART = "service-restart"
    REBOOT = "reboot"


class Outcome(StrEnum):
    """What a setter achieved. *Accepted* is stored and waits; *applied* was read back from what is running."""

    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    APPLIED = "applied"


@frozen(kw_only=True, repr=False, eq=False)
class Unsupported(Record):
    """A hook's honest no: this board lacks the capability, and why. Absence needs no exception."""

    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class FanProfile(Record):
    """A fan profile a user can choose. `default` marks the one that `"default"` means on this board."""

    name: str
    summary: str = ""
    default: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class FanReading(Record):
    """What is measured at one fan and its sensor; `None` where the board does not tell."""

    name: str
    rpm: int | None = None
    pwm_percent: float | None = None
    temperature_millicelsius: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class FanState(Record):
    """`configured` is the profile stored for the next start of the fan control, `running` the one in force now.

    Either is `custom` where the values are somebody's own and belong to no profile.
    """

    configured: str
    running: str | None = None
    readings: tuple[FanReading, ...] = ()
    reboot_required: bool = False
    reported: bool = True
    """Whether anything here tells the running profile; where nothing does, `running` stays `None`."""
    warnings: tuple[str, ...] = ()
    """What is odd about the readings: a sensor that cannot be right, a fan that stands still although driven."""


@frozen(kw_only=True, repr=False, eq=False)
class PowerMode(Record):
    """A power mode of this board. `levels` are the portable levels that mean it.

    `id` is the vendor's number, `None` where the vendor has none. A mode named `custom` cannot be chosen: it stands for
    values that belong to no mode.
    """

    name: str
    id: int | None = None
    levels: tuple[PowerLevel, ...] = ()
    default: bool = False
    budget_watt: int | None = None
    """From the mode's name; a cap on clocks, not a measured draw."""
    summary: str = ""
    """What the mode sets, where that is known without the vendor's program."""


@frozen(kw_only=True, repr=False, eq=False)
class FrequencyCap(Record):
    """What the kernel lets one group of CPUs run at, in kHz; `None` where it does not tell."""

    name: str
    governor: str | None = None
    minimum_khz: int | None = None
    maximum_khz: int | None = None
    hardware_maximum_khz: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class PowerLimit(Record):
    """Something else that holds the CPU back: `thermal` or `under-voltage`; `None` where the board does not tell."""

    name: str
    active: bool | None = None


@frozen(kw_only=True, repr=False, eq=False)
class PowerState(Record):
    """`configured` takes effect at the next boot; `running` is in force now, `None` where that cannot be read.

    Where a mode is a setting of the running kernel, `configured` is what was chosen since the last boot.
    """

    configured: PowerMode
    running: PowerMode | None = None
    reboot_required: bool = False
    caps: tuple[FrequencyCap, ...] = ()
    limits: tuple[PowerLimit, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class Change(Record):
    """What a setter would do: from which value to which, and what it costs until it is in effect."""

    previous: str
    value: str
    cost: Cost
    note: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class SetResult(Record):
    """What a setter did: from which value to which, how far it got, and what is still to come."""

    previous: str
    value: str
    outcome: Outcome
    cost: Cost
    note: str = ""
