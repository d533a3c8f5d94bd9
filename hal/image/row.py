"""What the row of a device type says about its image: one rule for each fact, and what is not known by name."""

from __future__ import annotations

from collections.abc import Iterator

from hal.errors import HalError
from hal.image.boot_files import BootVariant, render
from hal.image.boot_files.facts import arguments
from hal.model import Build, DeviceType, Filesystem, ImagePart, Lacking, Partitions, PartKind


def variant(row: DeviceType, build: Build) -> BootVariant:
    """For which medium this build's boot files are."""
    if build.flasher:
        return BootVariant.FLASHER
    return BootVariant.ENCRYPTED if build.secure_boot and _luks(row) else BootVariant.INTERNAL


def layout(row: DeviceType, build: Build) -> Partitions | None:
    """The partitions of the installed medium: with secure boot those of the encrypted layout, where there are two."""
    return _luks(row) if build.secure_boot and _luks(row) else row.partitions


def secure_boot(row: DeviceType) -> bool:
    """Whether the row knows a layout with an encrypted disk: beside the plain one, or as the only one."""
    only = row.partitions is not None and row.partitions.boot_filesystem is Filesystem.EXT4
    return only or _luks(row) is not None


def _luks(row: DeviceType) -> Partitions | None:
    return None if row.partitions is None else row.partitions.luks


def parts(row: DeviceType, build: Build) -> Iterator[ImagePart]:
    """The parts that follow from the facts of the row."""
    for argument in arguments(row, development=build.os_development):
        why = "the row's kernel_arguments" if argument in row.kernel_arguments else _talking(build)
        yield ImagePart(kind=PartKind.KERNEL_ARGUMENT, name=argument, reason=why)
    yield from _partitions(row, build)
    for console in row.consoles:
        baud = None if console.baud is None else str(console.baud)
        yield ImagePart(kind=PartKind.CONSOLE, name=console.tty, value=baud, reason="the row's consoles")
    section = ""
    for line in row.config_txt:
        if line.startswith("["):
            section = "" if line == "[all]" else f"{line} "
            continue
        yield ImagePart(kind=PartKind.CONFIG_TXT, name=f"{section}{line}", reason="the row's config_txt")
    for name in _once(row.default_device_tree, *row.device_trees):
        why = "the default device tree" if name == row.default_device_tree else "a board that this image runs on"
        yield ImagePart(kind=PartKind.DEVICE_TREE, name=name, reason=why)
    for name in row.overlays:
        yield ImagePart(kind=PartKind.OVERLAY, name=name, reason="the row's overlays")
    for name in row.install_targets:
        yield ImagePart(kind=PartKind.INSTALL_TARGET, name=name, reason="where the flasher installs to, in this order")


def _talking(build: Build) -> str:
    return "OS_DEVELOPMENT=1: the kernel talks" if build.os_development else "OS_DEVELOPMENT=0: the kernel is quiet"


def _partitions(row: DeviceType, build: Build) -> Iterator[ImagePart]:
    found = layout(row, build)
    if found is not None:
        why = "the row's partitions" if found is row.partitions else "the row's partitions with disk encryption"
        why += ", of the medium that it installs to" if build.flasher else ""
        numbers = {
            "efi": found.efi,
            "boot": found.boot,
            "root-a": found.root_a,
            "root-b": found.root_b,
            "state": found.state,
            "data": found.data,
        }
        for name, number in numbers.items():
            if number is not None:
                yield ImagePart(kind=PartKind.PARTITION, name=name, value=str(number), reason=why)
    if row.sizes is not None:
        sizes = row.sizes
        kib = {"boot": sizes.boot_kib, "root-a": sizes.rootfs_kib, "root-b": sizes.rootfs_kib, "state": sizes.state_kib}
        for name, size in kib.items():
            if size is not None:
                yield ImagePart(kind=PartKind.PARTITION_SIZE, name=name, value=str(size), reason="the row's sizes")


def rendered(row: DeviceType, build: Build, more: tuple[str, ...]) -> tuple[tuple[ImagePart, ...], tuple[Lacking, ...]]:
    """The rendered boot files, with these further kernel arguments; or the fact that is not known for them.

    Raises `ValueRefused` for a medium that the device type does not have.
    """
    try:
        files = render(row, variant=variant(row, build), development=build.os_development, more_arguments=more)
    except HalError as error:
        if type(error) is not HalError:
            raise
        return (), (Lacking(fact=error.path or "boot files", message=error.message),)
    return tuple(
        ImagePart(
            kind=PartKind.RENDERED_FILE,
            name=f"{file.where}/{file.name}",
            value=file.data,
            reason=file.purpose,
            fresh_only=file.fresh_only,
        )
        for file in files
    ), ()


def lacking(row: DeviceType, build: Build) -> Iterator[Lacking]:
    """Facts that an image needs, and that the row does not have."""
    if secure_boot(row) and _luks(row) is None and not build.secure_boot:
        yield Lacking(
            fact="secure_boot",
            message=f"{row.slug}: its only known layout is encrypted, and this build asks for no secure boot",
        )
    needed = {
        "arch": (row.arch, "packages cannot be named for it"),
        "machine": (row.machine, "Yocto's MACHINE is not known, and neither is where the include of a layer belongs"),
        "partitions": (row.partitions, "no partition is numbered, and no disk image can be made"),
        "sizes": (row.sizes, "the sizes of the partitions are those of the OS build"),
        "kernel_image": (row.kernel_image, "no boot file can name the kernel"),
    }
    for fact, (value, message) in needed.items():
        if value is None:
            yield Lacking(fact=fact, message=f"{row.slug}: {fact} is not known: {message}")


def _once(*names: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name is not None))
