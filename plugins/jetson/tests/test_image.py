"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_jetson.device_types import DEVICE_TYPES
from hal_jetson.image import TABLE

from hal.image.asking import image
from hal.image.parts import build_tags, tags
from hal.model import Build, PartKind
from hal.plugins import Catalog

ANY = object()
"""Any value."""
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
    found = {part.name: part.value for part in image(Catalog(), slug, build).of(kind)}
    if value is None:
        assert name not in found
    else:
        assert name in found
        assert value is ANY or found[name] == value


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    """A word that is mistyped would be for no image at all."""
    builds = (Build(), Build(os_development=True, flasher=True, secure_boot=True))
    known = {word for row in DEVICE_TYPES for build in builds for word in tags(row, build)}
    assert set(build_tags(builds[1])) <= known
    words = {word.removeprefix("!") for group in TABLE for alternative in group for word in alternative}
    assert words <= known, words - known
