"""What the tests of jobs share."""

from __future__ import annotations

from pathlib import Path

import pytest
from peripherals.modem.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A port of a tree, with nothing in it."""
    return Bench(tmp_path)
