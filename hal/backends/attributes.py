"""Kernel attributes that belong together: written in order, each read back, all or none.

Where one does not take its value, those before it get back what they had, in the same order: an order that is right
for one set of values (first the governor, then what a governor forbids) is right for every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hal.errors import HalError, NotApplied
from hal.root import Root

Values = Sequence[tuple[str, str]]
"""Names of files below the root and the text each is to hold, in the order of writing."""


def read(root: Root, names: Iterable[str]) -> dict[str, str]:
    """What the attributes hold; one that cannot be read is left out."""
    found = {name: root.read_value(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def differing(before: Mapping[str, str], wanted: Values) -> Values:
    """Those of the wanted values that are not there yet."""
    return tuple((name, value) for name, value in wanted if before.get(name) != value)


def put(root: Root, wanted: Values, *, back: Values, path: str) -> None:
    """Write, read each back, and in the end all of them once more, because one may change another.

    On a failure `back` is written, which is what was there. Raises `NotApplied`, which says how that went; what
    interrupts a change puts it back, too.
    """
    try:
        for name, value in wanted:
            if root.read_value(name) != value:
                root.write(name, f"{value}\n")
            _check(root, name, value)
        for name, value in wanted:
            _check(root, name, value)
    except BaseException as error:
        told = _put_back(root, back)
        if isinstance(error, HalError):
            raise NotApplied(f"{path}: {error.message}; {told}", path=path) from error
        raise


def _check(root: Root, name: str, value: str) -> None:
    found = root.read_value(name)
    if found != value:
        raise NotApplied(f"{name}: reads back {found!r} instead of {value!r}")


def _put_back(root: Root, back: Values) -> str:
    """What was there, as far as it can be written; one that refuses does not keep the others from it."""
    failed = []
    for name, value in back:
        try:
            if root.read_value(name) != value:
                root.write(name, f"{value}\n")
                _check(root, name, value)
        except HalError as error:
            failed.append(error.message)
    return f"putting back failed too: {'; '.join(failed)}" if failed else "the former values were put back"
