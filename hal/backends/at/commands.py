"""The AT commands that are sent, one row each. None of them carries a PIN, a password or a telephone number.

Deadlines are those ModemManager uses, or the manual's where that is longer. A row with `makers` is sent only to a modem
that has named one of them itself, because USB ids are shared between makers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from attrs import frozen

from hal.backends.at import identity, network, signal, usb_modes
from hal.backends.at.fields import newest
from hal.model import (
    FunctionalMode,
    ModemMaker,
    ModemOperator,
    ModemSignal,
    ModemSystem,
    ModemUsbMode,
    RegistrationState,
    SimState,
)
from hal.record import Record

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
HUAWEI, QUECTEL, SIMCOM, U_BLOX = ModemMaker


def _nothing(_: tuple[str, ...]) -> None:
    """What stands before `OK` is no answer."""


@frozen(kw_only=True, repr=False, eq=False)
class Command(Record, Generic[T_co]):
    """A command: what follows `AT`, how its answer is told from other lines, and how long it may take."""

    text: str
    purpose: str
    seconds: float
    read: Callable[[tuple[str, ...]], T_co]
    prefix: str = ""
    """How answer lines begin, without the colon."""
    free: bool = False
    """Lines without any prefix are the answer, too."""
    makers: tuple[ModemMaker, ...] = ()
    """Who has it; nothing is everybody."""
    changes: bool = False
    """It changes something, so it is never sent twice."""


ATTENTION = Command(text="", purpose="is somebody there", seconds=3, read=_nothing)
ECHO_OFF = Command(text="E0", purpose="no echo of commands", seconds=3, read=_nothing)
ERROR_NUMBERS = Command(text="+CMEE=1", purpose="errors with their number", seconds=3, read=_nothing)

MAKER = Command(text="+CGMI", purpose="maker", seconds=5, prefix="+CGMI", free=True, read=newest(identity.text))
MAKER_V250 = Command(
    text="+GMI", purpose="maker, older", seconds=5, prefix="+GMI", free=True, read=newest(identity.text)
)
ABOUT = Command(text="I", purpose="maker, model, revision in one", seconds=5, free=True, read=identity.about)
MODEL = Command(text="+CGMM", purpose="model", seconds=5, prefix="+CGMM", free=True, read=newest(identity.text))
REVISION = Command(text="+CGMR", purpose="firmware", seconds=5, prefix="+CGMR", free=True, read=newest(identity.text))
IMEI = Command(text="+CGSN", purpose="IMEI", seconds=5, prefix="+CGSN", free=True, read=newest(identity.imei))

SIM: Command[SimState] = Command(
    text="+CPIN?", purpose="state of the SIM", seconds=10, prefix="+CPIN", read=newest(identity.sim_state)
)
MODE: Command[FunctionalMode] = Command(
    text="+CFUN?", purpose="how much is switched on", seconds=5, prefix="+CFUN", read=newest(identity.functional_mode)
)
CLOCK: Command[datetime] = Command(
    text="+CCLK?", purpose="its clock", seconds=5, prefix="+CCLK", read=newest(network.clock)
)
OPERATOR: Command[ModemOperator] = Command(
    text="+COPS?", purpose="network in use", seconds=10, prefix="+COPS", read=newest(network.operator)
)


def _registration(name: str, purpose: str) -> Command[RegistrationState]:
    return Command(text=f"+{name}?", purpose=purpose, seconds=10, prefix=f"+{name}", read=newest(network.registration))


CIRCUIT = _registration("CREG", "registration for voice")
PACKET = _registration("CGREG", "registration for data")
LTE = _registration("CEREG", "registration with LTE")

CSQ: Command[ModemSignal] = Command(text="+CSQ", purpose="signal", seconds=5, prefix="+CSQ", read=newest(signal.csq))
CESQ: Command[ModemSignal] = Command(
    text="+CESQ", purpose="signal, in more detail", seconds=5, prefix="+CESQ", read=newest(signal.cesq)
)
HCSQ: Command[ModemSignal] = Command(
    text="^HCSQ?", purpose="signal", seconds=5, prefix="^HCSQ", read=newest(signal.hcsq), makers=(HUAWEI,)
)
SYSTEM: Command[ModemSystem] = Command(
    text="^SYSINFOEX",
    purpose="service, roaming, system",
    seconds=5,
    prefix="^SYSINFOEX",
    read=newest(network.system),
    makers=(HUAWEI,),
)


def _sim_number(text: str, prefix: str, maker: ModemMaker) -> Command[str]:
    read = newest(identity.iccid)
    return Command(text=text, purpose="number of the SIM", seconds=5, prefix=prefix, read=read, makers=(maker,))


SIM_NUMBER = (
    _sim_number("^ICCID?", "^ICCID", HUAWEI),
    _sim_number("+QCCID", "+QCCID", QUECTEL),
    _sim_number("+CICCID", "+ICCID", SIMCOM),
    _sim_number("+CCID", "+CCID", U_BLOX),
)


def _usb_mode(text: str, prefix: str, one: Callable[[str], ModemUsbMode], maker: ModemMaker) -> Command[ModemUsbMode]:
    return Command(text=text, purpose="USB mode", seconds=5, prefix=prefix, read=newest(one), makers=(maker,))


USB_MODE = (
    _usb_mode("^SETPORT?", "^SETPORT", usb_modes.setport, HUAWEI),
    _usb_mode('+QCFG="usbnet"', "+QCFG", usb_modes.usbnet, QUECTEL),
    _usb_mode("+CUSBPIDSWITCH?", "+CUSBPIDSWITCH", usb_modes.pid_switch, SIMCOM),
    _usb_mode("+UUSBCONF?", "+UUSBCONF", usb_modes.uusbconf, U_BLOX),
)


def _reset(text: str, seconds: float, maker: ModemMaker) -> Command[None]:
    return Command(text=text, purpose="restart", seconds=seconds, read=_nothing, makers=(maker,), changes=True)


RESET = (
    _reset("^RESET", 3, HUAWEI),
    _reset("+CFUN=1,1", 15, QUECTEL),
    _reset("+CRESET", 9, SIMCOM),
    _reset("+CFUN=16", 30, U_BLOX),
)

_CFUN = {FunctionalMode.MINIMUM: "0", FunctionalMode.FULL: "1", FunctionalMode.RADIO_OFF: "4"}
SET_MODE: dict[FunctionalMode, Command[None]] = {
    mode: Command(text=f"+CFUN={value}", purpose=f"mode {mode}", seconds=30, read=_nothing, changes=True)
    for mode, value in _CFUN.items()
}

COMMANDS: tuple[Command[Any], ...] = (
    ATTENTION, ECHO_OFF, ERROR_NUMBERS, MAKER, MAKER_V250, ABOUT, MODEL, REVISION, IMEI, SIM, *SIM_NUMBER, MODE,
    CIRCUIT, PACKET, LTE, OPERATOR, HCSQ, CESQ, CSQ, SYSTEM, CLOCK, *USB_MODE, *SET_MODE.values(), *RESET,
)  # fmt: skip
"""Every command there is."""


def of_maker(rows: tuple[Command[T], ...], maker: ModemMaker | None) -> Command[T] | None:
    """The row of a maker; `None` where it has none."""
    return next((row for row in rows if maker in row.makers), None)
