"""Every real loader of the lab behind one face: ask it which slot of a disk it boots.

    disk = Disk.build(tmp_path / "disk", boot={...}, slot_a={...}, slot_b={...})
    loader.install(disk)
    loader.boot(disk).slot

A boot writes to the disk what the loader writes, its boot count above all; take `disk.copy` to ask twice.
"""

from __future__ import annotations

from typing import Protocol

from lab.console import Booted
from lab.disk import Disk
from lab.grub import GrubBios, GrubEfi
from lab.kexec import BalenaKexec
from lab.uboot import UBoot

__all__ = ["BalenaKexec", "Booted", "GrubBios", "GrubEfi", "Loader", "UBoot"]


class Loader(Protocol):
    def install(self, disk: Disk) -> None:
        """Writes the loader's own parts to the disk."""

    def boot(self, disk: Disk, *, timeout_seconds: float = ...) -> Booted:
        """Boots the disk once. QemuError when QEMU fails; a loader that gives up is an answer, slot None."""
