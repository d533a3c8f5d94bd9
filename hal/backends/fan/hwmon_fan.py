"""The fan of a PC whose monitoring chip lets software drive it: the chip's own automatic, or full speed.

Nothing between: a fixed duty that is quiet today is too little on the first hot day, and a fan that follows the
temperature is what the chip's automatic is for. What the chip did when the OS started is the default; it is recorded
before the first change, and back by itself after the next boot.

`pwmN_enable` is never written 0, which means full speed to most drivers and a fan that is off to some: full speed is
the manual mode with 255.

Source: Linux documentation (hwmon/sysfs-interface, hwmon/pwm-fan).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hal.backends import attributes, found, hwmon
from hal.backends.found import Decision, Found
from hal.errors import CapabilityAbsent, FileFault, ValueRefused
from hal.model import Change, FanProfile, FanState, SetResult
from hal.root import Root

SETTING = "os.fan.profile"
RECORD = f"{found.FOLDER}/fan.json"
DEFAULT, FULL, CUSTOM = "default", "full", "custom"
LOCK_SECONDS = 10.0
MANUAL, FULL_DUTY = "1", "255"

LEFT_ALONE = {
    "pwmfan": "the kernel's thermal framework drives it",
    "gpio_fan": "the kernel's thermal framework drives it",
    "amdgpu": "the graphics card drives its fan by its own load",
    "nouveau": "the graphics card drives its fan by its own load",
}
"""Devices with pwm files that are not a PC's case or CPU fan, and why they are left alone."""

ZONES = ("x86_pkg_temp", "cpu-thermal")
SENSORS = ("coretemp", "k10temp")
"""Where a CPU's temperature is: thermal zones, else hwmon devices. ACPI's zones may be of anything."""

PROFILES = (
    FanProfile(name=DEFAULT, summary="what the chip or the firmware does by itself", default=True),
    FanProfile(name=FULL, summary="100 % always"),
)


class Channel(NamedTuple):
    """One pwm output: a key that holds while numbers move, and its files."""

    key: str
    duty: str
    mode: str


