"""Which back end a device type has: what every board plugin answers `hal_bootloader` with."""

from __future__ import annotations

from hal.backends.bootloader.balena import BalenaBootloader
from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.cboot import CbootBootloader
from hal.backends.bootloader.grub import GrubBootloader
from hal.backends.bootloader.uboot import L4TLauncherBootloader, UBootBootloader
from hal.model import BootloaderKind, DeviceType, Unsupported
from hal.root import Root

BACKENDS: dict[BootloaderKind, type[SlotBootloader]] = {
    BootloaderKind.BALENA: BalenaBootloader,
    BootloaderKind.U_BOOT: UBootBootloader,
    BootloaderKind.GRUB: GrubBootloader,
    BootloaderKind.CBOOT: CbootBootloader,
    BootloaderKind.L4TLAUNCHER: L4TLauncherBootloader,
}


def bootloader(device_type: DeviceType, root: Root) -> SlotBootloader | Unsupported:
    """The back end for the bootloader in the row; where row or partitions are not known, why there is none."""
    if device_type.bootloader is None:
        return Unsupported(reason="which bootloader selects the root file system is not known for this device type")
    if device_type.partitions is None:
        return Unsupported(reason="the partition numbers of this device type are not known, so no slot can be named")
    return BACKENDS[device_type.bootloader](device_type, root)
