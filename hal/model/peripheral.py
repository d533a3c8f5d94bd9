"""WiFi adapters and their firmware."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


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
