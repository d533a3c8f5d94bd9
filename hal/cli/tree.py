"""`hal tree`: a tree for any device type, to try things on."""

from __future__ import annotations

from pathlib import Path

import click

from hal.cli.common import Options, print_value, takes_options


@click.group()
def tree() -> None:
    """Trees: folders that stand for / of a device."""


@tree.command()
@click.argument("directory", type=click.Path(path_type=Path))
@takes_options
def new(options: Options, directory: Path) -> None:
    """Generate a tree of the device type given by --board, in a new or empty DIRECTORY."""
    from hal.plugins import Catalog
    from hal.tree.new import new_tree

    if options.board is None:
        raise click.UsageError("--board SLUG is needed: `hal boards` lists them")
    plugin, row = Catalog().device_type(options.board)
    names = new_tree(row, plugin, directory)
    if options.as_json:
        print_value({"slug": row.slug, "directory": str(directory), "files": names})
    else:
        click.echo(f"{directory}: {len(names)} files stand for a {row.slug}; try: hal --root {directory} show")
