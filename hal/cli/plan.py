"""`hal plan`: what config.json would change here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hal.cli.common import Options, print_value, printable, takes_options
from hal.errors import FileFault
from hal.json_file import read_object
from hal.root import Root
from hal.settings.plan import Plan

config_option = click.option(
    "--config", "config", metavar="FILE", type=click.Path(path_type=Path), help="Read FILE instead of the device's own."
)


@click.command()
@config_option
@takes_options
def plan(options: Options, config: Path | None) -> int:
    """What config.json asks of this board that is not so yet, with what each change costs.

    Ends with 1 where a value is refused, or a change is not tried any more.
    """
    device = options.open_device()
    found = device.plan(read_config(config))
    if options.as_json:
        print_value(document(found))
    else:
        show(found)
    return 1 if found.refused or found.stopped else 0


def read_config(file: Path | None) -> dict[str, Any] | None:
    """The file that `--config` names, on this machine; `None` is the device's own."""
    if file is None:
        return None
    if not file.exists():
        raise FileFault(f"{file}: no such file", path=str(file))
    return read_object(Root(file.absolute().parent), file.name)


def document(plan: Plan) -> dict[str, Any]:
    """A plan as plain data."""
    return {
        "changes": [{"path": planned.path, **_change(planned.change)} for planned in plan.changes],
        "stopped": plan.stopped,
        "refused": plan.refused,
        "unavailable": plan.unavailable,
        "unknown_keys": plan.unknown_keys,
        "warnings": plan.warnings,
        "cost": plan.cost,
    }


def _change(change: Any) -> dict[str, Any]:
    return {"previous": change.previous, "value": change.value, "cost": change.cost, "note": change.note}


def show(plan: Plan) -> None:
    """A plan for people; what stands in the way goes to standard error."""
    for planned in plan.changes:
        change = planned.change
        note = f"; {change.note}" if change.note else ""
        cost = "" if change.cost.value == "none" else f" ({change.cost.value.replace('-', ' ')}{note})"
        click.echo(f"{planned.path}: {change.previous} -> {change.value}{cost}")
    if not plan.changes:
        click.echo("nothing to change")
    show_rest(plan)


def show_rest(plan: Plan) -> None:
    """Refusals, settings the board lacks, keys nobody knows, warnings."""
    for refused in plan.refused:
        click.echo(f"refused: {printable(refused.message)}", err=True)
    for stopped in plan.stopped:
        click.echo(f"stopped: {stopped.path}: {stopped.previous} -> {stopped.value}: {stopped.reason}", err=True)
    for item in plan.unavailable:
        click.echo(f"not here: {item.path}: {item.reason}", err=True)
    for warning in plan.warnings:
        click.echo(f"note: {warning}", err=True)
    if plan.unknown_keys:
        click.echo(f"note: unknown keys, kept as they are: {', '.join(map(repr, plan.unknown_keys))}", err=True)
