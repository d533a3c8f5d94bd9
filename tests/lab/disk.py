"""A disk as balenaOS lays it out, in a sparse file, made and looked into without root rights and without mounting.

The same files make the same image, byte for byte: identifiers and times are fixed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess, run
from tempfile import TemporaryDirectory
from typing import Literal

from attrs import frozen

Partition = Literal["boot", "A", "B", "state", "data"]
Filesystem = Literal["fat16", "fat32", "ext4"]
Table = Literal["msdos", "gpt"]
Files = Mapping[str, bytes]

MIB = 1 << 20
SECTOR = 512
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
VOLUME_ID = "1AB0B007"
EPOCH = 1_700_000_000  # the one time everything carries, seconds since 1970
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "E2FSPROGS_FAKE_TIME": str(EPOCH),
    "MTOOLS_SKIP_CHECK": "1",
}


class DiskError(Exception):
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
    """A partitioned disk image; `read` and its like take the partition by role and a path without leading slash."""

    path: Path
    boot_filesystem: Filesystem
    table: Table
    spans: Mapping[Partition, tuple[int, int]]

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
        wanted = {"boot": BOOT_SIZES[boot_filesystem], **SIZES, **(sizes or {})}
        spans: dict[Partition, tuple[int, int]] = {}
        place = MIB
        for partition in NUMBERS[table]:
            if wanted[partition] % MIB:
                raise DiskError(f"{partition}: {wanted[partition]} bytes are not whole MiB")
            if table == "msdos" and partition in ("state", "data"):
                place += MIB  # the record that heads each logical partition
            spans[partition] = (place, wanted[partition])
            place += wanted[partition]
        path.unlink(missing_ok=True)
        with path.open("xb") as image:
            image.truncate(place + MIB)  # the last one is for the second GPT
        disk = cls(path, boot_filesystem, table, spans)
        _tool("sfdisk", "--quiet", str(path), stdin=_layout(table, spans).encode())
        given = {"boot": boot, "A": slot_a, "B": slot_b, "state": state, "data": data}
        for partition in spans:
            disk._format(partition)
            disk._fill(partition, given[partition] or {})
        return disk

    def span(self, partition: Partition) -> tuple[int, int]:
        """Where the partition lies in the image: offset and size in bytes."""
        return self.spans[partition]

    def face(self, partition: Partition) -> Face:
        """The partition byte by byte, whatever file system is in it."""
        return Face(self.path, *self.span(partition))

    def number(self, partition: Partition) -> int:
        """The partition's number in the table, counted from 1."""
        return NUMBERS[self.table][partition]

    def filesystem(self, partition: Partition) -> Filesystem:
        return self.boot_filesystem if partition == "boot" else "ext4"

    def uuid(self, partition: Partition) -> str:
        """The file system's UUID as `root=UUID=` has it."""
        if self.filesystem(partition) == "ext4":
            return GPT_ID.format(self.number(partition)).lower()
        return f"{VOLUME_ID[:4]}-{VOLUME_ID[4:]}"

    def partuuid(self, partition: Partition) -> str:
        """The partition's UUID as `root=PARTUUID=` has it."""
        number = self.number(partition)
        return f"1ab0d15c-{number:02x}" if self.table == "msdos" else GPT_ID.format(100 + number).lower()

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
        self._fill(partition, {name: data})

    def remove(self, partition: Partition, name: str) -> None:
        """Deletes a file that must be there."""
        if self.filesystem(partition) != "ext4":
            self._mtool(partition, "mdel", f"::{name}")
        else:
            self._debugfs(partition, [f'rm "/{name}"'], writing=True)

    def copy(self, to: Path) -> Disk:
        """The same disk in another file; holes stay holes."""
        _tool("cp", "--sparse=always", "--reflink=auto", str(self.path), str(to))
        return Disk(to, self.boot_filesystem, self.table, self.spans)

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

    def _format(self, partition: Partition) -> None:
        offset, size = self.span(partition)
        if self.filesystem(partition) == "ext4":
            journal = ("has_journal", "-J", "size=1") if size >= 4 * MIB else ("^has_journal",)
            uuid = self.uuid(partition)
            _tool(
                *("mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-I", "256", "-m", "0", "-L", LABELS[partition]),
                *("-N", "64", "-O", "^resize_inode,^metadata_csum_seed,^orphan_file", "-O", *journal),
                *("-U", uuid, "-E", f"offset={offset},hash_seed={uuid},root_owner=0:0,lazy_itable_init=0"),
                *(str(self.path), f"{size // 1024}k"),
            )
            return
        _tool(
            *(
                "mkfs.vfat",
                "--invariant",
                "-F",
                self.boot_filesystem[3:],
                "-s",
                "1",
                "-S",
                str(SECTOR),
                "-i",
                VOLUME_ID,
            ),
            *("-n", LABELS[partition], "--offset", str(offset // SECTOR), str(self.path), str(size // 1024)),
        )

    def _fill(self, partition: Partition, files: Files) -> None:
        """Writes these files and the folders they are in. (debugfs damages what it makes a folder over.)"""
        if not files:
            return
        folders = sorted({parent for name in files for parent in map(str, Path(name).parents) if parent != "."})
        folders = [folder for folder in folders if not self._has(partition, folder)]
        with TemporaryDirectory() as source:
            contents = {name: str(Path(source) / str(count)) for count, name in enumerate(files)}
            for name, data in files.items():
                Path(contents[name]).write_bytes(data)
                os.utime(contents[name], (EPOCH, EPOCH))
            if self.filesystem(partition) == "ext4":
                script = [f'mkdir "/{folder}"' for folder in folders]
                for name in files:
                    script += [f'rm "/{name}"', f'write {contents[name]} "/{name}"']
                self._debugfs(partition, script, writing=True, expected="rm: File not found")
                return
            if folders:
                self._mtool(partition, "mmd", *[f"::{folder}" for folder in folders])
            for name in files:
                self._mtool(partition, "mcopy", "-o", "-m", contents[name], f"::{name}")

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


def _layout(table: Table, spans: Mapping[Partition, tuple[int, int]]) -> str:
    """The partition table as sfdisk reads it."""
    lines = [f"label: {'dos' if table == 'msdos' else 'gpt'}", f"label-id: {DISK_ID[table]}", "unit: sectors"]
    for partition, (offset, size) in spans.items():
        number = NUMBERS[table][partition]
        line = f"{number} : start={offset // SECTOR}, size={size // SECTOR}"
        if table == "gpt":
            kind = "uefi" if partition == "boot" else "linux"
            line += f', type={kind}, name="{LABELS[partition]}", uuid={GPT_ID.format(100 + number)}'
        else:
            line += ", type=c, bootable" if partition == "boot" else ", type=83"
        if table == "msdos" and partition == "state":
            end = sum(spans["data"])
            lines.append(f"4 : start={(offset - MIB) // SECTOR}, size={(end - offset + MIB) // SECTOR}, type=f")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _tool(*words: str, stdin: bytes = b"", may_fail: bool = False) -> CompletedProcess[bytes]:
    done = run(words, input=stdin, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)
    if done.returncode and not may_fail:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise DiskError(f"{shlex.join(words)} ended with {done.returncode}: {said}")
    return done


def partition_table(disk: Disk) -> dict[str, object]:
    """The table as sfdisk reports it."""
    return json.loads(_tool("sfdisk", "--json", str(disk.path)).stdout)["partitiontable"]
