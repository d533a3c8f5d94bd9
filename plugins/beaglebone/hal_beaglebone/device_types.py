"""The table: one row for each BeagleBone device type of balenaOS.

Absent facts are unknown facts. The hardware is in `boards`. A row lists a board only where a source says that its
image is made for it.
"""

from __future__ import annotations

from hal.model import (
    Arch,
    Board,
    BootloaderKind,
    Clock,
    Console,
    DeviceType,
    Filesystem,
    ImageKind,
    Partitions,
    PartitionTable,
    Sizes,
    SlotEncoding,
    UpdateStepFact,
)
from hal_beaglebone import boards

REPOSITORY = "balena-beaglebone"
RELEASE = "balena-beaglebone 7.7.2+rev2"
IMAGE_SOURCE = f"{RELEASE} recipes-core/images/balena-image.inc"
TARGET_SOURCE = f"{RELEASE} recipes-support/resin-init/resin-init-flasher.bbappend"
KERNEL_SOURCE = f"{RELEASE} recipes-kernel/linux, conf/layer.conf; meta-ti 9818c93 conf/machine"
HOOK_SOURCE = f"{RELEASE} recipes-support/hostapp-update-hooks/hostapp-update-hooks.bbappend"
BOARD_SOURCE = "Linux device trees of the board"
RENAMED_SOURCE = "linux-omap list, proposed omap.yaml change 20250613-bbg-v3-1: renamed AM335x boards"

PARTITIONS = Partitions(
    table=PartitionTable.MSDOS,
    boot=1,
    root_a=2,
    root_b=3,
    state=5,
    data=6,
    slot_encoding=SlotEncoding.HEX,
    boot_filesystem=Filesystem.FAT16,
)

SWITCH_U_BOOT = UpdateStepFact(
    name="99-resin-uboot",
    purpose="Point U-Boot at the other root file system and remove boot counts left over.",
)
FLASH_TIBOOT3 = UpdateStepFact(
    name="99-flash-bootloader-beaglebone-ai64",
    purpose="Write tiboot3.bin to the start of the eMMC's first boot partition where it differs.",
)

AM335X_FILES = ("MLO", "u-boot.img")
AM335X_TREES = (
    "am335x-bone",
    "am335x-boneblack",
    "am335x-boneblack-uboot",
    "am335x-boneblack-uboot-univ",
    "am335x-boneblack-wireless",
    "am335x-boneblue",
    "am335x-bonegreen",
    "am335x-bonegreen-gateway",
    "am335x-bonegreen-wireless",
    "am335x-bonegreen-wireless-uboot-univ",
)
"""Every AM335x image carries them all: U-Boot chooses by what the board's EEPROM says."""
AI64_TREES = ("k3-j721e-beagleboneai64", "k3-j721e-common-proc-board", "k3-j721e-sk")
AI64_OVERLAYS = (
    "k3-j721e-beagleboneai64-dsi-rpi-7inch-panel",
    "k3-j721e-evm-csi2-ov5640",
    "k3-j721e-evm-fusion",
    "k3-j721e-evm-gesi-exp-board",
    "k3-j721e-evm-pcie0-ep",
    "k3-j721e-evm-quad-port-eth-exp",
    "k3-j721e-evm-virt-mac-client",
    "k3-j721e-sk-csi2-ov5640",
    "k3-j721e-sk-csi2-rpi-imx219",
    "k3-j721e-sk-fusion",
    "k3-j721e-sk-rpi-hdr-ehrpwm",
)
AM335X_ARGUMENTS = ("coherent_pool=1M", "net.ifnames=0", "lpj=1990656", "rng_core.default_quality=100")
AM335X_NOTE = "The hardware watchdog is off. `ttyS0` is a link that beagle-serial makes to the kernel's `ttyO0`."
WL18XX_NOTE = "WiFi is a WL18xx; the package bb-wl18xx-btwl sets it up."

