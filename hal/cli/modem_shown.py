"""What `hal modem` shows of a modem: in words, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hal.cli.common import print_facts, printable
from hal.document import plain
from hal.model import AtSetting, AwaitReturn, BulkMessages, Requests, ScsiEject, SelectConfiguration
from hal.peripherals.modem import attempts

if TYPE_CHECKING:
    from hal.device import Device
    from hal.model import ModemInfo, Step
    from hal.peripherals.modem.job import Brought
    from hal.peripherals.modem.match import Modem


def step_in_words(step: Step) -> str:
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


def as_document(device: Device, each: Modem) -> dict[str, Any]:
    """A modem as `list --json` has it."""
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


def brought_as_document(device: Device, brought: Brought) -> dict[str, Any]:
    """What became of it, behind what it is now."""
    return {
        **as_document(device, brought.modem),
        "outcome": brought.outcome.value,
        "reason": brought.reason,
        "before": brought.before,
        "done": list(brought.done),
        "seconds": round(brought.seconds, 2),
        "notes": list(brought.notes),
    }


def tell_brought(brought: Brought) -> None:
    """One line of what became of a modem; what is odd about it goes to standard error."""
    each = brought.modem
    now = f"{each.mode.value if each.mode else 'no known mode'}, AT port {(each.at.tty if each.at else None) or 'none'}"
    if brought.before != each.device.identity:
        now = f"{brought.before} -> {each.device.identity}, {now}"
    click.echo(f"{brought.place} ({each.name}): {brought.outcome.value}: {now}; {brought.reason}")
    for words in brought.notes:
        click.echo(f"note: {brought.place}: {words}", err=True)


def notes(device: Device, each: Modem) -> list[str]:
    """What a reader of a list should know besides."""
    model, tried = each.models[0].model, attempts.read(device.root, each.device.name)
    found = [each.conflict] if each.conflict else []
    if model.mtu_bytes:
        found.append(f"its network may need an MTU of {model.mtu_bytes} bytes")
    if tried.failures:
        found.append(f"{tried.failures} attempts failed, the last one so: {printable(tried.failure)}")
    elif tried.phase and tried.phase not in ("ready", "left"):
        found.append(f"{tried.phase}: {printable(tried.words)}")
    return found


def show_info(each: Modem, told: ModemInfo) -> None:
    """What a modem tells of itself, one fact a line; what it does not tell goes to standard error, with the reason."""
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
