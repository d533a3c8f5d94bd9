"""The kernels of the lab: each says which slot it is and its command line on the serial port, and ends QEMU.

The sources are in `kernels/`. What they print, and nothing else does, is read by `lab.console`.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Literal

Slot = Literal["A", "B"]

SOURCES = Path(__file__).with_name("kernels")


@cache
def arm64(slot: Slot) -> bytes:
    """The kernel of this slot for QEMU's arm64 `virt` machine, as `booti` takes it: `/boot/Image`."""
    return _assembled("arm64.s", slot, ["aarch64-linux-gnu-as"], "aarch64-linux-gnu-objcopy")


@cache
def arm64_gz(slot: Slot) -> bytes:
    """The same compressed, as on the Raspberry Pi: `/boot/Image.gz`."""
    return gzip.compress(arm64(slot), mtime=0)


@cache
def x86(slot: Slot) -> bytes:
    """The kernel of this slot for a PC, BIOS or EFI, started by GRUB's `linux` or by kexec: `/boot/bzImage`."""
    return _assembled("x86.s", slot, ["as", "--32"], "objcopy")


def _assembled(source: str, slot: Slot, assembler: list[str], objcopy: str) -> bytes:
    with TemporaryDirectory() as folder:
        made, image = Path(folder) / "object", Path(folder) / "image"
        run([*assembler, "--defsym", f"SLOT={ord(slot)}", "-o", made, SOURCES / source], check=True)
        run([objcopy, "-O", "binary", "-j", ".text", made, image], check=True)
        return image.read_bytes()
