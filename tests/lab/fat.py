"""A strict reader of FAT12, FAT16 and FAT32 that changes nothing and looks nothing up: it reports every entry there is.

It reads through anything with `read(offset, size)`, so an image that exists only as a crash state is read in place. A
bootloader and the kernel both follow the first FAT; this reader does so too and says whether the copies differ.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol

from attrs import frozen

ENTRY = 32
READ_ONLY, HIDDEN, SYSTEM, LABEL, FOLDER = 1, 2, 4, 8, 16
LONG = READ_ONLY | HIDDEN | SYSTEM | LABEL
DELETED = 0xE5
MAX_FOLDER = 65536 * ENTRY


class FatError(Exception):
    """This is no FAT file system, or a folder on it cannot be read."""


class Face(Protocol):
    """Bytes that can be read by place."""

    def read(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes; fewer where the image ends."""
        ...


@frozen
class File:
    """One directory entry, with the content its clusters hold or what is wrong with them."""

    name: str  # the long name where there is a valid one
    short: str
    folder: bool
    size: int
    first: int  # number of the first cluster; 0 where there is none
    content: bytes | None  # None where there is a fault
    fault: str | None  # "free cluster 5", "bad cluster 5", "cluster 70000 out of range", "loop at 5", "short chain" …


class Fat:
    """A file system that begins at byte 0 of `face`. Raises `FatError` where its first sector makes no sense."""

    def __init__(self, face: Face) -> None:
        self._face = face
        boot = face.read(0, 512)
        if len(boot) != 512 or boot[510:] != b"\x55\xaa":
            raise FatError("no boot sector signature")
        self.sector, self.cluster_sectors, reserved, self.copies = struct.unpack_from("<HBHB", boot, 11)
        root_entries, small, _, fat16_sectors = struct.unpack_from("<HHBH", boot, 17)
        (large,) = struct.unpack_from("<I", boot, 32)
        fat32_sectors, _, _, self._root_cluster = struct.unpack_from("<IHHI", boot, 36)
        if self.sector not in (512, 1024, 2048, 4096):
            raise FatError(f"sectors of {self.sector} bytes")
        if self.cluster_sectors not in (1, 2, 4, 8, 16, 32, 64, 128):
            raise FatError(f"clusters of {self.cluster_sectors} sectors")
        sectors, fat_sectors = small or large, fat16_sectors or fat32_sectors
        if not reserved or self.copies not in (1, 2) or not fat_sectors:
            raise FatError(f"{reserved} reserved sectors, {self.copies} FATs of {fat_sectors} sectors")
        self._fat = reserved * self.sector
        self._fat_size = fat_sectors * self.sector
        self._root = self._fat + self.copies * self._fat_size
        self._root_size = -(-root_entries * ENTRY // self.sector) * self.sector
        self._data = self._root + self._root_size
        self.cluster = self.cluster_sectors * self.sector
        self.clusters = (sectors * self.sector - self._data) // self.cluster
        if self.clusters <= 0:
            raise FatError(f"{sectors} sectors leave no room for a cluster")
        self.bits = 32 if not fat16_sectors else 12 if self.clusters < 4085 else 16
        if (self.bits == 32) != (root_entries == 0):
            raise FatError(f"FAT{self.bits} with {root_entries} entries in the root folder")
        if (self.clusters + 2) * self.bits > self._fat_size * 8:
            raise FatError(f"a FAT of {self._fat_size} bytes is too small for {self.clusters} clusters")
        if len(face.read(sectors * self.sector - 1, 1)) != 1:
            raise FatError(f"the image ends before its {sectors} sectors")

    # -- faces -------------------------------------------------------------------------------------------------------

    def find(self, path: str) -> list[File]:
        """Every entry with this visible name, in the order of the folder; upper and lower case are the same.

        The folders on the way have to be there once. Raises `FatError` where one is not, or cannot be read.
        """
        *folders, name = [part for part in path.split("/") if part]
        data = self._root_folder()
        for folder in folders:
            found = [file for file in self._entries(data) if file.name.casefold() == folder.casefold()]
            if len(found) != 1 or not found[0].folder or found[0].content is None:
                told = [file.fault or ("folder" if file.folder else "file") for file in found]
                raise FatError(f"{path}: {folder}: {', '.join(told) or 'missing'}")
            data = found[0].content
        return [file for file in self._entries(data) if file.name.casefold() == name.casefold()]

    def walk(self, folder: str = "") -> Iterator[tuple[str, File]]:
        """Every entry with its path, folders before what is in them. Raises `FatError` for a loop of folders."""
        yield from self._walk(folder, self._root_folder(), 0)

    def copies_differ(self) -> bool:
        """Whether the two FATs differ."""
        first = self._face.read(self._fat, self._fat_size)
        return self.copies == 2 and first != self._face.read(self._fat + self._fat_size, self._fat_size)

    def entry(self, cluster: int) -> int:
        """What the first FAT says about a cluster."""
        if self.bits == 12:
            (value,) = struct.unpack("<H", self._face.read(self._fat + cluster * 3 // 2, 2))
            return value >> 4 if cluster & 1 else value & 0xFFF
        if self.bits == 16:
            (value,) = struct.unpack("<H", self._face.read(self._fat + cluster * 2, 2))
            return int(value)
        (value,) = struct.unpack("<I", self._face.read(self._fat + cluster * 4, 4))
        return int(value) & 0x0FFFFFFF

    # -- clusters ------------------------------------------------------------------------------------------------------

    def chain(self, first: int) -> tuple[list[int], str | None]:
        """The clusters from this one on, and what is wrong where the chain does not end as it should."""
        top = (1 << min(self.bits, 28)) - 1
        chain: list[int] = []
        seen: set[int] = set()
        here = first
        while True:
            if here == top - 8:
                return chain, f"bad cluster after {len(chain)}"
            if not 2 <= here < self.clusters + 2:
                return chain, f"cluster {here} out of range"
            if here in seen:
                return chain, f"loop at {here}"
            chain.append(here)
            seen.add(here)
            after = self.entry(here)
            if after == 0:
                return chain, f"free cluster {here}"
            if after == top - 8:
                return chain, f"bad cluster {here}"
            if after > top - 8:
                return chain, None
            here = after

    def _content(self, first: int, size: int | None) -> tuple[bytes | None, str | None]:
        """The bytes of a chain and its fault; `size` is None for a folder, which is as long as its chain."""
        if first == 0:
            return (b"", None) if size == 0 else (None, "no cluster")
        chain, fault = self.chain(first)
        if fault is None and size is not None and size > len(chain) * self.cluster:
            fault = "short chain"
        if fault is not None:
            return None, fault
        if size is None and len(chain) * self.cluster > MAX_FOLDER:
            return None, "folder too long"
        wanted = len(chain) if size is None else -(-size // self.cluster)
        data = b"".join(
            self._face.read(self._data + (cluster - 2) * self.cluster, self.cluster) for cluster in chain[:wanted]
        )
        return data if size is None else data[:size], None

    # -- folders -------------------------------------------------------------------------------------------------------

    def _root_folder(self) -> bytes:
        if self.bits != 32:
            return self._face.read(self._root, self._root_size)
        data, fault = self._content(self._root_cluster, None)
        if data is None:
            raise FatError(f"root folder: {fault}")
        return data

    def _walk(self, path: str, data: bytes, depth: int) -> Iterator[tuple[str, File]]:
        if depth > 64:
            raise FatError(f"{path}: folders go too deep")
        for file in self._entries(data):
            here = f"{path}/{file.name}" if path else file.name
            yield here, file
            if file.folder and file.content is not None:
                yield from self._walk(here, file.content, depth + 1)

    def _entries(self, data: bytes) -> Iterator[File]:
        """The entries of a folder but for the label, `.` and `..`; the parts of a long name precede its entry."""
        parts: list[bytes] = []
        for place in range(0, len(data), ENTRY):
            raw = data[place : place + ENTRY]
            if raw[0] == 0:
                return
            if raw[0] == DELETED:
                parts = []
            elif raw[11] & 0x3F == LONG:
                parts.append(raw)
            else:
                if not raw[11] & LABEL and raw[:2] not in (b". ", b".."):
                    yield self._file(raw, parts)
                parts = []

    def _file(self, raw: bytes, parts: list[bytes]) -> File:
        short, folder = _short(raw), bool(raw[11] & FOLDER)
        high, low, size = *struct.unpack_from("<H", raw, 20), *struct.unpack_from("<HI", raw, 26)
        first = low | (high << 16 if self.bits == 32 else 0)
        content, fault = self._content(first, None if folder else size)
        return File(_long(raw[:11], parts) or short, short, folder, size, first, content, fault)


def _short(raw: bytes) -> str:
    """The 8.3 name as it is shown: two bits say that the name or its extension is in lower case."""
    name = (b"\xe5" + raw[1:8] if raw[0] == 5 else raw[:8]).decode("cp437").rstrip(" ")
    extension = raw[8:11].decode("cp437").rstrip(" ")
    name, extension = name.lower() if raw[12] & 8 else name, extension.lower() if raw[12] & 16 else extension
    return f"{name}.{extension}" if extension else name


def _long(short: bytes, parts: list[bytes]) -> str | None:
    """The long name that these parts make, the last one first; None where they do not belong to this entry."""
    if not parts or not parts[0][0] & 0x40:
        return None
    total = 0
    for byte in short:
        total = (((total & 1) << 7) + (total >> 1) + byte) & 0xFF
    numbers = [part[0] & 0x3F for part in parts]
    if numbers != list(range(len(parts), 0, -1)) or any(part[13] != total for part in parts):
        return None
    text = b"".join(part[1:11] + part[14:26] + part[28:32] for part in reversed(parts))
    return text.decode("utf-16-le", errors="replace").split("\0")[0].rstrip("\uffff")
