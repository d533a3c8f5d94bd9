"""`hal splash` through real processes: a file, text or standard input; told, set, and put back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal import Root
from hal.tree.picture import picture

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
LOGO, DEFAULT = "mnt/boot/splash/balena-logo.png", "mnt/boot/splash/balena-logo-default.png"
FIRST, OWN = picture(64, 64), picture(30, 20, (9, 9, 200))
TEXT = b64encode(OWN)


def hal(root: Root, *words: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run([HAL, "--root", root.directory, *words], input=data, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    "content",
    [OWN, TEXT, b"\n".join(TEXT[at : at + 60] for at in range(0, len(TEXT), 60)), b"data:image/png;base64," + TEXT],
    ids=["PNG", "base64", "lines", "data URI"],
)
@pytest.mark.parametrize("stdin", [False, True])
def test_set_and_reset(content: bytes, stdin: bool, hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("raspberrypi4-64")
    (tmp_path / "logo").write_bytes(content)
    words, data = (("-",), content) if stdin else ((tmp_path / "logo",), b"")
    dry = hal(root, "splash", "set", *words, "--dry-run", data=data)
    assert (dry.returncode, dry.stdout.endswith(b"nothing was written\n")) == (0, True)
    assert root.read_bytes(LOGO) == FIRST
    assert not root.exists(DEFAULT)
    done = hal(root, "splash", "set", *words, data=data)
    assert done.returncode == 0
    assert done.stdout.endswith(b": accepted (drawn from the next boot on)\n")
    assert (root.read_bytes(LOGO), root.read_bytes(DEFAULT)) == (OWN, FIRST)
    again = json.loads(hal(root, "splash", "set", *words, "--json", data=data).stdout)
    assert (again["outcome"], again["cost"]) == ("unchanged", "none")
    assert (
        hal(root, "splash", "set", *words, "--dry-run", data=data).stdout == b"already so: nothing would be written\n"
    )
    change = json.loads(hal(root, "splash", "reset", "--dry-run", "--json").stdout)
    assert (change["cost"], root.read_bytes(LOGO)) == ("reboot", OWN)
    assert json.loads(hal(root, "splash", "reset", "--json").stdout)["outcome"] == "accepted"
    assert (root.read_bytes(LOGO), root.read_bytes(DEFAULT)) == (FIRST, FIRST)
    assert json.loads(hal(root, "splash", "reset", "--dry-run", "--json").stdout) is None


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "value-refused", "empty"),
        (b" \n", "value-refused", "no PNG image"),
        (b"GIF89a\xff", "value-refused", "no PNG image"),
        (b"no base64!", "value-refused", "neither a data URI nor base64"),
        (b"data:text/html;base64,PGh0bWw+", "value-refused", "no PNG image"),
        (OWN[:-1], "value-refused", "cut off"),
        (OWN + bytes(1024 * 1024), "value-refused", "are too many"),
        (bytes(10 * 1024 * 1024), "file", "larger than"),
    ],
)
@pytest.mark.parametrize("stdin", [False, True])
def test_what_is_refused(content: bytes, code: str, words: str, stdin: bool, hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("intel-nuc")
    (tmp_path / "logo").write_bytes(content)
    name: str | Path = "-" if stdin else tmp_path / "logo"
    for dry in ((), ("--dry-run",)):
        answer = hal(root, "splash", "set", name, *dry, "--json", data=content if stdin else b"")
        assert (answer.returncode, answer.stdout) == (1, b"")
        error = json.loads(answer.stderr)["error"]
        assert (error["code"], words in error["message"]) == (code, True)
        assert code != "value-refused" or error["allowed"]
    assert root.read_bytes(LOGO) == FIRST
    assert not root.exists(DEFAULT)


@pytest.mark.parametrize("kind", ["folder", "FIFO", "none"])
def test_what_is_no_file(kind: str, hal_tree: Tree, tmp_path: Path) -> None:
    name = tmp_path / "logo"
    if kind == "folder":
        name.mkdir()
    elif kind == "FIFO":
        os.mkfifo(name)
    answer = hal(hal_tree("intel-nuc"), "splash", "set", name)
    assert answer.returncode == 1
    assert answer.stderr.startswith(b"hal: ")


def test_a_link_to_an_image(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("intel-nuc")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/own.png").write_bytes(OWN)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/logo").symlink_to("../pictures/own.png")
    assert hal(root, "splash", "set", tmp_path / "links/logo").returncode == 0
    assert root.read_bytes(LOGO) == OWN


@pytest.mark.parametrize(
    ("slug", "firmware"),
    [
        ("raspberrypi4-64", "rainbow screen, not shown (disable_splash=1)"),
        ("raspberrypi5", "rainbow screen, not shown (disable_splash=1)"),
        ("jetson-agx-orin-devkit", "UEFI logo, not known whether it is shown (compiled into the firmware;"),
        ("jetson-agx-thor-devkit", None),
        ("raspberrypicm4-ioboard-sb", None),
        ("intel-nuc", None),
        ("beaglebone-black", None),
        ("jetson-nano", None),
    ],
)
def test_the_status_of_every_family(slug: str, firmware: str | None, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    answer = hal(root, "splash", "status")
    assert (answer.returncode, answer.stderr) == (0, b"")
    text = answer.stdout.decode()
    assert f"{LOGO}: 64 x 64 pixels" in text
    assert "none kept yet" in text
    assert (firmware or "image") in text
    assert ("firmware" in text) == (firmware is not None)
    state = json.loads(hal(root, "splash", "status", "--json").stdout)
    assert (state["image"]["whole"], state["default"], state["custom"]) == (True, None, None)


def test_a_firmware_that_has_a_logo(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    folder = root.directory / "sys/firmware/acpi/bgrt"
    folder.mkdir(parents=True)
    (folder / "status").write_text("1\n")
    (folder / "image").write_bytes(b"BM" + bytes(16) + b"\x80\2\0\0" + b"\xe0\1\0\0" + bytes(50))
    assert b"UEFI logo, 640 x 480 pixels, shown" in hal(root, "splash", "status").stdout


def test_what_is_wrong_is_told_on_standard_error(hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi4-64")
    root.replace(LOGO, b"GIF89a")
    root.replace("mnt/boot/splash/resin-logo.png", FIRST)
    answer = hal(root, "splash", "status")
    assert answer.returncode == 0
    assert f"note: {LOGO}: no PNG image".encode() in answer.stderr
    assert b"resin-logo.png is there too, and is not drawn" in answer.stderr
    assert b"no PNG image" in hal(root, "capabilities").stdout
    root.remove(LOGO)
    root.remove("mnt/boot/splash/resin-logo.png")
    assert b"none\n" in hal(root, "splash", "status").stdout
    assert b"no image" in hal(root, "capabilities").stdout
    reset = hal(root, "splash", "reset")
    assert (reset.returncode, b"no whole default is kept" in reset.stderr) == (1, True)


def test_without_pillow_the_command_says_what_to_install(hal_tree: Tree, site: Site, tmp_path: Path) -> None:
    (site.folder / "PIL.py").write_text("raise ImportError('as where it is not installed')")
    (tmp_path / "logo.png").write_bytes(OWN)
    root = hal_tree("raspberrypi4-64")

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [HAL, "--root", root.directory, *words]
        return subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=60)

    answer = run("splash", "set", tmp_path / "logo.png")
    assert answer.returncode == 1
    assert "pip install 'device-hal[splash]'; nothing was written" in answer.stderr
    assert root.read_bytes(LOGO) == FIRST
    assert "not decoded, because Pillow is not installed" in run("splash", "status").stderr
    assert run("doctor").stdout == "nothing wrong found\n"
    assert run("splash", "reset").returncode == 0
