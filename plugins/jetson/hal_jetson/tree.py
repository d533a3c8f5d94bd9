"""What a generated tree of a Jetson TX1, TX2 or Nano holds: its firmware partitions, older than what the OS brings."""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends import emmc_boot
from hal.backends.boot_config.odmdata import OFFSETS
from hal.model import BootloaderKind, DeviceType
from hal.tree import TreeFile
from hal_jetson import bootfiles, xavier_tree

PARTS = ("mts-bootpack", "mts-bootpack_b", "bootloader-dtb", "secure-os")
"""A few names of such partitions; boards have some twenty."""
BYTES = 32 * 1024
"""Of the boot partition; a real one has 4 MiB. It must hold the last place of ODMDATA."""
ODMDATA = 0x06


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """Firmware partitions, or what Cboot boots on a Xavier."""
    if device_type.bootloader is BootloaderKind.CBOOT:
        return tuple(xavier_tree.cboot_files(device_type))
    shipped = (TreeFile(name="mnt/boot/extra_uEnv.txt"),)
    for fact in device_type.update_steps:
        if fact.name in bootfiles.LAYOUTS:
            qspi = any("QSPI" in note for note in device_type.notes)
            return (*shipped, *_files(bootfiles.LAYOUTS[fact.name], qspi))
    return shipped


def _files(layout: bootfiles.Layout, qspi: bool) -> Iterator[TreeFile]:
    lines = "".join(f"{name}:{name}.bin:2048\n" for name in PARTS)
    yield TreeFile.text(f"{bootfiles.FOLDER}/{layout.specification.replace('*', '')}", lines)
    for number, name in enumerate(PARTS, start=1):
        node = f"mmcblk0p{number}"
        yield TreeFile(name=f"dev/disk/by-state/{name}", link=f"/dev/{node}")
        yield TreeFile.text(f"sys/class/block/{node}/partition", f"{number}\n")
        yield TreeFile(name=f"dev/{node}", data=f"old {name} ".encode().ljust(4096, b"\xff"))
        yield TreeFile(name=f"{bootfiles.FOLDER}/{name}.bin", data=f"new {name} ".encode().ljust(3000, b"\xee"))
    yield TreeFile(name=bootfiles.BLOB, data=blob(b"new", 0x07))
    if qspi:
        yield TreeFile(name=f"dev/{bootfiles.QSPI}", data=blob(b"old", 0x07))
    else:
        yield TreeFile(name=f"dev/{bootfiles.EMMC}", data=blob(b"old", ODMDATA))
        yield TreeFile.text(emmc_boot.guard_of(bootfiles.EMMC), "1\n")


def blob(word: bytes, odmdata: int) -> bytes:
    """What is known of a boot blob: where a TX2's holds its board's byte."""
    data = bytearray((word + b" boot0 ").ljust(16, b".") * (BYTES // 16))
    for offset in OFFSETS:
        data[offset] = odmdata
    return bytes(data)
