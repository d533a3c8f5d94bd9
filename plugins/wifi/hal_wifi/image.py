"""What the adapters of the table need in an OS image: kernel symbols, firmware, and the limits of each country.

Firmware packages are wishes: a board without room for one says so, and the adapter is then without firmware there.
Source of the packages: meta-balena 8.0.2 packagegroup-balena-connectivity.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.parts import Parts, firmware, packages, symbols
from hal.model import EITHER, FirmwareFile, ImagePart, PartKind, WifiFirmware
from hal_wifi.adapters import ADAPTERS

YOCTO = "yocto:"
BOOLEAN = ("BRCMFMAC_USB", "RT2800USB_RT55XX")
"""Symbols that add support to a driver, and are no module of their own."""


def yocto(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these packages that an OS image is made of."""
    return tuple(name.removeprefix(YOCTO) for name in names if name.startswith(YOCTO))


def parts() -> Parts:
    """The same for every board and build."""
    return (
        *(part for row in ADAPTERS for part in _row(row)),
        *packages("wireless-regdb-static", "without it every radio keeps to what all countries allow", wish=True),
    )


def _row(row: WifiFirmware) -> Iterator[ImagePart]:
    for symbol in row.kernel_symbols:
        yield from symbols("y" if symbol in BOOLEAN else EITHER, symbol, f"the driver {row.driver} of {row.name}")
    for file in row.files:
        yield from _file(row, file)


def _file(row: WifiFirmware, file: FirmwareFile) -> Iterator[ImagePart]:
    packed = yocto(file.packages)
    for name in packed[:1]:
        yield ImagePart(
            kind=PartKind.FIRMWARE_FILE,
            name=file.name,
            value=name,
            reason=f"{row.name}: without it {row.missing_symptom}",
            optional=True,
        )
    for name in packed[:1]:
        yield from firmware(f"={name}", f"it carries {file.name}, which {row.name} asks for", wish=True)
    for name in yocto(file.license_packages):
        yield from firmware(f"={name}", f"the licence of {file.name} must be beside it", wish=True)
