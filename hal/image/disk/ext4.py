"""ext4 made and filled without mounting: mke2fs, then a script for debugfs that has one line for each thing to do."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from hal.errors import FileFault, ProgramFault, ValueRefused
from hal.image.disk.entry import Entry, EntryKind, put
from hal.image.disk.layout import KIB, Volume
from hal.image.disk.tools import Tools
from hal.program import Completed

COMMANDS = 2000
"""Commands to one run of debugfs: it prints each, and a program may print so much and no more."""
SUPERBLOCK, MAGIC = 1024, 0xEF53
_TYPES = {
    EntryKind.FOLDER: 0o040000,
    EntryKind.FILE: 0o100000,
    EntryKind.CHARACTER: 0o020000,
    EntryKind.BLOCK: 0o060000,
    EntryKind.FIFO: 0o010000,
}


def make(tools: Tools, disk: str, volume: Volume) -> None:
    """A new, empty file system in this partition."""
    tools.run(
        *("mke2fs", "-q", "-F", "-t", "ext4", "-L", volume.label, "-U", volume.uuid, *volume.options),
        "-E",
        f"offset={volume.start},hash_seed={volume.uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
        *(disk, f"{volume.size // KIB}k"),
    )


def adopt(tools: Tools, disk: str, volume: Volume) -> None:
    """Gives a file system that somebody else made, and that lies in this partition, its label and its UUID."""
    tools.run("tune2fs", "-U", volume.uuid, "-L", volume.label, f"{disk}?offset={volume.start}")


def fill(tools: Tools, disk: str, volume: Volume, entries: Iterable[Entry], scratch: Path) -> None:
    """Puts these entries, folders first, into a file system that has none of them; `scratch` takes their contents."""
    commands = list(_commands(entries, scratch))
    for start in range(0, len(commands), COMMANDS):
        debugfs(tools, disk, volume, commands[start : start + COMMANDS], writing=True)


def debugfs(
    tools: Tools, disk: str, volume: Volume, commands: list[str], *, writing: bool = False, expected: str | None = None
) -> Completed:
    """Runs debugfs commands. It ends with 0 whatever happens, so only its complaints tell; `expected` is none of them.

    Raises `ProgramFault` with the first complaint.
    """
    device = f"{disk}?offset={volume.start}"
    script = "\n".join(commands).encode("utf-8", "surrogateescape") + b"\n"
    done = tools.run("debugfs", *(["-w"] if writing else []), "-f", "-", device, stdin=script)
    told = [line for line in complaints(done) if expected is None or expected not in line]
    if told:
        raise ProgramFault(f"debugfs: {told[0]}", path="debugfs")
    return done


def complaints(done: Completed) -> list[str]:
    """What debugfs wrote on standard error, without the line that names its version."""
    return [line for line in done.stderr.splitlines() if line.strip() and "debugfs 1." not in line]


def room(superblock: bytes) -> tuple[int, int, int]:
    """Size of a block, free blocks and free inodes, of the 1024 bytes of a superblock. Raises `FileFault`."""
    if len(superblock) < 1024 or struct.unpack_from("<H", superblock, 0x38) != (MAGIC,):
        raise FileFault("not an ext4 file system")
    (shift,) = struct.unpack_from("<I", superblock, 0x18)
    (low,), (high,) = struct.unpack_from("<I", superblock, 0x0C), struct.unpack_from("<I", superblock, 0x158)
    (inodes,) = struct.unpack_from("<I", superblock, 0x10)
    wide = struct.unpack_from("<I", superblock, 0x60)[0] & 0x80
    return 1024 << shift, low + (high << 32 if wide else 0), inodes


def check_room(superblock: bytes, entries: Iterable[Entry], volume: Volume) -> None:
    """Raises `ValueRefused` with both numbers where the entries do not go into an empty file system."""
    block, blocks, inodes = room(superblock)
    listed = [each for each in entries if each.kind is not EntryKind.SAME]
    needed = sum(_blocks(each, block) for each in listed)
    for what, want, have in (("KiB", needed * block // KIB, blocks * block // KIB), ("inodes", len(listed), inodes)):
        if want > have:
            raise ValueRefused(
                f"{volume.role}: its content takes {want} {what}, and the partition of {volume.size // KIB} KiB has"
                f" {have} {what} for it",
                path=volume.role,
            )


def _blocks(entry: Entry, block: int) -> int:
    if entry.kind is EntryKind.FOLDER:
        return 1
    if entry.kind is EntryKind.LINK:
        return int(len(entry.target) >= 60)
    data = -(-entry.size // block)
    return data + data // 8192  # a block of extents for what does not lie in one piece


def _commands(entries: Iterable[Entry], scratch: Path) -> Iterator[str]:
    links: dict[str, int] = {}
    for count, entry in enumerate(entries):
        path = _quoted(f"/{entry.path}")
        match entry.kind:
            case EntryKind.FOLDER:
                yield f"mkdir {path}"
            case EntryKind.FILE:
                yield f"write {_quoted(str(entry.at(scratch / str(count))))} {path}"
            case EntryKind.LINK:
                yield f"symlink {path} {_quoted(entry.target)}"
            case EntryKind.SAME:
                links[entry.target] = links.get(entry.target, 1) + 1
                yield f"ln {_quoted(f'/{entry.target}')} {path}"
                yield f"sif {_quoted(f'/{entry.target}')} links_count {links[entry.target]}"
                continue
            case _:
                folder, _, name = entry.path.rpartition("/")
                numbers = "" if entry.kind is EntryKind.FIFO else f" {entry.device[0]} {entry.device[1]}"
                yield f"cd {_quoted(f'/{folder}')}"
                yield f"mknod {_quoted(name)} {entry.kind}{numbers}"
                yield "cd /"
        if entry.kind in _TYPES:
            yield f"sif {path} mode 0{_TYPES[entry.kind] | entry.mode:o}"
        for field, number in zip(("uid", "gid"), entry.owner, strict=True):
            if number:
                yield f"sif {path} {field} {number}"
        for index, (name, value) in enumerate(entry.attributes):
            held = put(scratch / f"{count}-{index}", value)
            yield f"ea_set -f {_quoted(str(held))} {path} {_quoted(name)}"


def _quoted(text: str) -> str:
    """A word of debugfs. Raises `ValueRefused` for a name with a line break, for which it has no spelling."""
    if "\n" in text:
        raise ValueRefused(f"{text!r:.80}: a name with a line break cannot be written", path="rootfs")
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
