"""What a step does is decided first, then done in order, or only told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hal.backends.changes import Change, perform
from hal.errors import FileFault
from hal.model import Slot, Update


def test_done_in_order_and_told() -> None:
    done: list[int] = []
    changes = [
        Change("one", "done", lambda: done.append(1)),
        "two was left",
        Change("three", "set", lambda: done.append(3)),
    ]
    assert perform(Update(target=Slot.A), changes) == ("one was done", "two was left", "three was set")
    assert done == [1, 3]


def test_a_dry_run_does_nothing() -> None:
    told = perform(Update(target=Slot.A, dry_run=True), [Change("one", "done", lambda: pytest.fail("done"))])
    assert told == ("one would be done",)


def test_all_is_decided_before_the_first_is_done() -> None:
    def changes() -> Iterator[Change]:
        yield Change("one", "done", lambda: pytest.fail("done"))
        raise FileFault("refused")

    with pytest.raises(FileFault, match="refused"):
        perform(Update(target=Slot.A), changes())