SOC_CLOCK = Clock(
    driver="am33xx-rtc",
    rtc=0,
    battery=False,
    note="Part of the SoC. It also switches the board off.",
)


def contract(slug: str) -> str:
    """Name balena's hardware contract of a device type, as a source."""
    return f"balena-io/contracts contracts/hw.device-type/{slug}/contract.json"


def _image_row(
    *,
    slug: str,
    name: str,
    arch: Arch = Arch.ARMV7HF,
    aliases: tuple[str, ...] = (),
    machine: str | None = None,
    overrides: tuple[str, ...] = (),
    device_boards: tuple[Board, ...] = (),
    kernel_image: str = "zImage",
    kernel_version: str = "5.10.162",
    kernel_recipe: str = "linux-beagleboard",
    device_trees: tuple[str, ...] = AM335X_TREES,
    overlays: tuple[str, ...] = (),
    rootfs_kib: int = 327680,
    kernel_arguments: tuple[str, ...] = AM335X_ARGUMENTS,
    boot_files: tuple[str, ...] = AM335X_FILES,
    install_target: str = "mmcblk1",
    ttys: tuple[str, ...] = ("ttyS0",),
    clocks: tuple[Clock, ...] = (),
    no_clock: str | None = None,
    update_steps: tuple[UpdateStepFact, ...] = (SWITCH_U_BOOT,),
    wifi: bool = False,
    notes: tuple[str, ...] = (AM335X_NOTE,),
    sources: tuple[str, ...] = (),
) -> DeviceType:
    """Build the row of a device type that balena-beaglebone builds an image of."""
    return DeviceType(
        slug=slug,
        name=name,
        aliases=aliases,
        arch=arch,
        machine=machine or slug,
        machine_overrides=overrides,
        repository=REPOSITORY,
        yocto_release="kirkstone",
        image=ImageKind.FLASHER,
        boards=device_boards,
        bootloader=BootloaderKind.U_BOOT,
        partitions=PARTITIONS,
        kernel_image=kernel_image,
        kernel_version=kernel_version,
        kernel_recipe=kernel_recipe,
        sizes=Sizes(boot_kib=40960, rootfs_kib=rootfs_kib, state_kib=20480),
        device_trees=device_trees,
        overlays=overlays,
        boot_files=boot_files,
        install_targets=(install_target,),
        kernel_arguments=kernel_arguments,
        consoles=tuple(Console(tty=tty, baud=115200) for tty in ttys),
        clocks=clocks,
        no_clock=no_clock,
        update_steps=update_steps,
        wifi=wifi,
        notes=notes,
        sources=(
            f"{RELEASE} {slug}.coffee",
            IMAGE_SOURCE,
            TARGET_SOURCE,
            HOOK_SOURCE,
            KERNEL_SOURCE,
            *((BOARD_SOURCE,) if device_boards else ()),
            *sources,
            contract(slug),
        ),
    )


BEAGLEBONE_BLACK = _image_row(
    slug="beaglebone-black",
    aliases=("beaglebone",),
    name="BeagleBone Black",
    machine="beaglebone",
    device_boards=(boards.BLACK,),
    clocks=(SOC_CLOCK,),
    sources=(RENAMED_SOURCE,),
)

BEAGLEBONE_GREEN = _image_row(
    slug="beaglebone-green",
    name="BeagleBone Green",
    overrides=("beaglebone",),
    device_boards=(boards.GREEN,),
    clocks=(SOC_CLOCK,),
    sources=(RENAMED_SOURCE,),
)

BEAGLEBONE_GREEN_WIFI = _image_row(
    slug="beaglebone-green-wifi",
    overrides=("beaglebone",),
    name="BeagleBone Green Wireless",
    device_boards=(boards.GREEN_WIRELESS,),
    wifi=True,
    notes=(WL18XX_NOTE, AM335X_NOTE),
    sources=(RENAMED_SOURCE,),
)

