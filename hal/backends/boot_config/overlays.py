"""Which file the Raspberry Pi firmware takes for an overlay: `vc4-kms-v3d` is another one on a Pi 4 than on a Pi 5.

Beside the overlays lies `overlay_map.dtb`, a device tree with a node for each name that is special: a property named
like the platform gives the name there (empty: the same), platforms that are not named have no such overlay, `renamed`
gives a new name and `deprecated` says what to use instead. A name without a node is that of its file.

Sources: raspberrypi/linux (overlay_map.dts and its pull request 3527), the Devicetree specification 0.4 (chapter 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from hal.errors import Damaged, HalError, ValueRefused
from hal.root import Root

SUFFIXES = {"bcm2835": "", "bcm2711": "-pi4", "bcm2712": "-pi5"}
"""Platforms by the names of the map, and how overlays made for one are called: Pi 0 to 3, Pi 4, Pi 5."""

MAP = "overlay_map.dtb"
_END = ".dtbo"
_MAGIC = b"\xd0\x0d\xfe\xed"
_BEGIN_NODE, _END_NODE, _PROPERTY, _SKIP, _STOP = 1, 2, 3, 4, 9


class Choice(NamedTuple):
    """The file for an overlay, as far as that could be found out, and what is worth saying."""

    file: str | None
    note: str


def choose(root: Root, folder: str, name: str, platform: str | None) -> Choice:
    """The file that the firmware takes for an overlay. Raises `ValueRefused` for one that this board does not have.

    Where the boot partition holds no overlays at all, nothing can be said.
    """
    present = sorted(each.removesuffix(_END) for each in root.listdir(folder) if each.endswith(_END))
    if not present:
        return Choice(None, f"{folder} holds no overlays, so {name} was not checked")
    rules = _map(root, folder)
    found = _mapped(rules, name, platform) if rules is not None else _unmapped(name, platform)
    wanted = (found,) if found is not None else _possible(rules, name)
    missing = [each for each in wanted if each not in present]
    if missing and (found is not None or len(missing) == len(wanted)):
        close = tuple(get_close_matches(name, present, n=5, cutoff=0.5))
        raise ValueRefused(
            f"dtoverlay: {folder}/{missing[0]}{_END} does not exist, so {name!r} would not be loaded"
            + (f"; the closest there are {', '.join(close)}" if close else ""),
            path="dtoverlay",
            allowed=close or tuple(present),
        )
    if found is None:
        return Choice(None, f"{name}: which of {', '.join(wanted)} this board takes is not known")
    return Choice(f"{folder}/{found}{_END}", "" if found == name else f"{name} is {found} on this board")


def _mapped(rules: dict[str, dict[str, str]], name: str, platform: str | None) -> str | None:
    """The name of the file by the map; `None` where it depends on the platform, and that is not known."""
    seen = []
    while name in rules and name not in seen:
        seen.append(name)
        rule = rules[name]
        if "renamed" in rule:
            name = rule["renamed"]
        elif "deprecated" in rule:
            raise _refusal(name, f"it is deprecated: {rule['deprecated']}")
        else:
            named = [each for each in rule if each in SUFFIXES]
            if not named:
                return name
            if platform is None:
                return None
            if platform not in named:
                raise _refusal(name, f"the map of overlays has it for {', '.join(named)}, this board is a {platform}")
            if rule[platform] in ("", name):
                return name
            name = rule[platform]
    return name


def _unmapped(name: str, platform: str | None) -> str:
    """Without a map a name is that of its file; one made for another platform is refused all the same."""
    for other, suffix in SUFFIXES.items():
        if suffix and name.endswith(suffix) and platform not in (None, other):
            raise _refusal(name, f"it is made for {other}, this board is a {platform}")
    return name


def _possible(rules: dict[str, dict[str, str]] | None, name: str) -> tuple[str, ...]:
    rule = (rules or {}).get(name, {})
    return tuple(dict.fromkeys(rule[each] or name for each in rule if each in SUFFIXES)) or (name,)


def _refusal(name: str, reason: str) -> ValueRefused:
    return ValueRefused(f"dtoverlay: {name!r} is not for this board: {reason}", path="dtoverlay", allowed=(reason,))


def _map(root: Root, folder: str) -> dict[str, dict[str, str]] | None:
    """The map; `None` where there is none, or it does not parse: then the firmware has none either."""
    file = f"{folder}/{MAP}"
    try:
        return read_map(root.read_bytes(file), path=file) if root.exists(file) else None
    except HalError:
        return None


def read_map(data: bytes, *, path: str) -> dict[str, dict[str, str]]:
    """Name and text properties of each node right below the root of a flattened device tree. Raises `Damaged`."""
    try:
        return dict(_nodes(data))
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise Damaged(f"no device tree: {error}", path=path) from error


def _nodes(data: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    if data[:4] != _MAGIC:
        raise ValueError(f"starts with {data[:4]!r}")
    at, strings = _number(data, 8), _number(data, 12)
    depth = 0
    node: tuple[str, dict[str, str]] = ("", {})
    while True:
        token = _number(data, at)
        at += 4
        if token == _BEGIN_NODE:
            name = _word(data, at)
            at += -(-(len(name) + 1) // 4) * 4
            depth += 1
            if depth == 2:
                node = (name, {})
        elif token == _PROPERTY:
            size, offset = _number(data, at), _number(data, at + 4)
            value = data[at + 8 : at + 8 + size]
            at += 8 + -(-size // 4) * 4
            if depth == 2:
                node[1][_word(data, strings + offset)] = value.rstrip(b"\0").decode("ascii")
        elif token == _END_NODE:
            if depth == 2:
                yield node
            depth -= 1
            if depth < 0:
                raise ValueError("a node ends that did not begin")
        elif token == _STOP:
            return
        elif token != _SKIP:
            raise ValueError(f"token {token} at byte {at - 4}")


def _number(data: bytes, at: int) -> int:
    word = data[at : at + 4]
    if len(word) != 4:
        raise ValueError(f"ends before byte {at + 4}")
    return int.from_bytes(word, "big")


def _word(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
