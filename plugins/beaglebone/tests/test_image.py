"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_beaglebone.device_types import DEVICE_TYPES
from hal_beaglebone.image import TABLE

from hal.image.asking import image
from hal.image.parts import build_tags, tags
from hal.model import Build, PartKind
from hal.plugins import Catalog

CASES = [
    ("beaglebone-black", Build(), PartKind.BOOT_FILE, "MLO", "MLO"),
    ("beaglebone-black", Build(), PartKind.BOOT_FILE, "uEnv.txt_internal", None),
    ("beaglebone-black", Build(flasher=True), PartKind.BOOT_FILE, "uEnv.txt_internal", "uEnv.txt_internal"),
    ("beaglebone-ai64", Build(flasher=True), PartKind.BOOT_FILE, "uEnv.txt_internal", None),
    ("beaglebone-ai64", Build(), PartKind.BOOT_FILE, "tiboot3.bin", "tiboot3.bin"),
    ("beaglebone-green-wifi", Build(), PartKind.KERNEL_SYMBOL, "SERIAL_8250", "n"),
    ("beaglebone-ai64", Build(), PartKind.KERNEL_SYMBOL, "SERIAL_8250", None),
    ("beaglebone-green-gateway", Build(), PartKind.KERNEL_SYMBOL, "MTD_UBI", "n"),
    ("beagleboard-xm", Build(), PartKind.KERNEL_SYMBOL, "ARCH_OMAP3", "y"),
    ("beaglebone-black", Build(flasher=True), PartKind.FILE, "etc/sysctl.d/60-mmc.conf", None),
    ("beaglebone-black", Build(), PartKind.PACKAGE, "kernel-image-zimage", "absent"),
]


@pytest.mark.parametrize(("slug", "build", "kind", "name", "value"), CASES)
def test_a_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    found = {part.name: part.value for part in image(Catalog(), slug, build).of(kind)}
    if value is None:
        assert name not in found
    else:
        assert found[name] == value


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    """A word that is mistyped would be for no image at all."""
    builds = (Build(), Build(os_development=True, flasher=True, secure_boot=True))
    known = {word for row in DEVICE_TYPES for build in builds for word in tags(row, build)}
    assert set(build_tags(builds[1])) <= known
    words = {word.removeprefix("!") for group in TABLE for alternative in group for word in alternative}
    assert words <= known, words - known
