"""`hal show`: this board at a glance."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click

from hal.cli.common import Options, print_facts, print_json, takes_options
from hal.device import Device
from hal.document import plain
from hal.errors import HalError


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
            ("plugins", ", ".join(device.plugins)),
            ("power mode", _state(seen["power"])),
            ("fan profile", _state(seen["fan"])),
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
        "power": None,
        "fan": None,
    }
    with suppress(HalError):
        if device.power is not None:
            power = device.power.state()
            seen["power"] = {
                "configured": power.configured.name,
                "running": power.running.name if power.running else None,
            }
    with suppress(HalError):
        if device.fan is not None:
            fan = device.fan.state()
            seen["fan"] = {"configured": fan.configured, "running": fan.running}
    try:
        plan = device.plan()
    except HalError as error:
        seen["config"] = error.message
    else:
        changes, refused = len(plan.changes), len(plan.refused)
        words = f"{changes} change{'s' if changes != 1 else ''} to make" if changes else "in effect"
        seen["config"] = words + (f", {refused} refused: see hal plan" if refused else "")
    return seen


def _state(state: dict[str, Any] | None) -> str | None:
    if state is None:
        return None
    if state["running"] in (None, state["configured"]):
        return str(state["configured"])
    return f"{state['configured']} configured, {state['running']} running"
