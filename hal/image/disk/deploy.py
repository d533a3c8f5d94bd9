"""The folder that an OS build deployed, and what of it a disk takes.

| Name | What it is |
| --- | --- |
| `<source>` | the source of a boot-file part; a folder where the part is one |
| `boot/` | further files of the boot partition, each at its place |
| `rootfs/` | the root file system as a tree; everything in it belongs to root |
| `rootfs.tar`, `.gz`, `.xz`, `.bz2` | the same as an archive, with owners, modes and device nodes |
| `rootfs.ext4` | the same as a finished file system, to which nothing is added |
| `resin-data.img` | the data partition as a finished ext4; else it is empty |
| `grub/boot.img`, `grub/core.img` | GRUB's boot sectors, for a PC with BIOS |

One of the three forms of the root file system is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from attrs import frozen

from hal.errors import FileFault, ValueRefused
from hal.image.disk import entry
from hal.image.disk.entry import Entry, EntryKind
from hal.model import Image, PartKind
from hal.record import Record
from hal.root import Root

TREE, READY = "rootfs", "rootfs.ext4"
ARCHIVES = ("rootfs.tar", "rootfs.tar.gz", "rootfs.tar.xz", "rootfs.tar.bz2")
DATA = "resin-data.img"
MORE = "boot"
SECTORS = ("grub/boot.img", "grub/core.img")


@frozen(kw_only=True, repr=False, eq=False)
class Deployed(Record):
    """What was found: files of the boot partition, the root file system in one of its forms, and the rest."""

    boot: tuple[Entry, ...]
    root: tuple[Entry, ...] = ()
    ready_root: Path | None = None
    ready_data: Path | None = None
    sectors: tuple[bytes, bytes] | None = None
    """GRUB's boot.img and core.img."""


def look(root: Root, image: Image, scratch: Path) -> Deployed:
    """Everything that a disk of this image takes from the folder; an archive is unpacked into `scratch`.

    Raises `FileFault` with every source that is missing, `ValueRefused` for two forms of the root file system.
    """
    missing: list[str] = []
    boot = [*_boot_files(root, image, missing), *_more(root)]
    names = {each.path.casefold() for each in boot}
    missing += [
        f"{MORE}/{name} (its source is not known)" for name in image.sourceless() if name.casefold() not in names
    ]
    forms = [name for name in (TREE, *ARCHIVES, READY) if root.exists(name)]
    if len(forms) > 1:
        raise ValueRefused(f"{root.directory}: {' and '.join(forms)}: one root file system is wanted", path=forms[1])
    if not forms:
        missing.append(f"{TREE}/, {ARCHIVES[0]} or {READY}")
    tree: tuple[Entry, ...] = ()
    if forms and forms[0] != READY:
        tree = _tree(root, forms[0], scratch)
        missing += _kernel(image, tree, forms[0])
    if missing:
        raise FileFault(f"{root.directory}: missing: {'; '.join(missing)}", path=str(root.directory))
    return Deployed(
        boot=entry.merged(boot),
        root=tree,
        ready_root=root.resolve(READY) if forms == [READY] else None,
        ready_data=root.resolve(DATA) if root.is_file(DATA) else None,
        sectors=_sectors(root, image),
    )


def _boot_files(root: Root, image: Image, missing: list[str]) -> Iterator[Entry]:
    """The files that parts name the source of. A folder stands for the files that lie directly in it."""
    for part in image.of(PartKind.BOOT_FILE):
        source, name = part.text, part.name.rstrip("/")
        if not part.name.endswith("/") and root.is_file(source):
            yield entry.from_file(name, root.resolve(source))
        elif root.is_dir(source):
            for child in root.listdir(source):
                if root.is_file(f"{source}/{child}"):
                    yield entry.from_file(f"{name}/{child}", root.resolve(f"{source}/{child}"))
        else:
            missing.append(source)


def _more(root: Root) -> Iterator[Entry]:
    """Further files of the boot partition. Links are followed: FAT has none."""
    pending = [MORE] if root.is_dir(MORE) else []
    while pending:
        folder = pending.pop()
        for child in root.listdir(folder):
            name = f"{folder}/{child}"
            if root.is_dir(name):
                if name.count("/") > 32:
                    raise FileFault(f"{name}: folders in folders without end", path=name)
                pending.append(name)
            elif root.is_file(name):
                yield entry.from_file(name.removeprefix(f"{MORE}/"), root.resolve(name))


def _tree(root: Root, form: str, scratch: Path) -> tuple[Entry, ...]:
    found = root.resolve(form)
    return entry.tree(found) if form == TREE else entry.archive(found, scratch)


def _kernel(image: Image, tree: tuple[Entry, ...], form: str) -> Iterator[str]:
    """The kernel that the boot files look for, where it is known and not there."""
    kernel = image.device_type.kernel_image
    if kernel is None or image.build.flasher:
        return
    wanted = entry.through_links(tree, f"boot/{kernel}")
    if not any(each.path == wanted and each.kind is not EntryKind.FOLDER for each in tree):
        yield f"{form}: boot/{kernel}"


def _sectors(root: Root, image: Image) -> tuple[bytes, bytes] | None:
    """GRUB's boot sectors: from the folder, or from where a boot-file part has them."""
    if "bios" not in image.device_type.firmware:
        return None
    named = {
        PurePosixPath(part.name).name: part.text for part in image.of(PartKind.BOOT_FILE) if part.name.endswith(".img")
    }
    folders = [part.text for part in image.of(PartKind.BOOT_FILE) if part.name.rstrip("/").startswith("grub")]
    found = []
    for name in SECTORS:
        base = PurePosixPath(name).name
        places = [name, *([named[base]] if base in named else []), *(f"{folder}/{base}" for folder in folders)]
        where = next((each for each in places if root.is_file(each)), None)
        if where is None:
            return None
        found.append(root.read_bytes(where))
    return found[0], found[1]
