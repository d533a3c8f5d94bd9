"""The balena bootloader: a kernel with an initramfs that reads `bootenv` and starts the slot's own kernel by kexec."""

from __future__ import annotations

from functools import cached_property

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import MENDED_MARK
from hal.backends.bootloader.rules import ClassicBalena, Mended, Rule
from hal.backends.bootloader.storage import Block, Committed, readable
from hal.errors import Damaged
from hal.model import BootloaderKind, BootOperation, Slot

TRIES = 3

RULE_FILE = "slot_selection.txt"
"""Deployed with the bootloader's image, into which a back end cannot look: it says by which rule that one selects."""

OVERRIDE = "kernel_override_abi"
"""The kernel to start instead of the slot's own: the SHA-256 of its image. `…_committed_A` and `_B` are known good."""


class BalenaBootloader(SlotBootloader):
    """`bootenv`: `resin_root_part` is a letter. What else is in it (kernel overrides) stays as it is."""

    kind = BootloaderKind.BALENA

    @cached_property
    def folder(self) -> str:
        """The unencrypted boot partition: its own with secure boot on a Compute Module 4, else the boot partition."""
        return "mnt/rpi" if self.root.listdir("mnt/rpi") else "mnt/boot"

    def storage(self) -> Block:
        """The environment block. Two records of a name are read as one text of two lines, which is junk."""
        return Block(self.root, f"{self.folder}/bootenv", last=False)

    def beside(self, operation: BootOperation, target: Slot) -> dict[str, str | None]:
        """Kernel overrides: a commit keeps the one that runs as its slot's own, a rollback takes back the other slot's.

        An override that is wanted but did not boot is not kept.
        """
        data = readable(self.root, self.storage().file)
        try:
            block = EnvBlock(data or b"", path=self.storage().file)
        except Damaged:
            return {}
        override = block.get(OVERRIDE)
        if not override:
            return {}
        if operation is BootOperation.ROLL_BACK:
            return {OVERRIDE: block.get(f"{OVERRIDE}_committed_{target}") or None}
        words = (self.root.read_value("proc/cmdline") or "").split()
        if operation is BootOperation.COMMIT and f"balena_kernel_abi={override}" in words:
            return {f"{OVERRIDE}_committed_{target}": override}
        return {}

    def committed(self) -> Committed:
        """Beside it."""
        return Committed(self.root, self.folder)

    def rule(self) -> Rule:
        """What the file beside the bootloader says."""
        if MENDED_MARK in (readable(self.root, f"{self.folder}/{RULE_FILE}") or b""):
            return Mended(values=self.values(), tries=TRIES)
        return ClassicBalena()
