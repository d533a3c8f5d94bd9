"""GRUB: `grubenv` beside `grub.cfg`, for BIOS and EFI, and the variant for encrypted disks."""

from __future__ import annotations

from functools import cached_property

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.names import MENDED_MARK
from hal.backends.bootloader.rules import ClassicGrub, Mended, Rule, Values
from hal.backends.bootloader.storage import Block, Committed, readable
from hal.model import BootloaderKind

TRIES = 2
"""Boots of a new slot under the mended rule: at a count of 2, balenaOS's own grub.cfg falls back as well."""

LUKS = "mnt/efi/EFI/BOOT"
EFI = "mnt/boot/EFI/BOOT"
LEGACY = "mnt/boot/grub"


class GrubBootloader(SlotBootloader):
    """`grubenv`: `resin_root_part` is a decimal partition number.

    The folder is that of the unencrypted EFI partition where there is one, else the EFI one where the
    kernel was started by EFI firmware, else the legacy one: a fresh boot partition carries both.
    """

    kind = BootloaderKind.GRUB

    @cached_property
    def folder(self) -> str:
        """The folder of `grub.cfg` and `grubenv`."""
        if self.root.is_dir(LUKS):
            return LUKS
        if self.root.is_dir("sys/firmware/efi"):
            return EFI
        # A machine with BIOS, or a tree without sysfs: then the files tell, and balenaOS removes those not in use.
        return EFI if self.root.is_dir(EFI) and not self.root.is_dir(LEGACY) else LEGACY

    @property
    def encrypted(self) -> bool:
        """Whether GRUB starts the kernel from the EFI partition, and cannot see into the slots."""
        return self.folder == LUKS

    @property
    def sees_kernels(self) -> bool:  # type: ignore[override]
        """GRUB looks into the slots, unless they are encrypted."""
        return not self.encrypted

    def values(self) -> Values:
        """Decimal partition numbers, of the encrypted layout where that is in use."""
        table = self.device_type.partitions
        if self.encrypted and table is not None and table.luks is not None:
            return table.luks.slot_values()
        return super().values()

    def storage(self) -> Block:
        """The environment block; of two records of a name GRUB takes the last."""
        return Block(self.root, f"{self.folder}/grubenv", last=True)

    def committed(self) -> Committed:
        """Beside it."""
        return Committed(self.root, self.folder)

    def rule(self) -> Rule:
        """What grub.cfg says it is."""
        if MENDED_MARK in (readable(self.root, f"{self.folder}/grub.cfg") or b""):
            return Mended(values=self.values(), tries=TRIES)
        return ClassicGrub(values=self.values(), encrypted=self.encrypted)
