"""The Orin device types, one row each. Facts: balena-jetson-orin 7.0.5+rev2 (L4T 36.5), balena contracts.

Mode numbers are not listed: the numeric order is not the order of power (0 is MAXN on AGX and NX), and releases
renumber. Where the OS's own script and the shipped vendor file disagree (AGX 32GB: "40W" in the script's comment, 50W
in the file), both names stand there in the order in which the file on the device is asked.
"""

from __future__ import annotations

from hal.model import (
    Arch,
    Board,
    BootloaderKind,
    Capsule,
    Clock,
    Console,
    DeviceType,
    Filesystem,
    ImageKind,
    Partitions,
    PartitionTable,
    PowerLevel,
    PowerLevelNames,
    ReleaseState,
    Sizes,
    SlotEncoding,
    UpdatePhase,
    UpdateStepFact,
)
from hal_jetson_orin import boards

_REPOSITORY = "balena-jetson-orin"
_VERSION = "balena-jetson-orin 7.0.5+rev2"
_CLOCKS = (
    Clock(
        driver="nvvrs-pseq-rtc",
        rtc=0,
        i2c_address=0x3C,
        note="power sequencer; kept by a cell at the carrier's PMIC_BBAT pin, where there is one; its driver is "
        "a module and may register after the time was set, so it may then throw the clock back to 1970",
        registers_after_seconds=11,
    ),
    Clock(driver="tegra-rtc", rtc=1, battery=False, note="in the SoC"),
)
_CONSOLES = (Console(tty="ttyTCU0", baud=115200),)


def _partitions(*, boot: int, encoding: SlotEncoding) -> Partitions:
    """Boot, rootA, rootB, state and data follow each other behind the vendor's partitions."""
    return Partitions(
        table=PartitionTable.GPT,
        boot=boot,
        root_a=boot + 1,
        root_b=boot + 2,
        state=boot + 3,
        data=boot + 4,
        slot_encoding=encoding,
        boot_filesystem=Filesystem.FAT16,
    )


_FROM_6 = _partitions(boot=6, encoding=SlotEncoding.DECIMAL)
_FROM_14 = _partitions(boot=14, encoding=SlotEncoding.HEX)


def _sizes(vendor_kib: int, boot_kib: int, rootfs_kib: int) -> Sizes:
    """The boot partition holds the unpacked capsule; the state partition is meta-balena's at the layer's version."""
    return Sizes(boot_kib=boot_kib, rootfs_kib=rootfs_kib, state_kib=20480, vendor_kib=vendor_kib)


def _levels(*, low: str, mid: tuple[str, ...], high: tuple[str, ...]) -> tuple[PowerLevelNames, ...]:
    return (
        PowerLevelNames(level=PowerLevel.LOW, names=(low,)),
        PowerLevelNames(level=PowerLevel.MID, names=mid),
        PowerLevelNames(level=PowerLevel.HIGH, names=high),
    )


_NANO_8GB_LEVELS = _levels(low="15W", mid=("25W",), high=("MAXN_SUPER", "MAXN"))


def _steps(boot_files: str, *, clears_capsule: bool = False) -> tuple[UpdateStepFact, ...]:
    """Every Orin stages its firmware capsule before the root pointer moves."""
    clear = UpdateStepFact(
        name="98-clear-agx-orin-unused-capsule", phase=UpdatePhase.BEFORE, purpose="delete a stale firmware capsule"
    )
    return (
        *((clear,) if clears_capsule else ()),
        UpdateStepFact(name=boot_files, purpose="stage the UEFI firmware capsule"),
        UpdateStepFact(name="99-resin-uboot", purpose="switch the root slot in resinOS_uEnv.txt"),
    )


def _dtb(*names: str) -> tuple[str, ...]:
    return tuple(f"tegra234-{name}" for name in names)


_AGX_OVERLAYS = _dtb("p3737-0000+p3701-0000-dynamic")
_P3768_OVERLAY = _dtb("p3768-0000+p3767-0000-dynamic")
_IMX219_OVERLAY = _dtb("p3767-camera-p3768-imx219-dual")
_SEEED_OVERLAYS = _dtb("dcb-p3767-0000-hdmi", "p3767-camera-p3768-imx219-dual-seeed")


