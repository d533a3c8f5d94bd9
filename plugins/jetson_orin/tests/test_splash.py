"""Jetson Orin: the boot splash, and what is known of the firmware's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hal_jetson_orin import hal_splash
from hal_jetson_orin.device_types import DEVICE_TYPES

from hal.model import BootloaderKind, DeviceType
from hal.root import Root


@pytest.mark.parametrize("row", DEVICE_TYPES, ids=lambda row: row.slug)
def test_a_logo_is_told_where_the_firmware_is_known(row: DeviceType, tmp_path: Path) -> None:
    found = [(each.name, each.shown) for each in hal_splash(row, Root(tmp_path)).state().firmware]
    assert found == ([("UEFI logo", None)] if row.bootloader is BootloaderKind.L4TLAUNCHER else [])
    assert row.slug != "jetson-agx-thor-devkit" or found == []
