"""What goes into a file system: one entry for each file, folder, link and node, and where each comes from.

A tree on disk has no owners that a user could give it, so everything of it belongs to root; a tar archive has. Times
are not read: every entry gets the one time of the image.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from attrs import frozen

from hal.errors import Damaged, FileFault, ValueRefused
from hal.record import Record
from hal.stdlib import StrEnum

ATTRIBUTES = ("security.capability", "user.")
"""Extended attributes that are part of a root file system; the others are of the machine that it lies on."""


class EntryKind(StrEnum):
    """What an entry is."""

    FOLDER = "folder"
    FILE = "file"
    LINK = "link"
    SAME = "same"
    """Another name of a file before it (a hard link)."""
    CHARACTER = "c"
    BLOCK = "b"
    FIFO = "p"


@frozen(kw_only=True, repr=False, eq=False)
class Entry(Record):
    """One entry. `path` has no leading slash. A file has `source`, a file of this machine, or else `data`.

    `target` is where a link leads, or which entry a hard link is. `device` is the numbers of a device node.
    """

    path: str
    kind: EntryKind = EntryKind.FILE
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    data: bytes = b""
    source: Path | None = None
    target: str = ""
    device: tuple[int, int] = (0, 0)
    size: int = 0
    attributes: tuple[tuple[str, bytes], ...] = ()

    def content(self) -> bytes:
        """The content of a file."""
        return self.data if self.source is None else self.source.read_bytes()

    def at(self, place: Path) -> Path:
        """A file of this machine with the content: the source, else `place`, where it is put."""
        return put(place, self.data) if self.source is None else self.source

    def stage(self, place: Path) -> None:
        """Copies the content to `place`, with a mode that says nothing."""
        import shutil

        place.parent.mkdir(parents=True, exist_ok=True)
        if self.source is None:
            put(place, self.data)
        else:
            shutil.copyfile(self.source, place)
        place.chmod(0o644)


def put(place: Path, data: bytes) -> Path:
    """Writes a file that a program is to read."""
    place.write_bytes(data)
    return place


def file(path: str, data: bytes, mode: int = 0o644) -> Entry:
    """A file with this content."""
    return Entry(path=path, data=data, mode=mode, size=len(data))


def from_file(path: str, source: Path, mode: int = 0o644) -> Entry:
    """A file with the content of a file of this machine. Raises `FileFault`."""
    try:
        return Entry(path=path, source=source, mode=mode, size=source.stat().st_size)
    except OSError as error:
        raise FileFault(f"{source}: {os.strerror(error.errno or 0).lower()}", path=str(source)) from error


def merged(*layers: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries of all layers by path, folders before what is in them; a later layer takes an earlier one's place.

    Folders that nobody names are there all the same. Raises `ValueRefused` where a file would be in a file.
    """
    found: dict[str, Entry] = {}
    for layer in layers:
        for entry in layer:
            old = found.get(entry.path)
            if old is not None and old.kind is not entry.kind and EntryKind.FOLDER in (old.kind, entry.kind):
                raise ValueRefused(f"{entry.path}: both a folder and a {entry.kind}", path=entry.path)
            found[entry.path] = entry
    for path in tuple(found):
        for parent in list(PurePosixPath(path).parents)[:-1]:
            over = found.setdefault(str(parent), Entry(path=str(parent), kind=EntryKind.FOLDER, mode=0o755))
            if over.kind is not EntryKind.FOLDER:
                raise ValueRefused(f"{path}: {over.path} is a {over.kind}, not a folder", path=path)
    ordered = sorted(found.values(), key=lambda each: (each.kind is EntryKind.SAME, PurePosixPath(each.path).parts))
    return tuple(ordered)


def through_links(entries: Iterable[Entry], path: str) -> str:
    """The path that a device would open, with the links among these entries followed (`lib` may lead to `usr/lib`)."""
    links = {each.path: each.target for each in entries if each.kind is EntryKind.LINK}
    pending, done = list(PurePosixPath(path).parts)[::-1], list[str]()
    for _ in range(256):
        if not pending:
            return "/".join(done)
        part = pending.pop()
        if part in ("..", "."):
            done = done[:-1] if part == ".." else done
            continue
        target = links.get("/".join([*done, part]))
        if target is None or not pending:
            done.append(part)
            continue
        done = [] if target.startswith("/") else done
        pending += [each for each in PurePosixPath(target).parts if each != "/"][::-1]
    raise ValueRefused(f"{path}: a loop of links", path=path)


# -- a tree ------------------------------------------------------------------------------------------------------------


