"""`hal show`: this board at a glance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from hal.ask import ask
from hal.cli.common import Options, print_facts, print_json, takes_options
from hal.device import Device
from hal.document import plain
from hal.errors import HalError
from hal.model import BootStatus, FanState, PowerState, RtcState
from hal.protocols import Bootloader, Fan, Power, Rtc

C = TypeVar("C")


@click.command()
@takes_options
def show(options: Options) -> None:
    """This board at a glance: what it is, what runs, what config.json would change."""
    device = options.open_device()
    seen = _look(device)
    if options.as_json:
        print_json(seen)
        return
    board = seen["board"] or " ".join(device.identity.compatible[:1]) or "not known"
    absent = "; ".join(f"no {noun} ({reason})" for noun, reason in device.absent.items())
    print_facts(
        (
            ("device type", f"{seen['slug']} ({seen['name']})"),
            ("board", board),
            ("bootloader", seen["bootloader"]),
            ("slot", _slots(seen["slots"])),
            ("plugins", ", ".join(device.plugins)),
            ("power mode", _words(seen["power"])),
            ("fan profile", _words(seen["fan"])),
            ("clocks", ", ".join(map(_clock_words, seen["clocks"])) or None),
            ("config.json", seen["config"]),
            ("absent", absent),
        )
    )
    for problem in device.problems:
        click.echo(f"note: plugin {problem.plugin}: {problem.message}; {problem.advice}", err=True)


def _look(device: Device) -> dict[str, Any]:
    row = device.device_type
    seen: dict[str, Any] = {
        "slug": row.slug,
        "name": row.name,
        "board": device.identity.board.name if device.identity.board else None,
        "bootloader": plain(row.bootloader),
        "plugins": list(device.plugins),
        "absent": dict(device.absent),
        "warnings": list(device.identity.warnings),
        "slots": _state(device.bootloader, _boot),
        "power": _state(device.power, _power),
        "fan": _state(device.fan, _fan),
        "clocks": [_state(clock, _clock) for clock in device.clocks],
    }
    try:
        plan = device.plan()
    except HalError as error:
        seen["config"] = error.message
    else:
        changes, refused = len(plan.changes), len(plan.refused)
        words = f"{changes} change{'s' if changes != 1 else ''} to make" if changes else "in effect"
        seen["config"] = words + (f", {refused} refused: see hal plan" if refused else "")
    return seen


def _state(capability: C | None, describe: Callable[[C], dict[str, str | None]]) -> dict[str, str | None] | None:
    """What is configured and running, or the error; `None` where the board lacks the capability."""
    if capability is None:
        return None
    try:
        return describe(capability)
    except HalError as error:
        return {"error": error.message}


def _power(power: Power) -> dict[str, str | None]:
    state: PowerState = ask(power, "state")
    return {"configured": state.configured.name, "running": state.running.name if state.running else None}


def _fan(fan: Fan) -> dict[str, str | None]:
    state: FanState = ask(fan, "state")
    return {"configured": state.configured, "running": state.running}


def _clock(clock: Rtc) -> dict[str, str | None]:
    state: RtcState = ask(clock, "state")
    return {"name": state.name, "absence": state.absence, "problems": ", ".join(state.problems) or None}


def _clock_words(state: dict[str, str | None]) -> str:
    """Its name, and what is the matter with it."""
    if "error" in state:
        return f"fault: {state['error']}"
    wrong = "absent" if state["absence"] else state["problems"]
    return f"{state['name']} ({wrong})" if wrong else str(state["name"])


def _boot(bootloader: Bootloader) -> dict[str, str | None]:
    status: BootStatus = ask(bootloader, "status")
    pending = "yes" if status.pending else "no"
    return {"running": status.running, "active": status.active, "next": status.next_boot.slot, "pending": pending}


def _slots(state: dict[str, str | None] | None) -> str | None:
    if state is None or "error" in state:
        return _words(state)
    words = f"{state['running'] or 'not known'} running, {state['next'] or 'none'} boots next"
    return words + (", an update is pending" if state["pending"] == "yes" else "")


def _words(state: dict[str, str | None] | None) -> str | None:
    if state is None:
        return None
    if "error" in state:
        return f"fault: {state['error']}"
    if state["running"] in (None, state["configured"]):
        return state["configured"]
    return f"{state['configured']} configured, {state['running']} running"
