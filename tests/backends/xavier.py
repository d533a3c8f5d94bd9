"""Trees of a Xavier in every state that an operation may find it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from backends.machines import MEMORY
from hal_jetson.device_types import DEVICE_TYPES
from hal_jetson.xavier_tree import METADATA, PARTLABELS, signed_kernel, signed_tree
from lab.models import Content

from hal.backends.bootloader import choose
from hal.backends.bootloader.cboot import CbootBootloader
from hal.model import BootloaderKind, Outcome, Slot
from hal.root import Root
from hal.tree.new import new_tree

A, B = Slot.A, Slot.B
ROWS = {row.slug: row for row in DEVICE_TYPES if row.bootloader is BootloaderKind.CBOOT}
AGX = ROWS["jetson-xavier"]
TEXT = "mnt/boot/resinOS_uEnv.txt"
PARTITIONS = [f"{PARTLABELS}/{name}" for name in ("kernel", "kernel_b", "kernel-dtb", "kernel-dtb_b")]
OTHER = "mnt/sysroot/inactive/current/"
OLD_A, NEW_B = Content("1", "1", A), Content("2", "2", B)


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory where that is possible: a disk would make each of some thousand durable writes wait."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def tree(folder: Path, state: str = "", *, slug: str = "jetson-xavier") -> Root:
    """A Xavier that runs release 1 in root A, with release 2 in root B; `state` says what else is so."""
    new_tree(ROWS[slug], "hal_jetson", folder)
    root = Root(folder)
    for word in state.split(", ") if state else ():
        SETTINGS[word](root)
    return root


def fill(root: Root, number: int, release: str, slot: Slot, *, kernel: str | None = None) -> None:
    suffix = "_b" if number else ""
    for name, data in (("kernel", signed_kernel(kernel or release)), ("kernel-dtb", signed_tree(release, slot))):
        root.patch(f"{PARTLABELS}/{name}{suffix}", 0, data)


def swap(root: Root) -> None:
    """Root A runs from boot slot 1."""
    for name in ("kernel", "kernel-dtb"):
        first, second = (root.resolve(f"{PARTLABELS}/{name}{suffix}") for suffix in ("", "_b"))
        a, b = first.read_bytes(), second.read_bytes()
        first.write_bytes(b)
        second.write_bytes(a)
    level, *rest = root.read_text(METADATA).split()
    metadata(root, " ".join([level, *rest[3:], *rest[:3]]))
    root.replace("proc/cmdline", b"boot.slot_suffix=_b root=LABEL=resin-rootA rootwait\n")


def metadata(root: Root, text: str) -> None:
    root.replace(METADATA, f"{text}\n".encode())


SETTINGS: dict[str, Callable[[Root], None]] = {
    "older B beside": lambda root: fill(root, 1, "0", B),
    "B beside": lambda root: fill(root, 1, "2", B),
    "mixture beside": lambda root: fill(root, 1, "2", B, kernel="0"),
    "older A beside": lambda root: fill(root, 1, "0", A),
    "other slot chosen": lambda root: metadata(root, "2 14 7 1 15 7 0"),
    "last try": lambda root: metadata(root, "2 15 1 0 14 7 1"),
    "no try left": lambda root: metadata(root, "2 15 0 0 14 7 1"),
    "two tries used": lambda root: metadata(root, "2 15 5 0 14 7 1"),
    "redundancy off": lambda root: metadata(root, "0 15 7 1 0 0 0"),
    "bootloader only": lambda root: metadata(root, "1 15 7 1 14 7 1"),
    "swapped": swap,
    "no text": lambda root: root.resolve(TEXT).unlink(),
    "pending": lambda root: root.replace(TEXT, b"resin_root_part=26\nupgrade_available=1\n"),
}


def back_end(root: Root, slug: str = "jetson-xavier") -> CbootBootloader:
    found = choose.bootloader(ROWS[slug], root)
    assert isinstance(found, CbootBootloader)
    return found


def text(root: Root) -> str:
    return root.read_text(TEXT).rstrip("\n")


def everything(root: Root) -> dict[str, bytes]:
    return {name: root.read_bytes(name) for name in (*PARTITIONS, METADATA, TEXT) if root.exists(name)}


def perform(root: Root, operation: str) -> Outcome:
    found = back_end(root)
    match operation.split():
        case ["switch", slot]:
            return found.switch(Slot(slot)).outcome
        case ["commit"]:
            return found.commit().outcome
        case ["rollback"]:
            return found.roll_back().outcome
        case _:
            return found.clear_boot_count().outcome
