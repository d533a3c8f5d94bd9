"""Raspberry Pi: the boot splash, and the rainbow screen of the firmware before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hal_raspberrypi import hal_splash
from hal_raspberrypi.device_types import DEVICE_TYPES

from hal.model import DeviceType
from hal.root import Root

SECURE_BOOT = {"raspberrypicm4-ioboard-sb"}


@pytest.mark.parametrize("row", DEVICE_TYPES, ids=lambda row: row.slug)
def test_the_rainbow_screen_is_told_where_its_config_txt_is_seen(row: DeviceType, tmp_path: Path) -> None:
    splash = hal_splash(row, Root(tmp_path))
    (tmp_path / "mnt/boot").mkdir(parents=True)
    (tmp_path / "mnt/boot/config.txt").write_text("".join(f"{line}\n" for line in row.config_txt))
    found = [(each.name, each.shown) for each in splash.state().firmware]
    off = "disable_splash=1" in row.config_txt
    assert found == ([] if row.slug in SECURE_BOOT else [("rainbow screen", not off)])
