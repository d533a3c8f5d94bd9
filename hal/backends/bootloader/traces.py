"""Traces of bootloaders: which state files each leaves, and which of them do not belong to this device."""

from __future__ import annotations

from hal.model import BootloaderKind
from hal.root import Root

BOOT_MOUNTS = ("mnt/boot", "mnt/efi", "mnt/rpi")
"""The boot partition; the unencrypted one of a PC and of a Compute Module 4 with secure boot."""

TRACES = {
    "resinOS_uEnv.txt": (BootloaderKind.U_BOOT, BootloaderKind.L4TLAUNCHER, BootloaderKind.CBOOT),
    "bootcount.env": (BootloaderKind.U_BOOT, BootloaderKind.L4TLAUNCHER),
    "bootenv": (BootloaderKind.BALENA,),
    "grub/grubenv": (BootloaderKind.GRUB,),
    "EFI/BOOT/grubenv": (BootloaderKind.GRUB,),
    "grubenv": (BootloaderKind.GRUB,),
}
"""State files below a boot mount, and which bootloaders read them. balenaOS's scripts look for them in this order."""


def found(root: Root) -> tuple[tuple[str, tuple[BootloaderKind, ...]], ...]:
    """Every state file that is there, with the bootloaders it may belong to."""
    return tuple(
        (f"{mount}/{name}", kinds)
        for mount in BOOT_MOUNTS
        if root.is_dir(mount)
        for name, kinds in TRACES.items()
        if root.exists(f"{mount}/{name}")
    )


def foreign(root: Root, kind: BootloaderKind, own: tuple[str, ...]) -> tuple[str, ...]:
    """State files of bootloaders this device does not have, each with what it does."""
    notes = []
    for file, kinds in found(root):
        if kind not in kinds and file not in own:
            names = " or ".join(each.value for each in kinds)
            hides = file.endswith("/resinOS_uEnv.txt")
            notes.append(
                f"{file} is of {names}, and this device boots with {kind.value}; remove it"
                + (", or balenaOS's rollback scripts read it instead of the right one" if hides else "")
            )
    return tuple(notes)
