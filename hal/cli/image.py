"""`hal image`: what goes into an OS image for a board."""

from __future__ import annotations

from pathlib import Path

import click

from hal.cli import image_build
from hal.cli.common import Options, print_table, print_value, takes_options
from hal.image.boot_files import BootVariant, render, selection
from hal.image.flags import build
from hal.image.folder import check_new, write_new
from hal.model import SelectionRule

_RULES = {
    SelectionRule.MENDED: "in these files (the mended rule)",
    SelectionRule.COMPILED: "compiled into the bootloader; no boot file changes it",
}


@click.group()
def image() -> None:
    """What goes into an OS image for a board."""


for each in (image_build.build, image_build.explain, image_build.diff):
    image.add_command(each)


@image.command("boot-files")
@click.option(
    "--variant",
    type=click.Choice([each.value for each in BootVariant]),
    default=BootVariant.INTERNAL.value,
    show_default=True,
    help="For which medium.",
)
@click.option("--development", is_flag=True, help="As with --flag OS_DEVELOPMENT=1: a menu, and a kernel that talks.")
@click.option("--flag", "flags", metavar="NAME=VALUE", multiple=True, help="A flag of the build; may be repeated.")
@click.option("--output", metavar="DIR", type=click.Path(path_type=Path), required=True, help="A new or empty folder.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@takes_options
def boot_files(
    options: Options, variant: str, development: bool, flags: tuple[str, ...], output: Path, dry_run: bool
) -> None:
    """Render the boot files of the device type given by --board.

    DIR/boot is for the partition that the bootloader reads, DIR/root for the root file system, DIR/initramfs for the
    balena bootloader. Files marked fresh hold state: they are for a new medium, an update must not deploy them.
    """
    from hal.plugins import Catalog

    if options.board is None:
        raise click.UsageError("--board SLUG is needed: `hal boards` lists them")
    for word in flags:
        if "=" not in word:
            raise click.UsageError(f"--flag {word}: NAME=VALUE is expected")
    asked = build(dict(word.split("=", 1) for word in flags))
    development = development or asked.os_development
    _, row = Catalog().device_type(options.board)
    files = render(row, variant=BootVariant(variant), development=development)
    rule = selection(row)
    if dry_run:
        check_new(output)
    else:
        write_new(output, {f"{file.where}/{file.name}": file.data for file in files})
    if options.as_json:
        listed = [
            {
                "name": file.name,
                "where": file.where,
                "bytes": len(file.data),
                "fresh_only": file.fresh_only,
                "purpose": file.purpose,
            }
            for file in files
        ]
        facts = {"slug": row.slug, "variant": variant, "development": development, "selection": rule}
        print_value({**facts, "directory": str(output), "written": not dry_run, "files": listed})
        return
    print_table(
        ("where", "name", "bytes", "fresh", "purpose"),
        [
            (file.where.value, file.name, len(file.data), "yes" if file.fresh_only else "no", file.purpose)
            for file in files
        ],
    )
    click.echo(f"slot selection: {_RULES[rule]}")
    click.echo(f"{output}: {len(files)} files {'would be written' if dry_run else 'written'}")
