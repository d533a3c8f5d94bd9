"""Plan and apply: what config.json asks for, compared with the board; then made so, one setting at a time.

A wrong value is refused with its path and what is allowed, and never stops another setting. A setting that the board
lacks is listed with the reason. Applying performs what the plan says and nothing else, so applying twice changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import field, frozen

from hal.ask import ask
from hal.errors import HalError, ValueRefused
from hal.model import Change, Cost, SetResult
from hal.protocols import Fan, Power, Setting
from hal.record import Record
from hal.root import Root
from hal.settings.attempts import FILE as ATTEMPTS
from hal.settings.attempts import Attempts, Stopped
from hal.settings.keys import BY_PATH, FLAG, unknown, values
from hal.settings.kinds import Fault, named, unlike
from hal.settings.services.service import Asked, ServiceSetting
from hal.settings.services.table import ENGINE, SERVICES
from hal.settings.values import sound_part, without_login


@frozen(kw_only=True, repr=False, eq=False)
class Planned(Record):
    """One setting that differs: its path in config.json, and the change."""

    path: str
    change: Change
    setting: Setting | ServiceSetting = field(eq=False, repr=False)
    wanted: str | Asked | None = field(eq=False, repr=False)


@frozen(kw_only=True, repr=False, eq=False)
class Refused(Record):
    """A value that cannot be applied: its path, the value as read, why, and what is allowed."""

    path: str
    value: object
    code: str
    message: str
    allowed: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class Unavailable(Record):
    """A setting that is asked for and that this board lacks, with the reason."""

    path: str
    value: object
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class Plan(Record):
    """Everything config.json asks of this board that is not so yet, in the order in which it is applied."""

    changes: tuple[Planned, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    refused: tuple[Refused, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    unknown_keys: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: bytes | None = field(default=None, repr=False)
    """The device's own config.json, where that was read: a good one is kept once the plan is applied."""

    @property
    def cost(self) -> Cost:
        """What all the changes together cost: the highest of them."""
        order = list(Cost)
        return max((planned.change.cost for planned in self.changes), key=order.index, default=Cost.NONE)


@frozen(kw_only=True, repr=False, eq=False)
class Applied(Record):
    """How one planned change ended: a result, or the error that stopped it."""

    path: str
    result: SetResult | None = None
    error: HalError | None = None


def plan(config: dict[str, Any], root: Root, *, power: Power | None, fan: Fan | None, absent: dict[str, str]) -> Plan:
    """Compare a config.json with the device. `absent` gives the reason for each capability that is `None`."""
    found = dict(values(config))
    faults = [(path, value, fault) for path, value in found.items() for fault in _faults(path, value)]
    refused = [_refused(path, value, fault) for path, value, fault in faults]
    wrong = frozenset(f"{path}{fault.where}" for path, _, fault in faults)
    warnings = [
        f"{path}: {note}"
        for path, value in found.items()
        if path in BY_PATH and BY_PATH[path].kind is FLAG and path not in wrong and (note := unlike(value))
    ]
    look = _Look(root, found, wrong, refused, warnings)
    for service in SERVICES:
        look.at_service(ServiceSetting(service, root))
    look.at_setting("os.power.mode", power, absent.get("power"))
    look.at_setting("os.fan.profile", fan, absent.get("fan"))
    for service in ENGINE:
        look.at_service(ServiceSetting(service, root))
    attempts = Attempts(root)
    stopped = {each.path: each for one in look.changes if (each := attempts.stopped(one.path, one.change))}
    return Plan(
        changes=tuple(one for one in look.changes if one.path not in stopped),
        stopped=tuple(stopped.values()),
        refused=tuple(refused),
        unavailable=tuple(look.unavailable),
        unknown_keys=unknown(config),
        warnings=tuple(warnings),
    )


_SHOWN = 200
"""Characters of a path that are shown."""


