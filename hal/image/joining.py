"""Joins what several contributors put into an image. Agreement keeps every reason; disagreement is an error that names
both sides and what each said. Nothing is decided by who comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from attrs import frozen

from hal.errors import Disagreement
from hal.model import ABSENT, EITHER, PRESENT, Asked, ImagePart, JoinedPart, PartKind

REPEATED = (
    "console", "earlycon", "modprobe.blacklist", "module_blacklist", "initcall_blacklist", "rd.luks.name", "video",
    "memmap", "hugepages", "hugepagesz", "dyndbg", "usbcore.quirks",
)  # fmt: skip
"""Kernel arguments that may be there more than once with different values. Another one given twice is a conflict."""

REPEATED_LINES = ("dtoverlay", "gpio", "include")
"""The same of config.txt."""
PACKAGES = (PartKind.PACKAGE, PartKind.FIRMWARE_PACKAGE)

HOMES: dict[PartKind, str] = {
    PartKind.FILE: "root/",
    PartKind.UDEV_RULE: "root/usr/lib/udev/rules.d/",
    PartKind.BOOT_FILE: "boot/",
    PartKind.SPLASH: "boot/",
    PartKind.RENDERED_FILE: "",
}
"""Where the files of each kind go: below the boot partition, the root file system or the initramfs."""


@frozen
class Contribution:
    """One part, and who asked for it."""

    contributor: str
    part: ImagePart


def place(part: ImagePart | JoinedPart) -> str | None:
    """Where the file that this part is goes, as in `root/etc/x`; `None` for what is no file."""
    home = HOMES.get(part.kind)
    return None if home is None else f"{home}{part.name}"


def join(contributions: Iterable[Contribution]) -> tuple[JoinedPart, ...]:
    """The joined parts, by kind, and within a kind as they were asked for first. Raises `Disagreement`."""
    asked: dict[tuple[PartKind, str], list[Contribution]] = {}
    for each in contributions:
        asked.setdefault((each.part.kind, each.part.name), []).append(each)
    conflicts: list[str] = []
    joined: list[JoinedPart] = []
    for kind in PartKind:
        for key in (key for key in asked if key[0] is kind):
            try:
                joined.append(_agree(asked[key]))
            except Disagreement as error:
                conflicts += error.conflicts
    conflicts += _value_conflicts(joined)
    conflicts += _place_conflicts(joined)
    conflicts += _package_conflicts(joined)
    if conflicts:
        raise Disagreement(tuple(conflicts))
    return tuple(joined)


def _agree(given: list[Contribution]) -> JoinedPart:
    """One part out of what was said about it: what must be first, then those wishes that do not contradict it."""
    first = given[0].part
    demands = [each for each in given if not each.part.optional]
    kept = demands or given
    _common(kept)
    gone, granted = [], []
    for each in given if demands else ():
        if each.part.optional:
            try:
                _common([*demands, each])
                granted.append(each)
            except Disagreement:
                gone.append(each)
    kept = [*kept, *granted]
    fresh = {each.part.fresh_only for each in kept}
    if len(fresh) > 1:
        raise _disagreement(kept, lambda each: "for a new medium only" if each.part.fresh_only else "for every update")
    return JoinedPart(
        kind=first.kind,
        name=first.name,
        value=_common(kept),
        asked=tuple(
            Asked(
                contributor=each.contributor,
                said=said(each.part.value),
                reason=each.part.reason,
                gave_way=each in gone,
                wish=each.part.optional,
            )
            for each in given
        ),
        fresh_only=fresh.pop(),
    )


def _common(given: list[Contribution]) -> str | bytes | None:
    """The value that all of these accept. A console without a speed accepts any."""
    values = [each.part.value for each in given]
    kind = given[0].part.kind
    if kind is PartKind.KERNEL_SYMBOL:
        left = set(str(values[0]).split("|"))
        for value in values[1:]:
            left &= set(str(value).split("|"))
        if not left:
            raise _disagreement(given)
        return "m" if left == set(EITHER.split("|")) else left.pop()
    if kind is PartKind.CONSOLE:
        values = [value for value in values if value is not None] or [None]
    as_bytes = {value.encode() if isinstance(value, str) else value for value in values}
    if len(as_bytes) > 1:
        raise _disagreement(given)
    return values[0]


def _argument_key(name: str) -> str | None:
    """What a kernel argument sets; `None` where it may be there more than once."""
    key, equals, _ = name.partition("=")
    return key.replace("-", "_") if equals and key not in REPEATED else None


def config_line(name: str) -> tuple[str, str]:
    """The section that a config-txt part stands in, empty for every board, and its line."""
    if not name.startswith("["):
        return "", name
    section, _, line = name.partition("] ")
    return f"{section}]", line


def _line_key(name: str) -> str | None:
    """What a line of config.txt sets in its section: an overlay may be there twice, a parameter or a value may not."""
    section, line = config_line(name)
    key, equals, value = line.partition("=")
    if key == "dtparam":
        parameter, given, _ = value.partition("=")
        return f"{section} {key} {parameter}" if given else None
    return f"{section} {key}" if equals and key not in REPEATED_LINES else None


ONE_VALUE: dict[PartKind, Callable[[str], str | None]] = {
    PartKind.KERNEL_ARGUMENT: _argument_key,
    PartKind.CONFIG_TXT: _line_key,
}
"""Kinds whose name holds a value too, with what tells which names set the same."""


def _value_conflicts(joined: list[JoinedPart]) -> Iterator[str]:
    """One thing set to two values: the kernel or the firmware would take the last, whoever that is."""
    by_key: dict[tuple[PartKind, str], list[JoinedPart]] = {}
    for part in joined:
        key = ONE_VALUE[part.kind](part.name) if part.kind in ONE_VALUE else None
        if key is not None:
            by_key.setdefault((part.kind, key), []).append(part)
    for parts in by_key.values():
        if len(parts) > 1:
            yield f"{parts[0].kind}: " + " but ".join(f"{_who(part)} says {part.name}" for part in parts)


def _place_conflicts(joined: list[JoinedPart]) -> Iterator[str]:
    """Files of different kinds for one place, and a file where another needs a folder. FAT ignores case."""
    taken: dict[str, JoinedPart] = {}
    folders: dict[str, JoinedPart] = {}
    for part in joined:
        where = place(part)
        if where is None:
            continue
        key = where.casefold() if where.startswith("boot/") else where
        parents = [key[:at] for at, letter in enumerate(key) if letter == "/"]
        other = taken.get(key) or folders.get(key) or next((taken[each] for each in parents if each in taken), None)
        if other is not None:
            first, second = (f"{_who(each)} puts {each.kind} {each.name}" for each in (other, part))
            yield f"{where}: {first} there, but {second}"
        taken[key] = part
        for each in parents:
            folders.setdefault(each, part)


def _package_conflicts(joined: list[JoinedPart]) -> Iterator[str]:
    """A package that must not be there, and is wanted as one of the other kind, or for a file that it carries."""
    for part in joined:
        if part.kind in PACKAGES and part.value == ABSENT:
            for other in joined:
                carried = other.kind is PartKind.FIRMWARE_FILE and other.value == part.name
                same = other.kind in PACKAGES and other.name == part.name and other.value == PRESENT
                if (carried or same) and not _wish(other):
                    wanted = f"{_who(other)} wants {other.kind} {other.name}"
                    yield f"{part.kind} {part.name}: {_who(part)} says absent but {wanted}"


def _wish(part: JoinedPart) -> bool:
    return all(each.wish for each in part.asked)


def _who(part: JoinedPart) -> str:
    return " and ".join(dict.fromkeys(each.contributor for each in part.asked))


def said(value: str | bytes | None) -> str:
    """A value in words that fit into a line."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if value is None:
        return "wanted"
    first = value.strip().partition("\n")[0]
    return first if first == value.strip() and len(first) <= 60 else f"{first:.60} … ({len(value.encode())} bytes)"


def _value(each: Contribution) -> str:
    return said(each.part.value)


def _disagreement(given: list[Contribution], tell: Callable[[Contribution], str] = _value) -> Disagreement:
    """What each said, in the order of asking; those that said the same are named together."""
    by_word: dict[str, list[str]] = {}
    for each in given:
        by_word.setdefault(tell(each), []).append(f"{each.contributor} ({each.part.reason})")
    part = given[0].part
    if len(by_word) == 1:  # the same in words, and other bytes
        return Disagreement((f"{part.kind} {part.name}: {' and '.join(*by_word.values())} give different content",))
    told = " but ".join(f"{' and '.join(names)} says {text}" for text, names in by_word.items())
    return Disagreement((f"{part.kind} {part.name}: {told}",))
