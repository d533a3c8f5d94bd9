"""What tests of a storm share."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from peripherals.uevents import OWN_USERS, in_namespace


@cache
def _may_make_namespaces() -> bool:
    return subprocess.run([*OWN_USERS, "true"], capture_output=True, timeout=30, check=False).returncode == 0


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether everything is to be run."""
    return bool(request.config.getoption("--lab") == "full")


@pytest.fixture
def script() -> Callable[..., Any]:
    """Runs a script of this folder in namespaces of its own; what it printed, as JSON."""
    if not _may_make_namespaces():
        pytest.skip("no network namespace can be made here; `make lab` does this in a guest")

    def run(name: str, *words: str, **options: Any) -> Any:
        done = in_namespace(name, *words, **options)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    return run