class HwmonFan:
    """The `Fan` of a PC. Every method may raise `HalError`."""

    reads: tuple[str, ...] = ()

    def __init__(self, root: Root) -> None:
        self.root = root

    @property
    def writes(self) -> tuple[str, ...]:
        """Mode and duty of every output, and the record of what was found."""
        return (*(name for each in channels(self.root) for name in (each.mode, each.duty)), RECORD)

    def absence(self) -> str | None:
        """Why there is nothing to drive here."""
        if channels(self.root):
            return None
        names = {name: LEFT_ALONE.get(name) for name, _ in hwmon.devices(self.root)}
        alone = [f"{name} is left alone: {reason}" for name, reason in names.items() if reason]
        return "; ".join(("no hwmon device here has a pwm output and a mode that can be written", *alone))

    def profiles(self) -> tuple[FanProfile, ...]:
        """The chip's own automatic, and full speed."""
        return PROFILES

    def preview(self, wanted: str | None) -> Change | None:
        """What `set` would change."""
        return self._decide(wanted).change

    def set(self, wanted: str | None) -> SetResult:
        """Set every output, or none, and read back."""
        with self.root.lock(self._channels()[0].mode, timeout_seconds=LOCK_SECONDS):
            decision = self._decide(wanted)
            found.carry_out(self.root, RECORD, decision)
        return decision.result

    def state(self, *, live: bool = True) -> FanState:
        """What was chosen since the boot; with `live` also what the outputs are set to, and what is measured."""
        record = found.read(self.root, RECORD)
        running = self._named(self._now(), record)
        configured = record.chosen if record else running
        if not live:
            return FanState(configured=configured)
        heat = hwmon.temperature(self.root, *ZONES)
        if heat is None:
            inputs = [
                hwmon.number(self.root, f"{folder}/temp1_input") for _, folder in hwmon.devices(self.root, SENSORS)
            ]
            heat = max((each for each in inputs if each is not None), default=None)
        readings = hwmon.fans(self.root, {each.key.partition("/")[0] for each in channels(self.root)}, heat)
        return FanState(configured=configured, running=running, readings=readings, warnings=hwmon.warnings(readings))

    # -- inside --------------------------------------------------------------------------------------------------

    def _channels(self) -> tuple[Channel, ...]:
        there = channels(self.root)
        if not there:
            raise CapabilityAbsent(f"fan: {self.absence()}", path="fan")
        return there

    def _now(self) -> dict[str, str]:
        """Mode and duty of each output, by its key."""
        now: dict[str, str] = {}
        for each in self._channels():
            mode, duty = self.root.read_value(each.mode), self.root.read_value(each.duty)
            if mode is None or duty is None:
                raise FileFault(f"{each.mode}: cannot be read, so the fan is left as it is", path=each.mode)
            now |= {f"{each.key} mode": mode, f"{each.key} duty": duty}
        return now

    def _full(self) -> dict[str, str]:
        keys = [each.key for each in self._channels()]
        return {**{f"{key} mode": MANUAL for key in keys}, **{f"{key} duty": FULL_DUTY for key in keys}}

    def _named(self, now: dict[str, str], record: Found | None) -> str:
        """The profile that these values are; without a record they are the default, whatever they are."""
        if record is None or _set_by_hand(now) == _set_by_hand(record.values):
            return DEFAULT
        return FULL if now == self._full() else CUSTOM

    def _decide(self, wanted: str | None) -> Decision:
        record, now = found.read(self.root, RECORD), self._now()
        there = dict(record.values) if record else now
        if wanted in (None, "", DEFAULT):
            value, target, kept = DEFAULT, there, None
        elif wanted == FULL:
            value, target, kept = FULL, self._full(), Found(values=there, chosen=FULL)
        else:
            allowed = (DEFAULT, FULL)
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a fan profile here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        is_so = _set_by_hand(now) == _set_by_hand(target)
        previous = record.chosen if record and is_so else self._named(now, record)
        is_due = not is_so or (record.chosen if record else DEFAULT) != value
        if kept is not None and record is None and is_so:
            # Full speed is what was found, so it is the default already.
            value, is_due = DEFAULT, False
        return Decision(
            setting=SETTING,
            stages=() if is_so else self._stages(target),
            back=self._back(now),
            previous=previous,
            value=value,
            record=kept,
            is_due=is_due,
        )

    def _stages(self, values: Mapping[str, str]) -> tuple[attributes.Values, ...]:
        """Values by key as values by file. An automatic refuses a duty, and moves it by itself.

        So an output that goes to one gets its duty before, while it is still manual, and one that becomes manual after.
        """
        before, modes, after = [], [], []
        for each in self._channels():
            mode, duty = values[f"{each.key} mode"], values[f"{each.key} duty"]
            modes.append((each.mode, mode))
            if mode == MANUAL:
                after.append((each.duty, duty))
            elif self.root.read_value(each.mode) == MANUAL:
                before.append((each.duty, duty))
        return tuple(stage for stage in (before, modes, after) if stage)

    def _back(self, now: Mapping[str, str]) -> attributes.Values:
        """What the outputs have. Modes first: whatever an automatic makes of the duty then is right."""
        there = self._channels()
        modes = [(each.mode, now[f"{each.key} mode"]) for each in there]
        return modes + [(each.duty, now[f"{each.key} duty"]) for each in there if now[f"{each.key} mode"] == MANUAL]


def _set_by_hand(values: Mapping[str, str]) -> dict[str, str]:
    """Modes, and the duties that hold: in an automatic the duty is a measurement."""
    return {
        key: value
        for key, value in values.items()
        if key.endswith(" mode") or values.get(f"{key.removesuffix(' duty')} mode") == MANUAL
    }


def channels(root: Root) -> tuple[Channel, ...]:
    """Every output that may be driven: its duty and its mode are there, and either file lets itself be written."""
    there = []
    seen: dict[str, int] = {}
    for name, folder in hwmon.devices(root):
        if name in LEFT_ALONE:
            continue
        place = seen[name] = seen.get(name, 0) + 1
        for entry in root.listdir(folder):
            duty, mode = f"{folder}/{entry}", f"{folder}/{entry}_enable"
            if re.fullmatch(r"pwm[0-9]+", entry) and root.is_writable(duty) and root.is_writable(mode):
                there.append(Channel(key=f"{name}/{place}/{entry}", duty=duty, mode=mode))
    return tuple(there)
