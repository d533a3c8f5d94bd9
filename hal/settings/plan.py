"""Plan and apply: what config.json asks for, compared with the board; then made so, one setting at a time.

A wrong value is refused with its path and what is allowed, and never stops another setting. A setting that the board
lacks is listed with the reason. Applying performs what the plan says and nothing else, so applying twice changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from hal.ask import ask
from hal.errors import HalError, ValueRefused
from hal.model import Change, Cost, SetResult
from hal.protocols import Fan, Power, Setting
from hal.record import Record
from hal.settings.keys import BY_PATH, FLAG, unknown, values
from hal.settings.kinds import Fault, named, unlike


@frozen(kw_only=True, repr=False, eq=False)
class Planned(Record):
    """One setting that differs: its path in config.json, and the change."""

    path: str
    change: Change
    setting: Setting = field(eq=False, repr=False)
    wanted: str | None


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
    """Everything config.json asks of this board that is not so yet."""

    changes: tuple[Planned, ...] = ()
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


def plan(config: dict[str, Any], *, power: Power | None, fan: Fan | None, absent: dict[str, str]) -> Plan:
    """Compare a config.json with the board. `absent` gives the reason for each capability that is `None`."""
    changes: list[Planned] = []
    refused: list[Refused] = []
    unavailable: list[Unavailable] = []
    warnings: list[str] = []
    found = dict(values(config))
    for path, value in found.items():
        refused += _refusals(path, value)
        note = unlike(value) if path in BY_PATH and BY_PATH[path].kind is FLAG else None
        if note and not any(each.path == path for each in refused):
            warnings.append(f"{path}: {note}")
    wrong = {each.path for each in refused}
    settings: tuple[tuple[str, str, Setting | None], ...] = (
        ("os.power.mode", "power", power),
        ("os.fan.profile", "fan", fan),
    )
    for path, capability, setting in settings:
        if any(path == each or path.startswith(f"{each}.") for each in wrong):
            continue
        value = found.get(path)
        wanted = None if value is None else str(value)
        if setting is None:
            if wanted is not None:
                reason = absent.get(capability, "this board has no such capability")
                unavailable.append(Unavailable(path=path, value=value, reason=reason))
            continue
        if isinstance(value, int):
            warnings.append(f"{path}: {value} is a number; the supervisor reads only text, so write {str(value)!r}")
        try:
            change = ask(setting, "preview", wanted)
        except ValueRefused as error:
            refused.append(
                Refused(path=path, value=value, code=error.code, message=error.message, allowed=error.allowed)
            )
        except HalError as error:
            if wanted is None:  # nobody asked for anything, so nothing is refused
                warnings.append(f"{path}: {error.message}")
            else:
                refused.append(Refused(path=path, value=value, code=error.code, message=f"{path}: {error.message}"))
        else:
            if change is not None:
                changes.append(Planned(path=path, change=change, setting=setting, wanted=wanted))
    return Plan(
        changes=tuple(changes),
        refused=tuple(refused),
        unavailable=tuple(unavailable),
        unknown_keys=unknown(config),
        warnings=tuple(warnings),
    )


def refused_file(damage: HalError) -> Refused:
    """A config.json that is none, and what is done about it."""
    return Refused(
        path=damage.path or "",
        value=None,
        code=damage.code,
        message=f"{damage.message}; the file is left as it is, and its last good copy is used",
    )


def _refusals(path: str, value: object) -> Iterator[Refused]:
    """What is wrong with the value of a key, or with what stands in the place of an object of keys."""
    key = BY_PATH.get(path)
    faults = [Fault(f"an object is expected, not {named(value)}")] if key is None else key.kind.faults(value)
    for fault in faults:
        here, message, seen = f"{path}{fault.where}", fault.message, value
        if key is not None and key.secret:
            message, seen = f"{key.kind.words} is expected", f"{named(value)}, not shown"
        yield Refused(
            path=here, value=seen, code=ValueRefused.code, message=f"{here}: {message}", allowed=fault.allowed
        )


def apply(plan: Plan) -> tuple[Applied, ...]:
    """Make every planned change; one that fails does not stop the others."""
    results: list[Applied] = []
    for planned in plan.changes:
        try:
            results.append(Applied(path=planned.path, result=ask(planned.setting, "set", planned.wanted)))
        except HalError as error:
            results.append(Applied(path=planned.path, error=error))
    return tuple(results)
