"""`hal image boot-files` through real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hal.errors import FileFault
from hal.image.boot_files import BootVariant, render
from hal.image.folder import write_new
from hal.plugins import Catalog

HAL = Path(sys.executable).parent / "hal"


def image(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HAL, "image", "boot-files", *words], capture_output=True, text=True, timeout=60)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("slug", "variant", "development"),
    [("intel-nuc", "internal", True), ("generic-amd64", "encrypted", False), ("raspberrypi5", "internal", False)],
)
def test_it_writes_what_is_rendered(slug: str, variant: str, development: bool, tmp_path: Path) -> None:
    words = ("--board", slug, "--variant", variant, "--output", tmp_path / "new/out", "--json")
    done = image(*words, *(["--development"] if development else []))
    assert (done.returncode, done.stderr) == (0, "")
    _, row = Catalog().device_type(slug)
    rendered = render(row, variant=BootVariant(variant), development=development)
    assert tree(tmp_path / "new/out") == {f"{file.where}/{file.name}": file.data for file in rendered}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]
    answer = json.loads(done.stdout)
    assert (answer["slug"], answer["variant"], answer["development"]) == (slug, variant, development)
    assert (answer["selection"], answer["written"], answer["directory"]) == ("mended", True, f"{tmp_path}/new/out")
    assert [(each["name"], each["bytes"], each["fresh_only"]) for each in answer["files"]] == [
        (file.name, len(file.data), file.fresh_only) for file in rendered
    ]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = image("--board", "raspberrypi4-64", "--output", tmp_path / "out", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == ["where", "name", "bytes", "fresh", "purpose"]
    assert done.stdout.splitlines()[-2:] == [
        "slot selection: in these files (the mended rule)",
        f"{tmp_path}/out: 6 files would be written",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_a_folder_with_anything_in_it_is_refused(dry_run: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    (tmp_path / "file").write_text("file")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "gone", "file/below"):
        done = image("--board", "raspberrypi4-64", "--output", tmp_path / name, *dry_run)
        assert (done.returncode, done.stdout) == (1, ""), name
        assert done.stderr.startswith(f"hal: {tmp_path}/{name}: "), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "gone"]
    assert tree(tmp_path / "full") == {"mine": b"mine"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert image("--board", "raspberrypi4-64", "--output", tmp_path).returncode == 0
    assert len(tree(tmp_path)) == 6


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "--board SLUG is needed"),
        (("--board", "no-such"), 3, "no-such"),
        (("--board", "up-core"), 1, "bootloader is not known"),
        (("--board", "raspberrypi4-64", "--variant", "flasher"), 1, "has no flasher"),
        (("--board", "raspberrypi4-64", "--variant", "none"), 2, "flasher"),
    ],
)
def test_what_cannot_be_rendered_is_said_and_leaves_nothing(
    words: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    done = image(*words, "--output", tmp_path / "out")
    assert done.returncode == status
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_compiled_selection_is_said(tmp_path: Path) -> None:
    done = image("--board", "jetson-agx-orin-devkit", "--output", tmp_path / "out")
    assert "slot selection: compiled into the bootloader; no boot file changes it" in done.stdout


def test_a_failure_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileFault):
        write_new(tmp_path / "out", {"a": b"1", "a/b": b"2"})
    assert list(tmp_path.iterdir()) == []
