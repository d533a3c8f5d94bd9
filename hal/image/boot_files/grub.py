"""GRUB: grub.cfg for BIOS and EFI, internal, flasher and encrypted, and its environment blocks.

Sources: meta-balena 8.0.2 recipes-bsp/grub.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.bootloader import names
from hal.errors import HalError
from hal.image.boot_files import state
from hal.image.boot_files.facts import SECURE_BOOT, arguments, kernel_image, need, partitions
from hal.image.boot_files.file import BootFile, BootVariant, Place
from hal.image.boot_files.template import fill
from hal.model import DeviceType, Partitions, SlotEncoding

CONFIG = "grub.cfg"
FOLDERS = {"grub/": "BIOS", "EFI/BOOT/": "EFI"}
SEARCHED = 10
"""Partitions of the boot drive that are searched for the slots, counted from 1."""


def render(
    device_type: DeviceType, *, variant: BootVariant, development: bool, more: tuple[str, ...]
) -> Iterator[BootFile]:
    """The files of each folder from which this image's GRUB starts."""
    layout = partitions(device_type, for_what=CONFIG)
    if variant is BootVariant.ENCRYPTED:
        layout = need(device_type, "partitions.luks", layout.luks, for_what=f"an encrypted {CONFIG}")
    if layout.slot_encoding is not SlotEncoding.DECIMAL:
        raise HalError(
            f"{device_type.slug}: slots are written {layout.slot_encoding}, GRUB reads decimal",
            path="partitions.slot_encoding",
        )
    folders = [folder for folder in FOLDERS if f"{folder}{CONFIG}" in device_type.boot_files]
    if variant is BootVariant.ENCRYPTED:
        folders = [folder for folder in folders if FOLDERS[folder] == "EFI"]
    if not folders:
        raise HalError(
            f"{device_type.slug}: boot_files names no {CONFIG}, so its folder is not known", path="boot_files"
        )
    text = _config(device_type, layout, variant, development, more)
    purpose = "starts the flasher" if variant is BootVariant.FLASHER else "chooses the slot and starts its kernel"
    for folder in folders:
        yield BootFile(
            name=f"{folder}{CONFIG}",
            where=Place.BOOT,
            data=text.encode(),
            purpose=f"{FOLDERS[folder]}: {purpose}",
        )
        if variant is not BootVariant.ENCRYPTED:
            yield state.empty_block(f"{folder}grub_extraenv")
        if variant is not BootVariant.FLASHER:
            yield state.block(f"{folder}grubenv", layout)
            yield state.committed(folder, layout)


def _config(
    device_type: DeviceType, layout: Partitions, variant: BootVariant, development: bool, more: tuple[str, ...]
) -> str:
    """The text of grub.cfg: the same in every folder."""
    given = ("rootwait", *arguments(device_type, development=development), *more)
    common = {
        "timeout": "3" if development else "0",
        "kernel": kernel_image(device_type, for_what=CONFIG),
    }
    if variant is BootVariant.FLASHER:
        return fill("grub_flasher.cfg", {**common, "arguments": " ".join(given), "extra": fill("grub_extra.cfg", {})})
    first, second = layout.slot_values()
    decision = fill("grub_decision.cfg", {"committed_file": names.COMMITTED, "root_a": first, "root_b": second})
    common |= {"mark": names.MENDED_MARK.decode(), "decision": decision}
    if variant is BootVariant.ENCRYPTED:
        given = (*given[:1], *SECURE_BOOT, *given[1:])
        return fill("grub_encrypted.cfg", {**common, "arguments": " ".join(given)})
    numbers = [layout.root_a, layout.root_b]
    numbers += [number for number in range(1, SEARCHED + 1) if number not in numbers]
    return fill(
        "grub_internal.cfg",
        {
            **common,
            "arguments": " ".join(given),
            "extra": fill("grub_extra.cfg", {}),
            "numbers": " ".join(map(str, numbers)),
        },
    )
