"""The boot splash; nothing is known that the firmware of these boards draws."""

from __future__ import annotations

from pathlib import Path

from hal_jetson import hal_splash

from hal.root import Root
from hal.tree.picture import picture


def test_the_picture_of_the_os_and_none_of_a_firmware(tmp_path: Path) -> None:
    (tmp_path / "mnt/boot").mkdir(parents=True)
    splash = hal_splash(Root(tmp_path))
    splash.set(picture(8, 8))
    assert (splash.read(), splash.state().firmware) == (picture(8, 8), ())
