"""`hal fan`: profiles, what is configured, running and measured."""

from __future__ import annotations

import click

from hal.ask import ask
from hal.cli.common import Options, print_facts, print_table, print_value, takes_options
from hal.cli.setting import make_so
from hal.protocols import Fan


@click.group()
def fan() -> None:
    """Fan profiles."""


@fan.command()
@takes_options
def status(options: Options) -> None:
    """The profiles, which one is configured and running, and what is measured."""
    control: Fan = options.open_device().need("fan")
    profiles, state = ask(control, "profiles"), ask(control, "state")
    if options.as_json:
        print_value({"profiles": profiles, "state": state})
        return
    print_facts((("configured", state.configured), ("running", state.running or "not told")))
    for reading in state.readings:
        print_facts(
            (
                ("fan", reading.name),
                ("speed", None if reading.rpm is None else f"{reading.rpm} rpm"),
                ("duty", None if reading.pwm_percent is None else f"{reading.pwm_percent:g} %"),
                (
                    "temperature",
                    None
                    if reading.temperature_millicelsius is None
                    else f"{reading.temperature_millicelsius / 1000:.1f} °C",
                ),
            )
        )
    click.echo()
    print_table(("profile", "", "curve"), [(p.name, "default" if p.default else "", p.summary) for p in profiles])


@fan.command("set")
@click.argument("profile")
@takes_options
def set_profile(options: Options, profile: str) -> None:
    """Choose PROFILE, and read it back from the fan control."""
    make_so(options, "fan", profile)
