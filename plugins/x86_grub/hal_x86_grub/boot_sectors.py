"""GRUB's boot sectors on a PC with BIOS: boot.img in the MBR, and core.img in the gap before the first partition.

boot.img loads one sector, whose number it holds, and jumps there; that sector is the first of core.img and says where
the rest lies. So the MBR decides which core boots, and it is one sector. A new core is written where the running one is
not, flushed and read back; then the MBR is pointed at it. A power cut leaves the old pair or the new one. balenaOS's
own hook knows sector 1 only, and overwrites what is there: running it later is still correct, as it then writes both.

Of the MBR only the first 440 bytes are written: behind them are the disk's signature, of which Linux makes the UUIDs
of the partitions, and the partition table.

Sources: GRUB 2.12 (boot.S, diskboot.S, include/grub/i386/pc/boot.h), meta-balena 8.0.2 (99-resin-grub).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from hal.backends.bootloader.boot_sectors import (
    CODE,
    END_MARK,
    LIST,
    LOADS,
    SECTOR,
    at,
    boot_code,
    core_image,
    pointing_at,
    sectors,
)
from hal.backends.changes import Change, perform
from hal.backends.disk import boot_partition
from hal.backends.efi_variables import booted_by_efi
from hal.errors import ValueRefused
from hal.model import Update, UpdatePhase, UpdateStep
from hal.root import Root

NAME = "98-boot-sectors"
SOURCE = "resin-boot/grub"
LARGEST = 2 * 1024 * 1024
_TABLE, _ENTRY = 0x1BE, 16
"""In the MBR: the partition table of 4 entries."""
_GPT = 0xEE


def step(root: Root) -> UpdateStep:
    """The step for device types whose image boots with BIOS."""

    def run(update: Update) -> tuple[str, ...]:
        return () if booted_by_efi(root) else perform(update, _changes(root, update))

    return UpdateStep(name=NAME, phase=UpdatePhase.FORWARD, purpose="with BIOS, write GRUB's boot sectors", run=run)


def _changes(root: Root, update: Update) -> Iterator[Change]:
    folder = f"{update.source}/{SOURCE}".lstrip("/")
    code = boot_code(root.read_bytes(f"{folder}/boot.img"), f"{folder}/boot.img")
    core = core_image(root.read_bytes(f"{folder}/core.img", limit=LARGEST), f"{folder}/core.img")
    name = boot_partition(root).disk
    disk = f"dev/{name}"
    size = root.read_value(f"sys/block/{name}/queue/logical_block_size")
    if size not in (None, str(SECTOR)):
        raise ValueRefused(f"{disk}: sectors of {size} bytes; GRUB's boot sectors are {SECTOR}", path=disk)
    gap = first_partition(root.span(disk, 0, 2 * SECTOR), disk)
    running = _loaded(root, disk, gap)
    place = _place(running, gap, sectors(core), disk)
    if running is not None and root.span(disk, running[0] * SECTOR, len(core)) == at(core, running[0]):
        place = running[0]
    wanted = at(core, place)
    if root.span(disk, place * SECTOR, len(wanted)) != wanted:
        write = partial(root.patch, disk, place * SECTOR, wanted)
        yield Change("GRUB's core.img", f"written to {name} at sector {place}", write)
    start = pointing_at(code, place)
    if root.span(disk, 0, CODE) != start:
        yield Change(
            "GRUB's boot.img", f"written to {name}, to load sector {place}", partial(root.patch, disk, 0, start)
        )


# -- what is on the disk -----------------------------------------------------------------------------------------------


def first_partition(start: bytes, disk: str) -> int:
    """The sector in which the first partition begins. Raises `ValueRefused` for a disk that is not an MBR one."""
    if start[END_MARK:SECTOR] != b"\x55\xaa":
        raise ValueRefused(f"{disk}: has no partition table, so where it may be written is not known", path=disk)
    entries = [start[_TABLE + index * _ENTRY :][:_ENTRY] for index in range(4)]
    if start[SECTOR : SECTOR + 8] == b"EFI PART" or any(entry[4] == _GPT for entry in entries):
        raise ValueRefused(f"{disk}: has a GPT, which begins in sector 1 where GRUB's core.img would be", path=disk)
    begins: list[tuple[int, int]] = [struct.unpack_from("<II", entry, 8) for entry in entries if entry[4]]
    found = [begin for begin, length in begins if length]
    if not found:
        raise ValueRefused(f"{disk}: its partition table is empty, so where it may be written is not known", path=disk)
    return min(found)


def _loaded(root: Root, disk: str, gap: int) -> tuple[int, int] | None:
    """First sector of the core that boots now, and the one behind its last; `None` where it is none of GRUB's."""
    (place,) = struct.unpack_from("<Q", root.span(disk, 0, SECTOR), LOADS)
    if not 0 < place < gap:
        return None
    first = root.span(disk, place * SECTOR, SECTOR)
    if len(first) < SECTOR:
        return None
    begin, length = struct.unpack_from("<QH", first, LIST)
    if begin != place + 1 or not length:
        return None
    return place, place + 1 + length


def _place(running: tuple[int, int] | None, gap: int, length: int, disk: str) -> int:
    """Where a new core goes: sector 1 or the middle of the gap, whichever the running one leaves free."""
    for place in (1, gap // 2):
        end = place + length
        if end <= gap and (running is None or end <= running[0] or running[1] <= place):
            return place
    raise ValueRefused(
        f"{disk}: no room for {length} sectors of core.img beside the running one, as partitions begin at {gap}",
        path=disk,
    )
