"""Fan profiles of a Jetson Orin: the default profile in a copy of nvfancontrol.conf, and a restart of its daemon.

The copy is written anew from the vendor's file with nothing but the default profile of every fan changed. The daemon
caches its status and then ignores the file, so it is stopped, the cache removed, and started; it must report the
profile before the deadline. Where it does not, and when the change is interrupted, the former copy is put back and the
daemon started with that: whatever happens, `start` is tried last, because a fan without control is the worst outcome.
"""

from __future__ import annotations

import time

from attrs import frozen

from hal.backends import hwmon
from hal.errors import Damaged, HalError, NotApplied, ValueRefused
from hal.model import Change, Cost, DeviceType, FanProfile, FanReading, FanState, Outcome, SetResult
from hal.record import Record
from hal.root import Root
from hal_jetson_orin import stored
from hal_jetson_orin.nvfancontrol import FanBlock, NvFanControl, Profile, parse

VENDOR = "etc/nvfancontrol.conf"
STORED = "etc/nvfancontrol-config/nvfancontrol.conf"
STATUS = "var/lib/nvfancontrol/status"
UNIT = "nvfancontrol.service"
SETTING = "os.fan.profile"
SYSTEMCTL_SECONDS = 30.0
QUERY_SECONDS = 5.0
LOCK_SECONDS = 60.0
"""How long another change of the profile is waited for; one takes at most two restarts."""
REPORT_SECONDS = 6.0
"""How long the daemon may take to report its profile after a start, as in the OS's own script."""
REPORT_INTERVAL_SECONDS = 0.25


