"""`hal fan`: profiles, what is configured, running and measured; the loop for a controller that only obeys."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from hal.ask import ask
from hal.cli.common import Options, end_in_order, print_facts, print_table, print_value, takes_options
from hal.cli.setting import make_so
from hal.errors import CapabilityAbsent, blame
from hal.protocols import Fan, Regulated


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
    print_facts(
        (
            ("configured", state.configured),
            ("running", state.running or "not told"),
            ("reboot", "required, for the configured profile to take effect" if state.reboot_required else None),
        )
    )
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
    for warning in state.warnings:
        click.echo(f"warning: {warning}")
    click.echo()
    print_table(("profile", "", "curve"), [(p.name, "default" if p.default else "", p.summary) for p in profiles])


@fan.command("set")
@click.argument("profile")
@takes_options
def set_profile(options: Options, profile: str) -> None:
    """Choose PROFILE, and read it back from the fan control."""
    make_so(options, "fan", profile)


@fan.command()
@click.option(
    "--interval",
    "interval_seconds",
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two looks at the temperature.",
)
@takes_options
def run(options: Options, interval_seconds: float) -> None:
    """Drive a fan whose controller only obeys, until interrupted; one line for each change.

    Then, and after any fault, the fan is left at full speed.
    """
    control: Fan = options.open_device().need("fan")
    if not isinstance(control, Regulated):
        raise CapabilityAbsent("fan: here the kernel or the firmware regulates the fan; there is nothing to run")
    end_in_order()
    with blame(control):
        control.regulate(interval_seconds=interval_seconds, log=_log(options))


def _log(options: Options) -> Callable[[str], None]:
    """A line of the log, at once: as text, or with `--json` as an object."""

    def log(message: str) -> None:
        if options.as_json:
            import json

            message = json.dumps({"message": message})
        click.echo(message)
        sys.stdout.flush()

    return log
