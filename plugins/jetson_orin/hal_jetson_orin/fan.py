"""Fan profiles of a Jetson Orin: the default profile in a copy of nvfancontrol.conf, and a restart of its daemon.

As for power modes, the copy lies in a folder bind-mounted from the state partition and is written anew from the
vendor's file with nothing but the default profile of every fan changed. The daemon caches its status and then ignores
the file, so it is stopped, the cache removed, and started; it must report the profile before the deadline. Where it
does not, the former copy is put back and the daemon started with that, because a fan without control is the worst
outcome.
"""

from __future__ import annotations

import time
from contextlib import suppress

from attrs import frozen

from hal.errors import Damaged, FileFault, HalError, NotApplied, ValueRefused
from hal.model import Change, Cost, DeviceType, FanProfile, FanReading, FanState, Outcome, SetResult
from hal.root import Root
from hal_jetson_orin.nvfancontrol import FanBlock, NvFanControl, Profile, parse

VENDOR = "etc/nvfancontrol.conf"
STORED = "etc/nvfancontrol-config/nvfancontrol.conf"
STATUS = "var/lib/nvfancontrol/status"
UNIT = "nvfancontrol.service"
SETTING = "os.fan.profile"
SYSTEMCTL_SECONDS = 30.0
QUERY_SECONDS = 5.0
REPORT_SECONDS = 6.0
"""How long the daemon may take to report its profile after a start, as in the OS's own script."""
REPORT_INTERVAL_SECONDS = 0.25


