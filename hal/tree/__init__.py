"""Trees: folders that stand for `/` of a device. `hal.tree.new` generates one, `hal.tree.record` captures one."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class TreeFile(Record):
    """One entry of a generated tree: its name below the root, and its bytes with permissions, or a link's target.

    A name that ends in `/` is an empty folder.
    """

    name: str
    data: bytes = b""
    mode: int = 0o644
    link: str | None = None

    @classmethod
    def text(cls, name: str, text: str) -> TreeFile:
        """A text file."""
        return cls(name=name, data=text.encode())

    @classmethod
    def program(cls, name: str, text: str) -> TreeFile:
        """A script that stands for a program of the device; it is started with `HAL_ROOT` set to the tree."""
        return cls(name=name, data=text.encode(), mode=0o755)

    @classmethod
    def folder(cls, name: str) -> TreeFile:
        """An empty folder."""
        return cls(name=f"{name}/", mode=0o755)
