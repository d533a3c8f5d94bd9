"""`hal config`: the keys of the device's config.json, each changed where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from hal.cli.bootloader import dry_run
from hal.cli.common import Options, end_in_order, print_json, print_table, printable, takes_options
from hal.document import plain
from hal.errors import ValueRefused
from hal.root import Root
from hal.settings.change import change, listed
from hal.settings.keys import BY_PATH


@click.group()
def config() -> None:
    """Keys of config.json.

    A KEY is a dotted path (os.power.mode). `hal plan` says what a change means on this board, `hal apply` brings it
    about.
    """


@config.command("list")
@takes_options
def list_keys(options: Options) -> None:
    """Every key that is set; secrets are not shown."""
    found = listed(options.open_root())
    if options.as_json:
        print_json(dict(found))
        return
    print_table(
        ("key", "value", "reader"),
        [
            (_short(key), _short(value), BY_PATH[key].reader if key in BY_PATH else "nobody known")
            for key, value in found
        ],
    )


@config.command("get")
@click.argument("key")
@takes_options
def get_key(options: Options, key: str) -> int:
    """What KEY is set to; ends with 1 where it is not set."""
    found = {path: value for path, value in listed(options.open_root()) if path == key}
    if options.as_json:
        print_json(found.get(key))
    elif found:
        click.echo(printable(_text(found[key]), keep="\n\t"))
    else:
        click.echo(f"{key}: not set", err=True)
    return 0 if found else 1


@config.command("set")
@click.argument("words", metavar="KEY=VALUE ...", nargs=-1, required=True)
@dry_run
@takes_options
def set_keys(options: Options, words: tuple[str, ...], dry_run: bool) -> None:
    """Set keys, all at once, and nothing else in the file.

    VALUE is a text, or JSON where the key takes no text. With @FILE behind the `=` it is read from a file of this
    machine.
    """
    wanted: dict[str, object] = {}
    for word in words:
        key, mark, value = word.partition("=")
        if not mark:
            raise click.UsageError(f"{word!r}: KEY=VALUE is expected")
        wanted[key] = _value(key, value)
    _change(options, wanted, dry_run=dry_run)


@config.command("unset")
@click.argument("keys", metavar="KEY ...", nargs=-1, required=True)
@dry_run
@takes_options
def unset_keys(options: Options, keys: tuple[str, ...], dry_run: bool) -> None:
    """Remove keys, all at once: then the default holds."""
    _change(options, dict.fromkeys(keys), dry_run=dry_run)


def _change(options: Options, wanted: Mapping[str, object], *, dry_run: bool) -> None:
    end_in_order()
    done = change(options.open_root(), wanted, dry_run=dry_run)
    if options.as_json:
        print_json({"written": bool(done) and not dry_run, "changes": plain(done)})
        return
    for each in done:
        click.echo(f"{each.path}: {_short(each.previous)} -> {_short(each.value)} (read by {each.reader})")
    if not done:
        click.echo("already so, nothing written")
    elif dry_run:
        click.echo("nothing written: this was a dry run")


def _value(key: str, text: str) -> object:
    """A text where the key takes one, else what JSON makes of it."""
    if text.startswith("@"):
        path = Path(text[1:])
        text = Root(path.absolute().parent).read_text(path.name).removesuffix("\n")
    kind = BY_PATH[key].kind if key in BY_PATH else None
    forms: list[object] = [text]
    try:
        parsed = json.loads(text)
    except ValueError:
        pass
    else:
        takes_text = kind is None or kind.schema.get("type") == "string" or "maxLength" in str(kind.schema)
        forms.insert(1 if takes_text else 0, parsed)
    if kind is None:
        return forms[0]
    sound = [form for form in forms if form is not None and form != "" and not list(kind.faults(form))]
    if not sound and any(form is None or form == "" for form in forms):
        raise ValueRefused(f"{key}: an empty value is none; `hal config unset {key}` removes the key", path=key)
    return next(iter(sound), forms[0])


def _reader(key: str) -> str:
    return BY_PATH[key].reader if key in BY_PATH else "nobody known"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(value: object) -> str:
    text = "not set" if value is None else _text(value)
    return printable(text if len(text) <= 60 else f"{text[:57]}...")
