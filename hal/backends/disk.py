"""Where a partition of the running OS lies: by the links udev keeps for the disk that holds the running root."""

from __future__ import annotations

from attrs import frozen

from hal.errors import FileFault
from hal.record import Record
from hal.root import Root

BOOT_LABELS = ("resin-boot", "balena-boot")
"""Labels of the boot partition."""

_LINKS = "dev/disk/by-state"


@frozen(kw_only=True, repr=False, eq=False)
class Partition(Record):
    """A partition: its name and its disk's below `/dev`, and its decimal number.

    `number` and `disk` are `None` for what is no partition: the open side of an encrypted one.
    """

    name: str
    disk: str | None
    number: int | None


def find(root: Root, *labels: str) -> Partition | None:
    """The partition that carries the first of these labels on the disk of the running root; `None` where none does.

    A GPT name and a file system label count alike. Other disks never count, so a copy of the OS on a USB stick is
    not taken for this one.
    """
    for label in labels:
        link = f"{_LINKS}/{label}"
        node = root.resolve(link)
        if node == root.resolve(link, follow=False):
            continue
        name = node.relative_to(root.resolve("dev")).as_posix()
        number = root.read_value(f"sys/class/block/{name}/partition")
        if number is None or not number.isdecimal() or not name.endswith(number):
            return Partition(name=name, disk=None, number=None)
        disk = name.removesuffix(number)
        if disk.endswith("p") and disk[-2:-1].isdigit():  # nvme0n1p1, but sda1
            disk = disk.removesuffix("p")
        return Partition(name=name, disk=disk, number=int(number))
    return None


def boot_partition(root: Root) -> Partition:
    """The boot partition, which must be a plain one. Raises `FileFault`."""
    found = find(root, *BOOT_LABELS)
    if found is None or found.disk is None:
        what = "no such link" if found is None else f"/dev/{found.name} is no partition"
        link = f"{_LINKS}/{BOOT_LABELS[0]}"
        raise FileFault(f"{link}: {what}, so the disk that this OS runs from is not known", path=link)
    return found
