"""`hal image build`, `explain` and `diff`: what goes into the image of a board, written, explained and compared."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from hal.cli.common import Options, print_json, print_table, printable, takes_options
from hal.image.answer import built, told
from hal.image.documents import lacking
from hal.image.flags import build as read_flags
from hal.image.formats import WRITERS, files
from hal.image.joining import said
from hal.model import YOCTO_RELEASES, Build, Image, JoinedPart

if TYPE_CHECKING:
    from hal.image.difference import Difference, PartDifference
    from hal.image.explaining import Explained
    from hal.plugins import Catalog


WIDTH = 160
"""Of a line of a boot file that people are shown; some are padded to a sector."""


class Wanted(NamedTuple):
    """The build that the options ask for, and the add-ons in the image; `None` is every installed one."""

    build: Build
    add_ons: tuple[str, ...] | None

    def image(self, catalog: Catalog, slug: str) -> Image:
        """The image of a device type for this build."""
        from hal.image.asking import image

        return image(catalog, slug, self.build, self.add_ons)


def takes_build(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which build asks, the same for every command; passed as `wanted`."""

    @functools.wraps(function)
    def command(
        *args: Any,
        release: str | None,
        flags: tuple[str, ...],
        flasher: bool,
        secure_boot: bool,
        os_version: str | None,
        add_ons: tuple[str, ...],
        no_add_ons: bool,
        **kwargs: Any,
    ) -> Any:
        for word in flags:
            if "=" not in word:
                raise click.UsageError(f"--flag {word}: NAME=VALUE is expected")
        if no_add_ons and add_ons:
            raise click.UsageError("--add-on and --no-add-ons contradict each other")
        facts: dict[str, Any] = {
            "yocto_release": release,
            "flasher": flasher,
            "secure_boot": secure_boot,
            "os_version": os_version,
        }
        asked = read_flags(dict(word.split("=", 1) for word in flags), **facts)
        return function(*args, wanted=Wanted(asked, add_ons if add_ons or no_add_ons else None), **kwargs)

    for option in (
        click.option("--no-add-ons", is_flag=True, help="No add-on at all, only the plugin that owns the board."),
        click.option("--add-on", "add_ons", metavar="NAME", multiple=True, help="Only these add-ons; may come again."),
        click.option("--os-version", metavar="V", help="The version of balenaOS that is built."),
        click.option("--secure-boot", is_flag=True, help="With signed boot files and an encrypted disk."),
        click.option("--flasher", is_flag=True, help="The image that installs the OS, not the one that runs it."),
        click.option(
            "--flag", "flags", metavar="NAME=VALUE", multiple=True, help="A flag of the build; may come again."
        ),
        click.option(
            "--release",
            type=click.Choice(YOCTO_RELEASES),
            help="Release of the Yocto Project. Default: the one that the device repository uses.",
        ),
    ):
        command = option(command)
    return command


def _board(options: Options) -> str:
    if options.board is None:
        raise click.UsageError("--board SLUG is needed: `hal boards` lists them")
    return options.board


# -- build -----------------------------------------------------------------------------------------------------------


