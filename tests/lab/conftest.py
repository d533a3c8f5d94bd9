"""How much the lab does: `--lab=bounded` is what `make test` runs, `--lab=full` is `make lab`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.figures import note


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether everything is to be run."""
    return bool(request.config.getoption("--lab") == "full")


@pytest.fixture
def figures(full: bool) -> Callable[..., None]:
    """Notes a test's figures under a name."""

    def noted(name: str, **found: Any) -> None:
        note(name, "full" if full else "bounded", found)

    return noted
