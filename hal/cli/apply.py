"""`hal apply`: make the changes that `hal plan` shows."""

from __future__ import annotations

from pathlib import Path

import click

from hal.cli.common import Options, end_in_order, print_value, takes_options
from hal.cli.plan import config_option, document, read_config, show_rest
from hal.document import error as error_document
from hal.settings.attempts import Attempts


@click.command()
@config_option
@click.option("--again", is_flag=True, help="Try what failed twice again.")
@takes_options
def apply(options: Options, config: Path | None, again: bool) -> int:
    """Make the changes that plan shows. What is already so is not touched.

    A change that waits for a reboot and failed twice alike is stopped. Ends with 1 where a value was refused, or a
    change failed or was stopped; everything else was made nevertheless.
    """
    device = options.open_device()
    if again:
        Attempts(device.root).forget()
    plan = device.plan(read_config(config))
    end_in_order()
    results = device.apply(plan)
    if options.as_json:
        done = [
            {"path": item.path, "result": item.result, "error": error_document(item.error) if item.error else None}
            for item in results
        ]
        print_value({**document(plan), "changes": done})
    else:
        for item in results:
            if item.result is not None:
                result = item.result
                note = f": {result.note}" if result.note else ""
                click.echo(f"{item.path}: {result.previous} -> {result.value}, {result.outcome.value}{note}")
            elif item.error is not None:
                click.echo(f"failed: {item.error.message}", err=True)
        if not results:
            click.echo("nothing to change")
        show_rest(plan)
    failed = any(item.error for item in results)
    return 1 if failed or plan.refused or plan.stopped else 0
