"""`hal record`: this machine as a tree archive."""

from __future__ import annotations

from pathlib import Path

import click

from hal.cli.common import Options, print_value, takes_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@takes_options
def record(options: Options, file: Path) -> None:
    """Capture the files this project reads into FILE, a .tar.gz; unpacked, it works with --root.

    Secrets, serial numbers and addresses are replaced, unknown config.json values too. Look into it before you share
    it.
    """
    from hal.tree.record import record as capture

    recording = capture(options.open_root(), file, board=options.board)
    if options.as_json:
        print_value({"file": str(file), "files": recording.names, "left_out": recording.left_out})
        return
    click.echo(f"{file}: {len(recording.names)} files")
    for name, reason in recording.left_out:
        click.echo(f"left out: {name}: {reason}", err=True)
