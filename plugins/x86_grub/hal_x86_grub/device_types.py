"""The table: one row for each device type that GRUB boots.

No row has boards: nothing a PC says of itself is known to belong to one of them, the image alone chooses.
"""

from __future__ import annotations

from attrs import evolve

from hal.model import (
    Arch,
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
    UpdatePhase,
    UpdateStepFact,
)

_INTEL = "balena-intel 7.9.3+rev3"
_GENERIC = "balena-generic 8.0.0+rev4"
_UP = "balena-up-board 7.5.0+rev6"
_CONTRACTS = "balena-io/contracts"

_BIOS_EFI = ("bios", "efi")
_EFI = ("efi",)
_BIOS_FILES = ("grub/grub.cfg", "grub/grubenv", "grub/grub_extraenv")
_EFI_FILES = ("EFI/BOOT/grub.cfg", "EFI/BOOT/grubenv", "EFI/BOOT/grub_extraenv")
_X64 = "EFI/BOOT/bootx64.efi"
_AA64 = "EFI/BOOT/bootaa64.efi"

_CMOS = (Clock(driver="rtc_cmos", rtc=0, battery=True),)
_EFI_CLOCK = (Clock(driver="rtc-efi", note="only where the firmware offers it"),)

_MSDOS = Partitions(
    table=PartitionTable.MSDOS,
    boot=1,
    root_a=2,
    root_b=3,
    state=5,
    data=6,
    slot_encoding=SlotEncoding.DECIMAL,
    boot_filesystem=Filesystem.FAT16,
)
"""Partition 4 is the extended one."""
_GPT = Partitions(
    table=PartitionTable.GPT,
    boot=1,
    root_a=2,
    root_b=3,
    state=4,
    data=5,
    slot_encoding=SlotEncoding.DECIMAL,
    boot_filesystem=Filesystem.FAT16,
)
_LUKS = Partitions(
    table=PartitionTable.GPT,
    efi=1,
    boot=2,
    root_a=3,
    root_b=4,
    state=5,
    data=6,
    slot_encoding=SlotEncoding.DECIMAL,
    boot_filesystem=Filesystem.EXT4,
)
_GPT_OR_LUKS = evolve(_GPT, luks=_LUKS)

_SIGNED = UpdateStepFact(
    name="0-signed-update",
    purpose="with secure boot: refuse an unsigned target, seal the disk key anew, update the EFI partition",
)
_DBX = UpdateStepFact(
    name="95-secureboot",
    phase=UpdatePhase.COMMIT,
    purpose="with secure boot: apply forbidden signatures that wait, and seal the disk key anew",
)
_SWITCH = UpdateStepFact(
    name="99-resin-grub", purpose="name the new root in grubenv; with BIOS also write the boot sectors"
)
_OLD_KERNEL = "delete the old kernel from the boot partition"
_CLEANER_UP = UpdateStepFact(name="999-resin-boot-cleaner", purpose=_OLD_KERNEL)
_CLEANER_INTEL = UpdateStepFact(
    name="999-resin-boot-cleaner",
    purpose=f"{_OLD_KERNEL}; with EFI create the boot entry anew and clear the boot code of the MBR",
)
_CLEANER_GENERIC = UpdateStepFact(
    name="999-resin-boot-cleaner",
    purpose=f"{_OLD_KERNEL}; with EFI create the boot entry anew, unless the disk is encrypted",
)


