"""What every command shares: the three options, opening the device, and printing."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TextIO, TypeVar

import click

from hal.errors import HalError

if TYPE_CHECKING:
    from hal.device import Device
    from hal.root import Root

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class Options(NamedTuple):
    """`--root`, `--board` and `--json`, wherever they stood."""

    root: str | None = None
    board: str | None = None
    as_json: bool = False

    def open_root(self) -> Root:
        """The tree to work on, by default this machine."""
        from hal.root import Root

        if self.root == "":
            raise click.UsageError("--root is empty: a folder is needed, or leave it out for this machine")
        return Root("/" if self.root is None else self.root)

    def open_device(self) -> Device:
        """The device to work on. Warnings about its identity go to standard error."""
        from hal.device import Device

        device = Device.open(self.open_root(), board=self.board)
        if not self.as_json:
            for warning in device.identity.warnings:
                click.echo(f"note: {warning}", err=True)
        return device


def root_options(function: F) -> F:
    """The three options of every command."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--board", metavar="SLUG", help="Take this device type instead of identifying it."),
        click.option("--root", metavar="DIR", type=click.Path(), help="Work on the tree DIR instead of this machine."),
    ):
        function = option(function)
    return function


def takes_options(function: Callable[Concatenate[Options, P], R]) -> Callable[..., R]:
    """A leaf command: the three options again, joined with those before the noun; passed as the first argument."""

    @root_options
    @click.pass_context
    @functools.wraps(function)
    def command(
        ctx: click.Context, /, root: str | None, board: str | None, as_json: bool, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        before = ctx.obj if isinstance(ctx.obj, Options) else Options()
        options = Options(
            root=before.root if root is None else root,
            board=before.board if board is None else board,
            as_json=as_json or before.as_json,
        )
        return function(options, *args, **kwargs)

    return command


def end_in_order() -> None:
    """For commands that write: the first request to end becomes an exception, so that what was begun is put back.

    Further requests are ignored, or they would end the putting back.
    """
    import signal

    def end(number: int, _frame: object) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)


def print_json(value: object, *, stream: TextIO | None = None) -> None:
    """One JSON document, indented."""
    import json

    print(json.dumps(value, indent=2), file=stream or sys.stdout)


def print_value(value: object) -> None:
    """Any attrs value, or a container of such, as JSON."""
    from hal.document import plain

    print_json(plain(value))


def report(error: HalError, *, as_json: bool) -> None:
    """An error on standard error: a sentence, or with `--json` an object."""
    if as_json:
        from hal.document import error as as_document

        print_json({"error": as_document(error)}, stream=sys.stderr)
    else:
        click.echo(f"hal: {error.message}", err=True)


def printable(text: str, *, keep: str = "") -> str:
    """A text of somebody's file, for a terminal: what would move the cursor or worse is escaped."""
    return "".join(each if each.isprintable() or each in keep else repr(each)[1:-1] for each in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table: through rich on a terminal that has it, else plain columns that `awk` can read."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _rich_table(columns, cells):
        return
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    for row in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], cells: list[list[str]]) -> bool:
    """Returns whether rich is installed and has printed the table."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
    return True


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Name and value, one a line; a fact that is not known is left out."""
    shown = [(name, str(value)) for name, value in facts if value not in (None, "", ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name.ljust(width)}  {value}")
