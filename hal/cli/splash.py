"""`hal splash`: the picture that is drawn while the OS boots, and what the firmware draws before."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from hal.ask import ask
from hal.cli.common import Options, end_in_order, print_facts, print_value, takes_options
from hal.cli.setting import tell
from hal.model import Change, FirmwareSplash, SplashImage, SplashState
from hal.protocols import Splash

LARGEST = 2 * 1024 * 1024
"""Bytes of the longest input: base64 of an image at the limit, with room for line ends."""

dry_run = click.option("--dry-run", is_flag=True, help="Say what would be changed, and write nothing.")


@click.group()
def splash() -> None:
    """The boot splash."""


@splash.command()
@takes_options
def status(options: Options) -> None:
    """The image in use, the default, and what the firmware draws."""
    state: SplashState = ask(_splash(options), "state")
    if options.as_json:
        print_value(state)
        return
    kind = {True: "custom", False: "the default", None: None}[state.custom]
    drawn = {
        True: "yes: the kernel was started with splash",
        False: "no: the kernel was started without splash, as development images are",
        None: None,
    }[state.requested]
    print_facts(
        (
            ("image", _words(state.image) or "none"),
            ("image is", kind),
            ("default", _words(state.default) or "none kept yet"),
            ("drawn", drawn),
            *(("firmware", _firmware(each)) for each in state.firmware),
        )
    )
    for note in (*_problems(state), *state.notes):
        click.echo(f"note: {note}", err=True)


@splash.command("set")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@dry_run
@takes_options
def set_image(options: Options, file: Path, dry_run: bool) -> None:
    """Draw the PNG image in FILE from the next boot on.

    FILE may also be text: base64 or a data URI, as in the variable BALENA_HOST_SPLASH_image. - is standard input.
    """
    _make_so(options, _input(file), dry_run)


@splash.command()
@dry_run
@takes_options
def reset(options: Options, dry_run: bool) -> None:
    """Back to the default image."""
    _make_so(options, None, dry_run)


def _splash(options: Options) -> Splash:
    found: Splash = options.open_device().need("splash")
    return found


def _make_so(options: Options, wanted: bytes | str | None, dry_run: bool) -> None:
    control = _splash(options)
    if not dry_run:
        end_in_order()
        tell(options, ask(control, "reset") if wanted is None else ask(control, "set", wanted))
        return
    change: Change | None = ask(control, "preview", wanted)
    if options.as_json:
        print_value(change)
    elif change is None:
        click.echo("already so: nothing would be written")
    else:
        click.echo(f"{change.previous} -> {change.value}: {change.note}; nothing was written")


def _input(file: Path) -> bytes | str:
    """PNG bytes as they are, and what may be base64 as text. What is blank is an empty image, and no wish to reset."""
    from hal.errors import FileFault
    from hal.root import Root

    if str(file) == "-":
        data = sys.stdin.buffer.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise FileFault(f"standard input: larger than {LARGEST} bytes", path="-")
    elif not file.exists():
        raise FileFault(f"{file}: no such file", path=str(file))
    else:
        file = file.resolve()  # a link leads where it would for any other program
        data = Root(file.parent).read_bytes(file.name, limit=LARGEST)
    return data.decode() if data.strip() and data.isascii() else data


def _words(image: SplashImage | None) -> str | None:
    if image is None or image.sha256 is None:
        return None if image is None else image.file
    size = f"{image.width_pixels} x {image.height_pixels} pixels, " if image.width_pixels else ""
    return f"{image.file}: {size}{image.size_bytes} bytes, sha256 {image.sha256[:12]}"


def _firmware(found: FirmwareSplash) -> str:
    shown = {True: "shown", False: "not shown", None: "not known whether it is shown"}[found.shown]
    size = f", {found.width_pixels} x {found.height_pixels} pixels" if found.width_pixels else ""
    return f"{found.name}{size}, {shown}" + (f" ({found.note})" if found.note else "")


def _problems(state: SplashState) -> Iterator[str]:
    for image in (state.image, state.default):
        if image is not None and image.problem:
            yield f"{image.file}: {image.problem}"
        elif image is not None and image.whole is None:
            yield f"{image.file}: not decoded, because Pillow is not installed"
