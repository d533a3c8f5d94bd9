"""What core's wheels hold: a device installs one of them, an OS build both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CORE, IMAGE = REPOSITORY, REPOSITORY / "hal/image"
BOARD = "raspberrypi4-64"
MISSING = "image: the OS build's part of hal is not installed: pip install 'device-hal[image]'"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """The wheel that is made of each folder."""
    made = {}
    for source in (CORE, IMAGE):
        folder = tmp_path_factory.mktemp("wheel")
        build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source))
        subprocess.run(build, check=True, capture_output=True)
        (made[source],) = folder.glob("*.whl")
    return made


def code(wheel: Path) -> set[str]:
    return {name for name in ZipFile(wheel).namelist() if not name.partition("/")[0].endswith(".dist-info")}


def sources() -> Iterator[str]:
    for path in (REPOSITORY / "hal").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path != IMAGE / "pyproject.toml":
            yield path.relative_to(REPOSITORY).as_posix()


def hal(*words: str, installed: Path) -> subprocess.CompletedProcess[str]:
    """The command of the code in this folder, with the libraries and plugins of this environment."""
    script = "import sys; from hal.cli import main; main(sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        env={"PATH": os.defpath, "PYTHONPATH": str(installed), "LC_ALL": "C.UTF-8"},
        cwd=installed,
        capture_output=True,
        text=True,
    )


def test_both_together_are_all_of_core_and_share_no_file(wheels: dict[Path, Path]) -> None:
    core, image = code(wheels[CORE]), code(wheels[IMAGE])
    assert core & image == set()
    assert core | image == set(sources())
    assert image == {name for name in sources() if name.startswith("hal/image/")}


def test_without_the_os_builds_part_a_device_works_and_image_says_what_is_missing(
    wheels: dict[Path, Path], tmp_path: Path
) -> None:
    ZipFile(wheels[CORE]).extractall(tmp_path)
    tree = tmp_path / "tree"
    assert hal("tree", "new", "--board", BOARD, str(tree), installed=tmp_path).returncode == 0
    document = hal("--root", str(tree), "capabilities", "--json", installed=tmp_path)
    assert (document.returncode, document.stderr) == (0, "")
    assert json.loads(document.stdout)["device_type"]["slug"] == BOARD
    assert "image" in hal("--help", installed=tmp_path).stdout
    plain = hal("image", "build", "--board", BOARD, installed=tmp_path)
    assert (plain.returncode, plain.stdout, plain.stderr) == (1, "", f"hal: {MISSING}\n")
    told = hal("image", "build", "--board", BOARD, "--json", installed=tmp_path)
    assert (told.returncode, json.loads(told.stderr)["error"]["message"]) == (1, MISSING)


def test_with_it_an_image_is_explained(wheels: dict[Path, Path], tmp_path: Path) -> None:
    for wheel in wheels.values():
        ZipFile(wheel).extractall(tmp_path)
    answer = hal("image", "explain", "USB_ACM", "--board", BOARD, installed=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "hal_modems: " in answer.stdout


def test_a_layer_carries_what_a_device_installs(wheels: dict[Path, Path]) -> None:
    from hal.image.yocto.installed import CORE_MODULE, read_installed

    carried = {name for name, _ in read_installed(CORE_MODULE).files if not name.startswith("device_hal-")}
    assert carried == {name for name in code(wheels[CORE]) if not name.startswith("hal/testing/")}
