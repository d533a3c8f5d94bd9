"""Power modes of a Jetson Orin: the default mode in a copy of nvpmodel.conf that survives OS updates.

The vendor's file is part of the read-only root file system; balenaOS starts nvpmodel with a copy in a folder that is
bind-mounted from the state partition. Choosing a mode writes that copy anew from the vendor's file, with nothing but
the default id changed, so it also follows a vendor file that an update brought. The mode is never switched live: the
mask of powered GPU clusters cannot change once the GPU is in use, and the tool then asks on its standard input. It is
in force after the next boot, and then nvpmodel's own answer shows it.
"""

from __future__ import annotations

import re

from attrs import frozen

from hal.errors import Damaged, FileFault, HalError, NotApplied, ValueRefused
from hal.model import Change, Cost, DeviceType, Outcome, PowerLevel, PowerMode, PowerState, SetResult
from hal.root import Root
from hal_jetson_orin.nvpmodel import Mode, NvpModel, parse

VENDOR = "etc/nvpmodel.conf"
STORED = "etc/nvpmodel-config/nvpmodel.conf"
SETTING = "os.power.mode"
QUERY_SECONDS = 10.0

_DEFAULT = (None, "", "null", "default")


@frozen
class NvpModelPower:
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
        mode = self._resolve(vendor, wanted)
        try:
            stored = self.root.read_text(STORED)
        except FileFault:
            return self._change("not stored yet", mode)
        if stored == vendor.with_default(mode.id):
            return None
        try:
            before = parse(stored, STORED)
        except Damaged:
            return self._change("a damaged file", mode)
        old = before.mode(before.default)
        name = old.name if old else str(before.default)
        note = "" if name != mode.name else "the stored copy follows the vendor's file"
        return self._change(name, mode, note)

    def set(self, wanted: str | None) -> SetResult:
        """Store the mode for the next boot."""
        change = self.preview(wanted)
        vendor = self._vendor()
        mode = self._resolve(vendor, wanted)
        if change is None:
            return SetResult(previous=mode.name, value=mode.name, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
        self.root.replace(STORED, vendor.with_default(mode.id).encode())
        written = parse(self.root.read_text(STORED), STORED)
        if written.default != mode.id:
            raise NotApplied(f"{STORED}: reads back mode {written.default} instead of {mode.id}", path=SETTING)
        running = self._running(vendor)
        return SetResult(
            previous=change.previous,
            value=mode.name,
            outcome=Outcome.APPLIED if running == mode else Outcome.ACCEPTED,
            cost=Cost.NONE if running == mode else Cost.REBOOT,
            note=change.note or ("" if running == mode else "in force after the next boot"),
        )

    def state(self, *, live: bool = True) -> PowerState:
        """What is stored, or the vendor's default where nothing is; and what nvpmodel says is running."""
        vendor = self._vendor()
        configured = vendor.default
        if self.root.exists(STORED):
            configured = parse(self.root.read_text(STORED), STORED).default
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
        return parse(self.root.read_text(VENDOR), VENDOR)

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
        if wanted in _DEFAULT:
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
                f"{SETTING}: {wanted!r} is not a power mode here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return mode

    def _change(self, previous: str, mode: Mode, note: str = "") -> Change:
        return Change(previous=previous, value=mode.name, cost=Cost.REBOOT, note=note)

    def _running(self, vendor: NvpModel) -> Mode | None:
        """The mode nvpmodel reports; `None` where it cannot be asked or its answer makes no sense."""
        try:
            answer = self.root.run(["nvpmodel", "-q"], timeout_seconds=QUERY_SECONDS)
        except HalError:
            return None
        number = parse_query(answer.stdout)
        return None if number is None else vendor.mode(number)


def parse_query(output: str) -> int | None:
    """The mode id in the output of `nvpmodel -q`: the first line of digits after `NV Power Mode:`.

    Any number of warnings may come first, and older releases print the fan mode before. An `NVPM ERROR` anywhere means
    that there is no answer, whatever the exit status was.
    """
    if "NVPM ERROR" in output:
        return None
    _, label, rest = output.partition("NV Power Mode:")
    match = re.search(r"^\s*([0-9]{1,4})\s*$", rest, re.MULTILINE) if label else None
    return int(match[1]) if match else None
