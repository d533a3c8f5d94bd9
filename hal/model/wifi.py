"""What a look at the WiFi adapters found."""

from __future__ import annotations

from attrs import frozen

from hal.model.peripheral import FirmwareTime
from hal.record import Record
from hal.stdlib import StrEnum


class WifiVerdict(StrEnum):
    """What is the matter with an adapter. All but the first two want something done."""

    WORKING = "working"
    """Its network interface is there, and its firmware runs."""
    WAITING_FOR_UP = "waiting-for-up"
    """All is there; the driver loads the firmware when the interface is set up for the first time."""
    FIRMWARE_MISSING = "firmware-missing"
    """A file that the driver asks for is nowhere where the kernel looks."""
    FIRMWARE_DAMAGED = "firmware-damaged"
    """The file is there, but the kernel or the driver cannot read it."""
    DRIVER_MISSING = "driver-missing"
    """The running kernel has no driver for it."""
    DRIVER_NOT_LOADED = "driver-not-loaded"
    """The driver is there as a module, and is not loaded."""
    REPROBE_NEEDED = "reprobe-needed"
    """Driver and files are there, but nobody has tried the device since."""
    REJECTED = "rejected"
    """The driver says that the chip does not take this firmware."""
    UNKNOWN = "unknown"
    """What can be seen here does not tell."""

    @property
    def fine(self) -> bool:
        """Whether nothing has to be done."""
        return self in (WifiVerdict.WORKING, WifiVerdict.WAITING_FOR_UP)


class DriverState(StrEnum):
    """How far the driver of an adapter has come."""

    BOUND = "bound"
    """It drives the adapter."""
    LOADED = "loaded"
    """It is in the kernel, and does not drive the adapter."""
    BUILT_IN = "built-in"
    """It is part of the kernel, and does not show among the drivers of the bus."""
    AVAILABLE = "available"
    """It is there as a module that is not loaded."""
    UNCLAIMED = "unclaimed"
    """It is there, but was built without support for this adapter."""
    MISSING = "missing"
    """The running kernel has none."""
    OTHER = "other"
    """Another driver has the adapter."""
    UNKNOWN = "unknown"
    """It is not loaded, and nothing lists the modules of the running kernel."""


class FileState(StrEnum):
    """What is known of a firmware file."""

    SOUND = "sound"
    """There, and whole as far as its form is known."""
    MISSING = "missing"
    """Not where the kernel looks."""
    DAMAGED = "damaged"
    """There, and the kernel or the driver cannot read it."""
    UNSEEN = "unseen"
    """There, but it cannot be looked into here."""


@frozen(kw_only=True, repr=False, eq=False)
class DriverReport(Record):
    """The driver of an adapter, as the running kernel has it."""

    name: str
    state: DriverState
    module: str | None = None
    """The module's file, below `lib/modules/RELEASE`."""
    note: str = ""
    """The other driver; or the options that the kernel was built without."""


@frozen(kw_only=True, repr=False, eq=False)
class FileReport(Record):
    """A firmware file: the one that the kernel would take, or why there is none."""

    name: str
    """As the driver asks for it."""
    state: FileState
    file: str | None = None
    """The file that the kernel takes, or the first one that it passes over, below the root."""
    size_bytes: int | None = None
    """Unpacked."""
    sha256: str | None = None
    """Unpacked."""
    version: str = ""
    """The version that the bytes name."""
    known: bool | None = None
    """Whether it is the very file of the table. Another one is news, not a fault; `None` where that is not known."""
    problem: str = ""
    notes: tuple[str, ...] = ()
    looked_in: tuple[str, ...] = ()
    """The folders, in the kernel's order."""
    packages: tuple[str, ...] = ()
    """Packages that carry it, and those with its licence."""


@frozen(kw_only=True, repr=False, eq=False)
class AdapterReport(Record):
    """One adapter that is plugged in."""

    place: str
    """Its name in sysfs: `1-1.2` is port 2 of the hub at port 1 of bus 1. It stays over replugging."""
    identity: str
    """USB vendor and product, as in `148f:5572`."""
    name: str
    """Its row's name."""
    modalias: str
    """What it was recognised by."""
    configured: bool
    """Whether the kernel has chosen a USB configuration. An adapter whose driver gave up may be left without."""
    driver: DriverReport
    files: tuple[FileReport, ...]
    interfaces: tuple[str, ...] = ()
    """Its network interfaces."""
    up: bool = False
    """Whether one of them is set up."""
    blocked: bool = False
    """Whether rfkill holds its radio, by software or by a switch: then it cannot be set up."""
    loaded_at: FirmwareTime | None = None
    running: str = ""
    """The firmware version that the driver tells."""
    bands_ghz: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    """What the kernel's log says of its firmware since it was plugged in, newest last."""
    verdict: WifiVerdict
    reason: str
    advice: tuple[str, ...] = ()
    """What to do, one step each, in order."""


@frozen(kw_only=True, repr=False, eq=False)
class FirmwareRequest(Record):
    """A device, of no adapter that a plugin knows, whose driver asked for firmware in vain, by the kernel's log."""

    driver: str
    device: str
    """As the kernel names it: `1-1.2:1.0`, `0000:02:00.0`."""
    product: str = ""
    """What the device calls itself, with its USB vendor and product, where it is a USB device."""
    files: tuple[str, ...]
    """In the order in which the driver asked. A driver that asks for several is content with one of them."""
    there_now: bool
    """Whether one of them is there by now."""
    wifi: bool | None
    """Whether its driver is one for WiFi; `None` where nothing lists the modules of the running kernel."""
    advice: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class RegulatoryReport(Record):
    """Which country's limits are asked for, and which are in force."""

    asked: str | None
    """`country` in config.json; `None` where it asks for none."""
    kernel: str | None
    """The country that the kernel has for all radios; `00` is the world. `None` where nothing tells."""
    radios: tuple[str, ...] = ()
    """Radios with a country of their own, as in `phy0 DE`."""
    database: str | None = None
    """The file with the limits of all countries."""
    signature: str | None = None
    """The file with its signature. Whether that is good, only the kernel can tell."""
    problems: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class WifiReport(Record):
    """Every adapter that is plugged in and known to a plugin, other firmware that is wanted, the regulatory domain."""

    adapters: tuple[AdapterReport, ...]
    requests: tuple[FirmwareRequest, ...]
    regulatory: RegulatoryReport
    log_seen: bool
    """Whether the kernel's log could be read."""

    @property
    def fine(self) -> bool:
        """Whether every adapter works or waits, and no WiFi driver asked for firmware in vain that is still missing."""
        wanting = [each for each in self.requests if each.wifi and not each.there_now]
        return all(each.verdict.fine for each in self.adapters) and not wanting
