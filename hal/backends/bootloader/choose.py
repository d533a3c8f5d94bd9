"""Which back end a device type has: what every board plugin answers `hal_bootloader` with."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from hal.model import BootloaderKind, DeviceType, Unsupported
from hal.root import Root

if TYPE_CHECKING:
    from hal.backends.bootloader.base import SlotBootloader

BACKENDS: dict[BootloaderKind, str] = {
    BootloaderKind.BALENA: "balena:BalenaBootloader",
    BootloaderKind.U_BOOT: "uboot:UBootBootloader",
    BootloaderKind.GRUB: "grub:GrubBootloader",
    BootloaderKind.CBOOT: "cboot:CbootBootloader",
    BootloaderKind.L4TLAUNCHER: "uboot:L4TLauncherBootloader",
}
"""Module of this package and class of each; only the one that is asked for is loaded."""


def backend(kind: BootloaderKind) -> type[SlotBootloader]:
    """The back end of this bootloader."""
    module, _, name = BACKENDS[kind].partition(":")
    return cast("type[SlotBootloader]", getattr(import_module(f"{__package__}.{module}"), name))


def bootloader(device_type: DeviceType, root: Root) -> SlotBootloader | Unsupported:
    """The back end for the bootloader in the row; where row or partitions are not known, why there is none."""
    if device_type.bootloader is None:
        return Unsupported(reason="which bootloader selects the root file system is not known for this device type")
    if device_type.partitions is None:
        return Unsupported(reason="the partition numbers of this device type are not known, so no slot can be named")
    return backend(device_type.bootloader)(device_type, root)
