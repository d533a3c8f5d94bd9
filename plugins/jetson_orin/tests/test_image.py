"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_jetson_orin.device_types import DEVICE_TYPES
from hal_jetson_orin.image import TABLE

from hal.image.asking import image
from hal.image.parts import build_tags, tags
from hal.model import Build, PartKind
from hal.plugins import Catalog

ANY = object()
"""Any value."""
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
