"""`hal rtc init-time`: at boot, the right time from whatever tells it, and why that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from attrs import evolve

from hal.cli.common import Options, end_in_order, print_facts, print_json, print_table, takes_options
from hal.cli.setting import tell
from hal.errors import HalError
from hal.init_time.chain import Chain
from hal.init_time.clocks import expected
from hal.init_time.decision import words
from hal.init_time.evidence import InitTime, Policy
from hal.model import Outcome
from hal.protocols import Rtc
from hal.root import Root


@click.command("init-time")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="Wait for a clock that this board should have until the device is up so long; by default 20.",
)
@click.option("--offline", is_flag=True, help="Ask no server.")
@click.option("--save", is_flag=True, help="Decide nothing; keep the time for the next boot.")
@click.option("--dry-run", is_flag=True, help="Say what would be decided, and set nothing.")
@takes_options
def init_time(options: Options, wait: float | None, offline: bool, save: bool, dry_run: bool) -> None:
    """Set the system clock from the most trustworthy source there is.

    Sources are the build time, the saved time, real-time clocks, the date of the connectivity check's server, and time
    servers. Run it early at boot with --offline, again when there is a network, and with --save hourly and at shutdown.
    """
    if save and (wait is not None or offline or dry_run):
        raise click.UsageError("--save goes with none of --wait, --offline and --dry-run")
    policy = Policy() if wait is None else evolve(Policy(), clock_seconds=wait)
    root = options.open_root()
    if save:
        end_in_order()
        tell(options, Chain.of(root, policy=policy).save())
        return
    names, find_clocks = _clocks(options)
    chain = Chain.of(root, policy=policy, expected=names, find_clocks=find_clocks, config=_config(options, root))
    end_in_order()
    _report(options, chain, chain.run(offline=offline, dry_run=dry_run))


def _clocks(options: Options) -> tuple[tuple[str, ...], Callable[[], tuple[Rtc, ...]]]:
    """The clocks of the board. Where it is not known, the time is set all the same, without them."""
    try:
        device = options.open_device()
    except HalError as error:
        _note(options, f"no clock is asked: {error.message}")
        return (), tuple
    return expected(device.device_type), lambda: device.clocks


def _config(options: Options, root: Root) -> dict[str, Any]:
    """config.json, or its last good copy; without either the servers are those of the OS."""
    from hal.settings import own

    try:
        return own.read(root)[0]
    except HalError as error:
        _note(options, f"config.json is not read: {error.message}")
        return {}


def _note(options: Options, message: str) -> None:
    if not options.as_json:
        click.echo(f"note: {message}", err=True)


def _report(options: Options, chain: Chain, done: InitTime) -> None:
    """The decision on standard output; on standard error one line for the journal, and one for each new alarm."""
    if options.as_json:
        print_json(chain.document(done))
        return
    made = done.decision
    from_what = made.source.value + (f" {made.name}" if made.name else "")
    effect = {
        Outcome.APPLIED: "set",
        Outcome.UNCHANGED: "kept",
        None: "would be set" if made.set_system else "would be kept",
    }
    effect_words = effect[done.outcome]
    print_facts(
        (
            ("time", words(made.time)),
            ("source", from_what),
            ("reason", made.reason),
            ("step", f"{made.step_seconds:+.1f} s: {effect_words}"),
            ("not below", words(made.floor)),
            ("not above", words(made.bound)),
            ("clocks set", ", ".join(done.clocks_set)),
        )
    )
    click.echo()
    print_table(
        ("source", "name", "time", "verdict"),
        [(w.source.value, w.name, None if w.time is None else words(w.time), w.verdict) for w in made.weighed],
    )
    for alarm in done.new_alarms:
        click.echo(f"alarm: {alarm.about}: {alarm.message}", err=True)
    click.echo(f"system clock {effect_words}: {words(made.time)} from {from_what}: {made.reason}", err=True)
