"""`hal rollback`: how far an update is, why it was undone, and what the boot services do about it."""

from __future__ import annotations

import click

from hal.cli.bootloader import dry_run
from hal.cli.common import Options, end_in_order, print_facts, print_json, print_table, print_value, takes_options
from hal.document import plain
from hal.errors import HalError
from hal.model import RollbackOutcome, RollbackPolicy
from hal.rollback.machine import Rollback

_REBOOT_SECONDS = 60.0

reboot_option = click.option("--reboot", is_flag=True, help="Reboot where it ends with the need to.")


@click.group()
def rollback() -> None:
    """An update on trial, and the way back from it."""


@rollback.command()
@takes_options
def status(options: Options) -> None:
    """How far an update is, what happened before and why, and what the next boot will do."""
    found = _rollback(options).status()
    if options.as_json:
        print_value(found)
        return
    boot = found.bootloader
    print_facts(
        (
            ("phase", f"{found.phase.value}: {found.meaning}"),
            ("running slot", boot.running or "not known"),
            ("next boot", f"slot {boot.next_boot.slot or 'none'}: {boot.next_boot.reason}"),
            ("breadcrumbs", ", ".join(crumb.rpartition("/")[2] for crumb in found.breadcrumbs)),
        )
    )
    if found.events:
        click.echo()
        print_table(
            ("time", "event", "slots", "reason"),
            [(e.time, e.event, f"{e.source or '?'} -> {e.target or '?'}", e.reason) for e in found.events],
        )
        for fact in found.events[-1].evidence:
            click.echo(f"  evidence: {fact}")
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


@rollback.command()
@takes_options
def check(options: Options) -> None:
    """Run the health checks once. Changes nothing; the exit status is 1 where one fails."""
    from hal.rollback.health import checks, examine

    machine = _rollback(options)
    verdicts = [(each, examine(each)) for each in checks(machine.root, machine.board_checks)]
    if options.as_json:
        print_json([{"name": each.name, "purpose": each.purpose, **plain(verdict)} for each, verdict in verdicts])
    else:
        rows = [(each.name, "healthy" if v.healthy else "NOT HEALTHY", v.reason) for each, v in verdicts]
        print_table(("check", "", "reason"), rows)
    bad = [each.name for each, verdict in verdicts if not verdict.healthy]
    if bad:
        raise HalError(f"not healthy: {', '.join(bad)}")


@rollback.command()
@dry_run
@reboot_option
@takes_options
def altboot(options: Options, dry_run: bool, reboot: bool) -> None:
    """Early at boot: note that the updated slot came up, or make the old one whole after a fallback."""
    machine = _rollback(options)
    end_in_order()
    finish(options, machine, machine.altboot(dry_run=dry_run), reboot and not dry_run)


@rollback.command()
@click.option("--interval", metavar="SECONDS", type=click.FloatRange(0), help="Between two checks; by default 60.")
@click.option("--checks", metavar="N", type=click.IntRange(1), help="How many may fail; by default 15.")
@dry_run
@reboot_option
@takes_options
def health(options: Options, interval: float | None, checks: int | None, dry_run: bool, reboot: bool) -> None:
    """When services are up: commit the updated slot once it is healthy, or go back to the old one."""
    usual = RollbackPolicy()
    policy = RollbackPolicy(
        interval_seconds=usual.interval_seconds if interval is None else interval,
        checks=usual.checks if checks is None else checks,
    )
    machine = _rollback(options, policy)
    end_in_order()
    finish(options, machine, machine.health(dry_run=dry_run), reboot and not dry_run)


@rollback.command()
@dry_run
@takes_options
def shutdown(options: Options, dry_run: bool) -> None:
    """On an orderly way down: a reboot that somebody asked for is no failed boot."""
    machine = _rollback(options)
    finish(options, machine, machine.shutdown(dry_run=dry_run), False)


def _rollback(options: Options, policy: RollbackPolicy | None = None) -> Rollback:
    return options.open_device().rollback(policy)


def finish(options: Options, machine: Rollback, outcome: RollbackOutcome, reboot: bool) -> None:
    """Say what was done, and reboot where that is asked for and needed. What failed makes the exit status 1."""
    if options.as_json:
        print_value(outcome)
    else:
        click.echo(f"{outcome.phase.value}: " + ("; ".join(outcome.done) or "nothing to do"))
        if outcome.reboot:
            click.echo("a reboot is needed" + (", and asked for now" if reboot else ""))
    if outcome.reboot and reboot:
        machine.root.run(["systemctl", "reboot"], timeout_seconds=_REBOOT_SECONDS)
    if outcome.failed:
        raise HalError("; ".join(outcome.failed))
