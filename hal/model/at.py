"""What a modem says of itself through AT commands: who it is, its SIM, its network, its signal, its modes.

The meaning of numbers is of 3GPP TS 27.007 where a command is standard, else of the maker's AT manual or of
ModemManager's readers. What a modem does not tell, or tells with a number that no table has, is `None`.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from hal.record import Record
from hal.stdlib import StrEnum


class ModemMaker(StrEnum):
    """Makers whose own commands are known; the texts are those of `ModemModel.maker`."""

    HUAWEI = "Huawei"
    QUECTEL = "Quectel"
    SIMCOM = "SIMCom"
    U_BLOX = "u-blox"


class AtFaultKind(StrEnum):
    """What an AT command that failed means for who sent it."""

    RETRY = "retry"
    """Passing: the same command may work a little later."""
    UNSUPPORTED = "unsupported"
    """This modem does not have the command, or does not allow it now."""
    LOCKED = "locked"
    """The modem is locked to a phone, a network or a provider."""
    SIM = "sim"
    """No SIM, or one that does not work."""
    SIM_LOCKED = "sim-locked"
    """The SIM waits for a PIN or PUK."""
    STOP = "stop"
    """A wrong password: trying again may lock the SIM for good."""
    RADIO = "radio"
    """No network, or one for emergency calls only."""
    BUG = "bug"
    """The command or its parameters are wrong: a defect of who sent it."""
    SUBSCRIPTION = "subscription"
    """The network refuses this SIM or this modem."""
    NO_ANSWER = "no-answer"
    """Nothing came before the deadline, or unsolicited lines only."""
    GARBAGE = "garbage"
    """What came is no answer to this command."""
    PORT_GONE = "port-gone"
    """The port vanished: the modem was unplugged, reset, or crashed."""
    UNKNOWN = "unknown"
    """A failure without a reason, or with one that no table has."""


class SimState(StrEnum):
    """What `AT+CPIN?` says of the SIM."""

    READY = "ready"
    PIN = "pin"
    PUK = "puk"
    PIN2 = "pin2"
    PUK2 = "puk2"
    NETWORK_LOCKED = "network-locked"
    """The modem wants a code of the phone, network or provider it is locked to."""
    MISSING = "missing"
    FAILED = "failed"
    """It is there and does not work, or is the wrong one."""
    BUSY = "busy"
    """It starts; a later question is answered."""
    OTHER = "other"


class RegistrationState(StrEnum):
    """Registration with a network, in one domain."""

    IDLE = "idle"
    """Not registered, and not searching."""
    HOME = "home"
    SEARCHING = "searching"
    DENIED = "denied"
    UNKNOWN = "unknown"
    """The modem does not know, for one because it is out of coverage."""
    ROAMING = "roaming"
    SMS_ONLY = "sms-only"
    EMERGENCY_ONLY = "emergency-only"
    RESTRICTED = "restricted"
    """Registered, with voice only as a fallback that is not preferred."""


class RadioTechnology(StrEnum):
    """How a modem reaches its network."""

    GSM = "gsm"
    EDGE = "edge"
    UMTS = "umts"
    HSDPA = "hsdpa"
    HSUPA = "hsupa"
    HSPA = "hspa"
    TD_SCDMA = "td-scdma"
    LTE = "lte"
    OTHER = "other"


class FunctionalMode(StrEnum):
    """What `AT+CFUN?` says: how much of the modem is switched on."""

    MINIMUM = "minimum"
    """Radio and SIM are off."""
    FULL = "full"
    RADIO_OFF = "radio-off"
    OTHER = "other"
    """A maker's test or offline mode."""


class Bound(StrEnum):
    """How a signal strength is meant at the ends of its scale."""

    AT_MOST = "at-most"
    AT_LEAST = "at-least"


@frozen(kw_only=True, repr=False, eq=False)
class ModemIdentity(Record):
    """Who a modem says that it is. `maker` is `None` for one whose own commands are not known."""

    maker: ModemMaker | None = None
    maker_text: str
    model: str | None = None
    revision: str | None = None
    """Its firmware."""
    imei: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class ModemSim(Record):
    """The SIM; its number (ICCID) is known also while it waits for a PIN, on most modems."""

    state: SimState
    iccid: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class ModemRegistration(Record):
    """Registration of each domain; `None` where the modem has none of it or did not tell.

    `data_possible` is decided by `packet` and `lte` alone: on a data SIM `circuit` may say denied while data works.
    """

    circuit: RegistrationState | None = None
    packet: RegistrationState | None = None
    lte: RegistrationState | None = None
    data_possible: bool | None = None


@frozen(kw_only=True, repr=False, eq=False)
class ModemSignal(Record):
    """Signal strength as one command tells it.

    `rssi_bound` says where `rssi_dbm` is the end of the scale. Values of `+CESQ` are the lower ends of their steps.
    """

    command: str
    technology: RadioTechnology | None = None
    rssi_dbm: float | None = None
    rssi_bound: Bound | None = None
    rscp_dbm: float | None = None
    ecio_db: float | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None


@frozen(kw_only=True, repr=False, eq=False)
class ModemOperator(Record):
    """The network in use: its name, or its number where the modem was set to tell that; `None` where there is none."""

    name: str | None = None
    technology: RadioTechnology | None = None
    automatic: bool | None = None
    """Whether the modem chooses the network itself."""


@frozen(kw_only=True, repr=False, eq=False)
class ModemSystem(Record):
    """Huawei's `^SYSINFOEX`: service `none`, `restricted`, `valid`, `regional` or `hibernate`; domain `none`,
    `circuit`, `packet` or `both`; the system as the modem names it."""

    service: str | None = None
    domain: str | None = None
    roaming: bool | None = None
    sim_valid: bool | None = None
    system: str = ""
    subsystem: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ModemUsbMode(Record):
    """What a modem shows on USB from its next start on, as its maker's command stores it.

    `value` is what that command takes. `means` is the kind of network function, where the maker's table says so.
    `product_id` is given where the mode has one. `ports` are Huawei's functions after leaving storage mode, in order,
    `storage_ports` those before; an id that no table has stands as it is.
    """

    setting: str
    value: str
    means: str = ""
    product_id: int | None = None
    ports: tuple[str, ...] = ()
    storage_ports: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class ModemUnknown(Record):
    """A fact that a modem did not tell: its name in `ModemInfo`, and why."""

    name: str
    kind: AtFaultKind
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class ModemInfo(Record):
    """All that a modem tells. Each fact is asked for on its own: one that is missing is in `unknown`, with the reason.

    `signals` are in the order of their exactness. `clock` is arbitrary until the network has set it, and has no zone
    where the modem tells none.
    """

    port: str
    identity: ModemIdentity
    mode: FunctionalMode | None = None
    sim: ModemSim | None = None
    registration: ModemRegistration | None = None
    operator: ModemOperator | None = None
    signals: tuple[ModemSignal, ...] = ()
    system: ModemSystem | None = None
    usb_mode: ModemUsbMode | None = None
    clock: datetime | None = None
    unknown: tuple[ModemUnknown, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class ModemReset(Record):
    """What was seen of a reset: whether the modem said OK, and whether its port vanished while that was watched."""

    answered: bool
    port_gone: bool
