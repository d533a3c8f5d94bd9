"""How much the lab does: `--lab=bounded` is what `make test` runs, `--lab=full` is `make lab`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lab.figures import note, shown


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether everything is to be run."""
    return bool(request.config.getoption("--lab") == "full")


@pytest.fixture
def figures(full: bool, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Notes a test's figures under a name; `LabFigures` prints them. `varies` names those that time has a part in."""

    def noted(name: str, *, varies: Sequence[str] = (), **found: Any) -> None:
        scale = "full" if full else "bounded"
        record_property("lab figures", f"{name} ({scale}): {shown(found)}")
        note(name, scale, {**found, "varies": list(varies)})

    return noted