class _Look:
    """One look at the device: what is found goes into the lists of the plan."""

    def __init__(
        self, root: Root, found: dict[str, object], wrong: frozenset[str], refused: list[Refused], warnings: list[str]
    ) -> None:
        self.changes: list[Planned] = []
        self.unavailable: list[Unavailable] = []
        self._root, self._found, self._wrong = root, found, wrong
        self._refused, self._warnings = refused, warnings

    def at_service(self, setting: ServiceSetting) -> None:
        """Of a value that was refused in parts, the rest is asked for."""
        service = setting.service
        told = [key for key in service.keys if key in self._found]
        asked = Asked(values={key: self._sound(key) for key in told if key not in self._wrong}, wrong=self._wrong)
        try:
            reason = service.absence(self._root)
        except HalError as error:
            reason = error.message
        if reason is not None:
            if service.keys[0] in self._found or any(key.startswith(f"{service.path}.") for key in told):
                key = next(key for key in told if key == service.keys[0] or key.startswith(f"{service.path}."))
                self.unavailable.append(Unavailable(path=key, value=self._found[key], reason=reason))
            return
        try:
            change = setting.preview(asked)
        except HalError as error:
            self._refused.append(
                Refused(path=service.path, value=None, code=error.code, message=f"{service.path}: {error.message}")
            )
        else:
            if change is not None:
                self.changes.append(Planned(path=service.path, change=change, setting=setting, wanted=asked))

    def _sound(self, key: str) -> object:
        return sound_part(self._found[key], {path.removeprefix(key) for path in self._wrong})

    def at_setting(self, path: str, setting: Setting | None, absent: str | None) -> None:
        """A setting of the board, whose plugin judges the value further."""
        if any(path == each or path.startswith(f"{each}.") for each in self._wrong):
            return
        value = self._found.get(path)
        wanted = None if value is None else str(value)
        if setting is None:
            if wanted is not None:
                reason = absent or "this board has no such capability"
                self.unavailable.append(Unavailable(path=path, value=value, reason=reason))
            return
        if isinstance(value, int):
            self._warnings.append(
                f"{path}: {value} is a number; the supervisor reads only text, so write {str(value)!r}"
            )
        try:
            change = ask(setting, "preview", wanted)
        except ValueRefused as error:
            self._refused.append(
                Refused(path=path, value=value, code=error.code, message=error.message, allowed=error.allowed)
            )
        except HalError as error:
            if wanted is None:  # nobody asked for anything, so nothing is refused
                self._warnings.append(f"{path}: {error.message}")
            else:
                self._refused.append(
                    Refused(path=path, value=value, code=error.code, message=f"{path}: {error.message}")
                )
        else:
            if change is not None:
                self.changes.append(Planned(path=path, change=change, setting=setting, wanted=wanted))


def refused_file(damage: HalError) -> Refused:
    """A config.json that is none, and what is done about it."""
    return Refused(
        path=damage.path or "",
        value=None,
        code=damage.code,
        message=f"{damage.message}; the file is left as it is, and its last good copy is used",
    )


def _faults(path: str, value: object) -> Iterator[Fault]:
    """What is wrong with the value of a key, or with what stands in the place of an object of keys."""
    key = BY_PATH.get(path)
    if key is None:
        yield Fault(f"an object is expected, not {named(value)}")
    else:
        yield from key.kind.faults(value)


def _refused(path: str, value: object, fault: Fault) -> Refused:
    """A refusal that can be shown: no secret in it, and no text without end."""
    key = BY_PATH.get(path)
    here, message = f"{path}{fault.where}"[:_SHOWN], without_login(fault.message)
    seen = without_login(value) if isinstance(value, str) else value
    if key is not None and key.secret:
        message, seen = f"{key.kind.words} is expected", f"{named(value)}, not shown"
    return Refused(path=here, value=seen, code=ValueRefused.code, message=f"{here}: {message}", allowed=fault.allowed)


def apply(plan: Plan, root: Root) -> tuple[Applied, ...]:
    """Make every planned change; one that fails does not stop the others."""
    results: list[Applied] = []
    attempts = Attempts(root)
    for planned in plan.changes:
        result, failed = None, None
        try:
            attempts.note(planned.path, planned.change)
            if isinstance(planned.setting, ServiceSetting):
                assert isinstance(planned.wanted, Asked)
                result = planned.setting.set(planned.wanted)
            else:
                result = ask(planned.setting, "set", planned.wanted)
        except HalError as error:
            failed = error
            with suppress(HalError):  # the first error is the one to tell
                attempts.note(planned.path, planned.change, failed)
        results.append(Applied(path=planned.path, result=result, error=failed))
    try:
        attempts.settle([*(each.path for each in plan.changes), *(each.path for each in plan.stopped)])
    except HalError as error:
        results.append(Applied(path=ATTEMPTS, error=error))
    return tuple(results)
