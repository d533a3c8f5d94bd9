"""A tree with the folders that the stores look into."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.backends.boot_config.odmdata import DEVICE
from hal.root import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    for folder in ("mnt/boot/extlinux", "mnt/boot/grub", "etc", "dev", f"sys/block/{DEVICE}", "var/volatile"):
        (tmp_path / folder).mkdir(parents=True)
    return Root(tmp_path)