def _orin(
    slug: str,
    name: str,
    *,
    board: Board,
    image: ImageKind,
    target: str | None,
    partitions: Partitions,
    device_tree: str,
    further: tuple[str, ...],
    overlays: tuple[str, ...],
    levels: tuple[PowerLevelNames, ...],
    fan_default: str,
    capsule: Capsule,
    wireless: bool,
    sizes: Sizes,
    overrides: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """A released device type with a .coffee file of its own."""
    return DeviceType(
        slug=slug,
        name=name,
        arch=Arch.AARCH64,
        machine=slug,
        machine_overrides=overrides,
        repository=_REPOSITORY,
        yocto_release="scarthgap",
        state=ReleaseState.RELEASED,
        image=image,
        boards=(board,),
        bootloader=BootloaderKind.L4TLAUNCHER,
        partitions=partitions,
        sizes=sizes,
        kernel_image="Image",
        kernel_version="5.15.185",
        kernel_recipe="linux-jammy-nvidia-tegra",
        boot_files=("EFI/BOOT/BOOTAA64.efi",),
        install_targets=(target,) if target else (),
        default_device_tree=f"tegra234-{device_tree}",
        device_trees=further,
        overlays=overlays,
        kernel_arguments=(
            "rootdelay=1",
            "roottimeout=60",
            "sdhci_tegra.en_boot_part_access=1",
            "rootwait",
            "video=efifb:off",
        ),
        capsule=capsule,
        consoles=_CONSOLES,
        clocks=_CLOCKS,
        power_levels=levels,
        fan_profiles=("quiet", "cool"),
        fan_default=fan_default,
        update_steps=_steps(f"99-resin-bootfiles-{slug}", clears_capsule=slug == "jetson-agx-orin-devkit"),
        wifi=wireless,
        bluetooth=wireless,
        notes=notes,
        sources=(
            f"{_VERSION} {slug}.coffee, os-power-mode, os-fan-profile",
            f"{_VERSION} tegra-flash-dry_36.5.0.bb, edk2-container_1.0.bb, resin-init-flasher.bbappend",
            f"{_VERSION} conf/machine, balena-image.bbappend, linux-jammy-nvidia-tegra_5.15.bbappend",
        ),
    )


def _named_only(
    slug: str,
    name: str,
    *,
    source: str,
    board: Board | None = None,
    levels: tuple[PowerLevelNames, ...] = (),
    fan_default: str | None = None,
) -> DeviceType:
    """A device type that scripts or contracts name, without a .coffee file: few facts."""
    return DeviceType(
        slug=slug,
        name=name,
        boards=(board,) if board else (),
        clocks=_CLOCKS,
        power_levels=levels,
        fan_profiles=("quiet", "cool") if fan_default else (),
        fan_default=fan_default,
        notes=(f"named in {source} only: most facts are unknown",),
        sources=(source,),
    )


DEVICE_TYPES: tuple[DeviceType, ...] = (
    _orin(
        "jetson-agx-orin-devkit",
        "Nvidia Jetson AGX Orin Devkit",
        sizes=_sizes(331776, 40960, 1003520),
        board=boards.AGX_DEVKIT,
        image=ImageKind.DIRECT,
        target=None,
        partitions=_FROM_6,
        device_tree="p3737-0000+p3701-0000-nv",
        further=_dtb("p3737-0000+p3701-0000-nv-spi"),
        overlays=_AGX_OVERLAYS,
        levels=_levels(low="15W", mid=("50W", "40W"), high=("MAXN",)),
        fan_default="cool",
        capsule=Capsule(
            file="TEGRA_BL_3701.Cap.gz",
            written_to="partition esp (5), reformatted as FAT",
            spec_suffix="jetson-agx-orin-devkit",
            tnspec="3701-500-0000-J.0-1-1-",
            compatible_spec="3701--0000--1--",
            esp_fix="partitions 5 and 6 are made EFI system partitions",
        ),
        wireless=True,
        notes=(
            "the image is written to the eMMC",
            "the kernel sets the clock from rtc0 and rtc0 from the clock",
            "mode 3 is 50W in the vendor file that the image ships; the OS's script calls it 40W",
        ),
    ),
    _orin(
        "jetson-agx-orin-devkit-64gb",
        "Nvidia Jetson AGX Orin 64GB Devkit",
        sizes=_sizes(598016, 97280, 827392),
        board=boards.AGX_64GB,
        image=ImageKind.FLASHER,
        target="mmcblk0",
        partitions=_FROM_14,
        device_tree="p3737-0000+p3701-0005-nv",
        further=_dtb("p3737-0000+p3701-0005-nv-d315"),
        overlays=_AGX_OVERLAYS,
        levels=_levels(low="15W", mid=("50W",), high=("MAXN",)),
        fan_default="cool",
        capsule=Capsule(
            file="TEGRA_BL_3701_64.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-agx-orin-devkit",
            tnspec="3701-500-0005-M.0-1-0-",
            compatible_spec="3701--0005--1--",
        ),
        wireless=True,
    ),
    _orin(
        "jetson-orin-nano-devkit-nvme",
        "Nvidia Jetson Orin Nano 8GB (SD) Devkit NVME",
        sizes=_sizes(598016, 121440, 733184),
        board=boards.NANO_8GB_DEVKIT,
        image=ImageKind.FLASHER,
        target="nvme0n1",
        partitions=_FROM_14,
        device_tree="p3768-0000+p3767-0005-nv-super",
        further=_dtb(
            "p3768-0000+p3767-0005-nv",
            "p3768-0000+p3767-0005-nv-super-ths1-no-dma",
            "p3768-0000+p3767-0003-nv",
            "p3768-0000+p3767-0003-nv-super",
        ),
        overlays=(*_P3768_OVERLAY, *_IMX219_OVERLAY),
        levels=_NANO_8GB_LEVELS,
        fan_default="quiet",
        capsule=Capsule(
            file="TEGRA_BL_Orin_Nano.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-orin-nano-devkit-super",
            tnspec="3767-300-0005-K.2-1-1-",
            compatible_spec="3767--0005--1--",
            esp_fix="partition 10 is made data, 14 an EFI system partition",
        ),
        wireless=True,
        notes=("the image's default mode is 15W; the vendor's would be 25W",),
    ),
    _orin(
        "jetson-orin-nano-seeed-j3010",
        "Seeed ReComputer J3010 (Orin Nano 4GB)",
        sizes=_sizes(598016, 121440, 733184),
        overrides=("p3768-0000-p3767-0004",),
        board=boards.NANO_4GB_RECOMPUTER,
        image=ImageKind.FLASHER,
        target="nvme0n1",
        partitions=_FROM_14,
        device_tree="p3768-0000+p3767-0004-nv-super",
        further=_dtb("p3768-0000+p3767-0004-nv"),
        overlays=(*_P3768_OVERLAY, *_SEEED_OVERLAYS),
        levels=_levels(low="10W", mid=("25W",), high=("MAXN_SUPER",)),
        fan_default="quiet",
        capsule=Capsule(
            file="TEGRA_BL_Seeed_j3010.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-orin-nano-devkit-super",
            tnspec="3767-300-0004-N.2-1-0-",
            compatible_spec="3767-300-0004--1-0-",
        ),
        wireless=False,
        notes=("both device trees are renamed Seeed ones; the non-super one carries the model text of an Orin NX",),
    ),
    _orin(
        "jetson-orin-nx-seeed-j4012",
        "Nvidia Jetson Orin NX in Seeed ReComputer J4012",
        sizes=_sizes(598016, 121440, 733184),
        overrides=("jetson-orin-nx-xavier-nx-devkit",),
        board=boards.NX_16GB,
        image=ImageKind.FLASHER,
        target="nvme0n1",
        partitions=_FROM_14,
        device_tree="p3768-0000+p3767-0000-nv",
        further=(),
        overlays=(*_P3768_OVERLAY, *_SEEED_OVERLAYS),
        levels=_levels(low="10W", mid=("25W",), high=("MAXN", "MAXN_SUPER")),
        fan_default="quiet",
        capsule=Capsule(
            file="TEGRA_BL_Seeed_j4012.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-orin-nano-devkit",
            tnspec="3767-ES1-0000-A.3-1-0-",
            esp_fix="names partitions 5 and 6, which is wrong for this layout",
        ),
        wireless=False,
        notes=(
            "its device tree carries the `-super` name although the carrier is run without super modes",
            "which nvpmodel file the image ships is inferred, not confirmed",
        ),
    ),
    _orin(
        "jetson-orin-nx-xavier-nx-devkit",
        "Nvidia Jetson Orin NX in Xavier NX Devkit NVME",
        sizes=_sizes(331776, 121440, 983040),
        board=boards.NX_16GB,
        image=ImageKind.FLASHER,
        target="nvme0n1",
        partitions=_FROM_6,
        device_tree="p3768-0000+p3767-0000-nv-super",
        further=_dtb("p3768-0000+p3767-0000-nv"),
        overlays=_P3768_OVERLAY,
        levels=_levels(low="10W", mid=("40W",), high=("MAXN_SUPER", "MAXN")),
        fan_default="quiet",
        capsule=Capsule(
            file="TEGRA_BL_Orin_NX.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-orin-nano-devkit-super",
            tnspec="3767-ES1-0000-A.3-1-0-",
            compatible_spec="3767-000-0000--1-0-",
            esp_fix="partition 5 is made data, 6 an EFI system partition",
        ),
        wireless=True,
        notes=("the image's default mode is 15W; the vendor's would be 40W",),
    ),
    _orin(
        "forecr-dsb-ornx-orin-nano-8gb",
        "Forecr DSBOARD-ORNX-LAN Nano 8GB",
        sizes=_sizes(598016, 121440, 733184),
        overrides=("jetson-orin-nano-devkit-nvme",),
        board=boards.NANO_8GB,
        image=ImageKind.FLASHER,
        target="nvme0n1",
        partitions=_FROM_14,
        device_tree="p3768-0000+p3767-0003-nv-super",
        further=_dtb("p3768-0000+p3767-0003-nv"),
        overlays=(*_P3768_OVERLAY, *_IMX219_OVERLAY),
        levels=_NANO_8GB_LEVELS,
        fan_default="quiet",
        capsule=Capsule(
            file="TEGRA_BL_Forecr_ORNX_LAN_Nano_8gb.Cap.gz",
            written_to="/mnt/boot",
            spec_suffix="jetson-orin-nano-devkit-super",
            tnspec="3767-300-0003-K.2-1-1-",
            compatible_spec="3767--0005--1--",
            esp_fix="partition 10 is made data, 14 an EFI system partition",
        ),
        wireless=False,
    ),
    _named_only(
        "jetson-agx-orin-industrial",
        "Nvidia Jetson AGX Orin Industrial",
        source=f"{_VERSION} os-power-mode",
        board=boards.AGX_INDUSTRIAL,
        levels=_levels(low="15W", mid=("60W",), high=("MAXN",)),
        fan_default="quiet",
    ),
    _named_only(
        "forecr-dsb-ornx-lan-orin-nano-4gb",
        "Forecr DSBOARD-ORNX-LAN Nano 4GB",
        source=f"{_VERSION} os-power-mode",
        board=boards.NANO_4GB_FORECR,
        levels=_levels(low="7W_CPU", mid=("7W_AI",), high=("10W",)),
        fan_default="quiet",
    ),
    _named_only(
        "forecr-dsb-ornx-lan-orin-nx-16gb",
        "Forecr DSBOARD-ORNX-LAN NX 16GB",
        source=f"{_VERSION} os-power-mode, balena contracts",
        board=boards.NX_16GB,
        levels=_levels(low="10W", mid=("25W",), high=("MAXN",)),
        fan_default="quiet",
    ),
    _named_only("jetson-agx-thor-devkit", "Nvidia Jetson AGX Thor Devkit", source="balena contracts"),
)