@frozen(repr=False, eq=False)
class NvFan(Record):
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
        default = set(_defaults(parse(self._text(vendor, "default"), VENDOR)).values())
        return tuple(
            FanProfile(name=profile.name, summary=summary(fan, profile), default={profile.name} == default)
            for profile in fan.profiles
            if profile.name in vendor.profile_names()
        )

    def preview(self, wanted: str | None) -> Change | None:
        """A change is a stored copy that differs from what it should be, in its profile or in anything else."""
        return self._difference(self._text(self._vendor(), wanted))

    def set(self, wanted: str | None) -> SetResult:
        """Store the profile, restart the daemon, and wait until it reports the profile.

        A daemon that does not report what is already stored is restarted too.
        """
        with self.root.lock(VENDOR, timeout_seconds=LOCK_SECONDS):
            text = self._text(self._vendor(), wanted)
            change = self._difference(text)
            profiles = _defaults(parse(text, VENDOR))
            name = _words(profiles)
            if change is None and self._reported() == profiles:
                return SetResult(previous=name, value=name, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
            before = self.root.read_bytes(STORED) if self.root.exists(STORED) else None
            try:
                if change is not None:
                    stored.write(self.root, STORED, text)
                self._restart()
                self._wait_for(profiles)
            except BaseException as error:
                outcome = self._put_back(before)
                if isinstance(error, HalError):
                    raise NotApplied(f"{SETTING}: {error.message}; {outcome}", path=SETTING) from error
                raise
        return SetResult(
            previous=change.previous if change else name,
            value=name,
            outcome=Outcome.APPLIED,
            cost=Cost.SERVICE_RESTART,
            note=change.note if change else "the fan control did not report it, and was started again",
        )

    def state(self, *, live: bool = True) -> FanState:
        """What is stored, or the vendor's default where nothing is; what the daemon reports, and what is measured."""
        name = STORED if self.root.exists(STORED) else VENDOR
        configured = _words(_defaults(parse(stored.read(self.root, name), name)))
        if not live:
            return FanState(configured=configured)
        measured = readings(self.root)
        return FanState(
            configured=configured,
            running=_words(self._reported()) or None,
            readings=measured,
            warnings=hwmon.warnings(measured),
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _vendor(self) -> NvFanControl:
        return parse(stored.read(self.root, VENDOR), VENDOR)

    def _text(self, vendor: NvFanControl, wanted: str | None) -> str:
        """The text to store. Unset is the vendor's file as it is, and so is `default` where this board has no own."""
        names = vendor.profile_names()
        if wanted == "default":
            wanted = self.device_type.fan_default if self.device_type.fan_default in names else None
        if wanted in stored.UNSET or wanted is None:
            return vendor.text
        if wanted not in names:
            allowed = (*names, "default")
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a fan profile here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return vendor.with_default(wanted)

    def _difference(self, text: str) -> Change | None:
        name = _words(_defaults(parse(text, VENDOR)))
        if not self.root.exists(STORED):
            return _change("not stored yet", name)
        found = stored.read(self.root, STORED)
        if stored.significant(found) == stored.significant(text):
            return None
        try:
            before = _words(_defaults(parse(found, STORED)))
        except Damaged:
            return _change("a damaged file", name)
        return _change(before, name, "" if before != name else "the stored copy follows the vendor's file")

    def _restart(self) -> None:
        """Stop, forget, start. Start is tried even where stopping or forgetting failed."""
        try:
            self.root.run(["systemctl", "stop", UNIT], timeout_seconds=SYSTEMCTL_SECONDS)
            self.root.remove(STATUS)
        finally:
            self.root.run(["systemctl", "start", UNIT], timeout_seconds=SYSTEMCTL_SECONDS)

    def _reported(self) -> dict[int, str]:
        """The profile of each fan by its number, as the daemon reports it; empty where it does not answer."""
        try:
            answer = self.root.run(["nvfancontrol", "-q"], timeout_seconds=QUERY_SECONDS)
        except HalError:
            return {}
        fields = [line.strip().split(":") for line in answer.stdout.split("\n")]
        return {
            int(field[0].removeprefix("FAN")): field[2]
            for field in fields
            if len(field) == 3 and field[1] == "FAN_PROFILE" and field[0].removeprefix("FAN").isdecimal()
        }

    def _wait_for(self, profiles: dict[int, str]) -> None:
        """Returns once every fan reports its profile; raises where that takes too long."""
        deadline = time.monotonic() + REPORT_SECONDS
        while (reported := self._reported()) != profiles:
            if time.monotonic() >= deadline:
                raise NotApplied(
                    f"the fan control reports {_words(reported) or 'nothing'} instead of {_words(profiles)} "
                    f"{REPORT_SECONDS:g} s after its restart"
                )
            time.sleep(REPORT_INTERVAL_SECONDS)

    def _put_back(self, before: bytes | None) -> str:
        """Undo, so that the fan is under control; returns what to tell the user."""
        try:
            try:
                if before is None:
                    self.root.remove(STORED)
                else:
                    self.root.replace(STORED, before)
            finally:
                self._restart()
        except HalError as error:
            return f"putting the former profile back failed too: {error.message}; check the fan"
        return "the former profile was put back"


def summary(fan: FanBlock, profile: Profile) -> str:
    """A curve in words: when the fan stands still, its lowest and its highest speed."""
    rows = fan.absolute(profile)
    off = [row.temperature_celsius for row in rows if row.pwm == 0 and row.rpm == 0]
    top = max(rows, key=lambda row: (row.pwm, row.rpm))
    first_top = min(row.temperature_celsius for row in rows if (row.pwm, row.rpm) == (top.pwm, top.rpm))
    lowest = min((row for row in rows if row.pwm or row.rpm), key=lambda row: (row.rpm, row.pwm), default=top)
    words = [f"off up to {max(off)} °C"] if off else []
    if lowest.rpm < top.rpm:
        words.append(f"at least {lowest.rpm} rpm" + (" above" if off else ""))
    return ", ".join([*words, f"{round(top.pwm / 255 * 100)} % ({top.rpm} rpm) from {first_top} °C"])


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


def _defaults(control: NvFanControl) -> dict[int, str]:
    """The default profile of each fan, by its number."""
    return {fan.number: fan.default for fan in control.fans}


def _words(profiles: dict[int, str]) -> str:
    """One name where all fans have the same profile, else that of each."""
    names = list(dict.fromkeys(profiles.values()))
    return names[0] if len(names) == 1 else ", ".join(f"{name} (fan {fan})" for fan, name in sorted(profiles.items()))


def _change(previous: str, name: str, note: str = "") -> Change:
    return Change(previous=previous, value=name, cost=Cost.SERVICE_RESTART, note=note)
