"""FAT made and filled without mounting: mkfs.vfat and mtools."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import groupby
from pathlib import PurePosixPath

from hal.errors import FileFault, ValueRefused
from hal.image.disk.entry import Entry, EntryKind
from hal.image.disk.layout import KIB, SECTOR, Volume
from hal.image.disk.tools import Tools

FIRST_SECOND = 315_532_800
"""1980-01-01, before which FAT knows no time."""
ENTRY = 32
ARGUMENTS = 500
"""Files to one run of mcopy."""
_FORBIDDEN = frozenset('"*:<>?|\\')


def make(tools: Tools, disk: str, volume: Volume) -> None:
    """A new, empty file system in this partition."""
    tools.run(
        *("mkfs.vfat", "--invariant", *volume.options, "-S", str(SECTOR), "-i", volume.uuid, "-n", volume.label),
        *("--offset", str(volume.start // SECTOR), disk, str(volume.size // KIB)),
    )


def fill(tools: Tools, disk: str, volume: Volume, entries: Iterable[Entry], scratch: str) -> None:
    """Puts these entries, folders first, into a file system that has none of them.

    `scratch` is a new folder below the one that the tools run in. Files get the time of the image by way of mtools,
    which takes it from its surroundings, not from the file; of the file it takes whether it may be written.
    """
    at = f"{disk}@@{volume.start}"
    listed = list(entries)
    for each in listed:
        check_name(each)
    if folders := [f"::{each.path}" for each in listed if each.kind is EntryKind.FOLDER]:
        tools.run("mmd", "-i", at, *folders)
    top = tools.root.directory / scratch
    files = [each for each in listed if each.kind is not EntryKind.FOLDER]
    for number, (folder, group) in enumerate(groupby(files, key=_folder)):
        names = []
        for each in group:
            name = PurePosixPath(each.path).name
            each.stage(top / str(number) / name)
            names.append(f"./{scratch}/{number}/{name}")
        for start in range(0, len(names), ARGUMENTS):
            tools.run("mcopy", "-o", "-i", at, *names[start : start + ARGUMENTS], f"::{folder}")


def _folder(entry: Entry) -> str:
    """The folder that a file is in, as mtools has it behind `::`; empty for the topmost."""
    folder = str(PurePosixPath(entry.path).parent)
    return "" if folder == "." else f"{folder}/"


def check_name(entry: Entry) -> None:
    """Raises `ValueRefused` for what FAT has no form for: links, nodes, and some names."""
    if entry.kind not in (EntryKind.FILE, EntryKind.FOLDER):
        raise ValueRefused(f"boot: {entry.path} is a {entry.kind}, and FAT holds files and folders", path="boot")
    for name in PurePosixPath(entry.path).parts:
        if _FORBIDDEN & set(name) or any(ord(letter) < 32 for letter in name) or name[-1] in " .":
            raise ValueRefused(f"boot: {entry.path!r}: not a name that FAT holds", path="boot")


def check_room(first_sector: bytes, entries: Iterable[Entry], volume: Volume) -> None:
    """Raises `ValueRefused` with both numbers where the entries do not go into this empty file system."""
    cluster, clusters = room(first_sector)
    names: dict[str, int] = {}
    needed = 0
    for entry in entries:
        parent = str(PurePosixPath(entry.path).parent)
        names[parent] = names.get(parent, 2) + 1 + -(-len(PurePosixPath(entry.path).name) // 13)
        needed += -(-entry.size // cluster)
    needed += sum(-(-count * ENTRY // cluster) for count in names.values())
    if needed > clusters:
        raise ValueRefused(
            f"boot: its content takes {needed * cluster // KIB} KiB, and the partition of {volume.size // KIB} KiB has"
            f" {clusters * cluster // KIB} KiB for it",
            path="boot",
        )


def room(first_sector: bytes) -> tuple[int, int]:
    """Bytes of a cluster, and how many there are, of a FAT's first sector. Raises `FileFault`."""
    if len(first_sector) < SECTOR or first_sector[510:512] != b"\x55\xaa":
        raise FileFault("not a FAT file system")
    size, per_cluster, reserved, copies, root, small = struct.unpack_from("<HBHBHH", first_sector, 11)
    (short,) = struct.unpack_from("<H", first_sector, 22)
    large, long = struct.unpack_from("<II", first_sector, 32)
    sectors = (small or large) - reserved - copies * (short or long) - -(-root * ENTRY // size)
    return size * per_cluster, sectors // per_cluster - (0 if short else 1)