@click.command()
@click.option(
    "--format", "form", type=click.Choice([*WRITERS, "disk"]), default="yocto", show_default=True, help="What to write."
)
@takes_build
@click.option(
    "--deploy", metavar="DIR", type=click.Path(path_type=Path), help="For a disk: what the OS build deployed."
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="A new or empty folder, or one that an earlier run wrote; for a disk, a new file.",
)
@click.option("--size", "sizes", metavar="ROLE=KIB", multiple=True, help="For a disk: of a partition; may come again.")
@click.option("--copy-to-b", is_flag=True, help="For a disk: slot B as slot A, not empty.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@takes_options
def build(
    options: Options,
    form: str,
    wanted: Wanted,
    deploy: Path | None,
    output: Path,
    sizes: tuple[str, ...],
    copy_to_b: bool,
    dry_run: bool,
) -> None:
    """Write what the board given by --board puts into an OS image: a Yocto layer, a plain tree, or a disk image.

    The same input gives the same bytes. A file in DIR that was added or changed by hand is refused by name.
    """
    from hal.image.folder import check_output, write_output
    from hal.plugins import Catalog

    if form == "disk" and deploy is None:
        raise click.UsageError("--format disk needs --deploy DIR: what the OS build deployed")
    if form != "disk" and (deploy is not None or sizes or copy_to_b):
        raise click.UsageError("--deploy, --size and --copy-to-b go with --format disk, and with no other")
    image = wanted.image(Catalog(), _board(options))
    if deploy is not None:
        from hal.cli.image_disk import build_disk

        build_disk(options, image, deploy=deploy, output=output, sizes=sizes, copy_to_b=copy_to_b, dry_run=dry_run)
        return
    made = files(image, form)
    if dry_run:
        check_output(output)
    else:
        write_output(output, made)
    counts = {str(kind): count for kind, count in Counter(part.kind for part in image.parts).items()}
    unknown = lacking(image)
    if options.as_json:
        print_json(
            {
                **about(image, form),
                "directory": str(output),
                "written": not dry_run,
                "counts": counts,
                "files": [{"name": each.name, "bytes": len(each.content), "mode": f"{each.mode:04o}"} for each in made],
                "lacking": [{"fact": each.fact, "message": each.message} for each in unknown],
            }
        )
        return
    print_table(("what", "parts"), counts.items())
    click.echo()
    print_table(("file", "bytes"), [(each.name, len(each.content)) for each in made])
    click.echo()
    for each in unknown:
        click.echo(f"not known: {printable(each.message)}")
    click.echo(f"plugins: {' '.join(image.plugins)}")
    click.echo(f"{output}: {len(made)} files {'would be written' if dry_run else 'written'}")


def about(image: Image, form: str) -> dict[str, Any]:
    """What is built, as plain data: the first keys of every answer."""
    facts = {"slug": image.device_type.slug, "format": form, "release": image.build.yocto_release}
    return {**facts, "build": built(image), "plugins": list(image.plugins)}


# -- explain ---------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("name")
@click.option(
    "--format", "form", type=click.Choice([*WRITERS]), default="yocto", show_default=True, help="Whose files are meant."
)
@takes_build
@takes_options
def explain(options: Options, name: str, form: str, wanted: Wanted) -> None:
    """Who asked for NAME in the image of the board given by --board, and why.

    NAME is a kernel symbol, an argument, a package, a module …; a kind of part, as kernel-symbol; a file, by its place
    in the image or its name in the output; or FILE:LINE for one line of an output.
    """
    from hal.image.explaining import Answers
    from hal.plugins import Catalog

    image = wanted.image(Catalog(), _board(options))
    found = Answers(image, files(image, form)).of(name)
    if options.as_json:
        print_json([_explained(each) for each in found])
        return
    if found[0].text is not None:
        click.echo(f"{found[0].about}: {printable(found[0].text)}")
    for each in found:
        for line in _sentences(each):
            click.echo(printable(line))


def _explained(each: Explained) -> dict[str, Any]:
    return {
        "about": each.about,
        "text": each.text,
        "why": each.why or None,
        "part": None if each.part is None else told(each.part),
        "places": list(each.places),
    }


def _sentences(each: Explained) -> Iterator[str]:
    if each.part is None:
        yield f"    the format: {each.why}" if each.text else f"{each.about}: {each.why}"
        return
    yield _named(each.part)
    yield from _asked(each.part)
    yield f"    in {', '.join(each.places)}"


def _named(part: JoinedPart) -> str:
    value = "" if part.value is None else f" = {said(part.value)}"
    return f"{part.kind} {part.name}{value}{' (new media only)' if part.fresh_only else ''}"


def _asked(part: JoinedPart, before: str = "") -> Iterator[str]:
    """Each contributor with its reason; what it said, where that is news."""
    for each in part.asked:
        word = f" says {each.said}" if len(part.asked) > 1 and each.said != "wanted" else ""
        yield f"    {before}{each.contributor}{word}: {each.reason}{'; gave way' if each.gave_way else ''}"


# -- diff ------------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("first", metavar="SLUG")
@click.argument("second", metavar="SLUG")
@takes_build
@takes_options
def diff(options: Options, first: str, second: str, wanted: Wanted) -> None:
    """What differs between the images of two device types: parts added, removed and changed, with who asked and why.

    Without --release each is for the release that its device repository uses. Ends with 0 also where they differ.
    """
    from hal.image.difference import difference
    from hal.plugins import Catalog

    if options.board is not None:
        raise click.UsageError("diff takes two slugs, and no --board")
    catalog = Catalog()
    images = [wanted.image(catalog, slug) for slug in (first, second)]
    found = difference(*images)
    slugs = [image.device_type.slug for image in images]
    if options.as_json:
        print_json(_compared(slugs, found))
        return
    for name, one, other in found.facts:
        click.echo(f"{name}: {one} -> {other}")
    for each in found.parts:
        for line in _changed(slugs, each):
            click.echo(printable(line, keep="\t"))
    counts = Counter(each.change for each in found.parts)
    told_counts = ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))
    click.echo(f"{slugs[0]} -> {slugs[1]}: {told_counts or 'the same parts'}")


def _compared(slugs: list[str], found: Difference) -> dict[str, Any]:
    return {
        "slugs": slugs,
        "facts": [{"name": name, "before": one, "after": other} for name, one, other in found.facts],
        "parts": [
            {
                "change": each.change,
                "kind": each.kind,
                "name": each.name,
                "before": None if each.before is None else told(each.before),
                "after": None if each.after is None else told(each.after),
                "diff": list(each.text),
            }
            for each in found.parts
        ],
    }


def _changed(slugs: list[str], each: PartDifference) -> Iterator[str]:
    sides = [(slug, part) for slug, part in zip(slugs, (each.before, each.after), strict=True) if part is not None]
    if len(sides) == 1:
        yield f"{each.change} {_named(sides[0][1])}"
        yield from _asked(sides[0][1])
        return
    values = " -> ".join(said(part.value) for _, part in sides)
    yield f"{each.change} {each.kind} {each.name}: {values}"
    for slug, part in sides:
        yield from _asked(part, f"{slug}: ")
    for line in each.text:
        yield f"    {line[:WIDTH]}{'…' if len(line) > WIDTH else ''}"
