"""PCs: the boot splash, and the logo of a UEFI firmware before it."""

from __future__ import annotations

import struct
from pathlib import Path

from hal_x86_grub import hal_splash

from hal.root import Root


def test_the_logo_of_the_firmware_is_told_where_acpi_passes_it_on(tmp_path: Path) -> None:
    splash = hal_splash(Root(tmp_path))
    assert splash.state().firmware == ()
    folder = tmp_path / "sys/firmware/acpi/bgrt"
    folder.mkdir(parents=True)
    (folder / "status").write_text("1\n")
    (folder / "image").write_bytes(b"BM" + struct.pack("<IHHIIii", 0, 0, 0, 54, 40, 800, 600) + bytes(200))
    (logo,) = splash.state().firmware
    assert (logo.name, logo.shown, logo.width_pixels, logo.height_pixels) == ("UEFI logo", True, 800, 600)
