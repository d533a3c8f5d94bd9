"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_jetson_orin.device_types import DEVICE_TYPES
from hal_jetson_orin.image import TABLE
from image.tables import ANY, check_part, check_words

from hal.model import Build, PartKind

CASES = [
    ("jetson-agx-orin-devkit", Build(), PartKind.BOOT_FILE, "EFI/BOOT/BOOTAA64.efi", "bootfiles/EFI/BOOT/BOOTAA64.efi"),
    ("jetson-agx-orin-devkit", Build(), PartKind.KERNEL_SYMBOL, "RTC_HCTOSYS_DEVICE", '"rtc0"'),
    ("jetson-agx-orin-devkit-64gb", Build(), PartKind.KERNEL_SYMBOL, "RTC_HCTOSYS_DEVICE", None),
    ("forecr-dsb-ornx-orin-nano-8gb", Build(), PartKind.KERNEL_SYMBOL, "ANDROID_BINDER_IPC", "y"),
    ("jetson-orin-nx-seeed-j4012", Build(), PartKind.KERNEL_SYMBOL, "LAN743X", "m"),
    ("jetson-orin-nx-xavier-nx-devkit", Build(), PartKind.KERNEL_SYMBOL, "LAN743X", None),
    ("jetson-orin-nano-devkit-nvme", Build(flasher=True), PartKind.PACKAGE, "tegra-nvpmodel", None),
    ("jetson-orin-nano-devkit-nvme", Build(flasher=True), PartKind.PACKAGE, "efibootmgr", "present"),
    ("jetson-orin-nano-devkit-nvme", Build(), PartKind.MODULE_OPTIONS, "nvidia-drm", "modeset=1 fbdev=1"),
    ("forecr-dsb-ornx-orin-nano-8gb", Build(), PartKind.UDEV_RULE, "71-forecr-ports.rules", ANY),
    ("jetson-orin-nx-xavier-nx-devkit", Build(), PartKind.PARTITION_SIZE, "root-a", "983040"),
]


@pytest.mark.parametrize(("slug", "build", "kind", "name", "value"), CASES)
def test_a_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    check_part(slug, build, kind, name, value)


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    check_words(TABLE, DEVICE_TYPES)
