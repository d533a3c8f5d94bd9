"""Which slot is running, and what is in each: read from what the kernel tells, never from the state file."""

from __future__ import annotations

from typing import NamedTuple

from hal.errors import FileFault
from hal.model import DeviceType, Slot
from hal.root import Root

MOUNTS = {True: "mnt/sysroot/active", False: "mnt/sysroot/inactive"}
"""Where balenaOS mounts the running root file system, and the other one."""

LABELS = {f"{maker}-root{slot}": slot for maker in ("resin", "balena") for slot in Slot}
"""File system labels, on GPT partition names too."""


class Running(NamedTuple):
    """The running slot, `None` where nothing tells, and what tells it or why nothing does."""

    slot: Slot | None
    evidence: str


def running(root: Root, device_type: DeviceType) -> Running:
    """The slot mounted as the root file system.

    In order: the source of the mount `/mnt/sysroot/active`, then `root=` of the kernel command line. A device is told
    by its label, then by its partition number in the table of the device type.
    """
    source = mounted(root, MOUNTS[True])
    tried = []
    if source is not None:
        slot = _of_device(root, device_type, source)
        if slot:
            return Running(slot, f"{source} is mounted on /{MOUNTS[True]}")
        tried.append(f"{source}, mounted on /{MOUNTS[True]}, is no slot's")
    argument = root_argument(root)
    if argument is not None:
        slot = _of_argument(root, device_type, argument)
        if slot:
            return Running(slot, f"the kernel was started with root={argument}")
        tried.append(f"root={argument} names no slot")
    return Running(None, "; ".join(tried) or "no mount and no kernel argument tells")


def mounted(root: Root, folder: str) -> str | None:
    """The device mounted on a folder, as `/proc/self/mountinfo` tells."""
    table = root.read_value("proc/self/mountinfo") or ""
    for line in table.splitlines():
        words, dash, rest = line.partition(" - ")
        fields, source = words.split(" "), rest.split(" ")
        if dash and len(fields) > 4 and fields[4] == f"/{folder}" and len(source) > 1:
            return source[1]
    return None


def root_argument(root: Root) -> str | None:
    """What follows `root=` on the kernel command line; the last one counts, as for the kernel."""
    words = (root.read_value("proc/cmdline") or "").split()
    found = [word.removeprefix("root=") for word in words if word.startswith("root=")]
    return found[-1] if found else None


def kernel(root: Root, device_type: DeviceType, slot: Slot, running_slot: Slot | None) -> bool | None:
    """Whether the root file system of a slot holds the kernel; `None` where it is not mounted or not known."""
    if device_type.kernel_image is None or running_slot is None:
        return None
    folder = MOUNTS[slot is running_slot]
    try:
        if not root.listdir(folder):
            return None
        places = (f"{folder}/boot", f"{folder}/current/boot")
        return any(root.is_file(f"{place}/{device_type.kernel_image}") for place in places)
    except FileFault:
        return None


def _of_device(root: Root, device_type: DeviceType, source: str) -> Slot | None:
    """The slot of a device node: by the links udev makes for labels, else by its partition number."""
    for folder in ("dev/disk/by-label", "dev/disk/by-partlabel", "dev/disk/by-state"):
        for label, slot in LABELS.items():
            if source in (f"/{folder}/{label}", _link(root, f"{folder}/{label}")):
                return slot
    name = source.removeprefix("/dev/")
    if name.startswith("mapper/"):
        name = (_link(root, f"dev/{name}") or source).removeprefix("/dev/")
    block = f"sys/class/block/{name}"
    for slave in (*root.listdir(f"{block}/slaves"), None):
        number = root.read_value(f"{block}/slaves/{slave}/partition" if slave else f"{block}/partition")
        found = _of_partition(device_type, number)
        if found:
            return found
    return None


def _of_partition(device_type: DeviceType, number: str | None) -> Slot | None:
    table = device_type.partitions
    if table is None or number is None:
        return None
    layouts = [layout for layout in (table, table.luks) if layout is not None]
    found = {
        slot
        for layout in layouts
        for slot, partition in ((Slot.A, layout.root_a), (Slot.B, layout.root_b))
        if str(partition) == number
    }
    # The encrypted layout of a device type shifts the numbers, so one may be A here and B there.
    return found.pop() if len(found) == 1 else None


def _of_argument(root: Root, device_type: DeviceType, argument: str) -> Slot | None:
    for prefix, folder in (("LABEL=", None), ("PARTLABEL=", None), ("UUID=", "by-uuid"), ("PARTUUID=", "by-partuuid")):
        if argument.startswith(prefix):
            value = argument.removeprefix(prefix).strip('"')
            if folder is None:
                return LABELS.get(value)
            device = _link(root, f"dev/disk/{folder}/{value}")
            return _of_device(root, device_type, device) if device else None
    return _of_device(root, device_type, argument) if argument.startswith("/dev/") else None


def _link(root: Root, name: str) -> str | None:
    """The `/dev` name a link of udev leads to, whether or not there is such a node in this tree."""
    try:
        path = root.resolve(name)
        if path == root.resolve(name, follow=False):
            return None
        return "/" + str(path.relative_to(root.directory))
    except (FileFault, ValueError):
        return None
