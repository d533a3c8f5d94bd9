"""The record of every request that reached a disk, in the order in which they came.

QEMU's `blklogwrites` filter writes it in the format of the kernel's dm-log-writes: blocks of `sectorsize` bytes. Block
0 begins with magic, version, number of entries (64 bits each) and `sectorsize` (32 bits). An entry is a block that
begins with sector, number of sectors, flags and length of data (64 bits each), followed by the data of a write. All
numbers are little-endian.

A guest delimits an operation with marks: writes to a sector that belongs to no partition (see `lab.guest.Mark`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

SECTOR = 512
MAGIC = 0x6A736677736872
VERSION = 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MARK_SECTOR = 2047
"""The last before the first partition, where partitions begin at 1 MiB as everywhere today."""
MARK_MAGIC = b"hal lab mark: "

_SUPER = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")


class LogError(Exception):
    """The file is not such a log, or it was cut off."""


@frozen
class Write:
    """Data, a whole number of sectors, from this sector on."""

    sector: int
    data: bytes


@frozen
class Flush:
    """All writes before this one are on the medium."""


@frozen
class Mark:
    """The guest says where it is."""

    name: str


Entry = Write | Flush | Mark


def read_log(path: Path) -> tuple[Entry, ...]:
    """The entries of a log, in order.

    A discard counts as a write of zeroes, which is what QEMU makes of it; a write with FUA as one without, which
    allows more states, not fewer. Raises `LogError`.
    """
    raw = path.read_bytes()
    if len(raw) < _SUPER.size:
        raise LogError(f"{path}: {len(raw)} bytes are no log")
    magic, version, count, block = _SUPER.unpack_from(raw)
    if (magic, version) != (MAGIC, VERSION) or block < SECTOR or block % SECTOR:
        raise LogError(f"{path}: magic {magic:#x}, version {version}, blocks of {block} bytes are no log")
    entries: list[Entry] = []
    place = block
    for number in range(count):
        if place + _ENTRY.size > len(raw):
            raise LogError(f"{path}: ends in entry {number} of {count}")
        sector, sectors, flags, _ = _ENTRY.unpack_from(raw, place)
        place += block
        if flags & MARK:
            raise LogError(f"{path}: entry {number} is a mark of dm-log-writes, which QEMU never makes")
        if flags & FLUSH:
            entries.append(Flush())
        size = sectors * block
        if flags & DISCARD:
            entries.append(Write(sector * (block // SECTOR), bytes(size)))
        elif size:
            data = raw[place : place + size]
            if len(data) != size:
                raise LogError(f"{path}: ends in the data of entry {number} of {count}")
            place += size
            entries.append(_write(sector * (block // SECTOR), data))
    return tuple(entries)


def _write(sector: int, data: bytes) -> Entry:
    """A write, or the mark in it: the guest's page cache writes a mark together with the sectors beside it."""
    place = (MARK_SECTOR - sector) * SECTOR
    if place >= 0 and data[place:].startswith(MARK_MAGIC):
        return Mark(data[place + len(MARK_MAGIC) : place + SECTOR].rstrip(b"\0").decode())
    return Write(sector, data)


def between(entries: Sequence[Entry], begin: str, end: str) -> tuple[tuple[Write, ...], tuple[Entry, ...]]:
    """The writes before the mark `begin`, and the entries from there to the mark `end`. Raises `LogError`."""
    marks = {entry.name: number for number, entry in enumerate(entries) if isinstance(entry, Mark)}
    for name in (begin, end):
        if name not in marks:
            raise LogError(f"no mark {name!r}: there are {sorted(marks)}")
    first, last = marks[begin], marks[end]
    before = tuple(entry for entry in entries[:first] if isinstance(entry, Write))
    return before, tuple(entry for entry in entries[first + 1 : last] if not isinstance(entry, Mark))
