"""In which order boot files are written: what nothing refers to first, what selects last, in the least room."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from attrs import frozen

from hal.backends.boot_partition import whole
from hal.record import Record
from hal.stdlib import StrEnum

_RANKS = {
    1: (
        *("*.efi", "*.secureboot", "core.img", "u-boot*", "mlo", "tiboot3*", "tispl*", "sysfw*", "bootcode.bin"),
        *("start*.elf", "bzimage*", "zimage*", "image", "image.gz", "vmlinuz*"),
    ),
    2: ("kernel*.img", "boot.img"),
    3: ("grub.cfg", "grub-luks.cfg", "boot.scr", "extlinux.conf"),
}
"""Base names in small letters: loaders, first stages, what selects. Everything else is a part, of rank 0."""


class Why(StrEnum):
    """Why a file is written."""

    NEW = "new"
    CHANGED = "changed"
    FINISHED = "an interrupted write of fatrw is finished"


@frozen(kw_only=True, repr=False, eq=False)
class FileWrite(Record):
    """A file that gets the content of `source`, both below the root. Sizes in bytes; `old_size` is 0 where it is new.

    `removes` are files that this one stands for once it is written.
    """

    mount: str
    name: str
    source: str
    why: Why
    size: int
    old_size: int
    removes: tuple[str, ...] = ()


def rank(write: FileWrite) -> int:
    """When a file is written: finished journals, parts, loaders, first stages, what selects."""
    if write.why is Why.FINISHED:
        return -1
    base = _partner(write.name.rpartition("/")[2].lower())
    return next((rank for rank, patterns in _RANKS.items() if any(fnmatchcase(base, each) for each in patterns)), 0)


def _partner(base: str) -> str:
    """The file with which this one must be written: what a signature signs, the start file of a fixup file."""
    if base == "boot.sig":
        return "boot.img"
    base = base.removesuffix(".sig")
    return f"start{base[5:-4]}.elf" if base.startswith("fixup") and base.endswith(".dat") else base


def arranged(writes: Iterable[FileWrite], cluster: int) -> tuple[FileWrite, ...]:
    """The writes by rank, pairs together, and within a rank in the order whose worst moment needs the least room.

    That is: what shrinks first, the smallest temporary file first; then what grows, the largest old file first.
    """
    pairs: dict[str, list[FileWrite]] = {}
    for write in sorted(writes, key=lambda each: each.name):
        folder, _, base = write.name.rpartition("/")
        pairs.setdefault(f"{folder}/{_partner(base.lower())}", []).append(write)

    def turn(pair: list[FileWrite]) -> tuple[int, bool, int]:
        growth = worst = 0
        for write in pair:
            worst = max(worst, growth + whole(write.size, cluster))
            growth += whole(write.size, cluster) - whole(write.old_size, cluster)
        return rank(pair[0]), growth > 0, growth - worst if growth > 0 else worst

    return tuple(write for pair in sorted(pairs.values(), key=turn) for write in pair)