@frozen
class NvFan:
    """The `Fan` of every Orin; what differs is what `default` means, and the file on the device."""

    device_type: DeviceType
    root: Root

    @property
    def reads(self) -> tuple[str, ...]:
        """The vendor's file decides everything."""
        return (VENDOR,)

    @property
    def writes(self) -> tuple[str, ...]:
        """The copy on the state partition, and the daemon's cache, which is removed."""
        return (STORED, STATUS)

    def profiles(self) -> tuple[FanProfile, ...]:
        """Every profile that all fans of the vendor's file have."""
        vendor = self._vendor()
        fan = vendor.fans[0]
        means_default = self._resolve(vendor, "default")
        return tuple(
            FanProfile(name=profile.name, summary=summary(fan, profile), default=profile.name == means_default)
            for profile in fan.profiles
            if profile.name in vendor.profile_names()
        )

    def preview(self, wanted: str | None) -> Change | None:
        """A change is a stored copy that differs from what it should be, in its profile or in anything else."""
        vendor = self._vendor()
        name, text = self._wanted(vendor, wanted)
        try:
            stored = self.root.read_text(STORED)
        except FileFault:
            return _change("not stored yet", name)
        if stored == text:
            return None
        try:
            before = _defaults(parse(stored, STORED))
        except Damaged:
            return _change("a damaged file", name)
        return _change(before, name, "" if before != name else "the stored copy follows the vendor's file")

    def set(self, wanted: str | None) -> SetResult:
        """Store the profile, restart the daemon, and wait until it reports the profile."""
        change = self.preview(wanted)
        name, text = self._wanted(self._vendor(), wanted)
        if change is None:
            return SetResult(previous=name, value=name, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
        before = self.root.read_bytes(STORED) if self.root.exists(STORED) else None
        self.root.replace(STORED, text.encode())
        try:
            self._restart()
            self._wait_for(name)
        except HalError as error:
            raise NotApplied(f"{SETTING}: {error.message}; {self._put_back(before)}", path=SETTING) from error
        return SetResult(
            previous=change.previous, value=name, outcome=Outcome.APPLIED, cost=Cost.SERVICE_RESTART, note=change.note
        )

    def state(self, *, live: bool = True) -> FanState:
        """What is stored, or the vendor's default where nothing is; what the daemon reports, and what is measured."""
        stored = STORED if self.root.exists(STORED) else VENDOR
        configured = _defaults(parse(self.root.read_text(stored), stored))
        if not live:
            return FanState(configured=configured)
        running = None
        with suppress(HalError):
            running = ", ".join(sorted(set(self._reported()))) or None
        return FanState(configured=configured, running=running, readings=readings(self.root))

    # -- inside --------------------------------------------------------------------------------------------------

    def _vendor(self) -> NvFanControl:
        return parse(self.root.read_text(VENDOR), VENDOR)

    def _wanted(self, vendor: NvFanControl, wanted: str | None) -> tuple[str, str]:
        """The profile's name and the text to store; an unset value is the vendor's file as it is."""
        if wanted in (None, "", "null"):
            return _defaults(vendor), vendor.text
        name = self._resolve(vendor, wanted)
        return name, vendor.with_default(name)

    def _resolve(self, vendor: NvFanControl, wanted: str | None) -> str:
        """A profile that every fan has, by name; `default` is this device type's, else the vendor's own."""
        names = vendor.profile_names()
        if wanted == "default":
            return self.device_type.fan_default if self.device_type.fan_default in names else vendor.fans[0].default
        if wanted not in names:
            allowed = (*names, "default")
            raise ValueRefused(
                f"{SETTING}: {wanted!r} is not a fan profile here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return wanted

    def _restart(self) -> None:
        self.root.run(["systemctl", "stop", UNIT], timeout_seconds=SYSTEMCTL_SECONDS)
        self.root.remove(STATUS)
        self.root.run(["systemctl", "start", UNIT], timeout_seconds=SYSTEMCTL_SECONDS)

    def _reported(self) -> list[str]:
        """The profile of each fan, as the daemon reports it."""
        answer = self.root.run(["nvfancontrol", "-q"], timeout_seconds=QUERY_SECONDS)
        fields = [line.strip().split(":") for line in answer.stdout.splitlines()]
        return [field[2] for field in fields if len(field) == 3 and field[1] == "FAN_PROFILE"]

    def _wait_for(self, name: str) -> None:
        """Returns once every fan reports `name`; raises where that takes too long."""
        deadline = time.monotonic() + REPORT_SECONDS
        reported: list[str] = []
        while True:
            with suppress(HalError):
                reported = self._reported()
            if reported and set(reported) == {name}:
                return
            if time.monotonic() >= deadline:
                raise NotApplied(
                    f"the fan control reports {', '.join(reported) or 'nothing'} instead of {name} "
                    f"{REPORT_SECONDS:g} s after its restart"
                )
            time.sleep(REPORT_INTERVAL_SECONDS)

    def _put_back(self, before: bytes | None) -> str:
        """Undo, so that the fan is under control; returns what to tell the user."""
        try:
            if before is None:
                self.root.remove(STORED)
            else:
                self.root.replace(STORED, before)
            self._restart()
        except HalError as error:
            return f"putting the former profile back failed too: {error.message}; check the fan"
        return "the former profile was put back"


def summary(fan: FanBlock, profile: Profile) -> str:
    """A curve in words: when the fan is off, and its speed at the top."""
    rows = fan.absolute(profile)
    off = [row.temperature_celsius for row in rows if row.pwm == 0]
    top = max(rows, key=lambda row: row.pwm)
    first_top = min(row.temperature_celsius for row in rows if row.pwm == top.pwm)
    words = f"{round(top.pwm / 255 * 100)} % ({top.rpm} rpm) from {first_top} °C"
    return f"off up to {max(off)} °C, {words}" if off else words


def readings(root: Root) -> tuple[FanReading, ...]:
    """Speed, duty and temperature from hwmon and the thermal zones, found by name because numbers move.

    The tachometer is a device of its own whose speed is in `rpm`. A zone may refuse to be read while the GPU is off.
    """
    rpm = duty = temperature = None
    for folder in root.glob("sys/class/hwmon/hwmon*"):
        name = root.read_value(f"{folder}/name")
        if name == "pwm_tach":
            rpm = _number(root, f"{folder}/rpm")
        elif name == "pwmfan":
            duty = _number(root, f"{folder}/pwm1")
    for folder in root.glob("sys/class/thermal/thermal_zone*"):
        if root.read_value(f"{folder}/type") == "tj-thermal":
            temperature = _number(root, f"{folder}/temp")
    if rpm is None and duty is None and temperature is None:
        return ()
    percent = None if duty is None else round(duty / 255 * 100, 1)
    return (FanReading(name="fan1", rpm=rpm, pwm_percent=percent, temperature_millicelsius=temperature),)


def _number(root: Root, name: str) -> int | None:
    try:
        return int(root.read_value(name) or "")
    except ValueError:
        return None


def _defaults(control: NvFanControl) -> str:
    """The default profile; where fans differ, all of them."""
    return ", ".join(dict.fromkeys(fan.default for fan in control.fans))


def _change(previous: str, name: str, note: str = "") -> Change:
    return Change(previous=previous, value=name, cost=Cost.SERVICE_RESTART, note=note)
