"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_beaglebone.device_types import DEVICE_TYPES
from hal_beaglebone.image import TABLE
from image.tables import check_part, check_words

from hal.model import Build, PartKind

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
    check_part(slug, build, kind, name, value)


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    check_words(TABLE, DEVICE_TYPES)
