"""The table: one row for each device type of balena-jetson."""

from __future__ import annotations

from hal.model import (
    Arch,
    Board,
    BootloaderKind,
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
from hal_jetson import boards as board

_REPOSITORY = "balena-jetson 7.9.3+rev2"
_SPECIFICATION = "partition_specification"
_U_BOOT_FILES = ("resinOS_uEnv.txt", "bootcount.env", "extra_uEnv.txt")
_TTYS0 = (Console(tty="ttyS0", baud=115200),)
_TTYTCU0 = (Console(tty="ttyTCU0", baud=115200),)
_EMMC_BOOT_ACCESS = ("sdhci_tegra.en_boot_part_access=1",)
"""In extlinux.conf of TX2 and Nano: makes `mmcblk0boot0` accessible."""

_NO_FAN_PROFILES = "No fan profiles."
_FAN_STARTUP = (
    "No fan profiles: fan-startup.service writes 100 to /sys/devices/pwm-fan/target_pwm at boot and ignores errors."
)
_NVPMODEL = "nvpmodel is installed; balenaOS maps none of its modes to low, mid or high."
_EXTLINUX = "extlinux.conf is in /boot/extlinux of the root; before OS 2.47.0 it was in the boot partition."
_OLD_TX2_LAYOUT = (
    "Before the first update to L4T 32.x the partition numbers may be those of 28.x (boot 12, root 13): "
    "look them up by label."
)
_CBOOT = (
    "The root is baked into the signed device tree of a Cboot slot; resinOS_uEnv.txt is written for user space only.",
    "Boot slots and root slots are separate: slot 0 may boot root B.",
    "The supervisor offers neither fdt nor isolcpus here.",
)

_SWITCH = UpdateStepFact(name="99-resin-uboot", purpose="name the new root in resinOS_uEnv.txt")
_RECORD = UpdateStepFact(name="99-resin-uboot", purpose="record the new root in resinOS_uEnv.txt, for user space only")
_TX1_FIRMWARE = UpdateStepFact(
    name="50-resin-bootfiles-jetson-tx1", purpose="write the firmware partitions and mmcblk0boot0"
)
_TX2_FIRMWARE = UpdateStepFact(
    name="50-resin-bootfiles-jetson-tx2",
    purpose="write the firmware partitions and mmcblk0boot0, keeping the ODMDATA byte that is set",
)
_NANO_FIRMWARE = UpdateStepFact(
    name="99-resin-bootfiles-nano",
    purpose="write the firmware partitions and the boot blob (mtdblock0 with QSPI, else mmcblk0boot0)",
)
_AGX_FIRMWARE = UpdateStepFact(
    name="99-resin-bootfiles-xavier",
    purpose="write both firmware slots and mmcblk0boot0, then kernel and device tree of the target slot, and select it",
)
_NX_FIRMWARE = UpdateStepFact(
    name="99-resin-bootfiles-xavier-nx-devkit",
    purpose="write firmware, kernel and device tree of the target slot and mtdblock0 (QSPI), and select it",
)


def _partitions(boot: int) -> Partitions:
    """Vendor partitions come first; the five of balenaOS follow without a gap."""
    return Partitions(
        table=PartitionTable.GPT,
        boot=boot,
        root_a=boot + 1,
        root_b=boot + 2,
        state=boot + 3,
        data=boot + 4,
        slot_encoding=SlotEncoding.HEX,
        boot_filesystem=Filesystem.FAT16,
    )


def _sizes(vendor_kib: int, *, boot_kib: int = 80960, rootfs_kib: int = 487424) -> Sizes:
    return Sizes(boot_kib=boot_kib, rootfs_kib=rootfs_kib, state_kib=20480, vendor_kib=vendor_kib)


def _row(
    slug: str,
    name: str,
    *,
    bootloader: BootloaderKind,
    boot: int,
    specification: str,
    steps: tuple[UpdateStepFact, ...],
    device_tree: str | None,
    device_tree_source: str | None,
    boards: tuple[Board, ...] = (),
    state: ReleaseState = ReleaseState.RELEASED,
    image: ImageKind = ImageKind.DIRECT,
    install_targets: tuple[str, ...] = (),
    yocto_release: str = "kirkstone",
    overrides: tuple[str, ...] = (),
    sizes: Sizes,
    arguments: tuple[str, ...] = (),
    consoles: tuple[Console, ...] = (),
    odmdata: str | None = None,
    wireless: tuple[bool, bool] = (False, False),
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """What all rows share: architecture, kernel, state file. `wireless` is (WiFi, Bluetooth).

    The layer is for kirkstone; its .coffee files still say honister.
    """
    files = (
        f"{slug}.coffee",
        f"{_SPECIFICATION}{specification}.txt",
        f"layer.conf, {slug}.conf",
        "hostapp-update-hooks.bbappend",
        "balena-image.bbappend",
        "linux-tegra_4.9.bbappend",
    )
    more = () if device_tree_source is None else (f"{_REPOSITORY} {device_tree_source}",)
    return DeviceType(
        slug=slug,
        name=name,
        arch=Arch.AARCH64,
        machine=slug,
        machine_overrides=overrides,
        repository="balena-jetson",
        yocto_release=yocto_release,
        state=state,
        image=image,
        boards=boards,
        bootloader=bootloader,
        partitions=_partitions(boot),
        sizes=sizes,
        kernel_image="Image",
        kernel_version="4.9.337",
        kernel_recipe="linux-tegra",
        boot_files=_U_BOOT_FILES if bootloader is BootloaderKind.U_BOOT else ("resinOS_uEnv.txt",),
        install_targets=install_targets,
        default_device_tree=device_tree,
        kernel_arguments=arguments,
        odmdata=odmdata,
        consoles=consoles,
        update_steps=steps,
        wifi=wireless[0],
        bluetooth=wireless[1],
        notes=(*notes, _NVPMODEL),
        sources=(*(f"{_REPOSITORY} {file}" for file in files), *more, "balena-io/contracts (WiFi, Bluetooth)"),
    )


def _tx2(
    slug: str,
    name: str,
    device_tree: str,
    *,
    boards: tuple[Board, ...],
    state: ReleaseState = ReleaseState.RELEASED,
    image: ImageKind = ImageKind.FLASHER,
    odmdata: str | None = None,
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """A TX2 module: U-Boot with extlinux, 23 vendor partitions. Those with a flasher are old enough for L4T 28.x."""
    flasher = image is ImageKind.FLASHER
    return _row(
        slug,
        name,
        overrides=() if slug == "jetson-tx2" else ("jetson-tx2",),
        sizes=_sizes(49152),
        bootloader=BootloaderKind.U_BOOT,
        boot=24,
        specification="186",
        steps=(_TX2_FIRMWARE, _SWITCH),
        device_tree=device_tree,
        device_tree_source="u-boot-tegra_%.bbappend",
        boards=boards,
        state=state,
        image=image,
        install_targets=("mmcblk0",) if flasher else (),
        arguments=_EMMC_BOOT_ACCESS,
        consoles=_TTYS0,
        odmdata=odmdata,
        wireless=(True, True),
        notes=(*notes, _EXTLINUX, *((_OLD_TX2_LAYOUT,) if flasher else ()), _FAN_STARTUP),
    )


def _nano(
    slug: str,
    name: str,
    device_tree: str,
    *,
    boards: tuple[Board, ...] = (),
    state: ReleaseState = ReleaseState.RELEASED,
    boot: int = 12,
    specification: str = "210",
    consoles: tuple[Console, ...] = _TTYS0,
    wireless: tuple[bool, bool] = (False, False),
    overrides: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """A Nano module: U-Boot with extlinux, written straight to its medium."""
    return _row(
        slug,
        name,
        overrides=overrides,
        sizes=_sizes(49152),
        bootloader=BootloaderKind.U_BOOT,
        boot=boot,
        specification=specification,
        steps=(_NANO_FIRMWARE, _SWITCH),
        device_tree=device_tree,
        device_tree_source="u-boot-tegra_%.bbappend",
        boards=boards,
        state=state,
        arguments=_EMMC_BOOT_ACCESS,
        consoles=consoles,
        wireless=wireless,
        notes=(*notes, _EXTLINUX, _NO_FAN_PROFILES),
    )


def _xavier_nx(
    slug: str,
    name: str,
    device_tree: str,
    *,
    specification: str,
    boards: tuple[Board, ...] = (),
    wireless: tuple[bool, bool] = (False, False),
    overrides: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """A Xavier NX module: Cboot, firmware in QSPI, so few vendor partitions."""
    return _row(
        slug,
        name,
        overrides=overrides,
        sizes=_sizes(458752, rootfs_kib=733184),
        bootloader=BootloaderKind.CBOOT,
        boot=9,
        specification=specification,
        consoles=_TTYTCU0,
        steps=(_NX_FIRMWARE, _RECORD),
        device_tree=device_tree,
        device_tree_source="balena-image.inc",
        boards=boards,
        wireless=wireless,
        notes=(*notes, *_CBOOT),
    )


_TX2_BOARDS = (board.TX2_QUILL, board.TX2_DEVKIT)
_CARRIER = (board.TX2_QUILL,)
_NANO_EMMC_TREE = "tegra210-p3448-0002-p3449-0000-b00"
_NX_TREE = "tegra194-p3668-all-p3509-0000"

DEVICE_TYPES: tuple[DeviceType, ...] = (
    _row(
        "jetson-tx1",
        "Nvidia Jetson TX1",
        sizes=_sizes(40960),
        bootloader=BootloaderKind.U_BOOT,
        boot=11,
        specification="210_tx1",
        steps=(_TX1_FIRMWARE, _SWITCH),
        device_tree=None,
        device_tree_source=None,
        boards=(board.TX1,),
        state=ReleaseState.DISCONTINUED,
        image=ImageKind.FLASHER,
        install_targets=("mmcblk0",),
        yocto_release="dunfell",
        consoles=_TTYS0,
        wireless=(True, True),
        notes=("The board's name in L4T is unknown; mainline's is listed.", _NO_FAN_PROFILES),
    ),
    _tx2(
        "jetson-tx2",
        "Nvidia Jetson TX2",
        "tegra186-quill-p3310-1000-c03-00-base",
        boards=(*_TX2_BOARDS, board.TX2_LIGHTNING),
    ),
    _tx2("astro-tx2", "CTI Astro TX2 G+", "tegra186-tx2-cti-ASG001-revG+", boards=_CARRIER),
    _tx2("orbitty-tx2", "CTI Orbitty TX2", "tegra186-tx2-cti-ASG001-USB3", boards=_CARRIER),
    _tx2("spacely-tx2", "CTI Spacely TX2", "tegra186-tx2-cti-ASG006-IMX274-6CAM", boards=_CARRIER),
    _tx2(
        "blackboard-tx2",
        "Nvidia blackboard TX2",
        "tegra186-tx2-blackboard",
        boards=_TX2_BOARDS,
        state=ReleaseState.DISCONTINUED,
        odmdata="0x7090000",
    ),
    _tx2(
        "n310-tx2",
        "Aetina N310 TX2",
        "tegra186-tx2-aetina-n310-p3489-0888-a00-00-base",
        boards=(board.TX2_LIGHTNING,),
        state=ReleaseState.DISCONTINUED,
        odmdata="0x7090000",
    ),
    _tx2(
        "n510-tx2",
        "Aetina N510 TX2",
        "tegra186-tx2-aetina-n510-p3489-0888-a00-00-base",
        boards=_CARRIER,
        odmdata="0x7090000",
    ),
    _tx2(
        "jetson-tx2-nx-devkit",
        "Nvidia Jetson TX2 NX (with Xavier NX Devkit)",
        "tegra186-p3636-0001-p3509-0000-a01",
        boards=(board.TX2_NX,),
        image=ImageKind.DIRECT,
        odmdata="0x2090000",
        notes=("WiFi and Bluetooth are an RTL8822CE.",),
    ),
    _nano(
        "jetson-nano",
        "Nvidia Jetson Nano SD-CARD",
        "tegra210-p3448-0000-p3449-0000-b00",
        boards=(board.NANO_SD, board.NANO_P3450_0002, board.NANO_ANY),
        notes=("The boot blob is in QSPI flash (mtdblock0).",),
    ),
    _nano(
        "jetson-nano-emmc",
        "Nvidia Jetson Nano eMMC",
        _NANO_EMMC_TREE,
        boards=(board.NANO_EMMC, board.NANO_P3450_0002, board.NANO_ANY),
    ),
    _nano(
        "jetson-nano-2gb-devkit",
        "Nvidia Jetson Nano 2GB Devkit SD",
        "tegra210-p3448-0003-p3542-0000",
        boards=(board.NANO_2GB,),
        boot=14,
        specification="210-2gb",
        wireless=(True, False),
        notes=("The layer's serial console setting names another machine, so the inherited one holds.",),
    ),
    _nano(
        "jn30b-nano",
        "Auvidea JN30B Nano",
        f"{_NANO_EMMC_TREE}-jn30b",
        boards=(board.NANO_EMMC,),
        overrides=("jetson-nano-emmc",),
    ),
    _nano(
        "floyd-nano",
        "Floyd Nano BB02A eMMC",
        f"{_NANO_EMMC_TREE}-floyd-nano",
        overrides=("jetson-nano-emmc",),
        state=ReleaseState.DISCONTINUED,
    ),
    _row(
        "jetson-xavier",
        "Nvidia Jetson Xavier AGX",
        sizes=_sizes(458752, boot_kib=121440),
        bootloader=BootloaderKind.CBOOT,
        boot=37,
        specification="194",
        steps=(_AGX_FIRMWARE, _RECORD),
        device_tree="tegra194-p2888-0001-p2822-0000",
        device_tree_source="balena-image.inc",
        boards=(board.AGX_DEVKIT, board.AGX_GALEN, board.AGX_ANY, board.AGX_INDUSTRIAL),
        consoles=(Console(tty="ttyTHS0", baud=115200), *_TTYTCU0),
        notes=("The developer kit's name in L4T is unknown; mainline's is listed.", *_CBOOT, _FAN_STARTUP),
    ),
    _xavier_nx(
        "jetson-xavier-nx-devkit",
        "Nvidia Jetson Xavier NX Devkit SD-CARD",
        _NX_TREE,
        specification="194_nxde_sdcard",
        boards=(board.XAVIER_NX, board.XAVIER_NX_SD),
        wireless=(True, True),
        notes=(
            "The serial console is that of every machine of this chip; the layer sets none.",
            _FAN_STARTUP,
        ),
    ),
    _xavier_nx(
        "jetson-xavier-nx-devkit-emmc",
        "Nvidia Jetson Xavier NX Devkit eMMC",
        _NX_TREE,
        specification="194_nxde",
        boards=(board.XAVIER_NX, board.XAVIER_NX_EMMC),
        notes=(_NO_FAN_PROFILES,),
    ),
    _xavier_nx(
        "jetson-xavier-nx-devkit-seeed-2mic-hat",
        "Nvidia Jetson Xavier NX Devkit SD Seeed ReSpeaker-2Mic",
        f"{_NX_TREE}-seeed-2mic-hat",
        overrides=("jetson-xavier-nx-devkit",),
        specification="194_nxde_sdcard",
        boards=(board.XAVIER_NX, board.XAVIER_NX_SD),
        wireless=(True, True),
        notes=(_FAN_STARTUP,),
    ),
    _xavier_nx(
        "cnx100-xavier-nx",
        "Auvidea CNX100 Xavier NX",
        "tegra194-xavier-nx-cnx100",
        overrides=("jetson-xavier-nx-devkit-emmc",),
        specification="194_nxde",
        boards=(board.XAVIER_NX,),
        notes=(_NO_FAN_PROFILES,),
    ),
)
"""Every device type of the family."""
