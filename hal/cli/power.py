"""`hal power`: modes, what is configured and running."""

from __future__ import annotations

import click

from hal.ask import ask
from hal.cli.common import Options, print_facts, print_table, print_value, takes_options
from hal.cli.setting import make_so
from hal.protocols import Power


@click.group()
def power() -> None:
    """Power modes."""


@power.command()
@takes_options
def status(options: Options) -> None:
    """The modes, which one is configured and running, and whether a reboot is due."""
    control: Power = options.open_device().need("power")
    modes, state = ask(control, "modes"), ask(control, "state")
    if options.as_json:
        print_value({"modes": modes, "state": state})
        return
    print_facts(
        (
            ("configured", state.configured.name),
            ("running", state.running.name if state.running else "not told"),
            ("reboot", "required, for the configured mode to take effect" if state.reboot_required else None),
        )
    )
    click.echo()
    print_table(
        ("mode", "id", "level", "", "budget"),
        [
            (
                mode.name,
                mode.id,
                ", ".join(mode.levels),
                "default" if mode.default else "",
                f"{mode.budget_watt} W by name" if mode.budget_watt else "",
            )
            for mode in modes
        ],
    )


@power.command("set")
@click.argument("mode")
@takes_options
def set_mode(options: Options, mode: str) -> None:
    """Choose MODE for the next boot: a level (low, mid, high), a mode's name or id, or default."""
    make_so(options, "power", mode)
