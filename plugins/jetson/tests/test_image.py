"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_jetson.device_types import DEVICE_TYPES
from hal_jetson.image import TABLE
from image.tables import ANY, check_part, check_words

from hal.model import Build, PartKind

JN30B = "tegra210-p3448-0002-p3449-0000-b00-jn30b"
AGX = "tegra194-p2888-0001-p2822-0000"
CASES = [
    ("jetson-nano", Build(), PartKind.BOOT_FILE, "bootfiles/LNX", "bootfiles/u-boot.bin.encrypt"),
    ("jn30b-nano", Build(), PartKind.BOOT_FILE, "bootfiles/DTB", f"bootfiles/{JN30B}.dtb.encrypt"),
    ("jetson-xavier", Build(), PartKind.BOOT_FILE, f"bootfiles/{AGX}-rootB_sigheader.dtb.encrypt", ANY),
    ("jetson-tx2", Build(), PartKind.BOOT_FILE, "Image", None),
    ("astro-tx2", Build(flasher=True), PartKind.BOOT_FILE, "Image", "Image-initramfs-astro-tx2.bin"),
    ("cnx100-xavier-nx", Build(), PartKind.KERNEL_SYMBOL, "LEDS_TLC591XX", "m"),
    ("jetson-tx2-nx-devkit", Build(), PartKind.KERNEL_SYMBOL, "EQOS_DISABLE_EEE", "y"),
    ("jetson-nano", Build(), PartKind.KERNEL_SYMBOL, "EQOS_DISABLE_EEE", None),
    ("floyd-nano", Build(), PartKind.PACKAGE, "tegra210-flash", "present"),
    ("jetson-xavier", Build(), PartKind.SERVICE, "mark-active-slot.service", "enabled"),
    ("jetson-tx1", Build(), PartKind.SERVICE, "fan-startup.service", None),
]


@pytest.mark.parametrize(("slug", "build", "kind", "name", "value"), CASES)
def test_a_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    check_part(slug, build, kind, name, value)


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    check_words(TABLE, DEVICE_TYPES)
