"""Modems: what each model shows on USB, how it is brought into a mode, and which of its ports does what.

A way into a mode is a list of steps out of a small closed set. Bytes are hexadecimal text, lower case, as the makers'
documents and usb_modeswitch's data write them; so a step reads the same in a table, in a file and in a log.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hal.record import Record
from hal.stdlib import StrEnum


class ModemState(StrEnum):
    """What a USB modem is while it shows a given identity."""

    STORAGE = "storage"
    """A virtual CD-ROM or card reader: no port answers AT commands until the modem is switched."""
    SERVICE = "service"
    """Its ports are there."""
    DOWNLOAD = "download"
    """Emergency firmware download: not a modem, never to be probed."""


class ModemMode(StrEnum):
    """What carries the network traffic of a modem in service."""

    MBIM = "mbim"
    """The USB class for mobile broadband: a control channel of messages, and a network interface."""
    QMI = "qmi"
    """Qualcomm's protocol on a control channel, and a network interface."""
    NCM = "ncm"
    """Ethernet in large blocks; Huawei's kind is set up by AT commands."""
    ECM = "ecm"
    """Ethernet; the modem often is a router."""
    RNDIS = "rndis"
    """Microsoft's Ethernet over USB."""
    SERIAL = "serial"
    """Serial ports only; traffic goes by PPP."""


class PortRole(StrEnum):
    """What a port of a modem is for."""

    AT = "at"
    AT_SECONDARY = "at-secondary"
    """Answers AT commands too; on most modems it carries PPP."""
    MODEM = "modem"
    """Carries PPP; answers AT commands while it does not."""
    DIAG = "diag"
    GPS = "gps"
    AUDIO = "audio"
    NETWORK = "network"
    """A network interface, with or without a control channel."""
    STORAGE = "storage"


@frozen(kw_only=True, repr=False, eq=False)
class BulkMessages(Record):
    """Messages to a bulk endpoint, each followed by a read of the answer; a storage command is 31 bytes (`55534243…`).

    Endpoints are the first of interface 0 unless told: addresses differ from unit to unit.
    """

    messages: tuple[str, ...]
    endpoint_out: int | None = None
    endpoint_in: int | None = None
    interface: int | None = None
    release_seconds: float = 0


@frozen(kw_only=True, repr=False, eq=False)
class ScsiEject(Record):
    """Allow removal, then start-stop unit with eject, on logical units 0 and 1; then further messages, where any."""

    then: tuple[str, ...] = ()
    release_seconds: float = 0


@frozen(kw_only=True, repr=False, eq=False)
class ControlRequest(Record):
    """One request on endpoint 0: the fields of a USB setup packet. `data` goes out, `length_bytes` come in."""

    request_type: int
    request: int
    value: int = 0
    index: int = 0
    data: str = ""
    length_bytes: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class Report(Record):
    """A transfer with an interrupt endpoint, done `times` times: `data` goes out, else `length_bytes` come in."""

    endpoint: int
    data: str = ""
    length_bytes: int = 0
    times: int = 1


@frozen(kw_only=True, repr=False, eq=False)
class Requests(Record):
    """Control requests and reports, in order; with `detach` the kernel's drivers let go first.

    Where `optional`, a request that fails is no failure of the step: the check is what the device becomes.
    """

    transfers: tuple[ControlRequest | Report, ...]
    detach: bool = False
    optional: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class SelectConfiguration(Record):
    """Choose a USB configuration: by its value, or by what it offers, since firmware assigns the values."""

    value: int | None = None
    mode: ModemMode | None = None


@frozen(kw_only=True, repr=False, eq=False)
class AtSetting(Record):
    """A setting that the modem keeps, changed by AT command: asked for first, written only where it differs, read back.

    `shown` is a regular expression for the answer of a modem that is set. `reset` makes it effective. Where the command
    `restarts` the modem, that is needed only for what was set before and is not in force.
    """

    query: str
    shown: str
    command: str
    reset: str
    restarts: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class AwaitReturn(Record):
    """Wait until the device has gone and is back, whatever it then shows."""

    seconds: float = 30