def tree(top: Path) -> tuple[Entry, ...]:
    """Everything below a folder. Raises `FileFault` for what cannot be read, `ValueRefused` for a socket."""
    found: list[Entry] = []
    names: dict[tuple[int, int], str] = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            children = sorted(os.scandir(top / folder), key=lambda each: os.fsencode(each.name))
            for child in children:
                path = f"{folder}/{child.name}" if folder else child.name
                entry = _one(path, Path(child.path), names)
                found.append(entry)
                if entry.kind is EntryKind.FOLDER:
                    pending.append(path)
        except OSError as error:
            raise FileFault(f"{top / folder}: {os.strerror(error.errno or 0).lower()}", path=str(top)) from error
    return merged(found)


def _one(path: str, source: Path, names: dict[tuple[int, int], str]) -> Entry:
    """The entry of one file of this machine; `names` has the files with several names that were seen."""
    told = source.lstat()
    mode, kind = stat.S_IMODE(told.st_mode), told.st_mode
    if stat.S_ISLNK(kind):
        return Entry(path=path, kind=EntryKind.LINK, mode=0o777, target=os.readlink(source))  # noqa: PTH115 - a Path tidies
    if stat.S_ISDIR(kind):
        return Entry(path=path, kind=EntryKind.FOLDER, mode=mode, attributes=_attributes(source))
    if stat.S_ISREG(kind):
        key = (told.st_dev, told.st_ino)
        if told.st_nlink > 1 and names.setdefault(key, path) != path:
            return Entry(path=path, kind=EntryKind.SAME, mode=mode, target=names[key])
        return Entry(path=path, source=source, mode=mode, size=told.st_size, attributes=_attributes(source))
    for test, node in ((stat.S_ISCHR, EntryKind.CHARACTER), (stat.S_ISBLK, EntryKind.BLOCK), (stat.S_ISFIFO, "p")):
        if test(kind):
            numbers = (os.major(told.st_rdev), os.minor(told.st_rdev))
            return Entry(path=path, kind=EntryKind(node), mode=mode, device=numbers)
    raise ValueRefused(f"{source}: a socket, which no image holds", path=str(source))


def _attributes(source: Path) -> tuple[tuple[str, bytes], ...]:
    try:
        names = sorted(name for name in os.listxattr(source, follow_symlinks=False) if name.startswith(ATTRIBUTES))
        return tuple((name, os.getxattr(source, name, follow_symlinks=False)) for name in names)
    except OSError:
        return ()  # a file system without any


# -- an archive --------------------------------------------------------------------------------------------------------

_KINDS: Mapping[bytes, EntryKind] = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.AREGTYPE: EntryKind.FILE,
    tarfile.CONTTYPE: EntryKind.FILE,
    tarfile.GNUTYPE_SPARSE: EntryKind.FILE,
    tarfile.DIRTYPE: EntryKind.FOLDER,
    tarfile.SYMTYPE: EntryKind.LINK,
    tarfile.LNKTYPE: EntryKind.SAME,
    tarfile.CHRTYPE: EntryKind.CHARACTER,
    tarfile.BLKTYPE: EntryKind.BLOCK,
    tarfile.FIFOTYPE: EntryKind.FIFO,
}


def archive(path: Path, into: Path) -> tuple[Entry, ...]:
    """Everything in a tar archive, packed or not, owners and modes as it says; contents of files go into a folder.

    Raises `Damaged`, `FileFault`, and `ValueRefused` for a name that leads out of it.
    """
    found: list[Entry] = []
    try:
        with tarfile.open(path) as packed:
            for count, member in enumerate(packed):
                name = _inside(member.name, path)
                if not name:
                    continue
                kind = _KINDS.get(member.type)
                if kind is None:
                    raise ValueRefused(f"{path}: {member.name}: type {member.type!r} of a member", path=str(path))
                source = None
                if kind is EntryKind.FILE and member.size:
                    source = into / str(count)
                    _unpack(packed, member, source)
                found.append(
                    Entry(
                        path=name,
                        kind=kind,
                        mode=member.mode & 0o7777,
                        owner=(member.uid, member.gid),
                        source=source,
                        target=_inside(member.linkname, path) if kind is EntryKind.SAME else member.linkname,
                        device=(member.devmajor, member.devminor),
                        size=member.size,
                        attributes=_packed_attributes(member),
                    )
                )
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Damaged(str(error), path=str(path)) from error
    except OSError as error:
        raise FileFault(f"{path}: {(error.strerror or str(error)).lower()}", path=str(path)) from error
    return merged(found)


def _inside(name: str, path: Path) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueRefused(f"{path}: {name!r:.80} leads out of it", path=str(path))
    return "/".join(parts)


def _unpack(packed: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    import shutil

    content = packed.extractfile(member)
    assert content is not None
    with content, to.open("wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)


def _packed_attributes(member: tarfile.TarInfo) -> tuple[tuple[str, bytes], ...]:
    prefix = "SCHILY.xattr."
    found = {
        key.removeprefix(prefix): value.encode("utf-8", "surrogateescape")
        for key, value in sorted(member.pax_headers.items())
        if key.startswith(prefix)
    }
    return tuple((name, value) for name, value in found.items() if name.startswith(ATTRIBUTES))
