"""What differs between two images: parts that only one has or that have another value, with the reasons of both."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from attrs import frozen

from hal.model import Image, JoinedPart, PartKind
from hal.record import Record


class Change(StrEnum):
    """What becomes of a part, from the first image to the second."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@frozen(kw_only=True, repr=False, eq=False)
class PartDifference(Record):
    """A part that differs; `before` and `after` are `None` where that image does not have it.

    `text` is a unified diff of its content, where both sides have text of more than one line.
    """

    change: Change
    kind: PartKind
    name: str
    before: JoinedPart | None
    after: JoinedPart | None
    text: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class Difference(Record):
    """What differs: facts as name, first, second; and parts, in the order of `PartKind` and of name."""

    facts: tuple[tuple[str, str, str], ...]
    parts: tuple[PartDifference, ...]


def difference(first: Image, second: Image) -> Difference:
    """Everything that differs, but the reasons: two plugins may ask for the same and say it in other words."""
    return Difference(facts=tuple(_facts(first, second)), parts=tuple(_parts(first, second)))


def _facts(first: Image, second: Image) -> Iterator[tuple[str, str, str]]:
    told = []
    for image in (first, second):
        row = image.device_type
        told.append(
            {
                "machine": row.machine,
                "arch": row.arch,
                "yocto_release": image.build.yocto_release,
                "kernel_recipe": row.kernel_recipe,
                "bootloader": row.bootloader,
                "plugins": " ".join(image.plugins),
            }
        )
    for name, value in told[0].items():
        one, other = (str(each or "not known") for each in (value, told[1][name]))
        if one != other:
            yield name, one, other


def _parts(first: Image, second: Image) -> Iterator[PartDifference]:
    before, after = ({(part.kind, part.name): part for part in image.parts} for image in (first, second))
    slugs = (first.device_type.slug, second.device_type.slug)
    for kind in PartKind:
        for key in sorted(key for key in before.keys() | after.keys() if key[0] is kind):
            one, other = before.get(key), after.get(key)
            if one is None or other is None:
                change = Change.REMOVED if other is None else Change.ADDED
                yield PartDifference(change=change, kind=kind, name=key[1], before=one, after=other)
            elif (one.data, one.value is None, one.fresh_only) != (other.data, other.value is None, other.fresh_only):
                text = tuple(_unified(one, other, slugs))
                yield PartDifference(change=Change.CHANGED, kind=kind, name=key[1], before=one, after=other, text=text)


def _unified(one: JoinedPart, other: JoinedPart, slugs: tuple[str, str]) -> Iterator[str]:
    """The lines of a unified diff; none where a side is no text, or both are one line."""
    from difflib import unified_diff

    sides = []
    for part in (one, other):
        try:
            text = part.data.decode()
        except UnicodeDecodeError:
            return
        if not all(each.isprintable() or each in "\n\t" for each in text):
            return
        sides.append(text.splitlines())
    if max(map(len, sides)) > 1:
        names = [f"{slug}/{one.name}" for slug in slugs]
        yield from unified_diff(sides[0], sides[1], names[0], names[1], lineterm="", n=1)
