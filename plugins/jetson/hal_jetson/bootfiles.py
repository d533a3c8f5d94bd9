"""Firmware partitions and boot blob of Jetson TX1, TX2 and Nano, as the partition specification of the OS lists them.

All is looked at first: files, partitions, sizes, the TX2's ODMDATA. Then what differs is written, each part read back,
the blob last. There is one copy of each, so a power cut meanwhile is not survived by the board's ROM; what is written
is therefore only what differs, of QSPI flash in blocks of 64 KiB, and never erased as a whole.

The TX2 holds a byte of board configuration (ODMDATA) at three places of its boot partition. It is carried over into
the blob; where the three differ, nothing is written. A TX2 still partitioned as for L4T 28.x is refused too: moving
its partitions in place, as the hook of balenaOS does, is not done here.

Sources: balena-jetson 7.9.3+rev2 (50-resin-bootfiles-jetson-tx1, -tx2, 99-resin-bootfiles-nano),
balena-supervisor 19.0.5 (src/config/backends/odmdata.ts).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from attrs import frozen

from hal.backends import disk, emmc_boot
from hal.backends.boot_config.odmdata import OFFSETS as ODMDATA
from hal.backends.changes import Change, perform
from hal.errors import Damaged, FileFault, ValueRefused
from hal.model import Update, UpdateStep, UpdateStepFact
from hal.record import Record
from hal.root import Root

FOLDER = "opt/tegra-binaries"
BLOB = f"{FOLDER}/boot0.img"
EMMC, QSPI = "mmcblk0boot0", "mtdblock0"
ODMDATA_BYTES = range(8)
"""What it may be: three bits, so a blank partition (0xff) is told from one that holds it."""
BLOCK = 64 * 1024
_LIMIT = 128 * 1024 * 1024


@frozen(kw_only=True, repr=False, eq=False)
class Layout(Record):
    """How a module keeps its firmware: pattern of the specification's name, and what differs between modules."""

    specification: str
    every_partition: bool = True
    """Whether each partition listed must be there."""
    qspi: bool = False
    """Whether the blob is in QSPI flash where the module has any."""
    odmdata: bool = False


LAYOUTS = {
    "50-resin-bootfiles-jetson-tx1": Layout(specification="partition_specification210_tx1.txt"),
    "50-resin-bootfiles-jetson-tx2": Layout(specification="partition_specification186.txt", odmdata=True),
    "99-resin-bootfiles-nano": Layout(
        specification="partition_specification210*.txt", every_partition=False, qspi=True
    ),
}
"""By the name of the step in the row."""


class Part(NamedTuple):
    """A line of the specification: a partition's name, and the file that belongs there."""

    name: str
    file: str


def step(fact: UpdateStepFact, root: Root) -> UpdateStep:
    """The step that the row names."""
    layout = LAYOUTS[fact.name]

    def run(update: Update) -> tuple[str, ...]:
        return perform(update, _changes(root, layout, update))

    return UpdateStep(name=fact.name, phase=fact.phase, purpose=fact.purpose, run=run)


def _changes(root: Root, layout: Layout, update: Update) -> Iterator[Change]:
    below = f"{update.source}/".lstrip("/")
    for part in specification(root, f"{below}{FOLDER}/{layout.specification}"):
        where = disk.find(root, part.name)
        if where is None and not layout.every_partition:
            continue
        if where is None:
            raise FileFault(
                f"dev/disk/by-state/{part.name}: no such partition, so this disk is not laid out for this OS",
                path=part.name,
            )
        yield from _blocks(root, f"dev/{where.name}", f"{below}{FOLDER}/{part.file}", part.name)
    blob = root.read_bytes(f"{below}{BLOB}", limit=_LIMIT)
    if layout.odmdata:
        blob = with_odmdata(blob, root.span(f"dev/{EMMC}", 0, ODMDATA[-1] + 1))
    if layout.qspi and root.exists(f"dev/{QSPI}"):
        yield from _blocks(root, f"dev/{QSPI}", f"{below}{BLOB}", QSPI)
    else:
        yield from emmc_boot.changes(root, EMMC, blob, what=f"{below}{BLOB}")


def specification(root: Root, pattern: str) -> tuple[Part, ...]:
    """The lines of the one specification there is: words `NAME:FILE`, and more that is not needed here."""
    names = root.glob(pattern)
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise FileFault(f"{pattern}: one partition specification is expected, found {found}", path=pattern)
    parts = []
    for number, word in enumerate(root.read_text(names[0]).split(), start=1):
        name, _, rest = word.partition(":")
        file = rest.partition(":")[0]
        if not name or not file or "/" in name or "/" in file or {name, file} & {".", ".."}:
            raise Damaged(f"{word!r} is not NAME:FILE", path=names[0], line=number)
        if name.startswith(("resin-", "balena-", "flash-")):
            raise Damaged(f"{word!r} names a partition of the OS itself", path=names[0], line=number)
        parts.append(Part(name, file))
    if not parts:
        raise Damaged("lists no partition", path=names[0])
    return tuple(parts)


def with_odmdata(blob: bytes, held: bytes) -> bytes:
    """The blob with the board's byte of ODMDATA. Refused where the three places differ, on the board or in the blob."""
    for data, what in ((held, EMMC), (blob, BLOB)):
        if len(data) <= ODMDATA[-1]:
            raise ValueRefused(f"{what}: {len(data)} bytes, too few to hold ODMDATA", path=what)
        found = [data[offset] for offset in ODMDATA]
        if len(set(found)) > 1 or found[0] not in ODMDATA_BYTES:
            told = ", ".join(f"{byte:#04x}" for byte in found)
            raise ValueRefused(f"{what}: ODMDATA is {told}; three times the same known byte is expected", path=what)
    carried = bytearray(blob)
    for offset in ODMDATA:
        carried[offset] = held[offset]
    return bytes(carried)


def _blocks(root: Root, device: str, file: str, name: str) -> Iterator[Change]:
    """What makes a device start with a file: its blocks that differ."""
    data = root.read_bytes(file, limit=_LIMIT)
    held = root.span(device, 0, len(data))
    if not data:
        raise ValueRefused(f"{file}: empty, so it is not written to {name}", path=file)
    if len(held) < len(data):
        raise ValueRefused(f"{file}: {len(data)} bytes, {name} holds only {len(held)}", path=file)

    def write() -> None:
        for start in range(0, len(data), BLOCK):
            root.patch(device, start, data[start : start + BLOCK])

    if held != data:
        yield Change(file, f"written to {name}", write)
