"""The generated pages are in step with the project, and `--check` tells where they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = (
    "docs/hooks.md",
    "docs/support-matrix.md",
    "docs/capability-document.md",
    "docs/config-json.md",
    "docs/what-applies.md",
    "docs/at-commands.md",
    "hal/schema/config.json",
)


def generate(*options: str | Path, seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, REPOSITORY / "tools" / "generate_docs.py", *options],
        cwd="/",
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for page in PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / page, tmp_path / page)
    return tmp_path


def test_in_step() -> None:
    done = generate("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("page", "damage"),
    [
        ("docs/hooks.md", "one letter"),
        ("docs/hooks.md", "empty"),
        ("docs/support-matrix.md", "missing"),
        ("docs/capability-document.md", "a line too many"),
        ("hal/schema/config.json", "one letter"),
    ],
)
def test_a_page_out_of_step_is_named_and_left(pages: Path, page: str, damage: str) -> None:
    file = pages / page
    text = file.read_text()
    damaged = {"one letter": text.replace("e", "a", 1), "a line too many": f"{text}\n", "empty": "", "missing": None}[
        damage
    ]
    if damaged is None:
        file.unlink()
    else:
        file.write_text(damaged)
    done = generate("--check", "--directory", pages)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if not line.startswith(" ")] == [
        f"{page} is out of step; run `make docs-write`"
    ]
    assert (file.read_text() if file.exists() else None) == damaged


def test_written_pages_do_not_depend_on_the_run(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        done = generate("--directory", tmp_path / seed, seed=seed)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for page in PAGES:
        written = (tmp_path / "1" / page).read_bytes()
        assert written == (tmp_path / "2" / page).read_bytes()
        assert str(tmp_path).encode() not in written
        assert b"/tmp/" not in written


def test_another_installed_plugin_changes_nothing(tmp_path: Path) -> None:
    """A page of this repository shows the plugins of this repository, whatever is installed on a desk."""
    metadata = tmp_path / "hal_other-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hal-other\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hal]\nslug:other = hal_other\nusb:v0001* = hal_other_usb\n")
    done = subprocess.run(
        [sys.executable, REPOSITORY / "tools" / "generate_docs.py", "--check"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_capability_is_computed_not_declared() -> None:
    """One row, read by hand: an Orin has its fan and power, and no bootloader back end pretends."""
    rows = (REPOSITORY / "docs" / "support-matrix.md").read_text().splitlines()
    head = next(line for line in rows if line.startswith("| Device type |")).split(" | ")
    row = next(line for line in rows if line.startswith("| `jetson-agx-orin-devkit` |")).split(" | ")
    found = dict(zip(head, row, strict=True))
    assert found["Fan"] == "cool, quiet"
    assert found["Power"] == "low, mid, high"
    assert found["Boots with"] == "uefi-l4tlauncher"
    assert sum(line.startswith("| `") and " | `hal_" not in line for line in rows) >= 70
