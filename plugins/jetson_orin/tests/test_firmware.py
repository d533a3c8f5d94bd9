"""Jetson Orin: the health check of the firmware."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hal_jetson_orin.tree_firmware import FIRMWARE
from interrupted import snapshot

from hal import Device, Root

Tree = Callable[[str], Root]


@pytest.mark.parametrize(
    ("firmware", "kernel", "healthy", "told"),
    [
        ("36.4", "5.15.148-l4t-r36.4", True, "both 36.4"),
        ("36.4.3", "5.15.148-l4t-r36.4.3-1012.12+g1", True, "both 36.4"),
        ("36.4", "5.15.185-l4t-r36.5", False, "not applied"),
        ("36.5", "5.15.148-l4t-r36.4", False, "not applied"),
        ("36.4", "6.6.20", False, "names no L4T version"),
        ("36.4", "", False, "names no L4T version"),
        ("", "5.15.148-l4t-r36.4", False, "tells no current version"),
        (None, "5.15.148-l4t-r36.4", False, "no such program"),
    ],
)
def test_the_firmware_must_be_the_kernel_s(
    firmware: str | None, kernel: str, healthy: bool, told: str, hal_tree: Tree
) -> None:
    root = hal_tree("jetson-orin-nx-xavier-nx-devkit")
    if firmware is None:
        root.resolve("usr/sbin/nvbootctrl").unlink()
    root.resolve(FIRMWARE).write_text(f"{firmware}\n")
    root.resolve("proc/sys/kernel/osrelease").write_text(f"{kernel}\n")
    before = snapshot(root)
    (check,) = Device.open(root).health_checks
    verdict = check.check()
    assert verdict.healthy is healthy
    assert told in verdict.reason
    assert snapshot(root) == before
