"""Makes a medium out of its layout and what goes into each partition: all of it, or nothing.

It is made in a folder beside the output and moved there at the end. Whoever finds the output finds it whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from attrs import frozen

from hal.errors import FileFault, ValueRefused
from hal.image.disk import ext4, fat, tools
from hal.image.disk.entry import Entry
from hal.image.disk.layout import KIB, SECTOR, Layout, Volume
from hal.image.disk.tools import Tools
from hal.model import Filesystem
from hal.record import Record
from hal.root import Root

DISK = "disk"
_CHUNK = 1 << 20


@frozen(kw_only=True, repr=False, eq=False)
class Content(Record):
    """What goes into a partition: entries, or `ready`, a file of this machine that is an ext4 file system."""

    entries: tuple[Entry, ...] = ()
    ready: Path | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Patch(Record):
    """Bytes at a place of the medium that is in no partition: a bootloader's sectors."""

    offset: int
    data: bytes


def make(
    layout: Layout,
    contents: Mapping[str, Content],
    output: Path,
    *,
    epoch: int,
    patches: tuple[Patch, ...] = (),
) -> None:
    """Make the medium in a file that is not there yet; `contents` by role, a role without one stays empty.

    Raises `ValueRefused` for content that is larger than its partition, `ProgramFault` for a program that is missing or
    fails, and `FileFault`.
    """
    check_output(output)
    tools.check()
    check_sizes(layout, contents)
    with folder_beside(output) as folder, _faults(output):
        (folder / tools.MKE2FS_CONF).write_text(tools.CONFIGURATION)
        disk = folder / DISK
        with disk.open("xb") as file:
            file.truncate(layout.size)
        disk.chmod(0o644)
        medium = Medium(tools=Tools(root=Root(folder), epoch=epoch), disk=DISK)
        medium.tools.run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", DISK, stdin=layout.script().encode())
        for volume in layout.volumes:
            medium.make(volume, contents.get(volume.role, Content()))
        for patch in patches:
            medium.patch(patch)
        _flush(disk)
        check_output(output)
        disk.rename(output)
        _flush(output.parent)


@frozen(kw_only=True, repr=False, eq=False)
class Medium(Record):
    """A medium in the file `disk`, in the folder that the tools run in."""

    tools: Tools
    disk: str

    @property
    def path(self) -> Path:
        """The file."""
        return self.tools.root.directory / self.disk

    def make(self, volume: Volume, content: Content) -> None:
        """Format a partition and put its content there."""
        if content.ready is not None:
            _copy(content.ready, self.path, volume.start)
            ext4.adopt(self.tools, self.disk, volume)
        elif volume.filesystem is Filesystem.EXT4:
            ext4.make(self.tools, self.disk, volume)
            ext4.check_room(self.read(volume.start + ext4.SUPERBLOCK, 1024), content.entries, volume)
            self.fill(volume, content.entries)
        elif volume.filesystem is not None:
            fat.make(self.tools, self.disk, volume)
            fat.check_room(self.read(volume.start, SECTOR), content.entries, volume)
            self.fill(volume, content.entries)

    def fill(self, volume: Volume, entries: tuple[Entry, ...]) -> None:
        """Put entries into a partition that has none of these files yet."""
        if not entries:
            return
        scratch = Path(mkdtemp(prefix=".new.", dir=self.tools.root.directory))
        try:
            if volume.filesystem is Filesystem.EXT4:
                ext4.fill(self.tools, self.disk, volume, entries, scratch)
            else:
                fat.fill(self.tools, self.disk, volume, entries, scratch.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the medium."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def patch(self, patch: Patch) -> None:
        """Overwrite bytes of the medium."""
        with self.path.open("r+b") as file:
            file.seek(patch.offset)
            file.write(patch.data)


def check_sizes(layout: Layout, contents: Mapping[str, Content]) -> None:
    """Raises `ValueRefused` with both numbers where a content is larger than its whole partition."""
    for volume in layout.volumes:
        content = contents.get(volume.role, Content())
        size = sum(each.size for each in content.entries)
        if content.ready is not None:
            size = content.ready.stat().st_size
        if size > volume.size:
            raise ValueRefused(
                f"{volume.role}: its content has {-(-size // KIB)} KiB, and its partition {volume.size // KIB} KiB",
                path=volume.role,
            )


def check_output(output: Path) -> None:
    """Raises `FileFault` where there is something already, or no folder for it."""
    if os.path.lexists(output):
        raise FileFault(f"{output}: is there already, and nothing is overwritten", path=str(output))
    if not output.parent.is_dir():
        raise FileFault(f"{output}: there is no folder {output.parent}", path=str(output))


@contextmanager
def folder_beside(output: Path) -> Iterator[Path]:
    """A new folder beside the output, gone in the end."""
    with _faults(output):
        made = Path(mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _faults(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileFault(f"{output}: {os.strerror(error.errno or 0).lower()}", path=str(output)) from error


def _copy(source: Path, to: Path, offset: int) -> None:
    """Copy a file to a place in another; what is all zeros stays a hole."""
    with source.open("rb") as reading, to.open("r+b") as writing:
        writing.seek(offset)
        while chunk := reading.read(_CHUNK):
            if chunk.count(0) == len(chunk):
                writing.seek(len(chunk), os.SEEK_CUR)
            else:
                writing.write(chunk)


def _flush(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
