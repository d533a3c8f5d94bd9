"""Modems and WiFi adapters."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from hal.record import Record


class ModemState(StrEnum):
    """What a USB modem is while it shows a given identity."""

    STORAGE = "storage"
    """A virtual CD-ROM or card reader: no port answers AT commands until the modem is switched."""
    SERVICE = "service"
    """Its ports are there."""
    DOWNLOAD = "download"
    """Emergency firmware download: not a modem, never to be probed."""


@frozen(kw_only=True, repr=False, eq=False)
class UsbIdentity(Record):
    """A USB vendor and product id (0 to 0xffff), and what the device is while it shows them."""

    vendor_id: int
    product_id: int
    state: ModemState
    note: str = ""

    def modalias(self) -> str:
        """The kernel's modalias pattern for any interface of a device with this identity."""
        return f"usb:v{self.vendor_id:04X}p{self.product_id:04X}*"


@frozen(kw_only=True, repr=False, eq=False)
class ModemModel(Record):
    """A modem model: its identity in each state, and how it is told from others. Ids alone do not always tell."""

    name: str
    maker: str
    identities: tuple[UsbIdentity, ...]
    form_factor: str
    """`usb` for a stick, `mpcie` for a card, `module` for one that is soldered or on a board of its maker."""
    ambiguous_with: tuple[str, ...] = ()
    """Models that show the same ids."""
    sources: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class FirmwareFile(Record):
    """A firmware file by its name below `/lib/firmware`; size in bytes and SHA-256 are of the uncompressed file."""

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    packages: tuple[str, ...] = ()
    """Packages that carry it: Debian's or Yocto's names, each with its origin as in `debian:firmware-misc-nonfree`."""


@frozen(kw_only=True, repr=False, eq=False)
class WifiFirmware(Record):
    """A WiFi adapter: the modalias that asks for firmware, the driver that loads it, and the files."""

    name: str
    modaliases: tuple[str, ...]
    driver: str
    files: tuple[FirmwareFile, ...]
    bands_ghz: tuple[str, ...] = ()
    missing_symptom: str = ""
    sources: tuple[str, ...] = ()
