"""Real-time clocks as a source: what is needed of one, the wait for one that comes late, reading, and setting."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from hal.errors import HalError, NotApplied, blame
from hal.init_time.evidence import Alarm, Evidence, Health, Source
from hal.init_time.system_clock import SystemClock
from hal.model import DeviceType
from hal.root import Root

FOLDER = "sys/class/rtc"

_LOOK_SECONDS = 0.25


@runtime_checkable
class ReadableClock(Protocol):
    """A real-time clock of a device, as far as the chain needs it."""

    @property
    def name(self) -> str:
        """`rtc0`, or what users call it."""

    def health(self) -> Health:
        """What it says of itself. Raises `HalError` where it does not answer."""

    def read(self) -> datetime:
        """Its time, in UTC and aware. Raises `HalError` where it has none or does not answer."""

    def set(self, moment: datetime) -> object:
        """Set it, and read it back. Raises `HalError`."""


PutResult = tuple[tuple[str, ...], tuple[Alarm, ...]]
"""The clocks that were set, and what went wrong with others."""


def expected(row: DeviceType) -> tuple[str, ...]:
    """Names of the clocks that a board has by its row, and that are worth a wait.

    One that no cell keeps knows nothing after a cold start; one behind an overlay is there where the image ships that.
    """
    return tuple(
        f"rtc{clock.rtc}"
        for clock in row.clocks
        if clock.rtc is not None
        and clock.battery is not False
        and (clock.overlay is None or f"dtoverlay={clock.overlay}" in row.config_txt)
    )


def wait(root: Root, names: Iterable[str], system: SystemClock, until_up_seconds: float) -> tuple[Evidence, ...]:
    """Wait until the kernel has the clocks called so; returns evidence of those that never came.

    The deadline counts from the start of the kernel: a clock that did not come by then does not come, so that a later
    run waits no more.
    """
    missing = [name for name in names if not _is_there(root, name)]
    deadline = time.monotonic() + until_up_seconds - system.up_seconds()
    while missing and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_SECONDS))
        missing = [name for name in missing if not _is_there(root, name)]
    problem = "this board should have it, and the kernel does not show it"
    return tuple(Evidence(source=Source.CLOCK, name=name, problem=problem) for name in missing)


def _is_there(root: Root, name: str) -> bool:
    return root.read_value(f"{FOLDER}/{name}/name") is not None


def read(clock: ReadableClock) -> Evidence:
    """What a clock says. One that says its time is lost is not asked for it."""
    health: Health | None = None
    try:
        with blame(clock):
            health = clock.health()
            if health in (Health.INVALID, Health.UNREADABLE):
                return Evidence(source=Source.CLOCK, name=clock.name, health=health, problem=health.value)
            moment = clock.read()
            if moment.utcoffset() is None:
                raise ValueError(f"{clock.name} answered {moment} without a time zone")
        moment = moment.astimezone(UTC)
    except HalError as error:
        return Evidence(source=Source.CLOCK, name=clock.name, health=Health.UNREADABLE, problem=error.message)
    return Evidence(source=Source.CLOCK, name=clock.name, time=moment, health=health, taken_at=time.monotonic())


def put(clocks: Sequence[ReadableClock], names: Iterable[str], system: SystemClock, tolerance: float) -> PutResult:
    """Set the clocks called so from the system clock, which is right by now, and read each back.

    One that fails is passed over: the system clock is what the device needs, and the alarm tells of the other.
    """
    done, alarms = [], []
    for clock in clocks:
        if clock.name not in names:
            continue
        try:
            with blame(clock):
                clock.set(system.now())
                off = abs((clock.read() - system.now()).total_seconds())
            if off > tolerance:
                raise NotApplied(f"{clock.name}: was set, and reads back {off:.0f} s off", path=clock.name)
        except HalError as error:
            alarms.append(Alarm(about=clock.name, code=error.code, message=f"cannot be set: {error.message}"))
        else:
            done.append(clock.name)
    return tuple(done), tuple(alarms)
