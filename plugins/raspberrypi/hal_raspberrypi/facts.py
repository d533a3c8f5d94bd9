"""Facts that rows of this family share, and the two functions that build a row from them.

`image_row` is for a device type that balena-raspberrypi builds an image of, `machine_row` for one of which that
repository holds only the machine configuration. Both state what the layer does for every machine of it; a row adds
what is its own.
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
    ReleaseState,
    Sizes,
    SlotEncoding,
    UpdateStepFact,
)

REPOSITORY = "balena-raspberrypi"
RELEASE = "balena-raspberrypi 7.4.0+rev7"
IMAGE_SOURCE = f"{RELEASE} recipes-core/images/balena-image.inc"
CONFIG_SOURCE = f"{RELEASE} recipes-bsp/bootfiles/rpi-config_git.bbappend, rpi-cmdline.bbappend"
KERNEL_SOURCE = f"{RELEASE} recipes-kernel/linux"
MACHINE_SOURCE = f"{RELEASE} conf/machine"
SECURE_BOOT_SOURCE = "meta-balena-rpi-sb 0.0.5"
BOARD_SOURCE = "Linux device tree binding arm/bcm/bcm2835.yaml; raspberrypi/linux device trees"

COMMON_CONFIG = (
    "dtparam=i2c_arm=on",
    "dtparam=spi=on",
    "disable_splash=1",
    "dtparam=audio=on",
    "gpu_mem=16",
)
"""config.txt of every image; what depends on the build, `enable_uart` and `avoid_warnings`, is in `image`."""

KMS_CONFIG = ("dtoverlay=vc4-kms-v3d,cma-320",)
"""The kernel drives the display. 320 MB, because the overlay's own 512 MB since Linux 6.1 clash with a high gpu_mem."""

CMDLINE = ("dwc_otg.lpm_enable=0", "rootfstype=ext4", "rootwait", "cgroup_enable=memory")
"""cmdline.txt of every image, before what the build adds; without `root=`, which the bootloader chooses."""

SCREEN_CONFIG = (*COMMON_CONFIG, "disable_overscan=1")
"""config.txt where the base layer fills the whole screen."""

LINUX_RPI = "linux-raspberrypi"
LINUX_KUNBUS = "linux-kunbus"

ARM_BUS = 1
"""The I²C bus of the pin header, `i2c_arm`, on which an overlay `i2c-rtc` puts a clock unless it says otherwise."""

NO_CLOCK = "before the Raspberry Pi 5 none carries a clock; one that is added appears with the overlay i2c-rtc"

CM4_SECTION = ("[cm4]", "otg_mode=1")
"""config.txt of the Pi 4 class. It opens a section, so it stays behind every line that is meant for all boards."""

EEPROM_FILES = ("pieeprom.upd", "pieeprom.sig", "vl805-latest-stable.bin")

UPDATE_EEPROM = UpdateStepFact(
    name="98-pieeprom",
    purpose="Update the boot EEPROM to the release in the image, unless the EEPROM's own configuration forbids it.",
)
SWITCH_U_BOOT = UpdateStepFact(
    name="99-resin-uboot",
    purpose="Point U-Boot at the other root file system and remove boot counts left over.",
)
SWITCH_BALENA = UpdateStepFact(
    name="99-balena-bootloader",
    purpose="Point the balena bootloader at the other root file system.",
)
CLEAN_BOOT = UpdateStepFact(
    name="999-resin-boot-cleaner",
    purpose="Delete a kernel that an older OS left in the boot partition.",
)

MSDOS_HEX = Partitions(
    table=PartitionTable.MSDOS,
    boot=1,
    root_a=2,
    root_b=3,
    state=5,
    data=6,
    slot_encoding=SlotEncoding.HEX,
    boot_filesystem=Filesystem.FAT32,
)

KERNEL_IMAGE = {Arch.RPI: "zImage", Arch.ARMV7HF: "zImage", Arch.AARCH64: "Image.gz"}
BOOT_FILE = {Arch.RPI: "kernel.img", Arch.ARMV7HF: "kernel7.img", Arch.AARCH64: "kernel8.img"}
"""What U-Boot, or the balena bootloader, is called so that the firmware loads it."""


