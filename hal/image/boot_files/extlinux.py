"""Boards whose bootloader carries the selection of slots within: extlinux.conf, and state files with their defaults.

Sources: balena-jetson 7.9.3+rev2 linux-tegra and u-boot-tegra, balena-jetson-orin 7.0.5+rev2 linux-jammy-nvidia-tegra.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.boot_files import state
from hal.image.boot_files.facts import arguments, kernel_image, partitions
from hal.image.boot_files.file import BootFile, BootVariant, Place
from hal.image.boot_files.template import fill
from hal.model import BootloaderKind, DeviceType

NAME = "extlinux/extlinux.conf"
REPOSITORY = "balena-jetson"
"""U-Boot reads extlinux.conf on the device types of this repository; BeagleBone's has no use for it."""


def render(
    device_type: DeviceType, *, variant: BootVariant, development: bool, more: tuple[str, ...]
) -> Iterator[BootFile]:
    """extlinux.conf where the bootloader reads one, and the state files that it or the OS reads."""
    layout = partitions(device_type, for_what="every state file")
    kind = device_type.bootloader
    flasher = variant is BootVariant.FLASHER
    if kind is BootloaderKind.L4TLAUNCHER:
        yield _orin(device_type, development, more)
    elif kind is BootloaderKind.U_BOOT and device_type.repository == REPOSITORY:
        yield _tegra_flasher(device_type, more) if flasher else _tegra(device_type, more)
    if kind in (BootloaderKind.U_BOOT, BootloaderKind.L4TLAUNCHER):
        yield state.extra_text()
    if kind in (BootloaderKind.U_BOOT, BootloaderKind.CBOOT) and not flasher:
        yield state.root_text(layout)
    if kind is BootloaderKind.U_BOOT and not flasher:
        yield state.boot_count()


def _orin(device_type: DeviceType, development: bool, more: tuple[str, ...]) -> BootFile:
    """L4TLauncher appends `root=` and the user's arguments, and replaces FDT and OVERLAYS where the user says so."""
    given = ("${cbootargs}", *arguments(device_type, development=development), *more)
    overlays = ",".join(f"/boot/devicetree/{name}.dtbo" for name in device_type.overlays)
    # Without this line L4TLauncher would not look at a user's overlay_files.
    lines = ("FDT default", f"OVERLAYS {overlays}")
    return _file(device_type, Place.ROOT, folder="/boot", lines=lines, given=given)


def _tegra(device_type: DeviceType, more: tuple[str, ...]) -> BootFile:
    """U-Boot puts in `${resin_kernel_root}` and `${os_cmdline}`, which its compiled-in environment sets."""
    root = ("${resin_kernel_root}", "ro", "rootwait")
    given = ("${cbootargs}", *root, "${os_cmdline}", *device_type.kernel_arguments, *more)
    return _file(device_type, Place.ROOT, folder="/boot", lines=("FDT default",), given=given)


def _tegra_flasher(device_type: DeviceType, more: tuple[str, ...]) -> BootFile:
    """The flasher's kernel is in its boot partition, and is found by label: numbers differ under U-Boot and Linux."""
    root = ("root=LABEL=flash-rootA", "ro", "rootwait", "flasher")
    given = ("${cbootargs}", *root, "${os_cmdline}", *device_type.kernel_arguments, *more)
    return _file(device_type, Place.BOOT, folder="", lines=(), given=given)


def _file(
    device_type: DeviceType, where: Place, *, folder: str, lines: tuple[str, ...], given: tuple[str, ...]
) -> BootFile:
    kernel = kernel_image(device_type, for_what=NAME)
    text = fill(
        "extlinux.conf",
        {
            "kernel": kernel,
            "path": f"{folder}/{kernel}",
            "lines": "".join(f"\n      {line}" for line in lines),
            "arguments": " ".join(given),
        },
    )
    return BootFile(
        name=NAME if where is Place.BOOT else f"boot/{NAME}",
        where=where,
        data=text.encode(),
        purpose="names kernel, device tree and kernel arguments; it selects nothing",
    )
