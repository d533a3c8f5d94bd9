"""The usual ways to replace a file on a FAT partition, and what a power cut makes of each.

As a program, run in the guest, it carries out one recipe: `python recipes.py NAME FILE SIZE`. `states_of` runs all
of them and judges every state. Only the standard library is imported by the program: Python is slow in the guest.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lab.crash import Image, State

OLD = b"root=2\nupgrade_available=0\nbootcount=0"
MIDDLE = b"root=3\nupgrade_available=0\nbootcount=0"
NEW = b"root=3\nupgrade_available=1\nbootcount=0"
SMALL, LARGE = len(NEW), 1300
"""Bytes of a file of one cluster, as a state file is, and of three, as what selects the slot is longer."""
WHERE = "/tree/mnt/boot"
FILE = "grubenv"


def sized(data: bytes, size: int) -> bytes:
    """The content filled up to this size."""
    return data.ljust(size, b"#")


def _write(path: str, data: bytes, flags: int, *, flush: bool = True) -> None:
    fd = os.open(path, os.O_WRONLY | flags, 0o644)
    os.write(fd, data)
    if flush:
        os.fsync(fd)
    os.close(fd)


def _flush(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def _flush_both(path: str) -> None:
    _flush(path)
    _flush(os.path.dirname(path))  # noqa: PTH120


def overwrite(path: str, size: int) -> None:
    """Same size, in place, then fsync."""
    _write(path, sized(NEW, size), 0)


def truncate(path: str, size: int) -> None:
    """Truncate, write, fsync."""
    _write(path, sized(NEW, size), os.O_TRUNC)


def truncate_sync(path: str, size: int) -> None:
    """The same, and another process syncs in between."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.sync()
    os.write(fd, sized(NEW, size))
    os.fsync(fd)
    os.close(fd)


def truncate_twice(path: str, size: int) -> None:
    """Two truncating writes in a row, as two settings are made one after the other."""
    _write(path, sized(MIDDLE, size), os.O_TRUNC)
    _write(path, sized(NEW, size), os.O_TRUNC)


def rename(path: str, size: int) -> None:
    """A temporary file renamed over the old one, nothing flushed."""
    _write(f"{path}.tmp", sized(NEW, size), os.O_CREAT | os.O_EXCL, flush=False)
    os.rename(f"{path}.tmp", path)  # noqa: PTH104


def rename_flush(path: str, size: int) -> None:
    """A temporary file, fsync, rename, fsync of the file and of the folder."""
    _write(f"{path}.tmp", sized(NEW, size), os.O_CREAT | os.O_EXCL)
    os.rename(f"{path}.tmp", path)  # noqa: PTH104
    _flush_both(path)


def rename_held(path: str, size: int) -> None:
    """A temporary file, fsync, rename while the old file is held open, fsync of the folder, then of the file."""
    held = os.open(path, os.O_PATH)
    fd = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, sized(NEW, size))
    os.fsync(fd)
    os.rename(f"{path}.tmp", path)  # noqa: PTH104
    _flush(os.path.dirname(path))  # noqa: PTH120
    os.fsync(fd)
    os.close(fd)
    os.close(held)


def fatrw(path: str, size: int) -> None:
    """A hidden copy named after its checksum, then a temporary copy, a rename and the removal of the first copy."""
    folder, name = os.path.split(path)
    hidden = f"{folder}/.{name}.0123abcd.0123456789abcdef0123456789abcdef.md5sum"
    _write(hidden, sized(NEW, size), os.O_CREAT | os.O_EXCL)
    _flush_both(hidden)
    _write(f"{path}.tmp", sized(NEW, size), os.O_CREAT | os.O_EXCL)
    _flush_both(f"{path}.tmp")
    os.rename(f"{path}.tmp", path)  # noqa: PTH104
    _flush_both(path)
    os.unlink(hidden)  # noqa: PTH108
    _flush(folder)


RECIPES: Mapping[str, Callable[[str, int], None]] = {
    recipe.__name__: recipe
    for recipe in (overwrite, truncate, truncate_sync, truncate_twice, rename, rename_flush, rename_held, fatrw)
}
SYNC_MOUNT = "rename_flush_sync"
"""`rename_flush` once more, on a partition mounted `sync,dirsync`."""
RENAMES = ("rename", "rename_flush", "rename_held", "fatrw", SYNC_MOUNT)
"""What is asked of a file of several clusters, of which an overwrite in place may leave a mixture."""


