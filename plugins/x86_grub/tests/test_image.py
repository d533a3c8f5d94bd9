"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_x86_grub.device_types import DEVICE_TYPES
from hal_x86_grub.image import TABLE
from image.tables import WANTED, check_part, check_words

from hal.model import Build, PartKind

CASES = [
    ("generic-amd64", Build(), PartKind.BOOT_FILE, "EFI/BOOT/bootx64.efi", "grub-efi-bootx64.efi"),
    ("generic-aarch64", Build(), PartKind.BOOT_FILE, "EFI/BOOT/bootaa64.efi", "grub-efi-bootaa64.efi"),
    ("generic-aarch64", Build(), PartKind.BOOT_FILE, "EFI/BOOT/bootx64.efi", None),
    ("intel-nuc", Build(), PartKind.BOOT_FILE, "grub/i386-pc/", "grub/i386-pc"),
    ("surface-go", Build(), PartKind.BOOT_FILE, "grub/core.img", None),
    ("generic-amd64", Build(secure_boot=True), PartKind.BOOT_FILE, "balena-keys/", "balena-keys"),
    ("generic-amd64", Build(), PartKind.BOOT_FILE, "balena-keys/", None),
    ("generic-amd64", Build(secure_boot=True), PartKind.KERNEL_ARGUMENT, "intel_iommu=on", WANTED),
    ("generic-amd64", Build(), PartKind.KERNEL_ARGUMENT, "intel_iommu=on", None),
    ("generic-amd64-av", Build(secure_boot=True), PartKind.PACKAGE, "cryptsetup", "present"),
    ("generic-amd64", Build(), PartKind.PACKAGE, "peak", "present"),
    ("generic-amd64", Build(flasher=True), PartKind.PACKAGE, "peak", None),
    ("generic-amd64", Build(), PartKind.KERNEL_SYMBOL, "TCG_TPM", "m"),
    ("intel-nuc", Build(), PartKind.KERNEL_SYMBOL, "TCG_TPM", "y"),
    ("generic-aarch64", Build(), PartKind.KERNEL_SYMBOL, "SENSORS_CORETEMP", None),
    ("genericx86-64-ext", Build(), PartKind.KERNEL_SYMBOL, "HP_WATCHDOG", "n"),
    ("surface-go", Build(), PartKind.KERNEL_ARGUMENT, "acpi_enforce_resources=lax", None),
    ("surface-go", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-ralink", "absent"),
    ("up-board", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-i915", "absent"),
    ("up-board", Build(), PartKind.KERNEL_ARGUMENT, "i915.enable_rc6=0", WANTED),
]


@pytest.mark.parametrize(("slug", "build", "kind", "name", "value"), CASES)
def test_a_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    check_part(slug, build, kind, name, value)


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    check_words(TABLE, DEVICE_TYPES)
