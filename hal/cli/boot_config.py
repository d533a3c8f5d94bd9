"""`hal boot-config`: what the firmware reads before the kernel, by plain key or by the supervisor's variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import click
from attrs import frozen

from hal.ask import ask
from hal.cli.bootloader import dry_run
from hal.cli.common import Options, end_in_order, print_json, print_table, takes_options
from hal.device import Device
from hal.document import error as as_document
from hal.document import plain
from hal.errors import CapabilityAbsent, HalError, ValueRefused
from hal.model import BootConfigResult, BootSetting, BootSettingChange, Cost, Keeping, KeptLine, Outcome
from hal.protocols import BootConfig
from hal.record import Record


class Place(NamedTuple):
    """What a word of the command line names: a key in a store."""

    store: BootConfig
    key: str


@frozen(kw_only=True, repr=False, eq=False)
class Listed(Record):
    """A store as `list` shows it."""

    name: str
    absence: str | None = None
    settings: tuple[BootSetting, ...] = ()
    kept: tuple[KeptLine, ...] = ()
    error: dict[str, object] | None = None


@click.group("boot-config")
def boot_config() -> None:
    """What the firmware reads before the kernel runs.

    A KEY is a plain key (gpu_mem), or a variable of balenaOS's supervisor (BALENA_HOST_CONFIG_gpu_mem, with RESIN_ or
    without either). STORE:KEY names the store too; it is needed where two stores know the key. A key that may stand
    several times takes all its values in one: '"i2c_arm=on","spi=on"'.
    """


@boot_config.command("list")
@click.option("--variables", is_flag=True, help="Print VARIABLE=VALUE, as the supervisor calls them.")
@takes_options
def list_settings(options: Options, variables: bool) -> None:
    """Every setting in every store, and what else its file holds."""
    device = options.open_device()
    stores = device.boot_config
    if not stores:
        raise _none(device)
    rows = [_listed(store) for store in stores]
    if options.as_json:
        print_json(plain(rows))
        return
    settings: list[tuple[str, BootSetting]] = [(row.name, each) for row in rows for each in row.settings]
    if variables:
        for _, each in settings:
            if each.variable:
                click.echo(f"{each.variable}={each.value}")
    else:
        print_table(
            ("store", "key", "value", "section", "note"),
            [(name, each.key, each.value, each.section, each.note) for name, each in settings],
        )
        kept: list[tuple[str, KeptLine]] = [(row.name, each) for row in rows for each in row.kept]
        shown = [
            (name, each.line, each.text, f"{each.why.value}: {each.note}" if each.note else each.why.value)
            for name, each in kept
            if each.why is not Keeping.COMMENT or each.note
        ]
        if shown:
            click.echo()
            print_table(("kept in", "line", "text", "why"), shown)
    for row in rows:
        if row.absence is not None:
            click.echo(f"note: {row.name} is not in use: {row.absence}", err=True)
        if row.error is not None:
            click.echo(f"note: {row.name}: {row.error['message']}", err=True)


def _listed(store: BootConfig) -> Listed:
    try:
        return Listed(
            name=store.name, absence=ask(store, "absence"), settings=ask(store, "items"), kept=ask(store, "kept")
        )
    except HalError as error:
        return Listed(name=store.name, error=as_document(error))


@boot_config.command()
@click.argument("key")
@takes_options
def get(options: Options, key: str) -> None:
    """The value of KEY, as it can be set. Ends with 1 where it is not set."""
    store, name = _place(options.open_device(), key)
    settings: list[BootSetting] = [each for each in ask(store, "items") if each.key == name]
    found = next((each for each in settings if not each.section), None)
    if found is None:
        sections = ", ".join(dict.fromkeys(each.section for each in settings))
        raise HalError(f"{name} is not set in {store.name}" + (f" but under {sections}" if sections else ""), path=key)
    if options.as_json:
        print_json({"store": store.name, **plain(found)})
    else:
        click.echo(found.value)


@boot_config.command("set")
@click.argument("assignments", metavar="KEY=VALUE...", nargs=-1, required=True)
@dry_run
@takes_options
def set_values(options: Options, assignments: Sequence[str], dry_run: bool) -> None:
    """Set keys. All values of one store are written at once."""
    words: list[tuple[str, str | None]] = []
    for each in assignments:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{each!r} is not KEY=VALUE")
        words.append((key, value))
    _change(options, words, dry_run=dry_run)


@boot_config.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@dry_run
@takes_options
def unset(options: Options, keys: Sequence[str], dry_run: bool) -> None:
    """Remove keys, so that the firmware takes its default."""
    _change(options, [(key, None) for key in keys], dry_run=dry_run)


def _change(options: Options, words: Sequence[tuple[str, str | None]], *, dry_run: bool) -> None:
    """Everything is checked before the first store is written."""
    device = options.open_device()
    wanted: dict[str, tuple[BootConfig, dict[str, str | None]]] = {}
    for word, value in words:
        store, key = _place(device, word)
        _, values = wanted.setdefault(store.name, (store, {}))
        if key in values and values[key] != value:
            raise ValueRefused(f"{key} is given twice, with different values", path=word)
        values[key] = value
    planned: list[tuple[str, tuple[BootSettingChange, ...]]] = [
        (name, ask(store, "preview", values)) for name, (store, values) in wanted.items()
    ]
    if not dry_run:
        end_in_order()
        planned = []
        for name, (store, values) in wanted.items():
            result: BootConfigResult = ask(store, "set", values)
            planned.append((name, result.changes))
    _show(options, planned, dry_run=dry_run)


def _show(options: Options, planned: Sequence[tuple[str, tuple[BootSettingChange, ...]]], *, dry_run: bool) -> None:
    changes = [(name, each) for name, found in planned for each in found]
    if options.as_json:
        outcome = None if dry_run else (Outcome.ACCEPTED if changes else Outcome.UNCHANGED)
        cost = Cost.REBOOT if any(each.cost is Cost.REBOOT for _, each in changes) else Cost.NONE
        listed = [{"store": name, **plain(each)} for name, each in changes]
        print_json({"changes": listed, "outcome": plain(outcome), "cost": plain(cost)})
        return
    if not changes:
        click.echo("already so: nothing would be written" if dry_run else "already so, nothing written")
    verb = "would change; a reboot would be needed" if dry_run else "accepted; in force after the next boot"
    for name, each in changes:
        old, new = ("not set" if value is None else value for value in (each.previous, each.value))
        click.echo(f"{name} {each.key}: {old} -> {new}: {verb}" + (f" ({each.note})" if each.note else ""))


def _place(device: Device, word: str) -> Place:
    """The store and key that a word names. Raises `ValueRefused` where that is none, or more than one."""
    stores = device.boot_config
    if not stores:
        raise _none(device)
    name, colon, key = word.partition(":")
    named = [store for store in stores if store.name == name] if colon else []
    found: list[Place] = []
    unused: list[tuple[str, str]] = []
    for store in named or stores:
        match = ask(store, "key_for", key if named else word)
        if match is None:
            continue
        reason = ask(store, "absence")
        if reason is None or named:
            found.append(Place(store, match))
        else:
            unused.append((store.name, reason))
    names = tuple(store.name for store in stores)
    if len(found) > 1:
        both = tuple(f"{place.store.name}:{place.key}" for place in found)
        raise ValueRefused(f"{word!r} is in several stores; write {' or '.join(both)}", path=word, allowed=both)
    if not found and unused:
        raise CapabilityAbsent(f"{unused[0][0]}: {unused[0][1]}", path=word)
    if not found:
        raise ValueRefused(f"{word!r} is no key of {' or '.join(names)}", path=word, allowed=names)
    return found[0]


def _none(device: Device) -> CapabilityAbsent:
    return CapabilityAbsent(
        f"{device.device_type.slug} has no boot configuration: {device.identity.plugin} offers none for this device "
        "type",
        path="boot_config",
    )
