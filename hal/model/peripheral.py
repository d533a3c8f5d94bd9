"""WiFi adapters and their firmware."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record
from hal.stdlib import StrEnum


class FirmwareForm(StrEnum):
    """What the bytes of a firmware file look like, so that damage is seen without the vendor's tools."""

    TRX = "trx"
    """Broadcom: a header that begins with `HDR0`, the length of the file, and a CRC-32 of what follows."""
    RALINK = "ralink"
    """Ralink for USB: two halves of 4096 bytes or more such parts, each ending in its version and a CRC-CCITT."""


class FirmwareTime(StrEnum):
    """When a driver asks for its firmware."""

    PROBE = "probe"
    """When it takes the device; without the file there is no network interface."""
    FIRST_UP = "first-up"
    """When the network interface is set up for the first time; until then nobody knows whether the file is there."""


class LogMeaning(StrEnum):
    """What a line of the kernel's log says about the firmware of a device."""

    ASKED = "asked"
    """The driver asks for the file."""
    LOADED = "loaded"
    """The driver has taken it. What it says after that may still be a complaint, so the last word counts."""
    MISSING = "missing"
    """The file was not found."""
    DAMAGED = "damaged"
    """The file was found, and is not what the driver can read."""
    REJECTED = "rejected"
    """The driver or the chip refuses the firmware, whole as it is."""


@frozen(kw_only=True, repr=False, eq=False)
class LogText(Record):
    """A piece of a driver's message, and what it means. Messages change between kernels, so it is a hint, no proof."""

    text: str
    means: LogMeaning


@frozen(kw_only=True, repr=False, eq=False)
class FirmwareFile(Record):
    """A firmware file by its name below `/lib/firmware`; size in bytes and SHA-256 are of the uncompressed file."""

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    packages: tuple[str, ...] = ()
    """Packages that carry it: Debian's or Yocto's names, each with its origin as in `debian:firmware-misc-nonfree`."""
    license_packages: tuple[str, ...] = ()
    """Packages with its licence, where an image must carry one beside it."""
    form: FirmwareForm | None = None
    version: str = ""
    """The version in it that size and SHA-256 belong to."""


@frozen(kw_only=True, repr=False, eq=False)
class WifiFirmware(Record):
    """A WiFi adapter: the modalias that asks for firmware, the driver that loads it, and the files."""

    name: str
    modaliases: tuple[str, ...]
    driver: str
    files: tuple[FirmwareFile, ...]
    optional_files: tuple[str, ...] = ()
    """Names that the driver asks for too, and does well without."""
    loaded_at: FirmwareTime | None = None
    kernel_symbols: tuple[str, ...] = ()
    """Options of the kernel's configuration without which the driver does not know this adapter."""
    log_texts: tuple[LogText, ...] = ()
    """What this driver writes into the kernel's log; what the kernel itself writes is known without."""
    bands_ghz: tuple[str, ...] = ()
    missing_symptom: str = ""
    sources: tuple[str, ...] = ()
