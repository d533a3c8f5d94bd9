"""Journals of balenaOS's fatrw, which its scripts use to write on FAT.

fatrw keeps new content of `NAME` in a hidden file `.NAME.<8 hex>.<md5 of the content>.md5sum` beside it until it has
been renamed into place. After a power cut in between, its readers take the journal, bootloaders do not.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hal.root import Root

LARGEST = 64 * 1024 * 1024
"""Bytes of the largest file a boot partition has, a kernel with its initramfs, and so of the largest journal."""


class Journal(NamedTuple):
    """A hidden file of fatrw: its name, and its content where it is whole (`None`: a cut interrupted it)."""

    name: str
    content: bytes | None


def journals(root: Root, name: str) -> tuple[Journal, ...]:
    """The journals of a file, sorted by name."""
    folder, _, base = name.rpartition("/")
    pattern = re.compile(rf"\.{re.escape(base)}\.[0-9a-fA-F]{{8}}\.([0-9a-f]{{32}})\.md5sum")
    found = []
    for each in root.listdir(folder):
        match = pattern.fullmatch(each)
        if match:
            import hashlib  # a journal is rare

            content = root.read_bytes(f"{folder}/{each}", limit=LARGEST)
            whole = hashlib.md5(content, usedforsecurity=False).hexdigest() == match[1]
            found.append(Journal(f"{folder}/{each}", content if whole else None))
    return tuple(found)


def pending(root: Root, name: str) -> bytes | None:
    """What fatrw would read instead of the file; `None` where it would read the file itself."""
    return next((journal.content for journal in journals(root, name) if journal.content is not None), None)
