"""The copy of a vendor's file that survives OS updates: read, compared, and written anew.

The vendor's file is part of the read-only root file system; the OS starts the vendor's program with a copy in a folder
that is bind-mounted from the state partition. The OS's own scripts write such copies too, and may change a comment on
the way, so copies are compared without comments and white space.
"""

from __future__ import annotations

from hal.root import Root

UNSET = (None, "", "null")
"""What config.json says where a setting is not asked for: the vendor's own default."""


def read(root: Root, name: str) -> str:
    """A vendor's file as text. A byte that is not UTF-8 is kept as it is; outside a comment the grammar refuses it."""
    return root.read_bytes(name).decode("utf-8", "surrogateescape")


def write(root: Root, name: str, text: str) -> None:
    """Replace the copy durably."""
    root.replace(name, text.encode("utf-8", "surrogateescape"))


def lines(text: str) -> list[str]:
    """The lines with their ends. Only a line feed ends one: other separators occur inside comments."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def significant(text: str) -> list[list[str]]:
    """The words of every line that has any, without comments."""
    words = [line.partition("#")[0].split() for line in lines(text)]
    return [line for line in words if line]
