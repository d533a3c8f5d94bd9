"""A medium as rows: where each partition lies, its number, what it is formatted with and what it is called.

A layout is data. `hal.image.disk.planning` makes that of a device type; the boot lab has smaller ones of its own.
"""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import instance_of

from hal.model import Filesystem, PartitionTable
from hal.record import Record

SECTOR = 512
KIB, MIB = 1 << 10, 1 << 20


@frozen(kw_only=True, repr=False, eq=False)
class Volume(Record):
    """One partition. `start` and `size` are bytes, whole sectors.

    `role` is `boot`, `root-a`, `root-b`, `state` or `data`. `type` is the partition's as sfdisk takes it. `uuid` names
    the file system: eight hexadecimal digits for FAT, a UUID for ext4. `options` are words for the program that formats
    it, behind those that every partition gets. Without `filesystem` it is left empty.
    """

    role: str
    number: int = field(validator=instance_of(int))
    start: int
    size: int
    type: str
    label: str
    filesystem: Filesystem | None
    uuid: str = ""
    partition_uuid: str | None = None
    options: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


@frozen(kw_only=True, repr=False, eq=False)
class Layout(Record):
    """A whole medium of `size` bytes. `disk_id` is eight hexadecimal digits behind `0x` (msdos), or a UUID (gpt).

    `extended` is the start and the end of the extended partition in bytes, which is number 4 of an msdos table and
    holds the partitions from 5 on.
    """

    table: PartitionTable
    disk_id: str
    size: int
    volumes: tuple[Volume, ...]
    extended: tuple[int, int] | None = None

    def volume(self, role: str) -> Volume:
        """The partition of this role. Raises `KeyError`."""
        return {each.role: each for each in self.volumes}[role]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the partitions, in order."""
        return tuple(each.role for each in self.volumes)

    def script(self) -> str:
        """The partition table as sfdisk reads it."""
        gpt = self.table is PartitionTable.GPT
        lines = [f"label: {'gpt' if gpt else 'dos'}", f"label-id: {self.disk_id}", "unit: sectors"]
        if gpt:
            lines.append("first-lba: 34")
        rows = {
            each.number: f"start={each.start // SECTOR}, size={each.size // SECTOR}, type={each.type}"
            + (f', name="{each.label}", uuid={each.partition_uuid}' if gpt else "")
            + (", bootable" if each.role == "boot" and not gpt else "")
            for each in self.volumes
        }
        if self.extended is not None:
            start, end = self.extended
            rows[4] = f"start={start // SECTOR}, size={(end - start) // SECTOR}, type=f"
        lines += [f"{number} : {rows[number]}" for number in sorted(rows)]
        return "\n".join(lines) + "\n"
