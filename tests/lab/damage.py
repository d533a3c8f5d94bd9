"""A boot partition that something else has damaged: FAT entries and folders changed by hand, no room left."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lab.disk import Disk, DiskError, Face
from lab.fat import DELETED, ENTRY, LABEL, LONG, Fat

LOST = b"FSCK0000000"
"""The short name that a check of the file system gives to what it found without one."""
BROKEN = {16: 0xFFFA, 32: 0x3FFFFFFA}
"""What was found in a chain of clusters on a device in the field, and its like for FAT16."""


def break_chain(disk: Disk, name: str) -> None:
    """The first cluster of a file leads to a number that no cluster has."""
    boot = disk.face("boot")
    fat = Fat(boot)
    (file,) = fat.find(name)
    for copy in range(fat.copies):
        table = fat._fat + copy * fat._fat_size
        if fat.bits == 32:
            boot.write(table + file.first * 4, struct.pack("<I", BROKEN[32]))
        else:
            boot.write(table + file.first * 2, struct.pack("<H", BROKEN[16]))


def double(disk: Disk, name: str, data: bytes) -> None:
    """A second entry of the same visible name behind the first, with a short name of its own and this content."""
    path, _, base = name.rpartition("/")
    stand_in = f"{base[:-1]}Q"  # upper and lower case mixed, so that there are entries for a long name
    disk.write("boot", f"{path}/{stand_in}".lstrip("/"), data)
    boot = disk.face("boot")
    parts: list[tuple[int, bytes]] = []
    for place, raw in _entries(boot, path):
        if raw[0] == DELETED or raw[0] == 0:
            parts = []
        elif raw[11] & 0x3F == LONG:
            parts.append((place, raw))
        elif parts and _text(parts) == stand_in:
            total = 0
            for byte in LOST:
                total = (((total & 1) << 7) + (total >> 1) + byte) & 0xFF
            for at, part in parts:
                long = part.replace("Q\0".encode("latin-1"), f"{base[-1]}\0".encode("latin-1"))
                boot.write(at, long[:13] + bytes([total]) + long[14:])
            boot.write(place, LOST + raw[11:12] + b"\0" + raw[13:])
            break
        else:
            parts = []
    assert len(Fat(boot).find(name)) == 2


def fill(disk: Disk) -> None:
    """Files of ever smaller sizes until no cluster of the boot partition is free."""
    size, number = disk.span("boot")[1], 0
    while size >= 512:
        try:
            disk.write("boot", f"fill{number}", b"x" * size)
            number += 1
        except DiskError:
            size //= 2


def _text(parts: list[tuple[int, bytes]]) -> str:
    raw = b"".join(part[1:11] + part[14:26] + part[28:32] for _, part in reversed(parts))
    return raw.decode("utf-16-le").partition("\0")[0].rstrip("\uffff")


def _entries(boot: Face, folder: str) -> Iterator[tuple[int, bytes]]:
    """Each entry of a folder with its place in the partition."""
    fat = Fat(boot)
    if folder:
        (found,) = fat.find(folder)
        clusters = fat.chain(found.first)[0]
    elif fat.bits == 32:
        clusters = fat.chain(fat._root_cluster)[0]
    else:
        clusters = []
    spans = [(fat._data + (cluster - 2) * fat.cluster, fat.cluster) for cluster in clusters]
    for start, size in spans or [(fat._root, fat._root_size)]:
        for place in range(start, start + size, ENTRY):
            raw = boot.read(place, ENTRY)
            if raw[11] & 0x3F == LONG or not raw[11] & LABEL:
                yield place, raw
