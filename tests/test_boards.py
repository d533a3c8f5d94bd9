"""Real compiled device trees: each is turned into a tree, and the command line must say what it is, or that it cannot.

They are not part of the repository (GPL); the folder lies beside it where this project is developed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fdt
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "boards"

KNOWN = {
    "am335x-boneblack": {"beaglebone-black"},
    "am335x-bonegreen-wireless": {"beaglebone-green-wifi"},
    "am335x-pocketbeagle": {"beaglebone-pocket"},
    "omap3-beagle-xm": {"beagleboard-xm"},
    "bcm2711-rpi-4-b": {"raspberrypi4-64", "raspberrypi4-unipi-neuron"},
    "bcm2711-rpi-cm4-io": {"raspberrypicm4-ioboard", "raspberrypicm4-ioboard-sb", "revpi-connect-4"},
    "bcm2835-rpi-zero-w": {"raspberry-pi"},
    "bcm2836-rpi-2-b": {"raspberry-pi2"},
    "bcm2837-rpi-3-b-plus": {"raspberrypi3", "raspberrypi3-64"},
    "tegra210-p2371-2180": {"jetson-tx1"},
    "tegra210-p3450-0000": {"jetson-nano"},
    "tegra234-j401-p3768-0000+p3767-0004-recomputer-super": {"jetson-orin-nano-seeed-j3010"},
    "tegra234-p3737-0000+p3701-0000-nv-spi": {"jetson-agx-orin-devkit"},
    "tegra234-p3768-0000+p3767-0005-nv-super-ths1-no-dma": {"jetson-orin-nano-devkit-nvme"},
    "am335x-boneblue": set(),
    "am57xx-beagle-x15": set(),
    "imx8mm-evk": set(),
    "rk3399-rockpro64": set(),
    "sun50i-a64-pinebook": set(),
}
"""The device types made for each board; none means that no plugin may claim it."""

RELATIVES = {"am335x-boneblue": "beaglebone-black", "am57xx-beagle-x15": "", "rk3399-rockpro64": ""}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder ../shared/boards beside this clone")


def tree_of(file: Path, directory: Path) -> Path:
    """A tree with nothing but the board's own words: the root node of its device tree."""
    base = directory / "proc" / "device-tree"
    base.mkdir(parents=True)
    root = fdt.parse_dtb(file.read_bytes()).root
    for name in ("compatible", "model"):
        (base / name).write_bytes(b"".join(text.encode() + b"\0" for text in root.get_property(name).data))
    return directory


def hal(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([Path(sys.executable).parent / "hal", *words], capture_output=True, text=True, timeout=60)


def test_every_device_tree_has_a_row_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.dtb")} == set(KNOWN)


@pytest.mark.parametrize("board", KNOWN)
def test_a_real_device_tree_from_hardware_alone(board: str, tmp_path: Path) -> None:
    answer = hal("--root", str(tree_of(FOLDER / f"{board}.dtb", tmp_path)), "identify", "--json")
    expected = KNOWN[board]
    if len(expected) == 1:
        assert answer.returncode == 0, answer.stderr
        assert {json.loads(answer.stdout)["slug"]} == expected
        return
    assert answer.returncode == 3
    error = json.loads(answer.stderr)["error"]
    assert set(error.get("slugs", ())) == expected
    assert error["code"] == ("board-ambiguous" if expected else "board-unknown")
    assert all(slug in error["message"] for slug in expected)


@pytest.mark.parametrize("board", KNOWN)
def test_software_evidence_decides_and_hardware_confirms(board: str, tmp_path: Path) -> None:
    tree = tree_of(FOLDER / f"{board}.dtb", tmp_path)
    boot = tree / "mnt" / "boot"
    boot.mkdir(parents=True)
    for slug in KNOWN[board]:
        (boot / "device-type.json").write_text(json.dumps({"slug": slug}))
        answer = json.loads(hal("--root", str(tree), "identify", "--json").stdout)
        assert answer["slug"] == slug
        assert answer["warnings"] == []
        assert answer["board"]
    (boot / "device-type.json").write_text(json.dumps({"slug": "raspberrypi0-2w-64"}))
    answer = json.loads(hal("--root", str(tree), "identify", "--json").stdout)
    assert answer["slug"] == "raspberrypi0-2w-64", "an SD card was moved: reported, not fatal"
    assert len(answer["warnings"]) == 1


@pytest.mark.parametrize(("board", "relative"), RELATIVES.items())
def test_an_unknown_board_names_its_relatives(board: str, relative: str, tmp_path: Path) -> None:
    answer = hal("--root", str(tree_of(FOLDER / f"{board}.dtb", tmp_path)), "identify")
    assert answer.returncode == 3
    assert relative in answer.stderr
    assert ("closest known" in answer.stderr) == bool(relative)
