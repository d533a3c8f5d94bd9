"""`hal modem`: the modems that are plugged in; switching, asking, checking, recovering, and rules for udev."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from hal.cli.common import (
    Options,
    end_in_order,
    print_json,
    print_table,
    print_value,
    printable,
    takes_options,
)
from hal.cli.modem_shown import as_document, brought_as_document, notes, show_info, step_in_words, tell_brought
from hal.errors import CapabilityAbsent, HalError, ValueRefused
from hal.model import ModemMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hal.device import Device
    from hal.peripherals.modem.job import Brought
    from hal.peripherals.modem.match import Modem

_ENDING_SECONDS = 30.0
"""How long jobs at work are waited for at the end: they stop before their next step, and a step takes less."""
_MODES = click.Choice([mode.value for mode in ModemMode])


@click.group()
def modem() -> None:
    """USB modems.

    PLACE is where a modem is plugged in, as `list` shows it (1-1.2); without it, every modem is meant.
    """


@modem.command("list")
@takes_options
def list_modems(options: Options) -> None:
    """The modems that are plugged in: what they are, in which state and mode, and what their ports are for."""
    device = options.open_device()
    found, known = device.look_for_modems()
    if options.as_json:
        print_json([as_document(device, each) for each in found])
        return
    rows = [
        (
            each.device.name,
            each.name,
            each.device.identity,
            each.state.value if each.state else "unconfigured",
            each.mode.value if each.mode else "-",
            (each.at.tty if each.at else None) or "-",
            ", ".join(name for port in each.ports for name in port.network) or "-",
            each.origin,
        )
        for each in found
    ]
    if rows:
        print_table(("place", "model", "id", "state", "mode", "AT port", "network", "described by"), rows)
    else:
        click.echo("note: no modem that is known is plugged in", err=True)
    for each in found:
        for words in notes(device, each):
            click.echo(f"note: {each.device.name}: {words}", err=True)
    for fault in known.faults:
        click.echo(f"note: not used: {printable(fault.message)}", err=True)


@modem.command()
@click.argument("place", required=False)
@click.option(
    "--mode", "modes", multiple=True, type=_MODES, help="The mode to bring it into; again for a second choice."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and send nothing.")
@click.option("--again", is_flag=True, help="Try once more what failed before.")
@click.option("--take-over", is_flag=True, help="Switch even where usb_modeswitch would.")
@takes_options
def switch(
    options: Options, place: str | None, modes: Sequence[str], dry_run: bool, again: bool, take_over: bool
) -> int:
    """Bring modems into service and into the wanted mode, and wait for their ports. Twice changes nothing."""
    device, wanted = options.open_device(), tuple(ModemMode(mode) for mode in modes)
    places = [place] if place is not None else [each.device.name for each in device.present_modems()]
    if dry_run:
        return _dry_run(options, device, places, wanted)
    end_in_order()
    results: list[dict[str, Any]] = []
    for each in places:
        job = device.modem_job(_progress(options, each))
        try:
            brought = job.bring_up(each, wanted, again=again, take_over=take_over)
        except HalError as error:
            from hal.document import error as error_document

            results.append({"place": each, "error": error_document(error)})
            if not options.as_json:
                click.echo(f"hal: {error.message}", err=True)
            continue
        results.append(brought_as_document(device, brought))
        if not options.as_json:
            tell_brought(brought)
    if options.as_json:
        print_json(results)
    elif not places:
        click.echo("note: no modem that is known is plugged in", err=True)
    return int(any("error" in result for result in results))


@modem.command()
@click.argument("place", required=False)
@takes_options
def info(options: Options, place: str | None) -> None:
    """What modems tell by AT commands: who they are, SIM, registration, signal."""
    from hal.peripherals.modem.talk import info as ask

    device = options.open_device()
    told = [(each, ask(device.root, each)) for each in _chosen(device, place)]
    if options.as_json:
        from hal.document import plain

        print_json([{"place": each.device.name, "model": each.name, "info": plain(found)} for each, found in told])
        return
    for number, (each, found) in enumerate(told):
        if number:
            click.echo()
        show_info(each, found)


@modem.command()
@click.argument("place", required=False)
@takes_options
def check(options: Options, place: str | None) -> int:
    """Walk from the USB device to the network, and stop at the first broken link with what to do.

    Exit status: 0 where every link holds, or somebody else has the port; 1 where one is broken.
    """
    from hal.peripherals.modem.check import check as walk
    from hal.peripherals.modem.here import drivers

    device = options.open_device()
    walked = [(each, walk(device.root, each, drivers(device.root))) for each in _chosen(device, place)]
    if options.as_json:
        from hal.document import plain

        print_json([{"place": each.device.name, "links": plain(links)} for each, links in walked])
    else:
        for each, links in walked:
            click.echo(f"{each.device.name}: {each.name}")
            for link in links:
                mark = {True: "ok", False: "broken", None: "not looked at"}[link.holds]
                click.echo(f"  {link.link.value}: {mark}: {printable(link.found)}")
                if link.advice:
                    click.echo(f"    {link.advice}")
    return int(any(link.holds is False for _, links in walked for link in links))


@modem.command()
@click.argument("place")
@click.option("--up-to", metavar="RUNG", help="The harshest rung to try; by default the last one.")
@takes_options
def recover(options: Options, place: str, up_to: str | None) -> int:
    """Try to make a modem work again, mildest rung first: rescan, port-reset, rebind, hub-power, board-power."""
    from hal.peripherals.modem.ladder import Rung

    rungs = list(Rung)
    if up_to is not None:
        if up_to not in [rung.value for rung in rungs]:
            raise ValueRefused(
                f"rung {up_to!r}: allowed are {', '.join(rungs)}",
                path="--up-to",
                allowed=[rung.value for rung in rungs],
            )
        rungs = rungs[: rungs.index(Rung(up_to)) + 1]
    device = options.open_device()
    end_in_order()
    climbed = device.modem_ladder(_progress(options, place)).climb(place, rungs)
    if options.as_json:
        print_value(climbed)
    else:
        for step in climbed:
            word = "works" if step.works else "tried" if step.tried else "passed over"
            click.echo(f"{step.rung.value}: {word}: {printable(step.reason)}")
    return int(not any(step.works for step in climbed))


@modem.command()
@takes_options
def watch(options: Options) -> int:
    """Bring every modem into service that is there or is plugged in, until SIGTERM or SIGINT.

    For systems without systemd, and to see what happens; with systemd, `rules` start a unit for each modem instead.
    """
    import signal
    from threading import Event

    from attrs import evolve

    from hal.peripherals.hotplug import Watch
    from hal.peripherals.modem.tend import Tending

    device = options.open_device()
    job = device.modem_job()

    def report(place: str, result: Brought | HalError) -> None:
        if options.as_json:
            from hal.document import error as error_document

            failed = {"place": place, "error": error_document(result)} if isinstance(result, HalError) else None
            click.echo(json.dumps(brought_as_document(device, result) if not isinstance(result, HalError) else failed))
        elif isinstance(result, HalError):
            click.echo(f"hal: {result.message}", err=True)
        else:
            tell_brought(result)

    ended = Event()
    tending = Tending(
        lambda place: evolve(job, progress=_progress(options, place), stopped=ended.is_set),
        report,
    )
    watching = Watch(device.root, tending, log=lambda words: click.echo(f"note: {words}", err=True))

    def end(*_: object) -> None:
        ended.set()
        watching.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    watching.run()
    return int(not tending.wait(_ENDING_SECONDS))


@modem.command()
@takes_options
def rules(options: Options) -> None:
    """Print rules for udev: what each port is, what starts a switch, and which port is kept from ModemManager."""
    from hal.peripherals.modem.rules import rules as text

    device = options.open_device()
    told = text(device.known_modems())
    if options.as_json:
        from hal.peripherals.modem.rules import MASKED, NAME

        print_json({"name": NAME, "rules": told, "masks_usb_modeswitch": MASKED})
        return
    click.echo(told, nl=False)


# -- what several commands do ------------------------------------------------------------------------------------------


def _chosen(device: Device, place: str | None) -> tuple[Modem, ...]:
    found = device.present_modems()
    if place is None:
        if not found:
            raise CapabilityAbsent("no modem that is known is plugged in", path="modem")
        return found
    chosen = tuple(each for each in found if each.device.name == place)
    if not chosen:
        places = [each.device.name for each in found]
        raise ValueRefused(
            f"{place}: no modem that is known is plugged in there; there are {', '.join(places) or 'none'}",
            path=place,
            allowed=places,
        )
    return chosen


def _progress(options: Options, place: str) -> Callable[[str, str], None]:
    def tell(phase: str, words: str) -> None:
        if not options.as_json and phase not in ("ready", "failed", "left"):
            click.echo(f"{place}: {phase}" + (f": {printable(words)}" if words else ""), err=True)

    return tell


def _dry_run(options: Options, device: Device, places: Sequence[str], modes: Sequence[ModemMode]) -> int:
    from hal.document import plain
    from hal.peripherals.modem import attempts
    from hal.peripherals.modem.decide import decide
    from hal.peripherals.modem.here import drivers
    from hal.peripherals.modem.owner import switcher

    decisions = [
        (each, decide(each, drivers(device.root), modes)) for place in places for each in _chosen(device, place)
    ]
    if options.as_json:
        print_json([{"place": each.device.name, "decision": plain(decision)} for each, decision in decisions])
    for each, decision in decisions if not options.as_json else ():
        click.echo(f"{each.device.name} ({each.name}): {decision.action.value}: {decision.reason}")
        other = switcher(device.root, each) if decision.switch else None
        if other is not None:
            click.echo(f"  leave that to {other}, whose rules act on it, and wait; with --take-over:")
        for step in decision.switch.steps if decision.switch else ():
            click.echo(f"  {step_in_words(step)}")
        if decision.switch and attempts.read(device.root, each.device.name).failures >= attempts.MOST:
            click.echo("  but only with --again, since attempts failed: see `hal modem list`")
    return 0
