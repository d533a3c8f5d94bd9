"""Kernel arguments in boot files: `isolcpus` among the others of a line, and the name of a device tree."""

from __future__ import annotations

import re

from hal.errors import ValueRefused

ISOLCPUS = "isolcpus"
_CPUS = re.compile(r"(?:[a-z_]+,)*[0-9]+(?:-[0-9]+(?::[0-9]+/[0-9]+)?)?(?:,[0-9]+(?:-[0-9]+(?::[0-9]+/[0-9]+)?)?)*")
_TREE = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._+/-]*")
_ARGUMENTS = re.compile(r"[A-Za-z0-9_.,:=/+@%~-]+(?: [A-Za-z0-9_.,:=/+@%~-]+)*")
LONGEST_TREE = 250
"""Characters of a device tree's name: behind `/boot/` the bootloader has room for 256."""


def cpus(value: str) -> str:
    """The value of `isolcpus`: `1`, `2,3`, `1-3`, flags of the kernel before it. Raises `ValueRefused`."""
    value = value.strip().strip('"')
    if not _CPUS.fullmatch(value):
        raise ValueRefused(
            f"{ISOLCPUS}: {value[:80]!r} is no list of CPUs; numbers and ranges are allowed, as in 1,3 or 2-5",
            path=ISOLCPUS,
            allowed=("N", "N,M", "N-M"),
        )
    return value


def device_tree(key: str, value: str) -> str:
    """The name of a device tree file. Raises `ValueRefused`."""
    value = value.strip().strip('"')
    if not _TREE.fullmatch(value) or ".." in value or len(value) > LONGEST_TREE:
        raise ValueRefused(
            f"{key}: {value[:80]!r} is no name of a device tree; letters, digits and . _ + / - are allowed, up to "
            f"{LONGEST_TREE} of them",
            path=key,
            allowed=("NAME.dtb",),
        )
    return value


def command_line(key: str, value: str) -> str:
    """Arguments that no bootloader takes apart: words with single blanks between. Raises `ValueRefused`."""
    rule = "words of letters, digits and _ . , : = / + @ % ~ - with single blanks between"
    if not _ARGUMENTS.fullmatch(value):
        raise ValueRefused(f"{key}: {value[:120]!r} is not allowed; {rule} are", path=key, allowed=(rule,))
    return value


def value_of(words: list[str], name: str) -> str | None:
    """The value of the last argument of a name, empty where it has none; `None` where it is not there."""
    found = [word.partition("=")[2] for word in words if word.partition("=")[0] == name]
    return found[-1] if found else None


def replaced(words: list[str], name: str, value: str | None) -> list[str]:
    """The arguments with this one in the place of the first of its name, or at the end; `None` removes all of them."""
    new = [] if value is None else [f"{name}={value}"]
    places = [place for place, word in enumerate(words) if word.partition("=")[0] == name]
    first = places[0] if places else len(words)
    before = words[:first]
    return [*before, *new, *(word for word in words[first:] if word.partition("=")[0] != name)]
