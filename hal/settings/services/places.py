"""Where a service's configuration stands: a file, a kernel attribute, or what a program tells and takes.

A place is read and written as bytes; `None` means that nothing stands there. Every write is read back.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from hal.errors import NotApplied
from hal.root import Root


class Place(Protocol):
    """One place. `name` is what users are told, and is unique in a service."""

    @property
    def name(self) -> str:
        """A file's name below the root, or a word."""

    def read(self, root: Root) -> bytes | None:
        """What stands there; `None` for nothing. Raises `FileFault`."""

    def write(self, root: Root, data: bytes | None) -> None:
        """Put this there, or take it away, durably. Raises `HalError`, and the old content is then left."""

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """Whether the service would read both alike."""


@frozen
class File:
    """A file of its own. With `comment`, blank lines and those that begin with it mean nothing.

    A file of nothing but such lines is as good as none. Without `comment`, white space at the end means nothing.
    """

    name: str
    mode: int = 0o644
    comment: str | None = "#"
    folder_mode: int | None = None
    """Permissions of its folder, where this makes it."""

    def read(self, root: Root) -> bytes | None:
        """Bytes of the file; `None` where there is none."""
        return root.read_bytes(self.name) if root.exists(self.name) else None

    def write(self, root: Root, data: bytes | None) -> None:
        """Replace or remove the file; its folder is made where it is not there."""
        if data is None:
            root.remove(self.name)
            return
        folder = self.name.rpartition("/")[0]
        if root.make_folder(folder) and self.folder_mode is not None:
            root.set_mode(folder, self.folder_mode)
        root.replace(self.name, data, mode=self.mode)

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """Alike but for what means nothing."""
        return self._meaning(found) == self._meaning(wanted)

    def _meaning(self, data: bytes | None) -> object:
        if self.comment is None:
            return None if data is None else data.rstrip()
        lines = [line.strip() for line in (data or b"").split(b"\n")]
        return [line for line in lines if line and not line.startswith(self.comment.encode())]


@frozen
class NameFile:
    """A file of one name that is a mount point, so that no rename can replace it: `etc/hostname` on balenaOS.

    The name is followed by line feeds up to a fixed size, and overwritten within one sector: a power cut leaves the old
    name or the new one.
    """

    name: str
    size: int = 72
    """Room for 64 characters, the longest host name."""

    def read(self, root: Root) -> bytes | None:
        """The first line with a name, as systemd reads it."""
        if not root.exists(self.name):
            return None
        lines = [line.strip() for line in root.read_bytes(self.name).split(b"\n")]
        return next((line for line in lines if line and not line.startswith(b"#")), None)

    def write(self, root: Root, data: bytes | None) -> None:
        """Overwrite in place. Where nothing is there yet, or an empty file, there is no old name to keep."""
        padded = (data or b"").ljust(self.size, b"\n")
        old = root.read_bytes(self.name) if root.exists(self.name) else b""
        if not root.exists(self.name):
            root.replace(self.name, padded)
            return
        if not old:
            root.write(self.name, padded)
            return
        if len(old) < self.size:
            root.extend(self.name, old.ljust(self.size, b"\n"))
        root.overwrite(self.name, padded.ljust(len(old), b"\n"))

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """The same name."""
        return found == wanted


@frozen
class Attribute:
    """A kernel attribute of one value; a kernel that lacks it needs nothing."""

    name: str

    def read(self, root: Root) -> bytes | None:
        """Its value without white space at the end; `None` where it is empty or not there."""
        value = root.read_value(self.name)
        return value.encode() if value else None

    def write(self, root: Root, data: bytes | None) -> None:
        """Write without a line feed, which would become part of some values, and read back."""
        if not root.exists(self.name):
            return
        root.write(self.name, data or b"\0")  # the kernel never hears of a write of nothing
        if self.read(root) != data:
            raise NotApplied(f"{self.name}: reads back {self.read(root)!r} instead of {data!r}", path=self.name)

    def same(self, found: bytes | None, wanted: bytes | None) -> bool:
        """The same value."""
        return found == wanted
