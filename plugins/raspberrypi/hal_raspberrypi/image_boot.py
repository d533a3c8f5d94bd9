"""Boot files of a Raspberry Pi's image: which program the firmware starts, what it reads, device trees and overlays.

Sources: balena-raspberrypi 7.4.0+rev7 recipes-core/images/balena-image.inc, recipes-bsp/bootfiles,
recipes-bsp/rpi-eeprom; the trees of each machine from conf/machine and conf/layer.conf; raspberrypi/linux
overlay_map.dts for the overlays that the firmware takes in place of others.

The layer carries every overlay of its kernel. Here are those that the row's config.txt, its clocks or an update name; a
user's own choice comes from the OS build.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.parts import Parts, boot_files
from hal.model import DeviceType, ImagePart, PartKind
from hal_raspberrypi.facts import EEPROM_FILES

PI4 = "raspberrypi4-64"

START4 = ("start4.elf", "start4cd.elf", "start4x.elf", "fixup4.dat", "fixup4cd.dat", "fixup4x.dat")
START = (
    "bootcode.bin",
    "start.elf",
    "start_cd.elf",
    "start_x.elf",
    "fixup.dat",
    "fixup_cd.dat",
    "fixup_x.dat",
)

LAYER_TREES = (
    "bcm2708-rpi-zero",
    "bcm2708-rpi-zero-w",
    "bcm2708-rpi-b",
    "bcm2708-rpi-b-rev1",
    "bcm2708-rpi-b-plus",
    "bcm2708-rpi-cm",
    "bcm2709-rpi-2-b",
    "bcm2710-rpi-2-b",
    "bcm2710-rpi-3-b",
    "bcm2710-rpi-3-b-plus",
    "bcm2710-rpi-zero-2",
    "bcm2710-rpi-cm3",
    "bcm2711-rpi-4-b",
    "bcm2711-rpi-400",
    "bcm2711-rpi-cm4",
    "bcm2711-rpi-cm4s",
)
"""What the layer builds where a machine has no list of its own."""

TREES: dict[str, tuple[str, ...]] = {
    "raspberrypi": LAYER_TREES,
    "raspberrypi2": LAYER_TREES,
    "raspberrypi3": LAYER_TREES,
    "raspberrypi3-64": ("bcm2710-rpi-3-b", "bcm2710-rpi-3-b-plus", "bcm2837-rpi-3-b", "bcm2710-rpi-cm3"),
    "rt-rpi-300": ("bcm2711-rpi-cm4s",),
    PI4: ("bcm2711-rpi-4-b", "bcm2711-rpi-400", "bcm2711-rpi-cm4"),
}
"""Device trees that a machine builds beside those of the boards it is made for."""

VARIANTS = {
    "vc4-kms-v3d": {PI4: "vc4-kms-v3d-pi4", "raspberrypi5": "vc4-kms-v3d-pi5"},
    "disable-bt": {"raspberrypi5": "disable-bt-pi5"},
}
"""Overlays in whose place the firmware takes another on some machines."""

OVERLAYS: dict[str, tuple[str, str]] = {
    PI4: ("spi-gpio40-45", "an update of the EEPROM over SPI loads it while the device runs"),
    "sb": ("dwc2 audremap", "config.txt names it"),
}


def boot_parts(device_type: DeviceType, found: frozenset[str]) -> Parts:
    """Every boot file with a known source, and device trees that are not in the row."""
    further = [tree for word, trees in TREES.items() if word in found for tree in trees]
    trees = tuple(dict.fromkeys((*device_type.device_trees, *further)))
    return (
        *_programs(device_type, found),
        *(_tree(tree) for tree in trees if tree not in device_type.device_trees),
        *boot_files({f"{each}.dtb": f"{each}.dtb" for each in trees}, "the firmware picks the board's own among these"),
        *_overlays(device_type, found),
    )


def _programs(device_type: DeviceType, found: frozenset[str]) -> Iterator[ImagePart]:
    kernel = next((name for name in device_type.boot_files if name.startswith("kernel")), None)
    if "sb" in found:
        yield from _secure(device_type, signed="secure-boot" in found)
    elif kernel is not None and "raspberrypi5" in found:
        source = f"balena-bootloader/{device_type.kernel_image}-initramfs-{device_type.machine}.bin"
        yield from boot_files({kernel: source}, "the firmware starts it: the balena bootloader, which chooses the slot")
    elif kernel is not None:
        yield from boot_files({kernel: "u-boot.bin"}, "the firmware starts it: U-Boot, which runs boot.scr")
    if PI4 in found:
        why = "an OS update flashes the boot EEPROM from the boot partition"
        yield from boot_files({name: f"rpi-eeprom/{name}" for name in EEPROM_FILES}, why)
    if not {"raspberrypi5", "secure-boot"} & found:  # of a Pi 5 all of it is in the EEPROM, or in boot.img
        start = START4 if PI4 in found else START
        why = "the chip's ROM or EEPROM loads it to start the firmware; cd and x serve gpu_mem=16 and a camera"
        yield from boot_files({name: f"bootfiles/{name}" for name in start}, why)
    if "revpi-connect-s" in found:
        yield from boot_files(
            {"dt-blob.bin": "revpi-connect-dt-blob-overlay.dtb"}, "the firmware sets its pins by it before the kernel"
        )
    if "fincm3" in found:
        yield from boot_files({"dt-blob.bin": "bootfiles/dt-blob.bin"}, "the firmware finds the camera's pins by it")


def _secure(device_type: DeviceType, *, signed: bool) -> Iterator[ImagePart]:
    """Unsigned the firmware loads the bootloader itself; signed it is in boot.img, made while the image is signed."""
    if not signed:
        source = f"balena-bootloader/{device_type.kernel_image}-initramfs-{device_type.machine}.bin"
        yield from boot_files({"kernel8.img": source}, "the firmware starts it where nothing is signed")


def _tree(name: str) -> ImagePart:
    return ImagePart(
        kind=PartKind.DEVICE_TREE, name=name, reason="the medium may be put into another Pi, which starts with its own"
    )


def _overlays(device_type: DeviceType, found: frozenset[str]) -> Iterator[ImagePart]:
    names = dict.fromkeys(device_type.overlays, "the row's overlays")
    for line in device_type.config_txt:
        if line.startswith("dtoverlay="):
            names.setdefault(line.removeprefix("dtoverlay=").partition(",")[0], "config.txt names it")
    for clock in device_type.clocks:
        if clock.overlay:
            names.setdefault(clock.overlay.partition(",")[0], f"the clock {clock.driver} does not appear without it")
    for word, (several, why) in OVERLAYS.items():
        for name in several.split() if word in found else ():
            names.setdefault(name, why)
    for name in tuple(names):
        for word, other in VARIANTS.get(name, {}).items():
            if word in found:
                names[other] = f"the firmware takes it where {name} is asked for"
    for name, why in names.items():
        yield from boot_files({f"overlays/{name}.dtbo": f"{name}.dtbo"}, why)
    if names:
        yield from boot_files(
            {"overlays/overlay_map.dtb": "overlay_map.dtb"}, "the firmware reads there which overlay fits which Pi"
        )
