"""A fan on a controller of the EMC2301 family that no kernel driver holds: a profile is a curve, `hal fan run` drives.

Choosing a profile writes it below `/run`; the loop follows at its next step. Where nobody runs the loop the controller
is left as it is, and says so. Left alone since power-on it turns at full speed, so that is the default profile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from attrs import frozen

from hal.backends import found, hwmon, i2c
from hal.backends.fan import curve as curves
from hal.backends.fan.emc230x import Emc230x
from hal.backends.fan.regulation import regulate
from hal.backends.found import Found
from hal.errors import FileFault, HalError, NotApplied, ValueRefused
from hal.model import Change, Cost, FanProfile, FanReading, FanState, Outcome, SetResult
from hal.record import Record
from hal.root import Root

SETTING = "os.fan.profile"
RECORD = f"{found.FOLDER}/fan.json"
LOOP = f"{found.FOLDER}/fan-loop"
"""Locked by whoever runs the loop; its content is the profile and the duty that took effect last."""
DEFAULT = "full"
INTERVAL_SECONDS = (0.5, 3.0)
"""Shortest and longest time between two steps; the watchdog waits four seconds."""
REPORT_SECONDS = 8.0
LOCK_SECONDS = 2.0
NOT_RUNNING = "`hal fan run` is not running, so the fan stays as it is"


@frozen(kw_only=True, repr=False, eq=False)
class Wiring(Record):
    """Where a board has the controller: I²C bus and 7-bit address, and the thermal zone that it is there for."""

    bus: int
    address: int
    zone: str


class ControllerFan:
    """The `Fan` of such a board. Every method may raise `HalError`."""

    reads: tuple[str, ...] = ()
    writes = (RECORD,)

    def __init__(
        self, root: Root, wiring: Wiring, opened: Callable[[Root, int], AbstractContextManager[i2c.Bus]] = i2c.opened
    ) -> None:
        self.root = root
        self._wiring = wiring
        self._opened = opened

    def absence(self) -> str | None:
        """Why the controller cannot be driven: no bus, a kernel driver that holds it, or something else answers."""
        wiring = self._wiring
        driver = i2c.held_by(self.root, wiring.bus, wiring.address)
        if driver is not None:
            return f"the kernel's driver {driver} holds the fan controller, and no profiles of it are known here"
        if not self.root.exists(i2c.node(wiring.bus)):
            return f"there is no {i2c.node(wiring.bus)}, the I²C bus of the fan controller"
        try:
            with self._opened(self.root, wiring.bus) as bus:
                self._chip(bus)
        except HalError as error:
            return error.message
        return None

    def profiles(self) -> tuple[FanProfile, ...]:
        """The curves."""
        return tuple(
            FanProfile(name=each.name, summary=each.summary(), default=each.name == DEFAULT) for each in curves.CURVES
        )

    def preview(self, wanted: str | None) -> Change | None:
        """What `set` would change."""
        name, before = self._resolve(wanted), self._chosen()
        return None if name == before else Change(previous=before, value=name, cost=Cost.NONE, note=self._note())

    def set(self, wanted: str | None) -> SetResult:
        """Choose a curve; where the loop runs, wait until it reports it."""
        name, record = self._resolve(wanted), found.read(self.root, RECORD)
        before = record.chosen if record else DEFAULT
        if name == before:
            return SetResult(previous=name, value=name, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
        found.restore(self.root, RECORD, None if name == DEFAULT else Found(values={}, chosen=name))
        runs = self._reported() is not None
        if runs:
            self._wait_for(name, record)
        outcome = Outcome.APPLIED if runs else Outcome.ACCEPTED
        return SetResult(previous=before, value=name, outcome=outcome, cost=Cost.NONE, note=self._note())

    def state(self, *, live: bool = True) -> FanState:
        """The profile chosen, what the loop reports, and what the controller measures."""
        configured = self._chosen()
        if not live:
            return FanState(configured=configured)
        reported = self._reported()
        heat = hwmon.temperature(self.root, self._wiring.zone)
        with self._opened(self.root, self._wiring.bus) as bus:
            chip = self._chip(bus)
            readings = tuple(
                FanReading(
                    name=f"{chip.product.name} {fan + 1}",
                    rpm=chip.rpm(fan),
                    pwm_percent=round(chip.drive(fan) / 255 * 100, 1),
                    temperature_millicelsius=heat,
                )
                for fan in range(chip.product.fans)
            )
        warnings = hwmon.warnings(readings)
        return FanState(
            configured=configured,
            running=reported,
            readings=readings,
            reported=reported is not None,
            warnings=warnings if reported is not None else (NOT_RUNNING, *warnings),
        )

    def regulate(self, *, interval_seconds: float, log: Callable[[str], None]) -> None:
        """Drive the fans by the chosen curve. Refuses an interval that the watchdog would not wait for."""
        shortest, longest = INTERVAL_SECONDS
        if not shortest <= interval_seconds <= longest:
            rule = f"{shortest:g} to {longest:g} seconds"
            raise ValueRefused(f"interval: {interval_seconds:g} is not allowed; {rule} is", allowed=(rule,))
        reason = self.absence()
        if reason is not None:
            raise HalError(f"fan: {reason}", path="fan")
        if not self.root.exists(LOOP):
            self.root.make_folder(found.FOLDER)
            self.root.replace(LOOP, b"")
        with (
            self.root.lock(LOOP, timeout_seconds=LOCK_SECONDS),
            self._opened(self.root, self._wiring.bus) as bus,
        ):
            chip = self._chip(bus)
            chip.take_over(min(each.least for each in curves.CURVES))
            regulate(
                chip,
                chip.product.fans,
                curve=self._curve,
                temperature=lambda: hwmon.temperature(self.root, self._wiring.zone),
                interval_seconds=interval_seconds,
                log=log,
                told=self._report,
            )

    # -- inside --------------------------------------------------------------------------------------------------

    def _chip(self, bus: i2c.Bus) -> Emc230x:
        return Emc230x(bus, self._wiring.address, where=i2c.node(self._wiring.bus))

    def _resolve(self, wanted: str | None) -> str:
        name = DEFAULT if wanted in (None, "", "default") else wanted
        if name is None or curves.of_name(name) is None:
            allowed = (*(each.name for each in curves.CURVES), "default")
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a fan profile here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return name

    def _chosen(self) -> str:
        record = found.read(self.root, RECORD)
        return record.chosen if record else DEFAULT

    def _curve(self) -> curves.Curve:
        """The chosen curve; full speed for a record that names none."""
        curve = curves.of_name(self._chosen()) or curves.of_name(DEFAULT)
        assert curve is not None
        return curve

    def _report(self, name: str, duty: int) -> None:
        """What took effect, for `set` and `state`; a report that cannot be written stops no fan."""
        with suppress(HalError):
            self.root.write(LOOP, f"{name} {duty}\n")

    def _reported(self) -> str | None:
        """The profile that the loop reports; `None` where nobody runs it."""
        if not self.root.exists(LOOP):
            return None
        try:
            with self.root.lock(LOOP, timeout_seconds=0):
                return None
        except FileFault:
            return (self.root.read_value(LOOP) or "").partition(" ")[0]

    def _wait_for(self, name: str, before: Found | None) -> None:
        deadline = time.monotonic() + REPORT_SECONDS
        while (reported := self._reported()) != name:
            if time.monotonic() >= deadline:
                found.restore(self.root, RECORD, before)
                raise NotApplied(
                    f"{SETTING}: the loop reports {reported or 'nothing'} instead of {name} after "
                    f"{REPORT_SECONDS:g} s; the former profile was put back",
                    path=SETTING,
                )
            time.sleep(0.1)

    def _note(self) -> str:
        return "" if self._reported() is not None else NOT_RUNNING
