"""What the firmware draws: read from what ACPI and config.txt tell, never from what is usual."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hal.backends.firmware_splash import BGRT, CONFIG_TXT, bgrt, compiled_in, rainbow
from hal.root import Root

BITMAP = b"BM" + struct.pack("<IHHIIii", 0, 0, 0, 54, 40, 640, -480) + bytes(100)


def make(tmp_path: Path, files: dict[str, bytes]) -> Root:
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return Root(tmp_path)


@pytest.mark.parametrize(
    ("status", "image", "shown", "size"),
    [
        (b"1\n", BITMAP, True, (640, 480)),
        (b"0\n", BITMAP, False, (640, 480)),
        (b"7\n", BITMAP, True, (640, 480)),
        (b"", BITMAP, None, (640, 480)),
        (b"-1\n", BITMAP, None, (640, 480)),
        ("²\n".encode(), BITMAP, None, (640, 480)),
        (b"9" * 5000, BITMAP, None, (640, 480)),
        (b"1\n", b"", True, (None, None)),
        (b"1\n", b"BM", True, (None, None)),
        (b"1\n", b"\x89PNG" * 30, True, (None, None)),
    ],
)
def test_the_logo_of_a_uefi_firmware(
    status: bytes, image: bytes, shown: bool | None, size: tuple[int | None, int | None], tmp_path: Path
) -> None:
    found = bgrt(make(tmp_path, {f"{BGRT}/status": status, f"{BGRT}/image": image}))
    assert found is not None
    assert (found.shown, found.size_bytes, found.file) == (shown, len(image), f"{BGRT}/image")
    assert (found.width_pixels, found.height_pixels) == size


def test_a_firmware_without_a_logo_and_one_whose_logo_cannot_be_read(tmp_path: Path) -> None:
    assert bgrt(Root(tmp_path)) is None
    found = bgrt(make(tmp_path, {f"{BGRT}/status": b"1\n"}))
    assert found is not None
    assert (found.shown, found.file, "no such file" in found.note) == (True, None, True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("disable_splash=1\n", False),
        ("disable_splash=0\n", True),
        ("", True),
        ("#disable_splash=1\n", True),
        (" disable_splash = 1 # no rainbow\n", False),
        ("disable_splash=1\ndisable_splash=0\n", True),
        ("[pi4]\narm_boost=1\n[all]\ndisable_splash=1\n", False),
        ("disable_splash=1\n[pi4]\ndisable_splash=1\n", False),
        ("disable_splash=1\n[pi4]\ndisable_splash=0\n", None),
        ("[cm4]\ndisable_splash=1\n", None),
        ("disable_splash=1\ninclude more.txt\n", None),
        ("\x00\xff\n[\n=\n", True),
    ],
)
def test_the_rainbow_screen_of_a_raspberry_pi(text: str, shown: bool | None, tmp_path: Path) -> None:
    found = rainbow(make(tmp_path, {CONFIG_TXT: text.encode("latin-1")}))
    assert (found.shown, found.file) == (shown, CONFIG_TXT)
    assert found.note


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    assert rainbow(Root(tmp_path)).shown is None
    assert compiled_in(Root(tmp_path)).shown is None
