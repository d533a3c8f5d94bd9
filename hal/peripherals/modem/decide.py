"""What is to be done with a modem that is present, and why; nothing here touches a device.

A modem in storage is switched. One in service stays as it comes, unless a mode is preferred that this kernel can drive
and from which there is a way back: a composition without an AT port is never chosen for a modem that is changed by AT
commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from hal.model import ModeChoice, ModemMode, ModemState, ModeSwitch, SelectConfiguration, Step
from hal.peripherals.modem.match import Modem
from hal.peripherals.modem.ports import DRIVERS, mode_of, roles, speaks_at
from hal.record import Record
from hal.stdlib import StrEnum

HasDriver = Callable[[str], bool]
"""Whether the running kernel has a driver of this name, loaded or loadable."""
_CONFIGURATION_SECONDS = 10.0


class Action(StrEnum):
    """What is to be done."""

    NOTHING = "nothing"
    SWITCH = "switch"
    LEAVE = "leave"
    """It could be better, but is not to be touched; the reason says why."""


@frozen(kw_only=True, repr=False, eq=False)
class Decision(Record):
    """What is to be done, the reason in words, and how; `wanted` is the mode that comes of it, where one is meant."""

    action: Action
    reason: str
    switch: ModeSwitch | None = None
    wanted: ModemMode | None = None


def decide(modem: Modem, has_driver: HasDriver, prefers: Sequence[ModemMode] = ()) -> Decision:
    """`prefers` takes the place of what the model prefers."""
    if modem.state is None:
        return Decision(action=Action.LEAVE, reason="it has no configuration yet")
    if modem.conflict is not None:
        return Decision(action=Action.LEAVE, reason=modem.conflict)
    if modem.state is ModemState.DOWNLOAD:
        return Decision(
            action=Action.LEAVE, reason="it is in emergency download: its firmware is missing or being written"
        )
    if modem.state is ModemState.STORAGE:
        assert modem.identity.switch is not None
        return Decision(action=Action.SWITCH, reason="it is in storage mode", switch=modem.identity.switch)
    return _in_service(modem, has_driver, tuple(prefers) or modem.models[0].model.prefers)


def _in_service(modem: Modem, has_driver: HasDriver, prefers: Sequence[ModemMode]) -> Decision:
    now = modem.mode.value if modem.mode else "no known mode"
    if not prefers:
        return Decision(action=Action.NOTHING, reason=f"it is in service ({now}), and no mode is preferred")
    passed: list[str] = []
    for mode in prefers:
        if not any(map(has_driver, DRIVERS[mode])):
            passed.append(f"{mode.value}: this kernel has no {' or '.join(DRIVERS[mode])}")
            continue
        if mode is modem.mode:
            return Decision(
                action=Action.NOTHING, reason=_with("it is in the preferred mode", mode, passed), wanted=mode
            )
        choice = _choice(modem, mode)
        if choice is None:
            passed.append(f"{mode.value}: the model offers no way to it")
        elif (reason := _refused(choice)) is not None:
            passed.append(f"{mode.value}: {reason}")
        else:
            return Decision(
                action=Action.SWITCH,
                reason=_with(f"it is in {now}, and preferred is", mode, passed),
                switch=ModeSwitch(
                    steps=choice.steps,
                    targets=(choice.identity,) if choice.identity else (),
                    seconds=_seconds(modem, choice.steps),
                ),
                wanted=mode,
            )
    return Decision(action=Action.LEAVE, reason=f"it stays in {now}; " + "; ".join(passed))


def _with(words: str, mode: ModemMode, passed: Iterable[str]) -> str:
    return "; ".join((f"{words} {mode.value}", *passed))


def _choice(modem: Modem, mode: ModemMode) -> ModeChoice | None:
    """The model's way into a mode, else the configuration of the device that offers it."""
    model = modem.models[0].model
    told = next((choice for choice in model.modes if choice.mode is mode), None)
    if told is not None:
        return told
    for configuration in modem.device.configurations:
        rules = roles(modem.device, configuration, model.ports)
        if configuration.value != modem.device.configuration and mode_of(rules) is mode:
            return ModeChoice(
                mode=mode, steps=(SelectConfiguration(value=configuration.value),), keeps_at=speaks_at(rules) or None
            )
    return None


def _refused(choice: ModeChoice) -> str | None:
    """Why a way is not gone. A configuration can be left again through sysfs, so there no AT port is needed."""
    if choice.keeps_at is False and not any(isinstance(step, SelectConfiguration) for step in choice.steps):
        return "no AT port would be left, so there would be no way back"
    return None


def _seconds(modem: Modem, steps: Iterable[Step]) -> float:
    by_configuration = all(isinstance(step, SelectConfiguration) for step in steps)
    return _CONFIGURATION_SECONDS if by_configuration else modem.models[0].model.reset_seconds
