"""Plan and apply: what config.json asks for, compared with the board; then made so, one setting at a time.

A wrong value is refused with its path and what is allowed, and never stops another setting. A setting that the board
lacks is listed with the reason. Applying performs what the plan says and nothing else, so applying twice changes
nothing.
"""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from hal.ask import ask
from hal.errors import HalError, ValueRefused
from hal.model import Change, Cost, SetResult
from hal.protocols import Fan, Power, Setting
from hal.record import Record
from hal.settings.keys import unknown


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


class Wrong(ValueError):
    """A value of the wrong type; the message says which type is expected."""


def plan(config: dict[str, Any], *, power: Power | None, fan: Fan | None, absent: dict[str, str]) -> Plan:
    """Compare a config.json with the board. `absent` gives the reason for each capability that is `None`."""
    changes: list[Planned] = []
    refused: list[Refused] = []
    unavailable: list[Unavailable] = []
    warnings: list[str] = []
    settings: tuple[tuple[str, str, Setting | None], ...] = (
        ("os.power.mode", "power", power),
        ("os.fan.profile", "fan", fan),
    )
    for path, capability, setting in settings:
        try:
            value = lookup(config, path)
            wanted = text(value)
        except ValueError as error:  # `Wrong`, or Python's own for a number of thousands of digits
            refused.append(
                Refused(path=path, value=_seen(config, path), code="value-refused", message=f"{path}: {error}")
            )
            continue
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


def apply(plan: Plan) -> tuple[Applied, ...]:
    """Make every planned change; one that fails does not stop the others."""
    results: list[Applied] = []
    for planned in plan.changes:
        try:
            results.append(Applied(path=planned.path, result=ask(planned.setting, "set", planned.wanted)))
        except HalError as error:
            results.append(Applied(path=planned.path, error=error))
    return tuple(results)


def lookup(config: dict[str, Any], path: str) -> object:
    """The value at a dotted path; `None` where it is not there. Raises `Wrong` where something above is no object."""
    value: object = config
    done: list[str] = []
    for part in path.split("."):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Wrong(f"{'.'.join(done)} must be an object, not {_kind(value)}")
        value = value.get(part)
        done.append(part)
    return value


def text(value: object) -> str | None:
    """A setting as text: unset is `None`; a whole number is accepted as its digits; nothing else is a setting."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Wrong(f"a text is expected, not {_kind(value)}")


def _seen(config: dict[str, Any], path: str) -> object:
    """The deepest value there is on the way to `path`, for a refusal."""
    value: object = config
    for part in path.split("."):
        if not isinstance(value, dict):
            break
        value = value.get(part)
    return value


def _kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        bool: "true or false",
        str: "a text",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)
