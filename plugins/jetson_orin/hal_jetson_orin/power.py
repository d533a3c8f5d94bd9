"""Power modes of a Jetson Orin: the default mode in a copy of nvpmodel.conf that survives OS updates.

Choosing a mode writes the copy anew from the vendor's file with nothing but the default id changed, so it also follows
a vendor file that an update brought. The mode is never switched live: the mask of powered GPU clusters cannot change
once the GPU is in use, and the tool then asks on its standard input. It is in force after the next boot, and then
nvpmodel's own answer shows it. balenaOS's os-power-mode service writes the same copy from config.json at every boot,
so a mode that shall stay belongs into config.json as `os.power.mode`.
"""

from __future__ import annotations

import re

from attrs import frozen

from hal.errors import Damaged, HalError, NotApplied, ValueRefused
from hal.model import Change, Cost, DeviceType, Outcome, PowerLevel, PowerMode, PowerState, SetResult
from hal.record import Record
from hal.root import Root
from hal_jetson_orin import stored
from hal_jetson_orin.nvpmodel import Mode, NvpModel, parse

VENDOR = "etc/nvpmodel.conf"
STORED = "etc/nvpmodel-config/nvpmodel.conf"
SETTING = "os.power.mode"
QUERY_SECONDS = 10.0
LOCK_SECONDS = 10.0


