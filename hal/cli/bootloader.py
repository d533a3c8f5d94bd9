"""`hal bootloader`: which slot boots next, and the operations that change it."""

from __future__ import annotations

import click

from hal.ask import ask
from hal.cli.common import Options, end_in_order, print_facts, print_table, print_value, takes_options
from hal.model import BootOperation, BootStatus, BootWrite, Outcome, SetResult, Slot
from hal.protocols import Bootloader

METHODS = {
    BootOperation.SWITCH: "switch",
    BootOperation.COMMIT: "commit",
    BootOperation.CLEAR_BOOT_COUNT: "clear_boot_count",
    BootOperation.ROLL_BACK: "roll_back",
}

dry_run = click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")


@click.group()
def bootloader() -> None:
    """Slots, boot count, and what the next boot does."""


@bootloader.command()
@takes_options
def status(options: Options) -> None:
    """The state as it is, and what the next boot will do."""
    found: BootStatus = ask(_bootloader(options), "status")
    if options.as_json:
        print_value(found)
        return
    count = "cannot be read" if found.boot_count is None else f"{found.boot_count} of {found.boot_limit}"
    following = " ".join(str(slot or "none") for slot in found.next_boot.then)
    print_facts(
        (
            ("bootloader", f"{found.kind.value}, {found.rule.value} rule"),
            ("running slot", f"{found.running or 'not known'} ({found.running_evidence})"),
            ("active slot", found.active or "none named"),
            ("update", "pending: rollback is armed" if found.pending else "none pending"),
            ("boot count", count),
            ("next boot", f"slot {found.next_boot.slot or 'none'}: {found.next_boot.reason}"),
            ("then", f"{following} (where no boot reaches user space)"),
        )
    )
    click.echo()
    print_table(
        ("slot", "partition", "value", "kernel"),
        [
            (fact.slot, fact.partition, fact.value, {True: "yes", False: "missing", None: "not seen"}[fact.kernel])
            for fact in found.slots
        ],
    )
    click.echo()
    print_table(
        ("variable", "stored", "state", "meaning"),
        [
            (item.name, "" if item.text is None else repr(item.text), item.state.value, item.meaning)
            for item in found.variables
        ],
    )
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


@bootloader.command()
@click.argument("slot", metavar="A|B", type=click.Choice([slot.value for slot in Slot], case_sensitive=False))
@dry_run
@takes_options
def switch(options: Options, slot: str, dry_run: bool) -> None:
    """Boot SLOT next, with rollback armed; for the running slot: stay, with nothing pending."""
    _operate(options, BootOperation.SWITCH, dry_run, Slot(slot.upper()))


@bootloader.command()
@dry_run
@takes_options
def commit(options: Options, dry_run: bool) -> None:
    """Keep the running slot: nothing is pending any more."""
    _operate(options, BootOperation.COMMIT, dry_run)


@bootloader.command("clear-boot-count")
@dry_run
@takes_options
def clear_boot_count(options: Options, dry_run: bool) -> None:
    """Boot count to zero."""
    _operate(options, BootOperation.CLEAR_BOOT_COUNT, dry_run)


@bootloader.command()
@dry_run
@takes_options
def rollback(options: Options, dry_run: bool) -> None:
    """Boot the other slot next, with nothing pending."""
    _operate(options, BootOperation.ROLL_BACK, dry_run)


def _bootloader(options: Options) -> Bootloader:
    found: Bootloader = options.open_device().need("bootloader")
    return found


def _operate(options: Options, operation: BootOperation, dry_run: bool, slot: Slot | None = None) -> None:
    control = _bootloader(options)
    if dry_run:
        show_writes(ask(control, "preview", operation, slot), as_json=options.as_json)
        return
    end_in_order()
    result: SetResult = ask(control, METHODS[operation], *([slot] if slot else []))
    if options.as_json:
        print_value(result)
    elif result.outcome is Outcome.UNCHANGED:
        click.echo(f"{result.value}: already so, nothing written; {result.note}")
    else:
        click.echo(f"{result.previous} -> {result.value}: {result.outcome.value}; {result.note}")


def show_writes(writes: tuple[BootWrite, ...], *, as_json: bool) -> None:
    """What would be written, in order; content as text, because these files are text."""
    plain = [
        {
            "file": write.file,
            "kind": write.kind.value,
            "bytes": None if write.data is None else len(write.data),
            "data": None if write.data is None else write.data.decode(errors="replace"),
            "step": write.step,
        }
        for write in writes
    ]
    if as_json:
        from hal.cli.common import print_json

        print_json(plain)
    elif not plain:
        click.echo("already so: nothing would be written")
    else:
        rows = [(i, w["kind"], w["file"], w["bytes"], w["step"]) for i, w in enumerate(plain, 1)]
        print_table(("", "how", "file", "bytes", "what is true then"), rows)
