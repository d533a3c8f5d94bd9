"""The lab's disks: the smallest that balenaOS's layout allows, made by the writer that makes the images of a build.

Here is what only tests need: reading them, changing them, damage, and each file system's own checker. The same files
make the same disk, byte for byte.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess, run
from tempfile import TemporaryDirectory
from typing import Literal

from attrs import frozen

from hal.errors import HalError
from hal.image.disk import entry
from hal.image.disk.entry import Entry, EntryKind
from hal.image.disk.layout import MIB, SECTOR, Layout, Volume
from hal.image.disk.making import Content, Medium, make
from hal.image.disk.tools import Tools, environment
from hal.model import Filesystem as Kind
from hal.model import PartitionTable
from hal.root import Root

__all__ = ["MIB", "SECTOR"]

Partition = Literal["boot", "A", "B", "state", "data"]
Filesystem = Literal["fat16", "fat32", "ext4"]
Table = Literal["msdos", "gpt"]
Files = Mapping[str, bytes]

ROLES: dict[Partition, str] = {"boot": "boot", "A": "root-a", "B": "root-b", "state": "state", "data": "data"}
LABELS: dict[Partition, str] = {
    "boot": "resin-boot",
    "A": "resin-rootA",
    "B": "resin-rootB",
    "state": "resin-state",
    "data": "resin-data",
}
NUMBERS: dict[Table, dict[Partition, int]] = {
    "msdos": {"boot": 1, "A": 2, "B": 3, "state": 5, "data": 6},  # 4 is the extended partition
    "gpt": {"boot": 1, "A": 2, "B": 3, "state": 4, "data": 5},
}
# The smallest that mkfs and the file system's own rules allow, with a little room: FAT16 has at least 4085 clusters,
# FAT32 at least 65525, a cluster being one sector here; an ext4 journal takes 1 MiB, and from 8 MiB on there is a
# second superblock, without which a torn first one is beyond repair.
BOOT_SIZES: dict[Filesystem, int] = {"fat16": 4 * MIB, "fat32": 36 * MIB, "ext4": 12 * MIB}
SIZES: dict[Partition, int] = {"A": 2 * MIB, "B": 2 * MIB, "state": 4 * MIB, "data": 4 * MIB}
GPT_ID = "1AB0D15C-0000-4000-8000-{:012d}"
DISK_ID: dict[Table, str] = {"msdos": "0x1ab0d15c", "gpt": GPT_ID.format(0)}
TYPES: dict[Table, tuple[str, str]] = {"msdos": ("c", "83"), "gpt": ("uefi", "linux")}
"""Of the boot partition, and of the others."""
VOLUME_ID = "1AB0B007"
EPOCH = 1_700_000_000  # the one time everything carries, seconds since 1970
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", **environment(EPOCH)}

DiskError = HalError
"""A tool refused to make, read or write a file system; the text is the tool's own."""


@frozen
class Face:
    """The bytes of a partition, read and written by their place in it."""

    path: Path
    start: int
    length: int

    def read(self, offset: int, size: int) -> bytes:
        with self.path.open("rb") as image:
            image.seek(self.start + offset)
            return image.read(max(0, min(size, self.length - offset)))

    def write(self, offset: int, data: bytes) -> None:
        with self.path.open("r+b") as image:
            image.seek(self.start + offset)
            image.write(data)