@frozen(repr=False, eq=False)
class NvpModelPower(Record):
    """The `Power` of every Orin; what differs is the device type's table of levels, and the file on the device."""

    device_type: DeviceType
    root: Root

    @property
    def reads(self) -> tuple[str, ...]:
        """The vendor's file decides everything."""
        return (VENDOR,)

    @property
    def writes(self) -> tuple[str, ...]:
        """The copy on the state partition."""
        return (STORED,)

    def modes(self) -> tuple[PowerMode, ...]:
        """Every mode of the vendor's file, in its order."""
        return self._modes(self._vendor())

    def preview(self, wanted: str | None) -> Change | None:
        """A change is a stored copy that differs from what it should be, in its default or in anything else."""
        vendor = self._vendor()
        return self._difference(vendor, self._resolve(vendor, wanted))

    def set(self, wanted: str | None) -> SetResult:
        """Store the mode for the next boot. *Applied* is only said where that very mode runs already."""
        with self.root.lock(VENDOR, timeout_seconds=LOCK_SECONDS):
            vendor = self._vendor()
            mode = self._resolve(vendor, wanted)
            change = self._difference(vendor, mode)
            before = self._stored_mode(mode.id)
            if change is not None:
                stored.write(self.root, STORED, vendor.with_default(mode.id))
                written = parse(stored.read(self.root, STORED), STORED)
                if written.default != mode.id:
                    raise NotApplied(f"{STORED}: reads back mode {written.default} instead of {mode.id}", path=SETTING)
        # What runs was started from the former copy, so a mode whose clocks changed with the file does not run yet.
        running = self._running(vendor)
        runs = running == mode and before is not None and before.lines == mode.lines
        if change is None and (runs or running is None):
            return SetResult(previous=mode.name, value=mode.name, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
        waits = "in force after the next boot"
        return SetResult(
            previous=change.previous if change else mode.name,
            value=mode.name,
            outcome=Outcome.UNCHANGED if change is None else Outcome.APPLIED if runs else Outcome.ACCEPTED,
            cost=Cost.NONE if runs else Cost.REBOOT,
            note="; ".join(note for note in (change.note if change else "", "" if runs else waits) if note),
        )

    def state(self, *, live: bool = True) -> PowerState:
        """What is stored, or the vendor's default where nothing is; and what nvpmodel says is running."""
        vendor = self._vendor()
        configured = vendor.default
        if self.root.exists(STORED):
            configured = parse(stored.read(self.root, STORED), STORED).default
        running = self._running(vendor) if live else None
        modes = {mode.id: mode for mode in self._modes(vendor)}
        if configured not in modes:
            raise Damaged(f"DEFAULT={configured} is no mode of {VENDOR}; set a mode to mend it", path=STORED)
        return PowerState(
            configured=modes[configured],
            running=modes[running.id] if running else None,
            reboot_required=running is not None and running.id != configured,
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _vendor(self) -> NvpModel:
        return parse(stored.read(self.root, VENDOR), VENDOR)

    def _levels(self, vendor: NvpModel) -> dict[PowerLevel, Mode]:
        """Each level's mode: the first of its names that the file defines; a level with none of them is not offered."""
        found = {}
        for level in self.device_type.power_levels:
            mode = next((m for name in level.names if (m := vendor.named(name))), None)
            if mode is not None:
                found[level.level] = mode
        return found

    def _modes(self, vendor: NvpModel) -> tuple[PowerMode, ...]:
        levels = self._levels(vendor)
        return tuple(
            PowerMode(
                name=mode.name,
                id=mode.id,
                levels=tuple(level for level, meant in levels.items() if meant == mode),
                default=mode.id == vendor.default,
                budget_watt=mode.budget_watt,
            )
            for mode in vendor.modes
        )

    def _resolve(self, vendor: NvpModel, wanted: str | None) -> Mode:
        """A level, `default`, a name of the file, or an id of the file."""
        levels = self._levels(vendor)
        mode: Mode | None = None
        if wanted in stored.UNSET or wanted == "default":
            mode = vendor.mode(vendor.default)
        elif wanted in list(PowerLevel):
            mode = levels.get(PowerLevel(wanted))
        elif wanted is not None and re.fullmatch(r"[0-9]{1,4}", wanted):
            mode = vendor.mode(int(wanted))
        elif wanted is not None:
            mode = vendor.named(wanted)
        if mode is None:
            ids = [str(m.id) for m in vendor.modes]
            allowed = [*(str(level) for level in levels), "default", *(m.name for m in vendor.modes), *ids]
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a power mode here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return mode

    def _difference(self, vendor: NvpModel, mode: Mode) -> Change | None:
        if not self.root.exists(STORED):
            return _change("not stored yet", mode)
        text = stored.read(self.root, STORED)
        if stored.significant(text) == stored.significant(vendor.with_default(mode.id)):
            return None
        try:
            before = parse(text, STORED)
        except Damaged:
            return _change("a damaged file", mode)
        old = before.mode(before.default)
        name = old.name if old else str(before.default)
        return _change(name, mode, "" if name != mode.name else "the stored copy follows the vendor's file")

    def _stored_mode(self, mode_id: int) -> Mode | None:
        """The mode as the stored copy defines it; `None` where there is no sound copy."""
        try:
            return parse(stored.read(self.root, STORED), STORED).mode(mode_id)
        except HalError:
            return None

    def _running(self, vendor: NvpModel) -> Mode | None:
        """The mode nvpmodel reports; `None` where it cannot be asked, or its answer does not fit the file."""
        try:
            answer = self.root.run(["nvpmodel", "-q"], timeout_seconds=QUERY_SECONDS)
        except HalError:
            return None
        reported = parse_query(f"{answer.stdout}\n{answer.stderr}")
        mode = vendor.mode(reported[1]) if reported else None
        return mode if mode and reported and vendor.named(reported[0]) == mode else None


def parse_query(output: str) -> tuple[str, int] | None:
    """Name and id in the output of `nvpmodel -q`: behind `NV Power Mode:`, and the first line of digits after it.

    Any number of warnings may come first, and older releases print the fan mode before. An `NVPM ERROR` anywhere means
    that there is no answer, whatever the exit status was.
    """
    match = re.search(r"NV Power Mode:[ \t]*(\S+)[ \t]*$(?:.|\n)*?^[ \t]*([0-9]{1,4})[ \t]*$", output, re.MULTILINE)
    return (match[1], int(match[2])) if match and "NVPM ERROR" not in output else None


def _change(previous: str, mode: Mode, note: str = "") -> Change:
    return Change(previous=previous, value=mode.name, cost=Cost.REBOOT, note=note)
