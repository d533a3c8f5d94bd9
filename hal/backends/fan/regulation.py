"""The loop that drives a fan whose controller only obeys: look at the temperature, decide, write, read back.

However it ends, by a request, an error or a defect, every fan is left at full speed: nobody looks any more. A kill that
nothing can catch is the chip's watchdog's part, where it has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from hal.backends.fan.curve import FULL, SAFE_DUTY, Curve
from hal.backends.sensor import Watch
from hal.errors import HalError, NotApplied

FAILURES = 5
"""After so many steps in a row that failed the controller is given up."""
STEP_SECONDS = 3.0
"""The deadline of one step: below the four seconds after which the chip's watchdog takes over."""


class Driven(Protocol):
    """A controller: how many fans it drives, and each one's duty."""

    def set_drive(self, fan: int, duty: int) -> None:
        """Set the duty, 0 to 255, and read it back."""


class Decision(NamedTuple):
    """The duty, and why."""

    duty: int
    reason: str


def decide(curve: Curve, millicelsius: int | None, doubt: str | None, previous: int | None) -> Decision:
    """The curve's duty; where the temperature is in doubt the safe floor, and never less than it was before."""
    if doubt is not None or millicelsius is None:
        return Decision(max(SAFE_DUTY, curve.least, previous or 0), doubt or "the temperature cannot be read")
    return Decision(curve.duty(millicelsius, previous), f"{millicelsius / 1000:.1f} °C, {curve.name}")


def regulate(
    chip: Driven,
    fans: int,
    *,
    curve: Callable[[], Curve],
    temperature: Callable[[], int | None],
    interval_seconds: float,
    log: Callable[[str], None],
    told: Callable[[str, int], None] = lambda name, duty: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Drive until interrupted. `told` hears every profile and duty that took effect. Raises `HalError`."""
    watch = Watch()
    previous: int | None = None
    doubted: str | None = None
    failures = 0
    try:
        while True:
            began = clock()
            try:
                wanted = curve()
                millicelsius = temperature()
                doubt = watch.doubt(millicelsius, began)
                decision = decide(wanted, millicelsius, doubt, previous)
                for fan in range(fans):
                    chip.set_drive(fan, decision.duty)
                if clock() - began > STEP_SECONDS:
                    raise NotApplied(f"a step took longer than {STEP_SECONDS:g} s", path="fan")
            except HalError as error:
                failures += 1
                previous = None
                log(f"failed ({failures} of {FAILURES}): {error.message}")
                if failures >= FAILURES:
                    raise
            else:
                failures = 0
                if decision.duty != previous or doubt != doubted:
                    log(f"{round(decision.duty / FULL * 100)} %: {'warning: ' if doubt else ''}{decision.reason}")
                previous, doubted = decision.duty, doubt
                told(wanted.name, decision.duty)
            sleep(max(0.0, interval_seconds - (clock() - began)))
    finally:
        _leave_at_full(chip, fans, log)


def _leave_at_full(chip: Driven, fans: int, log: Callable[[str], None]) -> None:
    """Full speed for every fan, tried twice; one that fails does not keep the others from it."""
    failed = []
    for fan in range(fans):
        for last in (False, True):
            try:
                chip.set_drive(fan, FULL)
                break
            except HalError as error:
                if last:
                    failed.append(error.message)
    with suppress(OSError):  # whoever reads the log may be gone
        log(f"100 %: ended{'' if not failed else ', but not set: ' + '; '.join(failed)}")