def image_row(
    *,
    slug: str,
    name: str,
    arch: Arch,
    coffee: str | None = None,
    aliases: tuple[str, ...] = (),
    machine: str | None = None,
    overrides: tuple[str, ...] = (),
    state: ReleaseState = ReleaseState.NEW,
    boards: tuple[Board, ...] = (),
    pi4_class: bool = False,
    boot_kib: int = 40960,
    rootfs_kib: int = 327680,
    kernel_version: str | None = "6.12.94",
    kernel_recipe: str = LINUX_RPI,
    kms: bool = False,
    boot_files: tuple[str, ...] = (),
    device_trees: tuple[str, ...] = (),
    config: tuple[str, ...] = COMMON_CONFIG,
    clocks: tuple[Clock, ...] = (),
    no_clock: str | None = None,
    wifi: bool | None = None,
    bluetooth: bool | None = None,
    notes: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
) -> DeviceType:
    """Build the row of a device type with an image; `coffee` and `machine` are the slug where left out."""
    return DeviceType(
        slug=slug,
        name=name,
        aliases=aliases,
        arch=arch,
        machine=machine or slug,
        machine_overrides=overrides,
        repository=REPOSITORY,
        yocto_release="kirkstone",
        state=state,
        image=ImageKind.DIRECT,
        boards=boards,
        bootloader=BootloaderKind.U_BOOT,
        partitions=MSDOS_HEX,
        sizes=Sizes(boot_kib=boot_kib, rootfs_kib=rootfs_kib, state_kib=20480),
        kernel_image=KERNEL_IMAGE[arch],
        kernel_version=kernel_version,
        kernel_recipe=kernel_recipe,
        kernel_arguments=CMDLINE,
        boot_files=(BOOT_FILE[arch], "boot.scr", *(EEPROM_FILES if pi4_class else ()), *boot_files),
        device_trees=device_trees,
        config_txt=(*config, *(KMS_CONFIG if kms or pi4_class else ()), *(CM4_SECTION if pi4_class else ())),
        consoles=(Console(tty="serial0", baud=115200),),
        clocks=clocks,
        no_clock=no_clock,
        update_steps=(*((UPDATE_EEPROM,) if pi4_class else ()), SWITCH_U_BOOT, CLEAN_BOOT),
        wifi=wifi,
        bluetooth=bluetooth,
        notes=notes,
        sources=(
            f"{RELEASE} {coffee or slug}.coffee",
            IMAGE_SOURCE,
            CONFIG_SOURCE,
            KERNEL_SOURCE,
            *((BOARD_SOURCE,) if boards else ()),
            *sources,
            *((contract(slug),) if wifi is not None or bluetooth is not None else ()),
        ),
    )


def machine_row(
    *,
    slug: str,
    name: str,
    arch: Arch | None = None,
    overrides: tuple[str, ...],
    boards: tuple[Board, ...] = (),
    device_trees: tuple[str, ...] = (),
    overlays: tuple[str, ...] = (),
    config: tuple[str, ...] = COMMON_CONFIG,
    kernel_recipe: str = LINUX_RPI,
    wifi: bool | None = None,
    bluetooth: bool | None = None,
    notes: tuple[str, ...],
) -> DeviceType:
    """Build the row of a device type that has a machine configuration but no image of its own."""
    return DeviceType(
        slug=slug,
        name=name,
        arch=arch,
        machine=slug,
        machine_overrides=overrides,
        repository=REPOSITORY,
        boards=boards,
        bootloader=BootloaderKind.U_BOOT,
        partitions=MSDOS_HEX,
        kernel_recipe=kernel_recipe,
        kernel_arguments=CMDLINE,
        device_trees=device_trees,
        overlays=overlays,
        config_txt=config,
        update_steps=(SWITCH_U_BOOT, CLEAN_BOOT),
        wifi=wifi,
        bluetooth=bluetooth,
        notes=("The device repository has a machine configuration of this name, and builds no image of it.", *notes),
        sources=(
            f"{MACHINE_SOURCE}/{slug}.conf",
            IMAGE_SOURCE,
            CONFIG_SOURCE,
            KERNEL_SOURCE,
            *((BOARD_SOURCE,) if boards else ()),
            *((contract(slug),) if arch is not None else ()),
        ),
    )


def contract(slug: str) -> str:
    """Name balena's hardware contract of a device type, as a source."""
    return f"balena-io/contracts contracts/hw.device-type/{slug}/contract.json"