@frozen
class Disk:
    """A partitioned disk image; `read` and its like take the partition by name and a path without leading slash."""

    path: Path
    layout: Layout

    @classmethod
    def build(
        cls,
        path: Path,
        *,
        boot: Files | None = None,
        slot_a: Files | None = None,
        slot_b: Files | None = None,
        state: Files | None = None,
        data: Files | None = None,
        boot_filesystem: Filesystem = "fat16",
        table: Table = "msdos",
        sizes: Mapping[Partition, int] | None = None,
    ) -> Disk:
        """A new image with these files in its partitions; sizes in bytes, whole MiB, the smallest unless given."""
        layout = smallest(boot_filesystem, table, {"boot": BOOT_SIZES[boot_filesystem], **SIZES, **(sizes or {})})
        path.unlink(missing_ok=True)
        given = {"boot": boot, "A": slot_a, "B": slot_b, "state": state, "data": data}
        contents = {ROLES[name]: Content(entries=_entries(files or {})) for name, files in given.items()}
        make(layout, contents, path, epoch=EPOCH)
        return cls(path, layout)

    @property
    def table(self) -> Table:
        return "gpt" if self.layout.table is PartitionTable.GPT else "msdos"

    def volume(self, partition: Partition) -> Volume:
        """The partition as the writer has it."""
        return self.layout.volume(ROLES[partition])

    def span(self, partition: Partition) -> tuple[int, int]:
        """Where the partition lies in the image: offset and size in bytes."""
        return self.volume(partition).start, self.volume(partition).size

    def face(self, partition: Partition) -> Face:
        """The partition byte by byte, whatever file system is in it."""
        return Face(self.path, *self.span(partition))

    def number(self, partition: Partition) -> int:
        """The partition's number in the table, counted from 1."""
        return self.volume(partition).number

    def filesystem(self, partition: Partition) -> Filesystem:
        return str(self.volume(partition).filesystem)  # type: ignore[return-value]

    def uuid(self, partition: Partition) -> str:
        """The file system's UUID as `root=UUID=` has it."""
        found = self.volume(partition).uuid
        return found.lower() if self.filesystem(partition) == "ext4" else f"{found[:4]}-{found[4:]}".upper()

    def partuuid(self, partition: Partition) -> str:
        """The partition's UUID as `root=PARTUUID=` has it."""
        found = self.volume(partition).partition_uuid
        return found.lower() if found else f"{self.layout.disk_id[2:]}-{self.number(partition):02x}"

    def read(self, partition: Partition, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        if self.filesystem(partition) != "ext4":
            done = self._mtool(partition, "mcopy", f"::{name}", "-", may_fail=True)
            if done.returncode and b"not found" not in done.stderr:
                raise DiskError(f"mcopy {name}: {done.stderr.decode()}")
            return None if done.returncode else done.stdout
        done = self._debugfs(partition, [f'cat "/{name}"'], expected="File not found")
        return None if _complaints(done) else done.stdout

    def write(self, partition: Partition, name: str, data: bytes) -> None:
        """Puts a file there, in place of one of that name; folders on the way are made."""
        if self.filesystem(partition) == "ext4":
            self._debugfs(partition, [f'rm "/{name}"'], writing=True, expected="rm: File not found")
        # (debugfs damages what it makes a folder over.)
        new = [
            each
            for each in _entries({name: data})
            if each.kind is EntryKind.FILE or not self._has(partition, each.path)
        ]
        medium = Medium(tools=Tools(root=Root(self.path.parent), epoch=EPOCH), disk=self.path.name)
        medium.fill(self.volume(partition), tuple(new))

    def remove(self, partition: Partition, name: str) -> None:
        """Deletes a file that must be there."""
        if self.filesystem(partition) != "ext4":
            self._mtool(partition, "mdel", f"::{name}")
        else:
            self._debugfs(partition, [f'rm "/{name}"'], writing=True)

    def copy(self, to: Path) -> Disk:
        """The same disk in another file; holes stay holes."""
        _tool("cp", "--sparse=always", "--reflink=auto", str(self.path), str(to))
        return Disk(to, self.layout)

    def check(self, partition: Partition) -> None:
        """Lets the file system's own checker look at the partition, changing nothing; DiskError for any complaint."""
        offset, size = self.span(partition)
        if self.filesystem(partition) == "ext4":
            _tool("e2fsck", "-fn", f"{self.path}?offset={offset}")
            return
        with TemporaryDirectory() as folder:
            alone = Path(folder) / "partition"
            with self.path.open("rb") as image:
                image.seek(offset)
                alone.write_bytes(image.read(size))
            _tool("fsck.vfat", "-n", str(alone))

    def label(self, partition: Partition) -> str:
        """The file system's label as it is stored."""
        if self.filesystem(partition) == "ext4":
            shown = self._debugfs(partition, ["show_super_stats -h"]).stdout.decode()
            found = re.search(r"^Filesystem volume name: +(\S+)$", shown, re.MULTILINE)
        else:
            shown = self._mtool(partition, "mlabel", "-s", "::").stdout.decode()
            found = re.search(r"Volume label is (\S+)", shown)
        return found[1] if found else ""

    def _has(self, partition: Partition, folder: str) -> bool:
        if self.filesystem(partition) == "ext4":
            return not _complaints(self._debugfs(partition, [f'stat "/{folder}"'], expected="File not found"))
        return self._mtool(partition, "mdir", "-b", f"::{folder}", may_fail=True).returncode == 0

    def _mtool(self, partition: Partition, tool: str, *words: str, may_fail: bool = False) -> CompletedProcess[bytes]:
        return _tool(tool, "-i", f"{self.path}@@{self.span(partition)[0]}", *words, may_fail=may_fail)

    def _debugfs(
        self,
        partition: Partition,
        commands: list[str],
        *,
        writing: bool = False,
        expected: str | None = None,
    ) -> CompletedProcess[bytes]:
        """Runs debugfs commands; it answers 0 whatever happens, so that only its complaints tell."""
        device = f"{self.path}?offset={self.span(partition)[0]}"
        how = ["-R", commands[0]] if len(commands) == 1 else ["-f", "-"]
        done = _tool("debugfs", *(["-w"] if writing else []), *how, device, stdin="\n".join(commands).encode() + b"\n")
        complaints = [line for line in _complaints(done).splitlines() if expected is None or expected not in line]
        if complaints:
            raise DiskError(f"debugfs {commands}: {complaints}")
        return done


def _complaints(done: CompletedProcess[bytes]) -> str:
    """What debugfs wrote on standard error, without the line that names its version."""
    return "\n".join(line for line in done.stderr.decode(errors="replace").splitlines() if "debugfs 1." not in line)


def smallest(filesystem: Filesystem, table: Table, sizes: Mapping[Partition, int]) -> Layout:
    """Partitions of these sizes, one behind the other, from the first MiB on."""
    volumes: list[Volume] = []
    place, gpt = MIB, table == "gpt"
    for partition, number in NUMBERS[table].items():
        size, kind = sizes[partition], filesystem if partition == "boot" else "ext4"
        if size % MIB:
            raise DiskError(f"{partition}: {size} bytes are not whole MiB")
        if number > 4 and not gpt:
            place += MIB  # the record that heads each logical partition
        volumes.append(
            Volume(
                role=ROLES[partition],
                number=number,
                start=place,
                size=size,
                type=TYPES[table][partition != "boot"],
                label=LABELS[partition],
                filesystem=Kind(kind),
                uuid=GPT_ID.format(number).lower() if kind == "ext4" else VOLUME_ID,
                partition_uuid=GPT_ID.format(100 + number) if gpt else None,
                options=_options(kind, size),
            )
        )
        place += size
    return Layout(
        table=PartitionTable(table),
        disk_id=DISK_ID[table],
        size=place + MIB,  # the last one is for the second GPT
        volumes=tuple(volumes),
        extended=None if gpt else (volumes[3].start - MIB, place),
    )


def _options(filesystem: Filesystem, size: int) -> tuple[str, ...]:
    """What makes a file system as small as it can be."""
    if filesystem != "ext4":
        return ("-F", filesystem[3:], "-s", "1")
    journal = ("has_journal", "-J", "size=1") if size >= 4 * MIB else ("^has_journal",)
    return ("-b", "1024", "-I", "256", "-m", "0", "-N", "64", "-O", "^resize_inode", "-O", *journal)


def _entries(files: Files) -> tuple[Entry, ...]:
    """The files in the order in which they are given, behind the folders that they are in."""
    every = entry.merged([entry.file(name, data) for name, data in files.items()])
    given = {each.path: each for each in every}
    return (*(each for each in every if each.kind is EntryKind.FOLDER), *(given[name] for name in files))


def _tool(*words: str, stdin: bytes = b"", may_fail: bool = False) -> CompletedProcess[bytes]:
    done = run(words, input=stdin, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)
    if done.returncode and not may_fail:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise DiskError(f"{shlex.join(words)} ended with {done.returncode}: {said}")
    return done


def partition_table(disk: Disk) -> dict[str, object]:
    """The table as sfdisk reports it."""
    return json.loads(_tool("sfdisk", "--json", str(disk.path)).stdout)["partitiontable"]
