"""`hal image build --format disk`: a disk image of what an OS build deployed, and what the board adds to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from hal.cli.common import Options, print_json, print_table, printable
from hal.errors import FileFault
from hal.model import Image


def build_disk(
    options: Options,
    image: Image,
    *,
    deploy: Path,
    output: Path,
    sizes: tuple[str, ...],
    copy_to_b: bool,
    dry_run: bool,
) -> None:
    """Make the disk image, or only show its partitions: without a look at the content, so a flasher's are the least."""
    from hal.image import disk
    from hal.image.disk.making import check_output
    from hal.image.disk.planning import all_sizes, plan
    from hal.root import Root

    wanted, date = _sizes(sizes), epoch()
    notes: tuple[str, ...] = ()
    if not deploy.is_dir():
        raise FileFault(f"{deploy}: no folder with what an OS build deployed", path=str(deploy))
    root = Root(deploy)
    if dry_run:
        check_output(output.absolute())
        layout = plan(image, all_sizes(image, wanted, {}))
    else:
        more = {} if date is None else {"epoch": date}
        made = disk.write(image, deploy=root, output=output, sizes=wanted, copy_to_b=copy_to_b, **more)
        layout, notes = made.layout, made.notes
    facts = ("role", "number", "start", "size", "label")
    if options.as_json:
        from hal.cli.image_build import about

        print_json(
            {
                **about(image, "disk"),
                "file": str(output),
                "written": not dry_run,
                "table": layout.table,
                "size": layout.size,
                "partitions": [{name: getattr(each, name) for name in facts} for each in layout.volumes],
                "notes": list(notes),
            }
        )
        return
    print_table(facts, [[getattr(each, name) for name in facts] for each in layout.volumes])
    click.echo()
    for note in notes:
        click.echo(f"note: {printable(note)}")
    click.echo(f"{output}: {layout.size} bytes, {layout.table}, {'would be written' if dry_run else 'written'}")


def _sizes(words: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for word in words:
        role, equals, kib = word.partition("=")
        if not equals or not kib.isdecimal():
            raise click.UsageError(f"--size {word}: ROLE=KIB is expected, as in data=500000")
        found[role] = int(kib)
    return found


def epoch() -> int | None:
    """SOURCE_DATE_EPOCH, the date that a reproducible build takes for its files; `None` where it is not set."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if text and not text.isdecimal():
        raise click.UsageError(f"SOURCE_DATE_EPOCH={text:.40}: seconds since 1970 are expected")
    return int(text) if text else None
