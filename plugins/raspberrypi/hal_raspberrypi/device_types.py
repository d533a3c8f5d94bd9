"""The table: one row for each device type of the family. Those of Raspberry Pi's own boards are written here.

Absent facts are unknown facts. What every row shares is in `facts`, the hardware in `boards`, and the rows of other
makers' computers in `makers`. A row lists a board only where a source says that its image is made for it; an image may
well boot on more.
"""

from __future__ import annotations

from attrs import evolve

from hal.model import (
    Arch,
    BootloaderKind,
    Clock,
    DeviceType,
    Filesystem,
    ImageKind,
    Partitions,
    PartitionTable,
    ReleaseState,
    SlotEncoding,
)
from hal_raspberrypi import boards
from hal_raspberrypi.facts import (
    MSDOS_HEX,
    NO_CLOCK,
    SCREEN_CONFIG,
    SECURE_BOOT_SOURCE,
    SWITCH_BALENA,
    UPDATE_EEPROM,
    image_row,
)
from hal_raspberrypi.makers import MAKERS

CM4_IO_CLOCK = Clock(
    driver="pcf85063a",
    rtc=0,
    i2c_address=0x51,
    battery=True,
    overlay="i2c-rtc,pcf85063a,i2c_csi_dsi",
    note="On I²C bus 10 of the IO board, kept by a CR2032 cell.",
    i2c_bus=10,
    chip="pcf85063a",
)

RASPBERRY_PI = image_row(
    slug="raspberry-pi",
    coffee="raspberrypi",
    aliases=("raspberrypi",),
    name="Raspberry Pi (v1 / Zero / Zero W)",
    arch=Arch.RPI,
    machine="raspberrypi",
    state=ReleaseState.RELEASED,
    boards=(
        boards.PI_A,
        boards.PI_A_PLUS,
        boards.PI_B_REV1,
        boards.PI_B_REV2,
        boards.PI_B_PLUS,
        boards.PI_ZERO,
        boards.PI_ZERO_W,
        boards.CM1,
    ),
    device_trees=(
        "bcm2708-rpi-b-rev1",
        "bcm2708-rpi-b",
        "bcm2708-rpi-b-plus",
        "bcm2708-rpi-zero",
        "bcm2708-rpi-zero-w",
        "bcm2708-rpi-cm",
    ),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
    notes=("Of its boards only the Zero W has WiFi and Bluetooth.",),
)

RASPBERRY_PI2 = image_row(
    slug="raspberry-pi2",
    coffee="raspberrypi2",
    aliases=("raspberrypi2",),
    name="Raspberry Pi 2",
    arch=Arch.ARMV7HF,
    machine="raspberrypi2",
    state=ReleaseState.RELEASED,
    boards=(boards.PI_2_B,),
    device_trees=("bcm2709-rpi-2-b", "bcm2710-rpi-2-b"),
    no_clock=NO_CLOCK,
    wifi=False,
    bluetooth=False,
    notes=("Board version 1.2 carries the BCM2837 and names itself like the earlier ones.",),
)

RASPBERRYPI3 = image_row(
    slug="raspberrypi3",
    name="Raspberry Pi 3",
    arch=Arch.ARMV7HF,
    state=ReleaseState.RELEASED,
    boards=(boards.PI_3_B, boards.PI_3_B_PLUS, boards.PI_3_A_PLUS, boards.CM3, boards.CM3_LITE),
    device_trees=("bcm2710-rpi-3-b", "bcm2710-rpi-3-b-plus", "bcm2710-rpi-cm3"),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
)

RASPBERRYPI3_64 = image_row(
    slug="raspberrypi3-64",
    name="Raspberry Pi 3 (using 64bit OS)",
    arch=Arch.AARCH64,
    state=ReleaseState.RELEASED,
    boards=(boards.PI_3_B, boards.PI_3_B_PLUS, boards.PI_3_A_PLUS),
    device_trees=("bcm2710-rpi-3-b", "bcm2710-rpi-3-b-plus"),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
    config=SCREEN_CONFIG,
    kms=True,
)

RASPBERRYPI0_2W_64 = image_row(
    slug="raspberrypi0-2w-64",
    name="Raspberry Pi Zero 2 W (64bit)",
    arch=Arch.AARCH64,
    state=ReleaseState.RELEASED,
    boards=(boards.PI_ZERO_2_W,),
    device_trees=("bcm2710-rpi-zero-2",),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
    config=SCREEN_CONFIG,
    kms=True,
)

RASPBERRYPI4_64 = image_row(
    slug="raspberrypi4-64",
    name="Raspberry Pi 4",
    arch=Arch.AARCH64,
    state=ReleaseState.RELEASED,
    boards=(boards.PI_4_B,),
    pi4_class=True,
    device_trees=("bcm2711-rpi-4-b",),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
    notes=("The image also boots on a Compute Module 4 and on a Raspberry Pi 400; each has a device type of its own.",),
)

