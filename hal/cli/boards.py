"""`hal boards`: every device type the installed plugins know; one in detail."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import click

from hal.cli.common import Options, print_facts, print_json, print_table, takes_options
from hal.document import fields, plain
from hal.model import DeviceType
from hal.plugins import Catalog


@click.command()
@click.argument("slug", required=False)
@takes_options
def boards(options: Options, slug: str | None) -> None:
    """Every device type known to the installed plugins; with SLUG, all facts about one."""
    catalog = Catalog()
    if slug is not None:
        plugin, row = catalog.device_type(slug)
        if options.as_json:
            print_json({**plain(row), "plugin": plugin})
        else:
            print_facts((("plugin", plugin), *_facts(row)))
        return
    rows = sorted(
        ((plugin, row) for plugin in catalog.index.board_modules() for row in catalog.table(plugin)),
        key=lambda pair: pair[1].slug,
    )
    if options.as_json:
        print_json([{**plain(row), "plugin": plugin} for plugin, row in rows])
    else:
        print_table(
            ("slug", "name", "arch", "bootloader", "plugin"),
            [(row.slug, row.name, plain(row.arch), plain(row.bootloader), plugin) for plugin, row in rows],
        )
    for problem in (*catalog.conflicts(), *catalog.problems):
        click.echo(f"note: plugin {problem.plugin}: {problem.message}; {problem.advice}", err=True)


def _facts(row: DeviceType) -> Iterator[tuple[str, str]]:
    """Name and words of every fact that is known; of a list, one line each."""
    for name, value in fields(row):
        lines = [_words(item) for item in value] if isinstance(value, tuple) else [_words(value)]
        yield from zip([name, *[""] * len(lines)], lines, strict=False)


def _words(value: object) -> str:
    """A fact for people: lists joined, objects as name=value."""
    if isinstance(value, tuple):
        return "; ".join(_words(item) for item in value)
    if attrs.has(type(value)):
        return ", ".join(f"{name}={_words(item)}" for name, item in fields(value) if item not in (None, "", ()))
    return "" if value is None else str(value)
