"""A boot partition as a folder below the root: its files and their content, its fingerprint, its clusters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import zip_longest

from hal.errors import FileFault
from hal.root import Root
from hal.stdlib import StrEnum

FINGERPRINT = "balenaos.fingerprint"
"""The list of MD5 sums of a boot partition: `<md5>`, two blanks, the name in the partition; sorted by name."""

JOURNAL = re.compile(r"\.(.+)\.[0-9a-fA-F]{8}\.[0-9a-f]{32}\.(md5sum|tmp)")
"""A temporary file of fatrw (`tmp`), or its journal; first the name it stands for."""

TEMPORARY = re.compile(r"\.(.+)\.hal-new")
"""A temporary file of `Root.replace`."""

_UNFIT = re.compile(r'[\x00-\x1f\x7f"*:<>?|\\\ud800-\udfff]|[. ]$')
_LONGEST = 240
"""Bytes of a name that leave room for what `Root.replace` adds."""

_CHUNK = 1024 * 1024


class Kind(StrEnum):
    """What is behind a name."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


def walk(root: Root, top: str, below: str = "") -> Iterator[tuple[str, Kind]]:
    """Everything below a folder, by its name there; links are not followed."""
    for each in root.listdir(f"{top}/{below}"):
        name = f"{below}/{each}" if below else each
        full = f"{top}/{name}"
        if is_link(root, full):
            yield name, Kind.LINK
        elif root.is_dir(full):
            yield name, Kind.FOLDER
            yield from walk(root, top, name)
        else:
            yield name, Kind.FILE if root.is_file(full) else Kind.OTHER


def names_of(root: Root, source: str) -> tuple[str, ...]:
    """The files of the source, which are regular files or links to such, with names that every boot partition takes."""
    names: dict[str, str] = {}
    for name, kind in walk(root, source):
        full = f"{source}/{name}"
        base = name.rpartition("/")[2]
        if _UNFIT.search(base) or len(base.encode(errors="replace")) > _LONGEST:
            raise FileFault(f"{full!r}: FAT takes no such name of a file", path=full)
        if TEMPORARY.fullmatch(base) or JOURNAL.fullmatch(base):
            raise FileFault(f"{full}: named like the temporary file of a write, so it is no boot file", path=full)
        if kind is Kind.FOLDER:
            continue
        if not root.is_file(full):
            raise FileFault(f"{full}: no regular file, nor a link to one", path=full)
        other = names.setdefault(name.casefold(), name)
        if other != name:
            raise FileFault(f"{full}: on FAT this is the same name as {source}/{other}", path=full)
    return tuple(names.values())


def is_link(root: Root, name: str) -> bool:
    """Whether the last part of a name is a symbolic link, wherever it leads."""
    try:
        return root.resolve(name) != root.resolve(name, follow=False)
    except FileFault:  # it leads out of the root or to itself
        return True


def _chunks(root: Root, name: str) -> Iterator[bytes]:
    offset = 0
    while chunk := root.span(name, offset, _CHUNK):
        offset += len(chunk)
        yield chunk


def md5_of(root: Root, name: str) -> str:
    """The sum as the fingerprint has it."""
    import hashlib

    digest = hashlib.md5(usedforsecurity=False)
    for chunk in _chunks(root, name):
        digest.update(chunk)
    return digest.hexdigest()


def same(root: Root, one: str, other: str) -> bool:
    """Whether two files have the same content."""
    return all(a == b for a, b in zip_longest(_chunks(root, one), _chunks(root, other)))


def is_listed(name: str) -> bool:
    """Whether the fingerprint has a file: not itself, not config.json, nor a name that a line cannot hold."""
    return name.rpartition("/")[2].casefold() not in (FINGERPRINT, "config.json") and not set(name) & set("\n\\")


def listing(root: Root, mount: str) -> bytes:
    """The fingerprint of a boot partition as it is now."""
    names = {os.fsencode(name): name for name, kind in walk(root, mount) if kind is Kind.FILE and is_listed(name)}
    return b"".join(md5_of(root, f"{mount}/{names[name]}").encode() + b"  " + name + b"\n" for name in sorted(names))


def whole(size: int, cluster: int) -> int:
    """The bytes that a size takes in whole clusters."""
    return -(-size // cluster) * cluster
