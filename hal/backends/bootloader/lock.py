"""The turn that writers of boot files take: those of this project, and balenaOS's own scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hal.root import Root

LOCKS = ("mnt", "var/volatile/bootloader_config.lock")
"""What a writer holds: the folder of the mounts, which nothing replaces, and the lock balenaOS's own scripts take."""


@contextmanager
def locked(root: Root, *, timeout_seconds: float) -> Iterator[None]:
    """One writer at a time; waits for the others until the deadline, then raises `FileFault`."""
    with ExitStack() as held:
        for name in LOCKS:
            if root.exists(name):
                held.enter_context(root.lock(name, timeout_seconds=timeout_seconds))
        yield
