"""Which renderer makes a device type's boot files, and who selects its slots afterwards."""

from __future__ import annotations

from hal.errors import HalError, ValueRefused
from hal.image.boot_files import balena, extlinux, grub, uboot
from hal.image.boot_files.facts import need
from hal.image.boot_files.file import BootFile, BootVariant
from hal.model import BootloaderKind, DeviceType, ImageKind, SelectionRule


def render(
    device_type: DeviceType,
    *,
    variant: BootVariant = BootVariant.INTERNAL,
    development: bool = False,
    more_arguments: tuple[str, ...] = (),
) -> tuple[BootFile, ...]:
    """Every boot file of this device type, in order of name; `more_arguments` go behind the row's kernel arguments.

    On a board that keeps the arguments elsewhere, as a Raspberry Pi in cmdline.txt, no file has any.

    Raises `HalError` naming a fact that is not known, and `ValueRefused` for a variant the device type does not have.
    """
    kind = need(device_type, "bootloader", device_type.bootloader, for_what="every boot file")
    _check(device_type, variant)
    match kind:
        case BootloaderKind.GRUB:
            files = grub.render(device_type, variant=variant, development=development, more=more_arguments)
        case BootloaderKind.BALENA:
            files = balena.render(device_type, variant=variant)
        case BootloaderKind.U_BOOT if uboot.scripted(device_type):
            files = uboot.render(device_type)
        case _:
            files = extlinux.render(device_type, variant=variant, development=development, more=more_arguments)
    return tuple(sorted(files, key=lambda file: (file.where, file.name)))


def selection(device_type: DeviceType) -> SelectionRule:
    """Who selects the slot with these boot files: their own logic, or what is compiled into the bootloader.

    U-Boot without boot.scr, Cboot and L4TLauncher carry their logic within; no boot file changes it.
    """
    kind = need(device_type, "bootloader", device_type.bootloader, for_what="the rule of selection")
    mended = kind in (BootloaderKind.GRUB, BootloaderKind.BALENA) or uboot.scripted(device_type)
    return SelectionRule.MENDED if mended else SelectionRule.COMPILED


def _check(device_type: DeviceType, variant: BootVariant) -> None:
    if variant is BootVariant.FLASHER:
        image = need(device_type, "image", device_type.image, for_what="a flasher")
        if image is not ImageKind.FLASHER:
            raise ValueRefused(
                f"{device_type.slug}: has no flasher, its image is written straight to the medium it boots from",
                path="variant",
                allowed=(BootVariant.INTERNAL,),
            )
    if variant is BootVariant.ENCRYPTED:
        layout = device_type.partitions
        if device_type.bootloader is not BootloaderKind.GRUB or layout is None or layout.luks is None:
            raise HalError(
                f"{device_type.slug}: partitions.luks is not known, and boot files for disk encryption need it",
                path="partitions.luks",
            )
