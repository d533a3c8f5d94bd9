"""The events of a machine: what is heard of real netlink messages, and what is told when it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal.errors import HalError
from hal.peripherals.hotplug import Watch
from hal.root import Root


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    return {}


@pytest.fixture
def ears(script: Callable[..., Any], heard: dict[str, Any]) -> dict[str, Any]:
    if not heard:
        heard.update(script("ears.py", mounts=True))
    return heard


def test_udev_is_listened_to_where_it_runs_and_the_kernel_always(ears: dict[str, Any]) -> None:
    assert (ears["without udev"], ears["with udev"]) == (["kernel"], ["kernel", "udev"])


@pytest.mark.parametrize(
    ("name", "count", "places", "everything"),
    [
        ("udev", 1, ["1-1", "1-1.2"], False),
        ("kernel", 1, ["1-1", "1-1.2"], False),
        ("kernel, elsewhere", 1, [], False),
        ("udev, not of interest", 0, [], False),
        ("no message", 1, [], True),
    ],
)
def test_what_is_heard(ears: dict[str, Any], name: str, count: int, places: list[str], everything: bool) -> None:
    found = {"ready": count > 0, "count": count, "places": places, "all": everything, "again": False}
    assert ears[name] == found


def test_a_full_buffer_is_told_with_the_number_of_lost_messages(ears: dict[str, Any]) -> None:
    assert ears["least"] < 8192
    assert ears["full"] == [1, 100, True]
    assert ears["later"] == [0, 0, False]
    assert ears["mended"] == [1, False, 0]


def test_a_source_that_would_hear_nothing_is_refused(ears: dict[str, Any]) -> None:
    assert ears["deaf"] == "events of udev: libudev listens to nothing here, because udev does not run"


def test_no_descriptor_is_left(ears: dict[str, Any]) -> None:
    assert (ears["nothing"], ears["left open"]) == ({"descriptors": 0}, 0)


def test_without_pyudev_it_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyudev", None)
    watch = Watch(Root(tmp_path), lambda difference: None)
    for begin in (watch.start, watch.run):
        with pytest.raises(HalError, match=r"pip install 'device-hal\[hotplug\]'"):
            begin()