RASPBERRYPI400_64 = image_row(
    slug="raspberrypi400-64",
    name="Raspberry Pi 400",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64",),
    boards=(boards.PI_400,),
    pi4_class=True,
    device_trees=("bcm2711-rpi-400",),
    no_clock=NO_CLOCK,
    wifi=True,
    bluetooth=True,
)

RASPBERRYPICM4_IOBOARD = image_row(
    slug="raspberrypicm4-ioboard",
    name="Raspberry Pi CM4 IO Board",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64",),
    boards=(boards.CM4,),
    pi4_class=True,
    device_trees=("bcm2711-rpi-cm4",),
    clocks=(CM4_IO_CLOCK,),
    wifi=True,
    bluetooth=True,
    notes=("Its U-Boot also looks for the OS on NVMe.",),
)

RASPBERRYPICM4_IOBOARD_SB = evolve(
    image_row(
        slug="raspberrypicm4-ioboard-sb",
        name="Secure boot enabled Raspberry Pi CM4 IO Board",
        arch=Arch.AARCH64,
        machine="raspberrypicm4-ioboard",
        overrides=("raspberrypi4-64", "sb"),
        boards=(boards.CM4,),
        pi4_class=True,
        boot_kib=174080,
        rootfs_kib=655360,
        device_trees=("bcm2711-rpi-400", "bcm2711-rpi-4-b", "bcm2711-rpi-cm4"),
        clocks=(CM4_IO_CLOCK,),
        notes=(
            "Partition 1 is `balena-rpi` (FAT, mounted at /mnt/rpi): what the firmware loads, and `bootenv`.",
            "The boot partition, 2, is encrypted; the disk's key comes from the chip's one-time memory.",
            "The secure boot layer adds lines of its own to config.txt (USB host mode, moved audio pins).",
        ),
        sources=(
            f"{SECURE_BOOT_SOURCE} recipes-support/hostapp-update-hooks/hostapp-update-hooks.bbappend",
            f"{SECURE_BOOT_SOURCE} recipes-bsp/bootfiles/rpi-config_git.bbappend",
        ),
    ),
    image=ImageKind.FLASHER,
    bootloader=BootloaderKind.BALENA,
    partitions=Partitions(
        table=PartitionTable.GPT,
        boot=2,
        root_a=3,
        root_b=4,
        state=5,
        data=6,
        slot_encoding=SlotEncoding.LETTER,
        boot_filesystem=Filesystem.EXT4,
    ),
    boot_files=("boot.img", "boot.sig"),
    update_steps=(UPDATE_EEPROM, SWITCH_BALENA),
)

RASPBERRYPI5 = evolve(
    image_row(
        slug="raspberrypi5",
        kms=True,
        name="Raspberry Pi 5",
        arch=Arch.AARCH64,
        state=ReleaseState.RELEASED,
        boards=(boards.PI_5_B, boards.PI_500, boards.CM5),
        boot_kib=81920,
        rootfs_kib=655360,
        device_trees=(
            "bcm2712-rpi-5-b",
            "bcm2712d0-rpi-5-b",
            "bcm2712-rpi-500",
            "bcm2712-rpi-cm5-cm5io",
            "bcm2712-rpi-cm5-cm4io",
            "bcm2712-rpi-cm5l-cm5io",
            "bcm2712-rpi-cm5l-cm4io",
        ),
        clocks=(
            Clock(
                driver="rpi-rtc",
                rtc=0,
                note="Through the firmware's mailbox. A cell at J5 is optional: without one, 1970 after a power loss.",
            ),
        ),
        wifi=True,
        bluetooth=True,
        notes=(
            "balena's contract calls it Raspberry Pi 5 & CM5.",
            "The kernel drives the fan by four trip points of the device tree; balenaOS offers no fan profiles here.",
        ),
    ),
    bootloader=BootloaderKind.BALENA,
    partitions=evolve(MSDOS_HEX, slot_encoding=SlotEncoding.LETTER),
    boot_files=("kernel8.img",),
    update_steps=(SWITCH_BALENA,),
)

DEVICE_TYPES: tuple[DeviceType, ...] = (
    RASPBERRY_PI,
    RASPBERRY_PI2,
    RASPBERRYPI3,
    RASPBERRYPI3_64,
    RASPBERRYPI0_2W_64,
    RASPBERRYPI4_64,
    RASPBERRYPI400_64,
    RASPBERRYPICM4_IOBOARD,
    RASPBERRYPICM4_IOBOARD_SB,
    RASPBERRYPI5,
    *MAKERS,
)
