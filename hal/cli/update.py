"""`hal update`: the board's part of an OS update, phase by phase."""

from __future__ import annotations

import click

from hal.cli.bootloader import dry_run
from hal.cli.common import Options, end_in_order, print_table, print_value, takes_options
from hal.cli.rollback import finish
from hal.model import UpdatePhase

source_option = click.option(
    "--source", metavar="DIR", default="", help="The new OS's root file system, below the root; by default the root."
)


@click.group()
def update() -> None:
    """The board's steps around an OS update; `forward` ends with the switch of slots."""


@update.command("list")
@takes_options
def list_steps(options: Options) -> None:
    """Every step, by phase, in the order in which they run."""
    order = list(UpdatePhase)
    device = options.open_device()
    known = device.update_steps if device.bootloader is None else device.rollback().steps
    steps = sorted(known, key=lambda step: (order.index(step.phase), step.name))
    if options.as_json:
        print_value([{"name": each.name, "phase": each.phase, "purpose": each.purpose} for each in steps])
    else:
        print_table(("phase", "step", "purpose"), [(each.phase.value, each.name, each.purpose) for each in steps])


def _command(phase: UpdatePhase, words: str) -> None:
    @update.command(phase.value, help=words)
    @source_option
    @dry_run
    @takes_options
    def run(options: Options, source: str, dry_run: bool) -> None:
        from hal.rollback.update import run_phase

        machine = options.open_device().rollback()
        end_in_order()
        finish(options, machine, run_phase(machine, phase, source=source.strip("/"), dry_run=dry_run), False)


_command(UpdatePhase.BEFORE, "What must be done in the old OS before anything changes.")
_command(UpdatePhase.FORWARD, "Deploy what the board needs, then switch to the slot that is not running.")
_command(UpdatePhase.AFTER, "What the old OS does once the new one is in place.")
_command(UpdatePhase.COMMIT, "What is left to do once the new OS is kept.")
