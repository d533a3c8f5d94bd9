"""Performs the steps of a switch, each kind once. What it did is told in words; whether it worked shows afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from attrs import frozen

from hal.backends.usb.present import DEVICES, look
from hal.errors import AtFault, HalError, NotApplied
from hal.model import (
    AtFaultKind,
    AtSetting,
    BulkMessages,
    ControlRequest,
    ModemMode,
    Report,
    Requests,
    ScsiEject,
    SelectConfiguration,
    UsbDevice,
    UsbEndpoint,
)
from hal.peripherals.modem.match import Modem
from hal.peripherals.modem.messages import EJECT
from hal.peripherals.modem.ports import mode_of, roles
from hal.peripherals.modem.wire import Link, Stalled, TimedOut, Vanished, Wire
from hal.record import Record
from hal.root import Root

STATUS_BYTES = 13
"""What answers a storage command: `55534253`, its tag, the residue, and one byte that is 0 where it passed."""
_LOST = (AtFaultKind.NO_ANSWER, AtFaultKind.PORT_GONE)
_UNCONFIGURED_SECONDS = 0.1
_CONFIGURE_SECONDS = 5.0

Say = Callable[[str, str], str]
"""Asks a modem: a tty and a command, and the lines of its answer. Raises `HalError`."""


@frozen(kw_only=True, repr=False, eq=False)
class Tools(Record):
    """What steps work with; tests put simulated ones in their place."""

    root: Root
    wire: Wire
    say: Say
    port: Callable[[Modem], str]
    """The serial port by which a modem may be asked. Raises `NotApplied` where there is none, or somebody has it."""
    sleep: Callable[[float], None] = time.sleep


@frozen(kw_only=True, repr=False, eq=False)
class Performed(Record):
    """What a step did, in words, and whether the device seemed to leave meanwhile: it may not have heard all."""

    words: str
    left: bool = False


def perform(step: object, modem: Modem, tools: Tools) -> Performed:
    """One step. Raises `NotApplied` or another `HalError` where it cannot be done; a device that goes is no failure."""
    match step:
        case BulkMessages():
            return _messages(step, step.messages, modem.device, tools)
        case ScsiEject():
            sequence = BulkMessages(messages=(*EJECT, *step.then), release_seconds=step.release_seconds)
            return _messages(sequence, sequence.messages, modem.device, tools)
        case Requests():
            return _requests(step, modem.device, tools)
        case SelectConfiguration():
            return Performed(words=_configuration(step, modem, tools))
        case AtSetting():
            return _at(step, modem, tools)
    raise NotApplied(f"{type(step).__name__}: no step that is known")


# -- bulk messages ---------------------------------------------------------------------------------------------------


def _messages(step: BulkMessages, messages: Sequence[str], device: UsbDevice, tools: Tools) -> Performed:
    """Drivers off, the interface claimed, then each message and its answer, as the first of its endpoints give it."""
    interface = step.interface or 0
    out, back = _endpoints(step, device, interface)
    told: list[str] = []
    try:
        with tools.wire.open(device) as link:
            link.detach()
            link.claim(interface)
            for message in messages:
                told.append(_message(link, out, back, bytes.fromhex(message)))
            for endpoint in (back, out):
                _cleared(link, endpoint)
            tools.sleep(step.release_seconds)
        left = False
    except Vanished:
        told.append("the device left")
        left = True
    counted = f"{len(messages)} message{'s' if len(messages) != 1 else ''}"
    return Performed(words=f"{counted} to endpoint {out:#04x}: {', '.join(told)}", left=left)


def _message(link: Link, out: int, back: int, message: bytes) -> str:
    """Once more after a stall, as storage devices want it."""
    for _ in range(2):
        try:
            link.write(out, message)
        except TimedOut:
            return "not taken in time"
        except Stalled:
            _cleared(link, back)
            _cleared(link, out)
            continue
        try:
            answer = link.read(back, STATUS_BYTES if message.startswith(b"USBC") else len(message))
        except NotApplied as error:
            return f"its answer cannot be read: {error.message}"
        except Stalled:
            _cleared(link, back)
            _cleared(link, out)
            continue
        if not answer:
            return "no answer"
        if answer.startswith(b"USBS") and len(answer) == STATUS_BYTES:
            return "accepted" if answer[12] == 0 else f"refused with status {answer[12]}"
        return f"answer {answer[:8].hex()}"
    return "stalled twice"


def _cleared(link: Link, endpoint: int) -> None:
    with suppress(Stalled, TimedOut, NotApplied):
        link.clear_halt(endpoint)


def _endpoints(step: BulkMessages, device: UsbDevice, interface: int) -> tuple[int, int]:
    """The first bulk endpoint of each direction, unless the step names them."""
    chosen = next((each for each in device.configurations if each.value == device.configuration), None)
    function = chosen.function(interface) if chosen else None
    if function is None:
        raise NotApplied(f"{device.name} ({device.identity}): has no interface {interface}", path=device.name)

    def first(is_in: bool) -> int | None:
        listed: Sequence[UsbEndpoint] = function.endpoints
        return next((each.address for each in listed if each.kind == "bulk" and each.is_in == is_in), None)

    out = step.endpoint_out if step.endpoint_out is not None else first(False)
    back = step.endpoint_in if step.endpoint_in is not None else first(True)
    if out is None or back is None:
        raise NotApplied(
            f"{device.name} ({device.identity}): interface {interface} has no pair of bulk endpoints", path=device.name
        )
    return out, back | 0x80


# -- requests on endpoint 0 ------------------------------------------------------------------------------------------


def _requests(step: Requests, device: UsbDevice, tools: Tools) -> Performed:
    done = 0
    try:
        with tools.wire.open(device) as link:
            if step.detach:
                link.detach()
            for transfer in step.transfers:
                try:
                    _transfer(link, transfer)
                    done += 1
                except (Stalled, TimedOut) as error:
                    if not step.optional:
                        raise NotApplied(
                            f"{device.name} ({device.identity}): refuses request {done + 1}", path=device.name
                        ) from error
    except Vanished:
        return Performed(words=f"{done} of {len(step.transfers)} requests, then the device left", left=True)
    return Performed(words=f"{done} of {len(step.transfers)} requests")


def _transfer(link: Link, transfer: ControlRequest | Report) -> None:
    data = bytes.fromhex(transfer.data)
    if isinstance(transfer, ControlRequest):
        link.control(
            transfer.request_type, transfer.request, transfer.value, transfer.index, data, transfer.length_bytes
        )
        return
    for _ in range(transfer.times):
        if data:
            link.write(transfer.endpoint, data)
        else:
            link.read(transfer.endpoint, transfer.length_bytes)


# -- configurations --------------------------------------------------------------------------------------------------


def _configuration(step: SelectConfiguration, modem: Modem, tools: Tools) -> str:
    """Through sysfs. The value in use is never written again: that would set everything up anew.

    A device that does not take a value is unconfigured first; some need that.
    """
    value = step.value if step.value is not None else _offering(modem, step.mode)
    name = f"{DEVICES}/{modem.device.name}/bConfigurationValue"
    if tools.root.read_value(name) == str(value):
        return f"configuration {value} is in use already"
    try:
        tools.root.write(name, f"{value}\n")
    except HalError:
        _anew(name, value, modem.device.configuration, tools)
    waited = 0.0
    while tools.root.read_value(name) != str(value):
        if waited >= _CONFIGURE_SECONDS or look(tools.root, modem.device.name) is None:
            shown = tools.root.read_value(name)
            raise NotApplied(f"{name}: {value} was written, and reads back {shown!r}", path=name)
        tools.sleep(0.05)
        waited += 0.05
    return f"configuration {value} chosen"


def _anew(name: str, value: int, before: int | None, tools: Tools) -> None:
    """Unconfigured, then the value; whatever happens in between, it is not left without a configuration."""
    try:
        tools.root.write(name, "0\n")
        tools.sleep(_UNCONFIGURED_SECONDS)
        tools.root.write(name, f"{value}\n")
    except BaseException:
        if before is not None:
            with suppress(HalError):
                tools.root.write(name, f"{before}\n")
        raise


def _offering(modem: Modem, mode: ModemMode | None) -> int:
    rules = modem.models[0].model.ports
    for configuration in modem.device.configurations:
        if mode_of(roles(modem.device, configuration, rules)) is mode:
            return configuration.value
    raise NotApplied(f"{modem.device.name} ({modem.device.identity}): no configuration offers {mode}", path=str(mode))


# -- AT settings -----------------------------------------------------------------------------------------------------


def _at(step: AtSetting, modem: Modem, tools: Tools) -> Performed:
    """Asked for, changed where it differs, read back, then made effective: a setting may be stored and not in force.

    A modem may restart by itself, so an answer that is lost after the command is no failure: what comes back decides.
    """
    tty = tools.port(modem)
    stored = bool(re.search(step.shown, tools.say(tty, step.query)))
    did = f"AT{step.query} shows it already" if stored else f"AT{step.command} accepted"
    try:
        if not stored:
            tools.say(tty, step.command)
        if step.restarts and not stored:
            return Performed(words=did)
        after = "" if stored else tools.say(tty, step.query)
    except AtFault as fault:
        if stored or fault.kind not in _LOST:
            raise
        return Performed(words=f"AT{step.command}: {fault.message}", left=True)
    if not stored and not re.search(step.shown, after):
        raise NotApplied(
            f"{modem.device.name} ({modem.name}): AT{step.command} was accepted, and reads back {after.strip()!r}",
            path=modem.device.name,
        )
    try:
        tools.say(tty, step.reset)
    except HalError as error:  # the answer may be lost: the modem goes
        return Performed(words=f"{did}, then AT{step.reset}: {error.message}")
    return Performed(words=f"{did}, then AT{step.reset}")
