"""Devices for these tests: the tree of each board is made once, and copied."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

pytest.register_assert_rewrite("rollback.simulated")

from rollback.simulated import BOARDS, Device, make_tree  # noqa: E402

from hal.model import DeviceType  # noqa: E402


@pytest.fixture(autouse=True)
def _memory_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The power is cut between writes, not inside the machine that runs this, so no disk is waited for."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, DeviceType]]:
    made: dict[str, tuple[Path, DeviceType]] = {}
    folder = tmp_path_factory.mktemp("boards")

    def make(name: str) -> tuple[Path, DeviceType]:
        if name not in made:
            directory = folder / name.replace(" ", "-")
            made[name] = directory, make_tree(BOARDS[name], directory)
        return made[name]

    return make


@pytest.fixture
def device(tmp_path: Path, _made: Callable[[str], tuple[Path, DeviceType]]) -> Callable[[str], Device]:
    """Call it with a name of `BOARDS`: a new device."""
    numbers = count()

    def make(name: str) -> Device:
        directory, row = _made(name)
        return Device(directory, row).copy(tmp_path / f"device-{next(numbers)}")

    return make