Step = BulkMessages | ScsiEject | Requests | SelectConfiguration | AtSetting | AwaitReturn
"""Everything that brings a modem into another mode."""


@frozen(kw_only=True, repr=False, eq=False)
class ModeSwitch(Record):
    """How a device leaves an identity, and what it may then show.

    `targets` are identities that are expected; another one counts where its ports are known, and is told.
    `target_class` is the class of its device or first interface in service, for a device that keeps its ids. `seconds`
    is how long it may take to come back.
    """

    steps: tuple[Step, ...]
    targets: tuple[tuple[int, int], ...] = ()
    target_class: int | None = None
    seconds: float = 30
    wait_seconds: float = 0
    """Before the first step: some devices need it."""


@frozen(kw_only=True, repr=False, eq=False)
class UsbIdentity(Record):
    """A USB vendor and product id (0 to 0xffff), what the device is while it shows them, and how it leaves that state.

    The four texts narrow it down where makers share the ids: each must be part of what the device says of itself.
    """

    vendor_id: int
    product_id: int
    state: ModemState
    note: str = ""
    switch: ModeSwitch | None = None
    shared: bool = False
    """Other makers' devices show these ids in service, too: no rule says what its ports are before it was asked."""
    manufacturer: str = ""
    product: str = ""
    scsi_vendor: str = ""
    scsi_model: str = ""

    def modalias(self) -> str:
        """The kernel's modalias pattern for any interface of a device with this identity."""
        return f"usb:v{self.vendor_id:04X}p{self.product_id:04X}*"

    @property
    def ids(self) -> tuple[int, int]:
        """Vendor and product."""
        return self.vendor_id, self.product_id


@frozen(kw_only=True, repr=False, eq=False)
class PortRule(Record):
    """Which interfaces have a role: those that fit in everything that is given. The first rule that fits counts."""

    role: PortRole
    triples: tuple[tuple[int, int, int | None], ...] = ()
    """Class, subclass, protocol of the interface; `None` is any protocol."""
    interface: int | None = None
    products: tuple[int, ...] = ()
    """Only while the device shows one of these product ids."""
    endpoints: int | None = None
    """Only with this many endpoints."""
    mode: ModemMode | None = None
    """Of a network function: what carries the traffic."""


@frozen(kw_only=True, repr=False, eq=False)
class ModeChoice(Record):
    """A mode that a modem in service can be brought into, and what it shows then.

    `identity` is `None` where the ids stay; the interfaces tell then. `keeps_at` is false where no AT port is left:
    there is no way back by AT command.
    """

    mode: ModemMode
    steps: tuple[Step, ...]
    identity: tuple[int, int] | None = None
    keeps_at: bool | None = True
    note: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ModemModel(Record):
    """A modem model: its identities, ports and modes, and how it is told from others. Ids alone do not always tell."""

    name: str
    maker: str
    identities: tuple[UsbIdentity, ...]
    form_factor: str
    """`usb` for a stick, `mpcie` for a card, `module` for one that is soldered or on a board of its maker."""
    ports: tuple[PortRule, ...] = ()
    modes: tuple[ModeChoice, ...] = ()
    prefers: tuple[ModemMode, ...] = ()
    """Modes to bring it into, best first, of those that the running kernel can drive; none: it stays as it comes."""
    mtu_bytes: int | None = None
    """A hint for its network interface, where the network needs less than what it announces."""
    reset_seconds: float = 60
    """How long it may be away after a reset."""
    quirks: tuple[str, ...] = ()
    ambiguous_with: tuple[str, ...] = ()
    """Models that show the same ids."""
    sources: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class ModemPowerLine(Record):
    """A power line of the board that feeds the modem at one place, as in `1-1.2`; `switch` turns it on or off.

    `switch` raises `HalError` where that fails, and reads back what it wrote, where the line can be read.
    """

    place: str
    name: str
    switch: Callable[[bool], None]
