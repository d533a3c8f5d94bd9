"""Which versions of a driver's firmware an image keeps, where the driver is content with one of many.

iwlwifi asks for the newest version it knows, then for each older one down to the oldest it can use. All versions of all
chips would fill the root file system, so balenaOS's build removes what is older than a minimum for each chip. A version
is a number: compared as text, 7, 8 and 9 came out newer than 17 and stayed (meta-balena 1527). The name of a chip may
have dashes of its own (`9000-pu-b0-jf-b0`), so the version is what stands behind the last one.

What the pattern does not fit is kept: a license, another driver's file, `.pnvm` data without a version, a chip that no
row names. Nothing is removed of a chip of which nothing would be left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from hal.record import Record

IWLWIFI = re.compile(r"iwlwifi-(?P<chip>[0-9A-Za-z]+(?:-[0-9A-Za-z]+)*)-(?P<version>[0-9]+)\.ucode(?:\.xz|\.zst)?")
"""A file's name without its folder, plain or packed."""


@frozen(kw_only=True, repr=False, eq=False)
class Wanted(Record):
    """The versions of one chip that the image's kernels use."""

    chip: str
    lowest: int
    highest: int | None = None
    """The newest that the kernel knows, where that is known. Then one file is enough: the newest of those."""


@frozen(kw_only=True, repr=False, eq=False)
class Cleaning(Record):
    """The names, each once, in the order in which they came; and why one is kept or removed, where a row decided."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    reasons: Mapping[str, str]


COMMON = (
    Wanted(chip="7260", lowest=17),
    Wanted(chip="7265", lowest=17),
    Wanted(chip="7265D", lowest=29),
    Wanted(chip="8000C", lowest=34),
    Wanted(chip="8265", lowest=34),
)
"""Source: meta-balena, linux-firmware_%.bbappend of the scarthgap layer."""

PC = (
    *COMMON[:3],
    Wanted(chip="1000", lowest=5),
    Wanted(chip="3160", lowest=17),
    Wanted(chip="3168", lowest=29),
    Wanted(chip="5000", lowest=5),
    Wanted(chip="6000g2a", lowest=6),
    Wanted(chip="6000g2b", lowest=6),
    Wanted(chip="6050", lowest=5),
    Wanted(chip="8000C", lowest=36),
    Wanted(chip="8265", lowest=36),
    Wanted(chip="9000-pu-b0-jf-b0", lowest=46),
    Wanted(chip="9260-th-b0-jf-b0", lowest=46),
)
"""Source: balena-intel, linux-firmware_%.bbappend of the genericx86 layer, on top of the common ones."""


def clean(names: Iterable[str], wanted: Iterable[Wanted], links: Mapping[str, str] | None = None) -> Cleaning:
    """Decide for every name below the firmware folder. Nothing is read or removed here.

    `links` are symbolic links among them, each with the name that it leads to; what a kept one leads to is kept.
    """
    every = tuple(dict.fromkeys(names))
    rows = {row.chip: row for row in wanted}
    versions: dict[str, dict[str, int]] = {}
    for name in every:
        fit = IWLWIFI.fullmatch(name.rpartition("/")[2])
        if fit and fit["chip"] in rows:
            versions.setdefault(fit["chip"], {})[name] = int(fit["version"])
    reasons: dict[str, str] = {}
    removed: set[str] = set()
    for chip, found in versions.items():
        usable = _usable(rows[chip], found)
        for name, version in found.items():
            keeps, reasons[name] = _decide(rows[chip], version, usable)
            if not keeps:
                removed.add(name)
    for name, target in _led_to(every, removed, links or {}):
        removed.discard(target)
        reasons[target] = f"{name} leads to it"
    return Cleaning(
        kept=tuple(name for name in every if name not in removed),
        removed=tuple(name for name in every if name in removed),
        reasons=reasons,
    )


def _usable(row: Wanted, found: Mapping[str, int]) -> frozenset[int]:
    """The versions to keep: all from the lowest on, or the newest that the kernel knows; if none fits, the newest."""
    fit = [each for each in found.values() if each >= row.lowest and (row.highest is None or each <= row.highest)]
    if not fit:
        return frozenset((max(found.values()),))
    return frozenset(fit) if row.highest is None else frozenset((max(fit),))


def _decide(row: Wanted, version: int, usable: frozenset[int]) -> tuple[bool, str]:
    if version in usable and version < row.lowest:
        return True, f"older than {row.lowest}, but nothing else would be left of {row.chip}"
    if version in usable and row.highest is not None and version > row.highest:
        return True, f"newer than {row.highest}, but nothing else would be left of {row.chip}"
    if version in usable:
        return True, f"{row.chip}: {version} is wanted"
    if version < row.lowest:
        return False, f"{row.chip}: {version} is older than {row.lowest}"
    if row.highest is not None and version > row.highest:
        return False, f"{row.chip}: {version} is newer than {row.highest}, the newest that the kernel knows"
    return False, f"{row.chip}: {max(usable)} is newer than {version}"


def _led_to(every: tuple[str, ...], removed: set[str], links: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Kept links with what they lead to, through any number of them."""
    for name in every:
        seen: set[str] = set()
        here = name
        while name not in removed and here in links and here not in seen:
            seen.add(here)
            here = links[here]
            if here in removed:
                yield name, here
