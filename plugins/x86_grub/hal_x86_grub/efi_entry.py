"""The firmware's boot entry of balenaOS on a PC or ARM machine with UEFI: exactly one, for this disk's boot partition.

Some firmware forgets entries, or finds no disk without one. A missing entry is created before those that do not fit
are deleted, so at no time is there none. On an encrypted disk nothing is touched: the TPM has measured the boot order.
An old kernel in the boot partition is deleted where GRUB reads kernels from the root file systems.

The MBR's code, which one of balenaOS's hooks clears here, is left alone: with UEFI nothing runs it.

Sources: balena-generic 8.0.0+rev4 and balena-intel 7.9.3+rev3 (999-resin-boot-cleaner), efibootmgr 17 and 18.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from hal.backends import disk
from hal.backends.changes import Change, perform
from hal.backends.efi_variables import booted_by_efi
from hal.errors import ProgramFault
from hal.model import Arch, DeviceType, Update, UpdateStep, UpdateStepFact
from hal.root import Root

NAME = "999-resin-boot-cleaner"
LABEL = "balenaOS"
OURS = ("balenaOS", "resinOS")
"""Labels that balenaOS gives or gave its entry."""
LOADERS = {Arch.AMD64: "\\EFI\\BOOT\\bootx64.efi", Arch.AARCH64: "\\EFI\\BOOT\\bootaa64.efi"}
WITH_ENTRY = ("balena-intel", "balena-generic")
"""Repositories whose OS keeps a boot entry; that of UP boards only deletes the kernel."""
SECONDS = 30.0
_OLD_KERNEL = "mnt/boot/vmlinuz"
_CONFIGURATIONS = ("mnt/boot/EFI/BOOT/grub.cfg", "mnt/boot/grub/grub.cfg")
_ENTRY = re.compile(r"Boot([0-9A-Fa-f]{4})[* ] *(.*)")
_DISK = re.compile(r"HD\((\d+),(?:GPT|MBR),(?:0x)?([0-9A-Fa-f-]+)", re.IGNORECASE)


class Entry(NamedTuple):
    """An entry: its four hex digits, its label, and the device path that follows."""

    number: str
    label: str
    path: str


def step(fact: UpdateStepFact, device_type: DeviceType, root: Root) -> UpdateStep:
    """The step that the row names."""

    def run(update: Update) -> tuple[str, ...]:
        # As in balenaOS: an OS that is put back changes neither.
        return () if update.recovering else perform(update, _changes(root, device_type, update))

    purpose = "delete an old kernel from the boot partition; with EFI, keep one boot entry unless the disk is encrypted"
    return UpdateStep(name=fact.name, phase=fact.phase, purpose=purpose, run=run)


def _changes(root: Root, device_type: DeviceType, update: Update) -> Iterator[Change]:
    kernel = f"{update.source}/boot/{device_type.kernel_image}".lstrip("/")
    if root.is_file(_OLD_KERNEL) and root.is_file(kernel) and _kernel_is_in_root(root):
        yield Change(_OLD_KERNEL, "removed", lambda: root.remove(_OLD_KERNEL))
    loader = LOADERS.get(device_type.arch) if device_type.arch else None
    kept = device_type.repository in WITH_ENTRY
    if loader is None or not kept or not booted_by_efi(root) or root.which("efibootmgr") is None:
        return
    boot = disk.find(root, *disk.BOOT_LABELS)
    if boot is None or boot.disk is None or boot.number is None or disk.find(root, "balena-efi") is not None:
        return
    found = entries(root)
    fitting = [entry for entry in found if entry.label == LABEL and _fits(root, entry, boot, loader)]
    if not fitting:
        words = ("-c", "-d", f"/dev/{boot.disk}", "-p", str(boot.number), "-L", LABEL, "-l", loader)
        yield Change(f"the boot entry {LABEL}", f"created for {loader} on {boot.name}", partial(_create, root, words))
    for entry in found:
        if entry.label in OURS and entry not in fitting[:1]:
            delete = partial(_run, root, "-B", "-b", entry.number)
            yield Change(f"the boot entry {entry.number} ({entry.label})", "deleted", delete)


def entries(root: Root) -> tuple[Entry, ...]:
    """All boot entries. Their numbers are hex, with letters from the tenth on."""
    lines = (_ENTRY.fullmatch(line.rstrip()) for line in _run(root, "-v").splitlines())
    return tuple(
        Entry(match[1].upper(), *(part.strip() for part in _split(match[2]))) for match in lines if match is not None
    )


def _split(text: str) -> tuple[str, str]:
    """Label and device path; a tab is between them."""
    label, _, path = text.partition("\t")
    return label, path


def _fits(root: Root, entry: Entry, boot: disk.Partition, loader: str) -> bool:
    """Whether an entry starts this loader from this partition, by its number and, where udev tells it, its UUID."""
    match = _DISK.search(entry.path)
    if match is None or loader.casefold() not in entry.path.casefold() or int(match[1]) != boot.number:
        return False
    node = root.resolve(f"dev/{boot.name}")
    folder = "dev/disk/by-partuuid"
    known = [name for name in root.listdir(folder) if root.resolve(f"{folder}/{name}") == node]
    # On an MBR disk the UUID is its signature in 8 digits and the partition's number; the path has the number it is.
    spellings = {text.casefold().lstrip("0") for name in known for text in (name, name.rpartition("-")[0])}
    return not known or match[2].casefold().lstrip("0") in spellings


def _kernel_is_in_root(root: Root) -> bool:
    """Whether GRUB's configuration looks for a root file system, where newer ones hold the kernel."""
    found = [name for name in _CONFIGURATIONS if root.is_file(name)]
    return bool(found) and all(re.search(rb"search (--set[= ]root|.*--set root)", root.read_bytes(n)) for n in found)


def _create(root: Root, words: tuple[str, ...]) -> None:
    before = {entry.number for entry in entries(root)}
    _run(root, *words)
    if not any(entry.label == LABEL for entry in entries(root) if entry.number not in before):
        raise ProgramFault(f"efibootmgr: created no entry {LABEL}, so the others were kept", path="efibootmgr")


def _run(root: Root, *words: str) -> str:
    return root.run(["efibootmgr", *words], timeout_seconds=SECONDS).stdout
