"""What an update step does, decided first and done afterwards: so a refusal writes nothing, and a dry run tells all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hal.model import Update


class Change(NamedTuple):
    """One thing to do: what is changed and into what, as in "tiboot3.bin" and "written to mmcblk0boot0"."""

    thing: str
    done: str
    act: Callable[[], object]


def perform(update: Update, changes: Iterable[Change | str]) -> tuple[str, ...]:
    """Do every change in order, or none in a dry run, and answer the sentences of `UpdateStep.run`.

    All of `changes` is decided before the first is done. A text is told as it is: something that was left alone.
    """
    decided = tuple(changes)
    verb = "would be" if update.dry_run else "was"
    for change in decided:
        if isinstance(change, Change) and not update.dry_run:
            change.act()
    return tuple(change if isinstance(change, str) else f"{change.thing} {verb} {change.done}" for change in decided)