# -- on the host -------------------------------------------------------------------------------------------------------


def verdict(state: State | None, path: str, allowed: Sequence[bytes]) -> str:
    """`good` where the file is there once with a content that is allowed; else what is wrong with it."""
    from lab.fat import Fat, FatError

    if state is None:
        return "beyond repair"
    try:
        found = Fat(state).find(path)
    except FatError as error:
        return f"unreadable: {error}"
    if len(found) != 1:
        return "double" if found else "missing"
    if found[0].fault:
        return found[0].fault.rstrip(" 0123456789")
    if found[0].content in allowed:
        return "good"
    return "garbage" if found[0].content else "empty"


def record(
    folder: Path, filesystem: str, size: int, names: Sequence[str]
) -> dict[str, tuple[Image, tuple[object, ...]]]:
    """Each recipe's boot partition before it, and the requests it made, from one run of the guest."""
    from pathlib import Path

    from lab.blocklog import SECTOR, Write, between, read_log
    from lab.crash import Image
    from lab.disk import Disk
    from lab.guest import Mark, Mount, run_in_guest

    files = {f"{name}/{FILE}": sized(OLD, size) for name in names}
    disk = Disk.build(folder / "disk", boot=files, boot_filesystem=filesystem)
    before, log = disk.copy(folder / "before"), folder / "log"
    commands: list[Sequence[str] | Mark] = []
    for name in names:
        if name == SYNC_MOUNT:
            commands.append(["mount", "-o", "remount,sync,dirsync", WHERE])
        recipe = "rename_flush" if name == SYNC_MOUNT else name
        run = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), recipe, f"{WHERE}/{name}/{FILE}", str(size)]
        commands += [Mark(f"begin {name}"), run, Mark(f"end {name}")]
    mounts = [Mount(disk.number("boot"), WHERE, "vfat")]
    for done in run_in_guest(disk.path, commands, mounts=mounts, log=log):
        if done.status:
            raise RuntimeError(f"{' '.join(done.argv)} ended with {done.status}: {done.stderr}")
    entries = read_log(log)
    offset, size = disk.span("boot")
    recorded = {}
    for name in names:
        earlier, during = between(entries, f"begin {name}", f"end {name}")
        first = offset // SECTOR
        moved = tuple(Write(e.sector - first, e.data) if isinstance(e, Write) else e for e in during)
        recorded[name] = (Image.load(before.path, earlier).part(offset, size), moved)
    return recorded


def states_of(folder: Path, filesystem: str, size: int, names: Sequence[str]) -> list[dict[str, object]]:
    """A row for each recipe: what was written, how many states there are, and how many of them are bad.

    `folder` is empty and is left with some files of a few MiB. `kinds` counts the bad states of both sorts together.
    """
    from collections import Counter

    from lab.crash import after_fsck, all_states, in_order, reordered

    rows: list[dict[str, object]] = []
    for name, (image, entries) in record(folder, filesystem, size, names).items():
        contents = (OLD, MIDDLE, NEW) if name == "truncate_twice" else (OLD, NEW)
        allowed = tuple(sized(data, size) for data in contents)
        path = f"{name}/{FILE}"

        def bad(states: Sequence[State | None], path: str = path, allowed: Sequence[bytes] = allowed) -> list[str]:
            told = [verdict(state, path, allowed) for state in states]
            return [word for word in told if word != "good"]

        ordered, late, both = in_order(image, entries), reordered(image, entries), all_states(image, entries)
        checked = bad(list(after_fsck(both.states)))
        rows.append(
            {
                "recipe": name,
                "requests": both.requests,
                "flushes": both.flushes,
                "in_order": len(ordered.states),
                "in_order_bad": len(bad(ordered.states)),
                "reordered": len(late.states),
                "reordered_bad": len(bad(late.states)),
                "skipped": late.skipped,
                "all": len(both.states),
                "bad_after_fsck": len(checked),
                "kinds": dict(sorted(Counter(bad(both.states)).items())),
                "kinds_after_fsck": dict(sorted(Counter(checked).items())),
            }
        )
    return rows


if __name__ == "__main__":
    RECIPES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
