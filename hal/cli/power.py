"""`hal power`: modes, what is configured and running."""

from __future__ import annotations

import click

from hal.ask import ask
from hal.cli.common import Options, print_facts, print_table, print_value, takes_options
from hal.cli.setting import make_so
from hal.model import FrequencyCap
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
            *((cap.name, _cap(cap)) for cap in state.caps),
            *((limit.name, _LIMITED[limit.active]) for limit in state.limits),
        )
    )
    click.echo()
    print_table(
        ("mode", "id", "level", "", "budget", "sets"),
        [
            (
                mode.name,
                mode.id,
                ", ".join(mode.levels),
                "default" if mode.default else "",
                f"{mode.budget_watt} W by name" if mode.budget_watt else "",
                mode.summary,
            )
            for mode in modes
        ],
    )


_LIMITED = {None: "not told", False: "does not hold the CPU back", True: "holds the CPU back now"}


def _cap(cap: FrequencyCap) -> str:
    """What a group of CPUs may run at, in words."""
    ends = ["?" if khz is None else f"{khz / 1000:g}" for khz in (cap.minimum_khz, cap.maximum_khz)]
    top = cap.hardware_maximum_khz
    most = f", of {top / 1000:g}" if top is not None and top != cap.maximum_khz else ""
    return f"{ends[0]} to {ends[1]} MHz{most}" + (f", governor {cap.governor}" if cap.governor else "")


@power.command("set")
@click.argument("mode")
@takes_options
def set_mode(options: Options, mode: str) -> None:
    """Choose MODE: a level (low, mid, high), a mode's name or id, or default. The answer tells how far it got."""
    make_so(options, "power", mode)
