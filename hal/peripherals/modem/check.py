"""Walks the chain from the USB device to the network, and stops at the first broken link with what to do."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from hal.errors import AtFault, HalError
from hal.model import AtFaultKind, ModemInfo, ModemMode, ModemState, RegistrationState, SimState
from hal.peripherals.modem import talk
from hal.peripherals.modem.decide import Action, HasDriver, decide
from hal.peripherals.modem.match import Modem
from hal.peripherals.modem.ports import at_ports, speaks_at
from hal.record import Record
from hal.root import Root
from hal.stdlib import StrEnum


class Link(StrEnum):
    """The links of the chain, in order."""

    USB = "usb"
    SWITCH = "switch"
    DRIVER = "driver"
    PORT = "port"
    SIM = "sim"
    REGISTRATION = "registration"
    SIGNAL = "signal"


@frozen(kw_only=True, repr=False, eq=False)
class Checked(Record):
    """One link: whether it holds, what was found, and what to do where it is broken.

    `holds` is `None` where it cannot be looked at, because somebody else has the port.
    """

    link: Link
    holds: bool | None
    found: str
    advice: str = ""


def check(root: Root, modem: Modem, has_driver: HasDriver) -> tuple[Checked, ...]:
    """Every link up to the first that is broken, or cannot be looked at."""
    found = []
    for checked in _links(root, modem, has_driver):
        found.append(checked)
        if not checked.holds:
            break
    return tuple(found)


def _links(root: Root, modem: Modem, has_driver: HasDriver) -> Iterator[Checked]:
    place = modem.device.name
    yield _usb(modem)
    yield _switch(modem, has_driver, place)
    yield _driver(modem, has_driver, place)
    if modem.mode is not None and modem.mode is not ModemMode.SERIAL and not speaks_at(modem.ports):
        found = f"it has none in {modem.mode.value} mode: SIM and network are seen by its own page or by ModemManager"
        yield Checked(link=Link.PORT, holds=None, found=found)
        return
    try:
        told = talk.info(root, modem)
    except AtFault as fault:
        yield Checked(link=Link.PORT, holds=False, found=fault.message, advice=_silence(fault, place))
        return
    except HalError as error:
        owned = bool(at_ports(modem.ports)) and " has tty" in error.message
        advice = "use `mmcli`, or follow the message" if owned else "see `hal modem list`"
        yield Checked(link=Link.PORT, holds=None if owned else False, found=error.message, advice=advice)
        return
    who = " ".join(filter(None, (told.identity.maker_text, told.identity.model, told.identity.revision)))
    yield Checked(link=Link.PORT, holds=True, found=f"{told.port}: {who}")
    yield _sim(told)
    yield _registration(told)
    yield _signal(told)


def _usb(modem: Modem) -> Checked:
    shown = f"{modem.device.identity} at {modem.device.name}: {modem.name} ({modem.origin})"
    if modem.state is None:
        advice = "a hub without enough power, or a damaged device; plug it into a port with power of its own"
        return Checked(link=Link.USB, holds=False, found=f"{shown}, without a configuration", advice=advice)
    return Checked(link=Link.USB, holds=True, found=shown)


def _switch(modem: Modem, has_driver: HasDriver, place: str) -> Checked:
    decision = decide(modem, has_driver)
    if modem.state is ModemState.STORAGE and decision.action is Action.SWITCH:
        advice = f"run `hal modem switch {place}`"
        return Checked(link=Link.SWITCH, holds=False, found=decision.reason, advice=advice)
    if modem.state is not ModemState.SERVICE:
        advice = "write its firmware again" if modem.state is ModemState.DOWNLOAD else "describe it in a model file"
        return Checked(link=Link.SWITCH, holds=False, found=decision.reason, advice=advice)
    return Checked(link=Link.SWITCH, holds=True, found=decision.reason)


def _driver(modem: Modem, has_driver: HasDriver, place: str) -> Checked:
    """A port that answers AT, or where there is none a network interface, is enough to be used."""
    if not modem.ports:
        return Checked(
            link=Link.DRIVER,
            holds=False,
            found=f"none of its {len(modem.device.interfaces)} interfaces has a role that is known",
            advice="describe its ports in a model file",
        )
    lacking = [port for port in modem.ports if not port.complete]
    bound = [port for port in modem.ports if port.complete and port.nodes + port.network]
    if not bound:
        wanted = sorted({name for port in modem.ports for name in port.drivers})
        missing = [name for name in wanted if not has_driver(name)]
        if missing and len(missing) == len(wanted):
            return Checked(
                link=Link.DRIVER,
                holds=False,
                found=f"this kernel has none of {', '.join(missing)}",
                advice="add the driver to the image's kernel, or choose another mode with `hal modem switch --mode`",
            )
        return Checked(
            link=Link.DRIVER,
            holds=False,
            found=f"no driver has taken any of its {len(modem.device.interfaces)} interfaces",
            advice=f"the driver may not know {modem.device.identity}; try `hal modem recover {place}`",
        )
    named = ", ".join(f"{port.role.value} {'/'.join(port.nodes + port.network)}" for port in bound)
    without = "".join(f"; {port.role.value} has no driver" for port in lacking)
    return Checked(link=Link.DRIVER, holds=True, found=named + without)


def _silence(fault: AtFault, place: str) -> str:
    if fault.kind is AtFaultKind.PORT_GONE:
        return "the modem restarted or was pulled out; look again in a minute"
    return f"run `hal modem recover {place}`"


def _sim(told: ModemInfo) -> Checked:
    reasons = {unknown.name: unknown.reason for unknown in told.unknown}
    if told.sim is None:
        return Checked(
            link=Link.SIM,
            holds=False,
            found=reasons.get("sim", "not told"),
            advice="take the SIM out and put it in again",
        )
    state = told.sim.state
    advice = {
        SimState.MISSING: "put a SIM in, the right way round, with the modem switched off",
        SimState.FAILED: "try another SIM",
        SimState.PIN: "set the PIN in the connection's settings, or remove it from the SIM",
        SimState.PUK: "the PIN was wrong too often: the operator's PUK is needed",
        SimState.NETWORK_LOCKED: "the modem takes only SIMs of its operator",
    }.get(state, "look again in a minute")
    holds = state in (SimState.READY, SimState.PIN2, SimState.PUK2)
    return Checked(link=Link.SIM, holds=holds, found=state.value, advice="" if holds else advice)


def _registration(told: ModemInfo) -> Checked:
    if told.registration is None:
        return Checked(
            link=Link.REGISTRATION,
            holds=False,
            found="not told",
            advice="look again in a minute, then `hal modem recover`",
        )
    registered = told.registration
    states = {name: getattr(registered, name) for name in ("circuit", "packet", "lte")}
    shown = ", ".join(f"{name} {state.value}" for name, state in states.items() if state is not None)
    if registered.data_possible:
        return Checked(link=Link.REGISTRATION, holds=True, found=shown)
    denied = RegistrationState.DENIED in states.values()
    advice = (
        "the network refuses this SIM: its contract, or roaming"
        if denied
        else "check the antenna and its plug, and whether the operator has a network here"
    )
    return Checked(link=Link.REGISTRATION, holds=False, found=shown or "not registered", advice=advice)


def _signal(told: ModemInfo) -> Checked:
    shown = strength(told)
    if shown is None:
        return Checked(link=Link.SIGNAL, holds=False, found="the modem knows of no signal", advice="check the antenna")
    return Checked(link=Link.SIGNAL, holds=True, found=shown)


def strength(told: ModemInfo) -> str | None:
    """The signal in words, in dBm, as the most exact command tells it."""
    for signal in told.signals:
        values = {"RSSI": signal.rssi_dbm, "RSRP": signal.rsrp_dbm, "RSCP": signal.rscp_dbm}
        shown = [f"{name} {value:g} dBm" for name, value in values.items() if value is not None]
        if shown:
            bound = f" ({signal.rssi_bound.value.replace('-', ' ')})" if signal.rssi_bound else ""
            return ", ".join(shown) + bound
    return None
