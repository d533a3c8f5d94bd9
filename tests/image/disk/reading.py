"""A disk read back by the tools that did not make it, or that are told nothing of how it was made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import run

from lab.disk import Disk

from hal.image.disk.layout import Layout

PARTITIONS = ("boot", "A", "B", "state", "data")


def table(path: Path) -> dict[str, object]:
    """The partition table as sfdisk reads it: label, id, and of each number its start, size in KiB, type and name."""
    told = json.loads(run(["sfdisk", "--json", path], check=True, capture_output=True).stdout)["partitiontable"]
    rows = {
        int(row["node"].removeprefix(str(path))): (
            row["start"] / 2,
            row["size"] / 2,
            row["type"],
            row.get("name", "*" if row.get("bootable") else ""),
        )
        for row in told["partitions"]
    }
    return {"label": told["label"], "id": told["id"], "rows": rows}


def sound(path: Path, layout: Layout) -> None:
    """Every file system's own checker is content, and its label and UUID are those of the layout."""
    disk = Disk(path, layout)
    for partition in PARTITIONS:
        volume = disk.volume(partition)
        if volume.filesystem is not None:
            disk.check(partition)
            assert disk.label(partition) == volume.label
            words = ["blkid", "-p", "-O", str(volume.start), "-S", str(volume.size), "-o", "export", str(path)]
            found = run(words, check=True, capture_output=True, text=True).stdout
            assert f"UUID={disk.uuid(partition)}\n" in found


def stat(disk: Disk, partition: str, name: str) -> dict[str, str]:
    """What debugfs says about a file of an ext4 partition."""
    device = f"{disk.path}?offset={disk.span(partition)[0]}"
    told = run(["debugfs", "-R", f'stat "/{name}"', device], check=True, capture_output=True, text=True).stdout
    found = dict(re.findall(r"(Type|Mode|User|Group|Links|Fast link dest|Device major/minor number): +(\S+)", told))
    found["times"] = " ".join(sorted(set(re.findall(r"time: 0x(\w+)", told))))
    return found


def names(disk: Disk) -> set[str]:
    """Every file of a FAT boot partition."""
    words = ["mdir", "-/", "-b", "-i", f"{disk.path}@@{disk.span('boot')[0]}", "::"]
    told = run(words, check=True, capture_output=True, text=True).stdout
    return {line.removeprefix("::/") for line in told.splitlines() if not line.endswith("/")}
