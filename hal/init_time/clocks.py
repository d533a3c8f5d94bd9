"""Real-time clocks as a source: what is needed of one, the wait for one that comes late, reading, and setting."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from hal.ask import ask
from hal.errors import HalError, NotApplied
from hal.init_time.evidence import Alarm, Evidence, Health, Source
from hal.init_time.system_clock import SystemClock
from hal.model import DeviceType, RtcProblem, RtcState
from hal.protocols import Rtc
from hal.root import Root
from hal.stdlib import UTC

FOLDER = "sys/class/rtc"

_LOOK_SECONDS = 0.25


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


WEAK = frozenset((RtcProblem.BATTERY_LOW, RtcProblem.BATTERY_EMPTY, RtcProblem.BACKUP_OFF, RtcProblem.ACCURACY_LOW))
"""Problems of a clock whose time may be right all the same. Whether it is too old, the decision sees for itself."""


def read(clock: Rtc) -> Evidence:
    """What a clock says. The time of one that says it is lost is not used."""
    try:
        state: RtcState = ask(clock, "state")
    except HalError as error:
        return Evidence(source=Source.CLOCK, name=clock.name, health=Health.UNREADABLE, problem=error.message)
    if state.absence is not None:
        return Evidence(source=Source.CLOCK, name=state.name, problem=state.absence)
    health = _health(state)
    if state.time is None or health is Health.UNREADABLE:
        problem = state.fault or health.value
        return Evidence(source=Source.CLOCK, name=state.name, health=health, problem=problem)
    if state.time.utcoffset() is None:
        problem = f"{state.name} answered {state.time} without a time zone, a defect of its plugin"
        return Evidence(source=Source.CLOCK, name=state.name, health=Health.UNREADABLE, problem=problem)
    moment = state.time.astimezone(UTC)
    return Evidence(source=Source.CLOCK, name=state.name, time=moment, health=health, taken_at=time.monotonic())


def _health(state: RtcState) -> Health:
    if RtcProblem.UNREADABLE in state.problems:
        return Health.UNREADABLE
    if state.time is None:
        return Health.INVALID
    if WEAK & set(state.problems):
        return Health.WEAK
    return Health.UNKNOWN if state.healthy is None else Health.GOOD


def put(clocks: Sequence[Rtc], names: Iterable[str], system: SystemClock, tolerance: float) -> PutResult:
    """Set the clocks called so from the system clock, which is right by now, and read each back.

    One that fails is passed over: the system clock is what the device needs, and the alarm tells of the other.
    """
    done, alarms = [], []
    for clock in clocks:
        if clock.name not in names:
            continue
        try:
            ask(clock, "set", system.now())
            off = abs((ask(clock, "read") - system.now()).total_seconds())
            if off > tolerance:
                raise NotApplied(f"{clock.name}: was set, and reads back {off:.0f} s off", path=clock.name)
        except HalError as error:
            alarms.append(Alarm(about=clock.name, code=error.code, message=f"cannot be set: {error.message}"))
        else:
            done.append(clock.name)
    return tuple(done), tuple(alarms)
