"""`hal modem`: the modems that are plugged in; switching, asking, checking, recovering, and rules for udev."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from hal.cli.common import (
    Options,
    end_in_order,
    print_facts,
    print_json,
    print_table,
    print_value,
    printable,
    takes_options,
)
from hal.errors import CapabilityAbsent, HalError, ValueRefused
from hal.model import (
    AtSetting,
    AwaitReturn,
    BulkMessages,
    ModemMode,
    Requests,
    ScsiEject,
    SelectConfiguration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hal.device import Device
    from hal.model import ModemInfo, Step
    from hal.peripherals.modem.job import Brought
    from hal.peripherals.modem.match import Modem

_ENDING_SECONDS = 30.0
"""How long jobs at work are waited for at the end; what they hold ends with this process."""
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
        print_json([_told(device, each) for each in found])
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
        for words in _notes(device, each):
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
            from hal.document import error as as_document

            results.append({"place": each, "error": as_document(error)})
            if not options.as_json:
                click.echo(f"hal: {error.message}", err=True)
            continue
        results.append(_brought(device, brought))
        if not options.as_json:
            _tell(brought)
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
        _show(each, found)


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

    from attrs import evolve

    from hal.peripherals.hotplug import Watch
    from hal.peripherals.modem.tend import Tending

    device = options.open_device()
    job = device.modem_job()

    def report(place: str, result: Brought | HalError) -> None:
        if options.as_json:
            from hal.document import error as as_document

            failed = {"place": place, "error": as_document(result)} if isinstance(result, HalError) else None
            click.echo(json.dumps(_brought(device, result) if not isinstance(result, HalError) else failed))
        elif isinstance(result, HalError):
            click.echo(f"hal: {result.message}", err=True)
        else:
            _tell(result)

    tending = Tending(lambda place: evolve(job, progress=_progress(options, place)), report)
    watching = Watch(device.root, tending, log=lambda words: click.echo(f"note: {words}", err=True))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watching.stop())
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


# -- in words ----------------------------------------------------------------------------------------------------------


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
            click.echo(f"  {_step(step)}")
    return 0


def _step(step: Step) -> str:
    """What a step will do."""
    match step:
        case BulkMessages():
            return f"send {', '.join(step.messages)}"
        case ScsiEject():
            return "eject by SCSI" + (f", then send {', '.join(step.then)}" if step.then else "")
        case Requests():
            return (
                f"{len(step.transfers)} requests, with the kernel's drivers off"
                if step.detach
                else f"{len(step.transfers)} requests"
            )
        case SelectConfiguration():
            return (
                f"choose USB configuration {step.value}" if step.value else f"choose the configuration with {step.mode}"
            )
        case AtSetting():
            restart = "" if step.restarts else f"; then AT{step.reset}"
            return f"AT{step.command}, unless AT{step.query} shows it{restart}"
        case AwaitReturn():
            return f"wait until it is back, at most {step.seconds:g} s"


def _told(device: Device, each: Modem) -> dict[str, Any]:
    from hal.document import plain
    from hal.peripherals.modem import attempts

    tried = attempts.read(device.root, each.device.name)
    return {
        "place": each.device.name,
        "identity": each.device.identity,
        "models": [
            {"name": known.model.name, "maker": known.model.maker, "origin": known.origin} for known in each.models
        ],
        "state": plain(each.state),
        "mode": plain(each.mode),
        "ports": plain(each.ports),
        "at_port": each.at.tty if each.at else None,
        "mtu_bytes": each.models[0].model.mtu_bytes,
        "quirks": list(each.models[0].model.quirks),
        "conflict": each.conflict,
        "switching": None
        if not tried.phase
        else {"phase": tried.phase, "words": tried.words, "failures": tried.failures},
    }


def _brought(device: Device, brought: Brought) -> dict[str, Any]:
    return {
        **_told(device, brought.modem),
        "outcome": brought.outcome.value,
        "reason": brought.reason,
        "before": brought.before,
        "done": list(brought.done),
        "seconds": round(brought.seconds, 2),
        "notes": list(brought.notes),
    }


def _tell(brought: Brought) -> None:
    each = brought.modem
    now = f"{each.mode.value if each.mode else 'no known mode'}, AT port {(each.at.tty if each.at else None) or 'none'}"
    if brought.before != each.device.identity:
        now = f"{brought.before} -> {each.device.identity}, {now}"
    click.echo(f"{brought.place} ({each.name}): {brought.outcome.value}: {now}; {brought.reason}")
    for words in brought.notes:
        click.echo(f"note: {brought.place}: {words}", err=True)


def _notes(device: Device, each: Modem) -> list[str]:
    from hal.peripherals.modem import attempts

    model, tried = each.models[0].model, attempts.read(device.root, each.device.name)
    found = [each.conflict] if each.conflict else []
    if model.mtu_bytes:
        found.append(f"its network may need an MTU of {model.mtu_bytes} bytes")
    if tried.failures:
        found.append(f"{tried.failures} attempts failed, the last one so: {printable(tried.failure)}")
    elif tried.phase and tried.phase not in ("ready", "left"):
        found.append(f"{tried.phase}: {printable(tried.words)}")
    return found


def _show(each: Modem, told: ModemInfo) -> None:
    from hal.peripherals.modem.check import strength

    sim, registered, operator = told.sim, told.registration, told.operator
    states = {name: getattr(registered, name, None) for name in ("circuit", "packet", "lte")}
    print_facts(
        (
            ("place", f"{each.device.name} ({each.device.identity})"),
            ("port", told.port),
            ("maker", printable(told.identity.maker_text)),
            ("model", printable(told.identity.model or "")),
            ("revision", printable(told.identity.revision or "")),
            ("IMEI", told.identity.imei),
            ("switched on", told.mode.value if told.mode else None),
            ("SIM", " ".join(filter(None, (sim.state.value, sim.iccid))) if sim else None),
            ("registration", ", ".join(f"{name} {state.value}" for name, state in states.items() if state)),
            ("operator", printable(operator.name or "") if operator else None),
            ("signal", strength(told)),
            ("clock", told.clock.isoformat() if told.clock else None),
        )
    )
    for unknown in told.unknown:
        click.echo(f"note: {unknown.name}: {printable(unknown.reason)}", err=True)