BEAGLEBONE_GREEN_GATEWAY = _image_row(
    slug="beaglebone-green-gateway",
    overrides=("beaglebone",),
    name="BeagleBone Green Gateway",
    clocks=(
        Clock(
            driver="ds1340",
            rtc=0,
            i2c_address=0x68,
            battery=True,
            note="Kept by a coin cell.",
            chip="ds1340",
        ),
        Clock(driver="am33xx-rtc", rtc=1, note="Part of the SoC."),
    ),
    wifi=True,
    notes=(
        "How it names itself is not known: its device tree, am335x-bonegreen-gateway, is not in mainline Linux.",
        "WiFi is a WL18xx.",
        AM335X_NOTE,
    ),
)

BEAGLEBONE_AI64 = _image_row(
    slug="beaglebone-ai64",
    aliases=("beaglebone-ai-64",),
    name="BeagleBone AI-64",
    arch=Arch.AARCH64,
    device_boards=(boards.AI64,),
    kernel_image="Image",
    kernel_version="6.1.80",
    kernel_recipe="linux-bb.org",
    device_trees=AI64_TREES,
    overlays=AI64_OVERLAYS,
    rootfs_kib=733184,
    kernel_arguments=(),
    boot_files=("tiboot3.bin", "tispl.bin", "u-boot.img", "sysfw.itb"),
    install_target="mmcblk0",
    ttys=("ttyS2", "ttyS0"),
    no_clock="Linux's device tree names none; the one inside the power chip TPS6594 is not used",
    update_steps=(FLASH_TIBOOT3, SWITCH_U_BOOT),
    notes=(
        "The boot partition holds further variants of these files.",
        "tiboot3.bin is in the boot partition, and also at the start of mmcblk0boot0.",
    ),
)

BEAGLEBOARD_XM = DeviceType(
    slug="beagleboard-xm",
    name="BeagleBoard-XM",
    arch=Arch.ARMV7HF,
    machine="beagleboard-xm",
    machine_overrides=("beagleboard",),
    repository=REPOSITORY,
    kernel_image="zImage",
    kernel_version="5.10.162",
    kernel_recipe="linux-beagleboard",
    boards=(boards.BEAGLEBOARD_XM,),
    bootloader=BootloaderKind.U_BOOT,
    partitions=PARTITIONS,
    boot_files=AM335X_FILES,
    update_steps=(SWITCH_U_BOOT,),
    wifi=False,
    notes=("The device repository has a machine configuration of this name, and builds no image of it.",),
    sources=(
        f"{RELEASE} conf/machine/beagleboard-xm.conf",
        IMAGE_SOURCE,
        HOOK_SOURCE,
        KERNEL_SOURCE,
        BOARD_SOURCE,
        contract("beagleboard-xm"),
    ),
)

BEAGLEBONE_POCKET = DeviceType(
    slug="beaglebone-pocket",
    name="PocketBeagle",
    arch=Arch.ARMV7HF,
    boards=(boards.POCKETBEAGLE,),
    wifi=False,
    notes=(
        "Only balena's contracts name it: the device repository holds nothing of it.",
        "Its OS lies on the SD card.",
    ),
    sources=(contract("beaglebone-pocket"), BOARD_SOURCE, RENAMED_SOURCE),
)

BEAGLEPLAY = DeviceType(
    slug="beagleplay",
    name="BeaglePlay",
    arch=Arch.AARCH64,
    boards=(boards.BEAGLEPLAY,),
    wifi=True,
    notes=(
        "Only balena's contracts name it: the device repository holds nothing of it.",
        "Its OS lies on internal storage.",
    ),
    sources=(contract("beagleplay"), BOARD_SOURCE),
)

DEVICE_TYPES: tuple[DeviceType, ...] = (
    BEAGLEBONE_BLACK,
    BEAGLEBONE_GREEN,
    BEAGLEBONE_GREEN_WIFI,
    BEAGLEBONE_GREEN_GATEWAY,
    BEAGLEBONE_AI64,
    BEAGLEBOARD_XM,
    BEAGLEBONE_POCKET,
    BEAGLEPLAY,
)
