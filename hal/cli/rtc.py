"""`hal rtc`: the real-time clocks of the board, best first. All times are UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hal.ask import ask
from hal.cli.common import Options, end_in_order, print_table, print_value, takes_options
from hal.cli.init_time import init_time
from hal.cli.setting import tell
from hal.errors import CapabilityAbsent, ValueRefused
from hal.model import Change, RtcState
from hal.protocols import Rtc

if TYPE_CHECKING:
    from datetime import datetime

    from hal.device import Device


@click.group()
def rtc() -> None:
    """Real-time clocks.

    NAME is a clock's name as `list` shows it, or that of its device node (rtc0); without it, the first that can be
    used is meant.
    """


rtc.add_command(init_time)


@rtc.command("list")
@takes_options
def list_clocks(options: Options) -> None:
    """Every clock that the board may have, best first, with its health."""
    device = options.open_device()
    states: list[RtcState] = [ask(clock, "state") for clock in device.clocks]
    if options.as_json:
        print_value(states)
        return
    rows = [(s.name, s.node or "-", _battery(s), _time(s) or "-", _health(s)) for s in states]
    if rows:
        print_table(("clock", "node", "battery", "time", "health"), rows)
    else:
        click.echo(f"note: {_none(device)}", err=True)
    for state in states:
        for words in _notes(state):
            click.echo(f"note: {state.name}: {words}", err=True)


@rtc.command()
@click.argument("name", required=False)
@takes_options
def read(options: Options, name: str | None) -> None:
    """The time of a clock."""
    device = options.open_device()
    clock = _clock(device, name, to_set=False)
    state: RtcState = ask(clock, "state")
    shown: datetime = ask(clock, "read") if state.time is None else state.time
    if options.as_json:
        print_value(state)
        return
    click.echo(shown.isoformat())
    for words in _notes(state):
        click.echo(f"note: {state.name}: {words}", err=True)


@rtc.command("set")
@click.argument("words", nargs=-1, metavar="[NAME] [TIME]")
@click.option("--dry-run", is_flag=True, help="Say what would be changed, and write nothing.")
@takes_options
def set_clock(options: Options, words: tuple[str, ...], dry_run: bool) -> None:
    """Set a clock to TIME, and read it back.

    TIME is ISO 8601, in UTC where it names no zone; now, which is what is meant without it, is the time of the system.
    """
    if len(words) > 2:
        raise click.UsageError(f"a NAME and a TIME at most, not {len(words)} words")
    device = options.open_device()
    name = words[0] if len(words) == 2 or (words and words[0] in _names(device)) else None
    text = words[-1] if len(words) > (name is not None) else "now"
    wanted = _parsed(text)
    clock = _clock(device, name, to_set=True)
    if not dry_run:
        end_in_order()
        tell(options, ask(clock, "set", _now() if wanted is None else wanted))
        return
    change: Change | None = ask(clock, "preview", _now() if wanted is None else wanted)
    if options.as_json:
        print_value(change)
    elif change is None:
        click.echo("already so: nothing would be written")
    else:
        click.echo(f"{clock.name}: {change.previous} -> {change.value}; nothing was written")


def _clock(device: Device, name: str | None, *, to_set: bool) -> Rtc:
    """The clock of a name, or the preferred one."""
    from hal.backends.rtc import preferred

    if name is None:
        clock = preferred(device.clocks, to_set=to_set)
        if clock is None:
            why = [f"{each.name}: {ask(each, 'absence')}" for each in device.clocks]
            raise CapabilityAbsent(
                f"{device.device_type.slug} has no clock that can be used: {'; '.join(why)}" if why else _none(device),
                path="rtc",
            )
        return clock
    found = _names(device)
    if name not in found:
        raise ValueRefused(
            f"{name!r} is no clock here; allowed are {', '.join(found) or 'none'}", path="rtc", allowed=tuple(found)
        )
    return found[name]


def _names(device: Device) -> dict[str, Rtc]:
    """Every word that names a clock: first their names, then their device nodes where no clock has that for a name."""
    found = {clock.name: clock for clock in device.clocks}
    for clock in device.clocks:
        node = ask(clock, "node") or ""
        if node.startswith("dev/rtc"):
            found.setdefault(node.removeprefix("dev/"), clock)
    return found


def _none(device: Device) -> str:
    row = device.device_type
    return f"{row.slug} has no real-time clock: {row.no_clock or 'none is known of it, and the kernel has none'}"


def _parsed(text: str) -> datetime | None:
    """A time; `None` for now, which is looked at when it is needed."""
    from hal.stdlib import UTC, read_time

    if text == "now":
        return None
    try:
        found = read_time(text)
    except ValueError:
        raise ValueRefused(
            f"{text!r} is neither a clock of this board nor a time",
            path="rtc",
            allowed=("now", "an ISO 8601 time as 2031-07-09T21:45:30"),
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _now() -> datetime:
    from datetime import datetime

    from hal.stdlib import UTC

    return datetime.now(UTC)


def _battery(state: RtcState) -> str:
    return {True: "yes", False: "no", None: "not known"}[state.battery]


def _time(state: RtcState) -> str | None:
    return state.time.isoformat() if state.time else None


def _health(state: RtcState) -> str:
    if state.absence is not None:
        return "absent"
    return ", ".join(state.problems) or ("good" if state.healthy else "nothing known to be wrong")


def _notes(state: RtcState) -> list[str]:
    """Why it is absent, or what is the matter with it, in words."""
    if state.absence is not None:
        return [state.absence]
    ran = "it has run on its battery since that was last cleared" if state.ran_on_battery else ""
    problems = "" if state.fault or not state.problems else f"health: {', '.join(state.problems)}"
    return [words for words in (state.fault, problems, ran) if words]
