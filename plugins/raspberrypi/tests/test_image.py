"""What the images of this family hold: a table of parts that are there, with their value, or are not."""

from __future__ import annotations

import pytest
from hal_raspberrypi.device_types import DEVICE_TYPES
from hal_raspberrypi.image import TABLE
from image.tables import WANTED, check_part, check_words

from hal.model import Build, PartKind

CASES = [
    ("raspberrypi4-64", Build(), PartKind.BOOT_FILE, "kernel8.img", "u-boot.bin"),
    ("raspberrypi3", Build(), PartKind.BOOT_FILE, "kernel7.img", "u-boot.bin"),
    ("raspberry-pi", Build(), PartKind.BOOT_FILE, "kernel.img", "u-boot.bin"),
    (
        "raspberrypi5",
        Build(),
        PartKind.BOOT_FILE,
        "kernel8.img",
        "balena-bootloader/Image.gz-initramfs-raspberrypi5.bin",
    ),
    ("raspberrypi4-64", Build(), PartKind.BOOT_FILE, "start4.elf", "bootfiles/start4.elf"),
    ("raspberrypi4-64", Build(), PartKind.BOOT_FILE, "start.elf", None),
    ("raspberrypi5", Build(), PartKind.BOOT_FILE, "start4.elf", None),
    ("raspberrypi4-64", Build(), PartKind.BOOT_FILE, "pieeprom.upd", "rpi-eeprom/pieeprom.upd"),
    ("raspberrypi3", Build(), PartKind.BOOT_FILE, "pieeprom.upd", None),
    ("raspberrypi4-64", Build(), PartKind.BOOT_FILE, "overlays/vc4-kms-v3d-pi4.dtbo", "vc4-kms-v3d-pi4.dtbo"),
    ("raspberrypi5", Build(), PartKind.BOOT_FILE, "overlays/vc4-kms-v3d-pi5.dtbo", "vc4-kms-v3d-pi5.dtbo"),
    ("raspberrypi3", Build(), PartKind.BOOT_FILE, "overlays/vc4-kms-v3d.dtbo", None),
    ("revpi-connect-s", Build(), PartKind.BOOT_FILE, "dt-blob.bin", "revpi-connect-dt-blob-overlay.dtb"),
    ("raspberrypi4-64", Build(), PartKind.CONFIG_TXT, "avoid_warnings=1", WANTED),
    ("raspberrypi4-64", Build(os_development=True), PartKind.CONFIG_TXT, "avoid_warnings=1", None),
    ("raspberrypi4-64", Build(), PartKind.CONFIG_TXT, "enable_uart=0", WANTED),
    ("raspberrypi4-64", Build(os_development=True), PartKind.CONFIG_TXT, "enable_uart=1", WANTED),
    ("raspberrypi4-64", Build(), PartKind.CONFIG_TXT, "dtoverlay=vc4-kms-v3d,cma-320", WANTED),
    ("raspberrypi3", Build(), PartKind.CONFIG_TXT, "dtoverlay=vc4-kms-v3d,cma-320", None),
    ("raspberrypi3-64", Build(), PartKind.CONFIG_TXT, "disable_overscan=1", WANTED),
    ("raspberrypi5", Build(), PartKind.KERNEL_ARGUMENT, "maxcpus=0", WANTED),
    ("raspberrypi4-64", Build(os_development=True), PartKind.KERNEL_ARGUMENT, "console=tty1", WANTED),
    ("raspberrypicm4-ioboard-sb", Build(flasher=True), PartKind.KERNEL_ARGUMENT, "root=LABEL=flash-rootA", WANTED),
    ("raspberrypicm4-ioboard-sb", Build(secure_boot=True), PartKind.BOOT_FILE, "kernel8.img", None),
    ("raspberrypicm4-ioboard-sb", Build(secure_boot=True), PartKind.CONFIG_TXT, "boot_ramdisk=1", WANTED),
    ("raspberrypicm4-ioboard-sb", Build(secure_boot=True), PartKind.PACKAGE, "cryptsetup", "present"),
    ("raspberrypi400-64", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-bcm43143", "absent"),
    ("raspberrypicm4-ioboard", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-bcm43143", "absent"),
    ("raspberrypi0-2w-64", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-bcm43143", "absent"),
    ("raspberrypi4-64", Build(), PartKind.FIRMWARE_PACKAGE, "linux-firmware-bcm43143", "present"),
    ("raspberrypi4-64", Build(), PartKind.KERNEL_SYMBOL, "SPI_BCM2835", "y"),
    ("rt-rpi-300", Build(), PartKind.KERNEL_SYMBOL, "CH432T_SPI", "m"),
    ("revpi-connect-4", Build(), PartKind.MODULE, "piControl", WANTED),
    ("fincm3", Build(), PartKind.MODULE_OPTIONS, "sd8xxx", "ps_mode=2"),
    ("raspberrypi4-64", Build(), PartKind.DEVICE_TREE, "bcm2711-rpi-cm4", WANTED),
]


@pytest.mark.parametrize(("slug", "build", "kind", "name", "value"), CASES)
def test_a_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    check_part(slug, build, kind, name, value)


def test_every_word_of_the_table_is_one_of_a_row_or_of_a_build() -> None:
    check_words(TABLE, DEVICE_TYPES)
