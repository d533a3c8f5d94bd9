"""The same image, deploy folder and time make the same bytes: on another day, in another folder, for another user."""

from __future__ import annotations

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest
from image.disk.deployed import asked, deploy
from lab.disk import Disk

from hal.errors import ValueRefused
from hal.image.disk import DEFAULT_EPOCH, write
from hal.model import Image
from hal.root import Root

FILES = {f"usr/share/{name}": name.encode() * 100 for name in ("one", "two", "three", "Four", "ünf")}


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def built(folder: Path, told: Image, files: dict[str, bytes], **how: object) -> str:
    root = deploy(folder / "deploy", told, root=files)
    write(told, deploy=root, output=folder / "disk", **how)  # type: ignore[arg-type]
    return digest(folder / "disk")


@pytest.mark.parametrize("slug", ["raspberrypi4-64", "generic-amd64"])
def test_another_day_folder_zone_mask_and_order(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = asked(slug)
    (tmp_path / "one").mkdir()
    first = built(tmp_path / "one", told, FILES)
    time.sleep(2.1)  # FAT counts in steps of two seconds
    other = tmp_path / "a folder, far away?offset=7"
    other.mkdir()
    for name, value in {"TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "SOURCE_DATE_EPOCH": "1", "HOME": "/"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MKE2FS_CONFIG", "/dev/null")
    time.tzset()
    before = os.umask(0o077)
    try:
        root = deploy(other / "deploy", told, root=dict(reversed(FILES.items())))
        for path in sorted((other / "deploy").rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
            else:
                path.chmod(0o644)
                os.utime(path, (1, 86400 * 365))
        write(told, deploy=root, output=other / "disk")
    finally:
        os.umask(before)
        monkeypatch.undo()
        time.tzset()
    assert digest(other / "disk") == first


def test_what_differs_makes_other_bytes(tmp_path: Path) -> None:
    told = asked("raspberrypi4-64")
    for name in ("base", "file", "epoch", "slot"):
        (tmp_path / name).mkdir()
    found = {
        built(tmp_path / "base", told, FILES),
        built(tmp_path / "file", told, {**FILES, "etc/more": b""}),
        built(tmp_path / "epoch", told, FILES, epoch=DEFAULT_EPOCH + 2),
        built(tmp_path / "slot", told, FILES, copy_to_b=True),
    }
    assert len(found) == 4


def test_everything_has_the_time_that_is_given(tmp_path: Path) -> None:
    told = asked("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    done = write(told, deploy=root, output=tmp_path / "disk", epoch=1_000_000_000)
    disk = Disk(tmp_path / "disk", done.layout)
    listed = disk._mtool("boot", "mdir", "::config.json").stdout.decode()
    assert "2001-09-09   1:46" in listed
    shown = disk._debugfs("A", [f'stat "/boot/{told.device_type.kernel_image}"']).stdout.decode()
    assert shown.count(f"0x{1_000_000_000:08x}") == 4


@pytest.mark.parametrize("epoch", [0, 315_532_799, 4_102_444_800, -1])
def test_a_time_that_no_file_system_here_knows_is_refused(epoch: int, tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="1980"):
        write(asked("raspberrypi4-64"), deploy=Root(tmp_path), output=tmp_path / "disk", epoch=epoch)
