"""The lab's disks: what is put in comes out, by other programs too, and every file system's own checker is content."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from lab.disk import BOOT_SIZES, LABELS, MIB, NUMBERS, Disk, DiskError, Filesystem, Table, partition_table

LAYOUTS = [
    ("fat16", "msdos"),
    ("fat32", "msdos"),
    ("ext4", "msdos"),
    ("fat16", "gpt"),
    ("fat32", "gpt"),
    ("ext4", "gpt"),
]
BOOT = {
    "resinOS_uEnv.txt": b"resin_root_part=2\nupgrade_available=0\n",
    "EFI/BOOT/grubenv": b"# GRUB Environment Block\n".ljust(1024, b"#"),
    "EFI/BOOT/empty": b"",
    "bytes": bytes(range(256)) * 40,
}


def build(path: Path, filesystem: Filesystem = "fat16", table: Table = "msdos") -> Disk:
    kernels = ({"boot/bzImage": b"kernel of " + slot} for slot in (b"A", b"B"))
    return Disk.build(
        *(path,),
        **{"boot": BOOT, "slot_a": next(kernels), "slot_b": next(kernels), "state": {"root/marker": b"state"}},
        **{"boot_filesystem": filesystem, "table": table},
    )


@pytest.mark.parametrize(("filesystem", "table"), LAYOUTS)
def test_a_disk_is_laid_out_as_balenaos_lays_it_out(tmp_path: Path, filesystem: Filesystem, table: Table) -> None:
    disk = build(tmp_path / "disk", filesystem, table)
    for partition, label in LABELS.items():
        disk.check(partition)
        assert disk.label(partition) == label
    for name, data in BOOT.items():
        assert disk.read("boot", name) == data
    assert disk.read("A", "boot/bzImage") == b"kernel of A"
    assert disk.read("B", "boot/bzImage") == b"kernel of B"
    assert disk.read("state", "root/marker") == b"state"
    assert [disk.read(partition, "boot/none") for partition in LABELS] == [None] * 5

    reported = partition_table(disk)
    assert reported["label"] == {"msdos": "dos", "gpt": "gpt"}[table]
    found = {int(row["node"].removeprefix(str(disk.path))): row for row in reported["partitions"]}
    assert sorted(found) == sorted([*NUMBERS[table].values(), *([4] if table == "msdos" else [])])
    for partition, number in NUMBERS[table].items():
        assert (found[number]["start"] * 512, found[number]["size"] * 512) == disk.span(partition)
        assert found[number].get("name") == (LABELS[partition] if table == "gpt" else None)
    assert disk.span("boot") == (MIB, BOOT_SIZES[filesystem])


@pytest.mark.parametrize("filesystem", ["fat16", "fat32"])
def test_fat_has_the_width_that_was_asked_for(tmp_path: Path, filesystem: Filesystem) -> None:
    disk = build(tmp_path / "disk", filesystem)
    sector = disk.path.read_bytes()[MIB:][:512]
    assert sector[13] == 1, "sectors to a cluster"
    # Which width a FAT has follows from its number of clusters alone; the name is for people.
    clusters = disk.span("boot")[1] // 512
    assert (clusters >= 65525) == (filesystem == "fat32")
    assert (sector[54:62], sector[82:90]).count(f"{filesystem.upper():8}".encode()) == 1


@pytest.mark.parametrize("partition", ["boot", "A"])
@pytest.mark.parametrize("filesystem", ["fat16", "ext4"])
def test_files_change_and_go(tmp_path: Path, filesystem: Filesystem, partition: str) -> None:
    disk = build(tmp_path / "disk", filesystem)
    before = {name: disk.read(partition, name) for name in ("boot/bzImage", "EFI/BOOT/grubenv", "bytes")}
    for data in (b"one", b"two, and longer than a cluster" * 100, b""):
        disk.write(partition, "boot/deep/er/new", data)
        disk.write(partition, "new", data)
        assert disk.read(partition, "boot/deep/er/new") == disk.read(partition, "new") == data
        disk.check(partition)
    disk.remove(partition, "new")
    assert disk.read(partition, "new") is None
    assert disk.read(partition, "boot/deep/er/new") == b""
    assert {name: disk.read(partition, name) for name in before} == before
    disk.check(partition)
    with pytest.raises(DiskError, match=r"not found"):
        disk.remove(partition, "new")


@pytest.mark.parametrize(("filesystem", "table"), [("fat16", "msdos"), ("ext4", "gpt")])
def test_the_same_files_make_the_same_image(tmp_path: Path, filesystem: Filesystem, table: Table) -> None:
    images = [build(tmp_path / name, filesystem, table).path.read_bytes() for name in ("first", "second")]
    assert sha256(images[0]).digest() == sha256(images[1]).digest()


def test_a_copy_is_equal_sparse_and_apart(tmp_path: Path) -> None:
    disk = build(tmp_path / "disk", "fat32")
    copy = disk.copy(tmp_path / "copy")
    assert copy.path.read_bytes() == disk.path.read_bytes()
    assert copy.path.stat().st_blocks * 512 < copy.path.stat().st_size / 4
    copy.write("boot", "resinOS_uEnv.txt", b"changed")
    copy.write("B", "boot/bzImage", b"changed")
    assert disk.read("boot", "resinOS_uEnv.txt") == BOOT["resinOS_uEnv.txt"]
    assert disk.read("B", "boot/bzImage") == b"kernel of B"


@pytest.mark.parametrize("partition", ["boot", "A"])
def test_damage_is_noticed(tmp_path: Path, partition: str) -> None:
    disk = build(tmp_path / "disk")
    with disk.path.open("r+b") as image:
        image.seek(disk.span(partition)[0] + (512 if partition == "boot" else 1024))
        image.write(b"\xa5" * 64)  # the first FAT; the superblock
    with pytest.raises(DiskError):
        disk.check(partition)


def test_an_odd_size_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"A: 1049600 bytes are not whole MiB"):
        Disk.build(tmp_path / "disk", sizes={"A": MIB + 1024})
    assert not (tmp_path / "disk").exists()


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    for partition in ("slot_a", "boot"):
        with pytest.raises(DiskError):
            Disk.build(tmp_path / "disk", **{partition: {"big": b"\xa5" * (5 * MIB)}})
