"""What the clock chain knows and what it decided: plain data. Every time is in UTC and aware."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from hal.model import Outcome
from hal.record import Record
from hal.stdlib import UTC, StrEnum

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
"""No device runs this program before it was written: the floor where the build time is missing or older."""


class Source(StrEnum):
    """Where a time comes from."""

    SYSTEM = "system"
    """The kernel's clock, as it is."""
    BUILD = "build-time"
    """When the OS was built."""
    SAVED = "saved-time"
    """What the clock was when it was saved last, hourly or at shutdown."""
    LAST = "last-decision"
    """What this chain decided earlier in this boot, and the time since."""
    CLOCK = "clock"
    """A real-time clock."""
    HTTPS = "https"
    """The Date of a web server's answer."""
    NTP = "ntp"
    """Time servers, asked without changing the clock."""


class Health(StrEnum):
    """What a real-time clock says of itself."""

    GOOD = "good"
    WEAK = "weak"
    """Its time is valid, its battery is low."""
    INVALID = "invalid"
    """The chip answers, and its time is lost or was never set. Setting it is the cure."""
    UNREADABLE = "unreadable"
    """It does not answer, or not in order. Nothing is written to it."""
    UNKNOWN = "unknown"
    """The driver does not tell."""


def _aware(_instance: object, _attribute: object, value: Any) -> None:
    if value is not None and value.utcoffset() is None:
        raise ValueError(f"{value} has no time zone; every time here is UTC")


@frozen(kw_only=True, repr=False, eq=False)
class Evidence(Record):
    """What one source says. Without a `time`, `problem` says why: not there, damaged, no answer.

    `name` tells sources of a kind apart: `rtc0`, a host. `verified` is of an HTTPS date whose server proved to be who
    it is, and of an earlier decision that was trusted; `synchronised` of a system clock that the kernel says is kept by
    a time daemon. `taken_at` is `time.monotonic()` at the moment at which a time that goes on was `time`; `None` for
    one that stands still.
    """

    source: Source
    name: str = ""
    time: datetime | None = field(default=None, validator=_aware)
    problem: str = ""
    health: Health | None = None
    verified: bool = False
    synchronised: bool = False
    taken_at: float | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Weighed(Record):
    """A piece of evidence, whether its time was taken, and in words why, or why not."""

    source: Source
    name: str
    time: datetime | None
    taken: bool
    verdict: str


@frozen(kw_only=True, repr=False, eq=False)
class Policy(Record):
    """How much is believed, and how long is waited.

    No time after the build time by more than `years` is believed, whoever tells it. Differences of up to
    `tolerance_seconds` are left to the time daemon. A clock that the board should have and that is not there is waited
    for until the device is up for `clock_seconds`; the slowest known, on Jetson Orin, comes after 11 to 13.5 s. The web
    server has `https_seconds` in all, name resolution and repetitions included, the time servers `ntp_seconds`.
    """

    years: int = 10
    tolerance_seconds: float = 2.0
    clock_seconds: float = 20.0
    https_seconds: float = 20.0
    ntp_seconds: float = 10.0
    earliest: datetime = field(default=WRITTEN, validator=_aware)


@frozen(kw_only=True, repr=False, eq=False)
class Alarm(Record):
    """Something that a person should look at. It is raised once, until it has been away: `about` and `code` tell."""

    about: str
    code: str
    message: str


@frozen(kw_only=True, repr=False, eq=False)
class Decision(Record):
    """The time the system clock shall have, where it comes from and why.

    `set_system` is whether the clock has to be set; where it need not be, `time` is what it shows. `set_clocks` names
    the clocks to be set to `time`. `floor` is what no unverified time may be below, `bound` what none may be above.
    `trusted` is whether the time was proved, so that the saved time may become earlier, too.
    """

    time: datetime = field(validator=_aware)
    source: Source
    name: str
    reason: str
    step_seconds: float
    set_system: bool
    trusted: bool
    set_clocks: tuple[str, ...]
    floor: datetime
    bound: datetime
    weighed: tuple[Weighed, ...]
    alarms: tuple[Alarm, ...]


@frozen(kw_only=True, repr=False, eq=False)
class InitTime(Record):
    """What a run of the chain decided and did. `outcome` is `None` in a dry run.

    `time` is what the system clock showed at the end, when the kernel was up for `up_seconds`. `clocks_set` names the
    clocks that were set and read back. Of `alarms`, those in `new_alarms` were not there at the last run of this boot.
    """

    decision: Decision
    outcome: Outcome | None
    time: datetime = field(validator=_aware)
    up_seconds: float
    clocks_set: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    new_alarms: tuple[Alarm, ...] = ()
