"""The record of attempts at a place: whatever became of the file, a switch goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.peripherals.modem import attempts
from hal.root import Root

WHOLE = attempts.Tried(identity="12d1:14fe", failures=2, failure="no answer", at_seconds=100.0, phase="failed")


@pytest.fixture
def kept(tmp_path: Path) -> Root:
    """A tree in which an attempt was noted."""
    boot = tmp_path / attempts.BOOT
    boot.parent.mkdir(parents=True)
    boot.write_text("boot-1\n")
    attempts.note(Root(tmp_path), "1-1", WHOLE)
    return Root(tmp_path)


def test_what_was_noted_is_read_again(kept: Root) -> None:
    found = attempts.read(kept, "1-1", now=101.0)
    assert (found.identity, found.failures, found.failure, found.phase) == ("12d1:14fe", 2, "no answer", "failed")
    assert attempts.read(kept, "1-2", now=101.0).failures == 0


def test_failures_are_forgotten_after_a_while_and_in_another_boot(kept: Root) -> None:
    later = attempts.read(kept, "1-1", now=101.0 + attempts.FORGOTTEN_SECONDS)
    assert (later.failures, later.phase) == (0, "failed")
    (kept.directory / attempts.BOOT).write_text("boot-2\n")
    assert attempts.read(kept, "1-1", now=101.0).phase == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("100.0", "1" + "0" * 400),
        ("100.0", "Infinity"),
        ("100.0", '"soon"'),
        ('"failures": 2', '"failures": null'),
        ('"failures": 2', '"failed": 2'),
        ("{", "["),
        ("boot-1", "\udcff"),
    ],
)
def test_a_damaged_record_counts_as_none(old: str, new: str, kept: Root) -> None:
    path = kept.directory / f"{attempts.FOLDER}/1-1.json"
    text = path.read_text()
    assert old in text
    path.write_bytes(text.replace(old, new).encode(errors="surrogateescape"))
    assert attempts.read(kept, "1-1", now=101.0).failures == 0
