"""Where a partition lies: by udev's links for the disk of the running root."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.backends import disk
from hal.backends.disk import Partition
from hal.errors import FileFault
from hal.root import Root


def tree(folder: Path, label: str, node: str | None, number: str | None) -> Root:
    links = folder / "dev/disk/by-state"
    links.mkdir(parents=True)
    if node is not None:
        (links / label).symlink_to(node)
        if number is not None:
            block = folder / "sys/class/block" / Path(node).name
            block.mkdir(parents=True)
            (block / "partition").write_text(number)
    return Root(folder)


@pytest.mark.parametrize(
    ("node", "number", "found"),
    [
        ("/dev/sda1", "1\n", ("sda1", "sda", 1)),
        ("../../sda12", "12\n", ("sda12", "sda", 12)),
        ("/dev/nvme0n1p14", "14\n", ("nvme0n1p14", "nvme0n1", 14)),
        ("/dev/mmcblk1p1", "1\n", ("mmcblk1p1", "mmcblk1", 1)),
        ("/dev/md127p1", "1\n", ("md127p1", "md127", 1)),
        ("/dev/sdp1", "1\n", ("sdp1", "sdp", 1)),
        ("/dev/mapper/resin-boot", None, ("mapper/resin-boot", None, None)),
        ("/dev/dm-0", None, ("dm-0", None, None)),
        ("/dev/sda1", "2\n", ("sda1", None, None)),
        ("/dev/sda1", "junk\n", ("sda1", None, None)),
        ("/dev/sda1", "\n", ("sda1", None, None)),
    ],
)
def test_a_partition_is_named_with_its_disk(
    node: str, number: str | None, found: tuple[str, str | None, int | None], tmp_path: Path
) -> None:
    root = tree(tmp_path, "resin-boot", node, number)
    partition = Partition(name=found[0], disk=found[1], number=found[2])
    assert disk.find(root, "resin-boot") == partition
    if found[1] is None:
        with pytest.raises(FileFault, match="is no partition"):
            disk.boot_partition(root)
    else:
        assert disk.boot_partition(root) == partition


def test_either_label_counts_and_another_does_not(tmp_path: Path) -> None:
    root = tree(tmp_path, "balena-boot", "/dev/sda1", "1\n")
    assert disk.boot_partition(root).name == "sda1"
    assert disk.find(root, "flash-boot") is None


def test_no_link_is_no_partition(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="no such link"):
        disk.boot_partition(tree(tmp_path, "", None, None))
