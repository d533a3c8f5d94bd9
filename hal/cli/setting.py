"""`set`, for every noun that has it."""

from __future__ import annotations

import click

from hal.ask import ask
from hal.cli.common import Options, end_in_order, print_value
from hal.model import Outcome, SetResult
from hal.protocols import Setting


def make_so(options: Options, noun: str, wanted: str) -> None:
    """Set, and say how far it got: *accepted* and *applied* are different answers."""
    setting: Setting = options.open_device().need(noun)
    end_in_order()
    result: SetResult = ask(setting, "set", wanted)
    tell(options, result)


def tell(options: Options, result: SetResult) -> None:
    """What a setter did."""
    if options.as_json:
        print_value(result)
    elif result.outcome is Outcome.UNCHANGED:
        click.echo(f"{result.value}: already so, nothing written" + (f"; {result.note}" if result.note else ""))
    else:
        note = f" ({result.note})" if result.note else ""
        click.echo(f"{result.previous} -> {result.value}: {result.outcome.value}{note}")
