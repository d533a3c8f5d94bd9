"""How the result of a setter is printed, for every noun that has one."""

from __future__ import annotations

import click

from hal.cli.common import Options, print_value
from hal.model import Outcome, SetResult


def print_result(options: Options, result: SetResult) -> None:
    """*Accepted* and *applied* are different answers, so the outcome is always said."""
    if options.as_json:
        print_value(result)
    elif result.outcome is Outcome.UNCHANGED:
        click.echo(f"{result.value}: already so, nothing written")
    else:
        note = f" ({result.note})" if result.note else ""
        click.echo(f"{result.previous} -> {result.value}: {result.outcome.value}{note}")
