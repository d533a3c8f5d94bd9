"""The boot partitions of an eMMC: `mmcblk0boot0`, read-only until the kernel's guard `force_ro` is taken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hal.backends.changes import Change
from hal.errors import ValueRefused
from hal.root import Root

LARGEST = 64 * 1024 * 1024
"""More than any eMMC boot partition has, in bytes: at most 32640 KiB (JEDEC, BOOT_SIZE_MULT)."""


def changes(root: Root, device: str, data: bytes, *, what: str) -> tuple[Change, ...]:
    """What makes a boot partition start with `data`; nothing where it does, and the guard is on.

    Refuses, before anything is written, an empty or blank `data`, and one that is larger than the partition.
    """
    if not data or data.count(data[0]) == len(data):
        raise ValueRefused(f"{what}: {'empty' if not data else 'blank'}, so it is not written to {device}", path=what)
    guard = guard_of(device)
    old = root.span(f"dev/{device}", 0, len(data))
    if len(old) < len(data):
        raise ValueRefused(f"{what}: {len(data)} bytes, {device} holds only {len(old)}", path=what)
    state = root.read_text(guard).strip()
    if state not in ("0", "1"):
        raise ValueRefused(f"{guard}: {state!r}, 0 and 1 are expected", path=guard)

    def flash() -> None:
        with writable(root, device):
            root.patch(f"dev/{device}", 0, data)

    if old != data:
        return (Change(what, f"written to {device}", flash),)
    if state == "0":
        return (Change(device, "made read-only again", lambda: root.write(guard, "1")),)
    return ()


def guard_of(device: str) -> str:
    """The kernel's guard of a boot partition: `1` while it is read-only."""
    return f"sys/block/{device}/force_ro"


@contextmanager
def writable(root: Root, device: str) -> Iterator[None]:
    """Take the guard off meanwhile. It is on again however this ends, unless that very write fails."""
    guard = guard_of(device)
    try:
        root.write(guard, "0")
        yield
    finally:
        root.write(guard, "1")
