"""`hal doctor`: what is wrong on this device, and what to do."""

from __future__ import annotations

import click

from hal.cli.common import Options, print_json, takes_options
from hal.doctor import examine
from hal.document import plain


@click.command()
@takes_options
def doctor(options: Options) -> int:
    """What is wrong on this device, and what to do. Changes nothing.

    Ends with 0 where nothing is wrong, 3 where the board is not known, else 1.
    """
    findings = examine(options.open_root(), options.board)
    if options.as_json:
        print_json({"findings": plain(findings)})
    else:
        for finding in findings:
            click.echo(f"{finding.about}: {finding.message}")
            click.echo(f"    -> {finding.advice}")
        if not findings:
            click.echo("nothing wrong found")
    if any(finding.code.startswith("board-") for finding in findings):
        return 3
    return 1 if findings else 0
