"""What the WiFi adapters bring into an image, and who wins where a board has no room for their firmware."""

from __future__ import annotations

import pytest
from hal_wifi.adapters import ADAPTERS

from hal.image.asking import image
from hal.model import Build, PartKind
from hal.plugins import Catalog

BROADCOM = "linux-firmware-bcm43143"
CROWDED = ("raspberrypi400-64", "raspberrypicm4-ioboard", "raspberrypi0-2w-64")


@pytest.mark.parametrize("slug", [*CROWDED, "raspberrypi4-64", "intel-nuc"])
def test_a_board_without_room_wins_and_the_wish_is_told(slug: str) -> None:
    told = image(Catalog(), slug, Build(), ["wifi"])
    (package,) = [part for part in told.of(PartKind.FIRMWARE_PACKAGE) if part.name == BROADCOM]
    (wish,) = [each for each in package.asked if each.contributor == "hal_wifi"]
    assert package.value == ("absent" if slug in CROWDED else "present")
    assert wish.gave_way is (slug in CROWDED)
    assert "brcm/brcmfmac43143.bin" in wish.reason


def test_every_adapter_has_its_driver_and_its_files() -> None:
    told = image(Catalog(), "generic-amd64", Build(), ["wifi"])
    symbols = {part.name: part.value for part in told.of(PartKind.KERNEL_SYMBOL)}
    files = {part.name: part.value for part in told.of(PartKind.FIRMWARE_FILE)}
    for row in ADAPTERS:
        assert {symbols[each] for each in row.kernel_symbols} <= {"y", "m"}
        assert all(f"yocto:{files[file.name]}" in file.packages for file in row.files)
    assert symbols["RT2800USB_RT55XX"] == "y"
    packages = told.wanted(PartKind.FIRMWARE_PACKAGE)
    assert "linux-firmware-ralink-license" in packages
    assert "wireless-regdb-static" in told.wanted(PartKind.PACKAGE)
