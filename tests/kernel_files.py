"""A tree whose attributes behave as drivers do: they refuse values, and one changes another. And files of sysfs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from hal.errors import FileFault
from hal.root import Root
from hal.tree import TreeFile

Rule = Callable[["Kernel", str, str], int | None]
"""Of a write, before it is done: the tree, the name and the value; an errno refuses it."""


class Kernel(Root):
    """`rules` are asked in order at each write, and may change other attributes with `put`; `log` are the writes."""

    def __init__(self, directory: str | Path, *rules: Rule) -> None:
        super().__init__(directory)
        self.rules = list(rules)
        self.log: list[tuple[str, str]] = []

    def write(self, name: str, value: str | bytes, *, create: bool = False) -> None:
        text = (value if isinstance(value, str) else value.decode()).strip()
        for rule in self.rules:
            refused = rule(self, name, text)
            if refused is not None:
                raise FileFault(f"{name}: {os.strerror(refused).lower()}", path=name)
        super().write(name, value, create=create)
        self.log.append((name, text))

    def put(self, name: str, value: str) -> None:
        """What the kernel itself makes of an attribute."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def plant(root: Root, files: Iterable[TreeFile]) -> None:
    """Write files of a generated tree."""
    for file in files:
        path = root.directory / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