def _row(
    slug: str,
    name: str,
    *,
    repository: str,
    yocto_release: str,
    partitions: Partitions,
    firmware: tuple[str, ...],
    boot_files: tuple[str, ...],
    steps: tuple[UpdateStepFact, ...],
    sources: tuple[str, ...],
    aliases: tuple[str, ...] = (),
    machine: str | None = None,
    arch: Arch = Arch.AMD64,
    state: ReleaseState = ReleaseState.NEW,
    image: ImageKind = ImageKind.FLASHER,
    kernel_image: str = "bzImage",
    install_targets: tuple[str, ...] = (),
    arguments: tuple[str, ...] = (),
    overrides: tuple[str, ...] = (),
    kernel: tuple[str, str | None] = ("linux-yocto", None),
    rootfs_kib: int = 327680,
    consoles: tuple[Console, ...] = (),
    clocks: tuple[Clock, ...] = _CMOS,
    wifi: bool | None = None,
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """What all rows share: GRUB, a kernel in the root file system, and a machine named as the slug.

    `kernel` is its recipe, and its version where that is known.
    """
    return DeviceType(
        slug=slug,
        name=name,
        aliases=aliases,
        arch=arch,
        machine=machine or slug,
        machine_overrides=overrides,
        repository=repository,
        yocto_release=yocto_release,
        state=state,
        image=image,
        bootloader=BootloaderKind.GRUB,
        firmware=firmware,
        partitions=partitions,
        sizes=Sizes(boot_kib=40960, rootfs_kib=rootfs_kib, state_kib=20480),
        kernel_image=kernel_image,
        kernel_recipe=kernel[0],
        kernel_version=kernel[1],
        boot_files=boot_files,
        install_targets=install_targets,
        kernel_arguments=arguments,
        consoles=consoles,
        clocks=clocks,
        update_steps=steps,
        wifi=wifi,
        notes=notes,
        sources=sources if wifi is None else (*sources, f"{_CONTRACTS} (WiFi)"),
    )


def _intel(
    slug: str,
    name: str,
    *,
    firmware: tuple[str, ...],
    wifi: bool,
    aliases: tuple[str, ...] = (),
    machine: str | None = None,
    state: ReleaseState = ReleaseState.NEW,
    kernel_version: str = "5.15",
    rootfs_kib: int = 327680,
    notes: tuple[str, ...] = (),
) -> DeviceType:
    """A device type of balena-intel, whose layer is for kirkstone; its .coffee files still say honister."""
    return _row(
        slug,
        name,
        repository="balena-intel",
        yocto_release="kirkstone",
        partitions=_MSDOS,
        firmware=firmware,
        boot_files=(*(_BIOS_FILES if "bios" in firmware else ()), *_EFI_FILES, _X64),
        steps=(_SIGNED, _DBX, _SWITCH, _CLEANER_INTEL),
        sources=(
            f"{_INTEL} {machine or slug}.coffee, conf/layer.conf, conf/machine",
            f"{_INTEL} resin-init-flasher.bbappend, balena-image.bbappend, linux-yocto_%.bbappend",
            "poky kirkstone conf/machine/include/x86/x86-base.inc (serial console)",
        ),
        aliases=aliases,
        machine=machine,
        state=state,
        install_targets=("nvme0n1", "sda", "sdb", "mmcblk0", "mmcblk1"),
        overrides=() if machine else ("genericx86-64",),
        kernel=("linux-yocto", kernel_version),
        rootfs_kib=rootfs_kib,
        consoles=(Console(tty="ttyS0", baud=115200),),
        wifi=wifi,
        notes=notes,
    )


def _generic_amd64(
    slug: str,
    name: str,
    *,
    wifi: bool | None = None,
    arguments: tuple[str, ...] = (),
) -> DeviceType:
    """A device type of balena-generic for PCs, with or without secure boot and disk encryption."""
    return _row(
        slug,
        name,
        repository="balena-generic",
        yocto_release="scarthgap",
        partitions=_GPT_OR_LUKS,
        firmware=_EFI,
        boot_files=(*_EFI_FILES, _X64),
        steps=(_SIGNED, _DBX, _SWITCH, _CLEANER_GENERIC),
        sources=(
            f"{_GENERIC} {slug}.coffee",
            f"{_GENERIC} conf/machine/{slug}.conf",
            f"{_GENERIC} resin-init-flasher.bbappend, balena-image.inc, linux-yocto_6.18.bbappend",
        ),
        install_targets=("md/balena*", "nvme?n?", "sd?", "mmcblk?", "vd?"),
        arguments=arguments,
        overrides=() if slug == "generic-amd64" else ("generic-amd64",),
        kernel=("linux-yocto", "6.18.6"),
        rootfs_kib=1024000,
        consoles=(Console(tty="ttyS0", baud=115200),),
        wifi=wifi,
        notes=(
            "With secure boot the disk is encrypted: GRUB, its configuration, grubenv and the kernel are in the EFI "
            "partition, and grub_extraenv is not read.",
            "With secure boot the kernel is started with intel_iommu=on amd_iommu=on.",
        ),
    )


def _up_named(slug: str, name: str, *, wifi: bool) -> DeviceType:
    """A UP board of which only balena's contracts speak."""
    return DeviceType(
        slug=slug,
        name=name,
        arch=Arch.AMD64,
        wifi=wifi,
        notes=("Named in balena's contracts only (family up-x86); what its image holds is unknown.",),
        sources=(f"{_CONTRACTS} {slug}",),
    )


_BLACKLIST = ("modprobe.blacklist=nouveau,nvidiafb",)

DEVICE_TYPES: tuple[DeviceType, ...] = (
    _intel(
        "intel-nuc",
        "Intel NUC",
        aliases=("nuc",),
        machine="genericx86-64",
        state=ReleaseState.RELEASED,
        firmware=_BIOS_EFI,
        wifi=True,
        notes=("Until the first OS update the boot partition holds both grub and EFI/BOOT.",),
    ),
    _intel("genericx86-64-ext", "Generic x86_64 (legacy MBR)", firmware=_BIOS_EFI, wifi=False, rootfs_kib=1024000),
    _intel(
        "surface-go",
        "Microsoft Surface Go",
        firmware=_EFI,
        wifi=True,
        kernel_version="5.8.18",
        notes=("Its layer gives acpi_enforce_resources=lax in an old syntax, which the build does not read any more.",),
    ),
    _intel(
        "surface-pro-6",
        "Microsoft Surface 6",
        firmware=_EFI,
        wifi=True,
        kernel_version="5.0.13",
        notes=("Firmware files are not compressed.",),
    ),
    _generic_amd64("generic-amd64", "Generic x86_64 (GPT)", wifi=False),
    _generic_amd64("generic-amd64-av", "Generic x86_64 (GPT) av", arguments=_BLACKLIST),
    _generic_amd64("generic-amd64-fs", "Generic x86_64 (GPT) fs", arguments=_BLACKLIST),
    _generic_amd64("generic-amd64-xr", "Generic x86_64 (GPT) xr", arguments=_BLACKLIST),
    _generic_amd64("studio-automatedx86-sb", "Studio Automated X86 SB", arguments=_BLACKLIST),
    _row(
        "generic-aarch64",
        "Generic AARCH64 (ARMv8)",
        repository="balena-generic",
        yocto_release="scarthgap",
        arch=Arch.AARCH64,
        image=ImageKind.DIRECT,
        partitions=_GPT,
        firmware=_EFI,
        boot_files=(*_EFI_FILES, _AA64),
        steps=(_SIGNED, _DBX, _SWITCH, _CLEANER_GENERIC),
        kernel_image="Image.gz",
        kernel=("linux-yocto", "6.18.6"),
        rootfs_kib=1024000,
        consoles=(Console(tty="ttyAMA0", baud=115200),),
        clocks=_EFI_CLOCK,
        wifi=False,
        notes=("999-resin-boot-cleaner names bootx64.efi in the boot entry, though GRUB is bootaa64.efi here.",),
        sources=(f"{_GENERIC} generic-aarch64.coffee", f"{_GENERIC} conf/machine/generic-aarch64.conf"),
    ),
    _row(
        "up-board",
        "UP Board",
        repository="balena-up-board",
        yocto_release="scarthgap",
        state=ReleaseState.RELEASED,
        partitions=_MSDOS,
        firmware=_EFI,
        boot_files=(*_EFI_FILES, _X64, "configfs.json"),
        steps=(_SWITCH, _CLEANER_UP),
        install_targets=("mmcblk0", "nvme0n1", "sda", "sdb"),
        kernel=("linux-intel", "6.12.27"),
        wifi=False,
        notes=("configfs.json names SSDT tables of /boot/acpi-tables, which the supervisor loads through ConfigFs.",),
        sources=(
            f"{_UP} up-board.coffee",
            f"{_UP} hostapp-update-hooks.bbappend",
            f"{_UP} resin-init-flasher.bbappend, balena-image.bbappend, linux-intel_6.12.bb",
        ),
    ),
    _up_named("up-core", "UP Core", wifi=True),
    _up_named("up-core-plus", "UP Core Plus", wifi=True),
    _up_named("up-squared", "UP Squared", wifi=False),
)
"""Every device type of the family."""
