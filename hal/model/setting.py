"""What capabilities answer: profiles, modes, readings, and how far a change got."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from hal.model.device_type import PowerLevel
from hal.record import Record


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
    """`configured` is the profile stored for the next start of the fan control, `running` the one in force now."""

    configured: str
    running: str | None = None
    readings: tuple[FanReading, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class PowerMode(Record):
    """A power mode of this board. `id` is the vendor's number; `levels` are the portable levels that mean it."""

    name: str
    id: int
    levels: tuple[PowerLevel, ...] = ()
    default: bool = False
    budget_watt: int | None = None
    """From the mode's name; a cap on clocks, not a measured draw."""


@frozen(kw_only=True, repr=False, eq=False)
class PowerState(Record):
    """`configured` takes effect at the next boot; `running` is in force now, `None` where that cannot be read."""

    configured: PowerMode
    running: PowerMode | None = None
    reboot_required: bool = False


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
