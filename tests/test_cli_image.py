"""`hal image build`, `explain` and `diff` through real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from acme import HEAD
from conftest import Site
from image.everything import image_of

from hal.cli.image_disk import epoch
from hal.image.folder import MANIFEST
from hal.image.formats import files
from hal.model import YOCTO_RELEASES

HAL = Path(sys.executable).parent / "hal"
PI = ("--board", "raspberrypi4-64")
TREE = ("--format", "overlay")
EXTRA = f"""{HEAD}from hal.model import ImagePart
@hookimpl
def hal_image():
    return (
        ImagePart(kind="kernel-symbol", name="USB_ACME", value="m", reason="the \\x1b[31mgateway\\x1b[0m has one"),
        ImagePart(kind="kernel-symbol", name="OVERLAY_FS", value={{value!r}}, reason="a taste", optional={{optional}}),
    )
"""


def image(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HAL, "image", *map(str, words)], capture_output=True, text=True, timeout=60, **more)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes()) for path in found}


# -- build -----------------------------------------------------------------------------------------------------------


def test_a_tree_is_what_the_writer_makes(tmp_path: Path) -> None:
    done = image("build", *PI, *TREE, "--output", tmp_path / "out", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    made = files(image_of("raspberrypi4-64"), "overlay")
    found = tree(tmp_path / "out")
    assert set(found) - {MANIFEST} == {file.name for file in made}
    for file in made:
        assert found[file.name] == (file.mode, file.content), file.name
    answer = json.loads(done.stdout)
    assert list(answer) == [
        "slug", "format", "release", "build", "plugins", "directory", "written", "counts", "files", "lacking",
    ]  # fmt: skip
    assert (answer["slug"], answer["format"], answer["release"]) == ("raspberrypi4-64", "overlay", "kirkstone")
    assert (answer["written"], answer["directory"]) == (True, f"{tmp_path}/out")
    assert answer["files"] == [
        {"name": file.name, "bytes": len(file.content), "mode": f"{file.mode:04o}"} for file in made
    ]
    assert sum(answer["counts"].values()) == len(image_of("raspberrypi4-64").parts)
    assert answer["lacking"] == []


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    board = ("--board", "up-core", *TREE)
    done = image("build", *board, "--output", tmp_path / "data", "--json")
    lacking = json.loads(done.stdout)["lacking"]
    assert {"machine", "partitions", "bootloader"} <= {each["fact"] for each in lacking}
    lines = image("build", *board, "--output", tmp_path / "words").stdout.splitlines()
    assert [f"not known: {each['message']}" for each in lacking] == [line for line in lines if "not known: " in line]


def test_for_people(tmp_path: Path) -> None:
    done = image("build", *PI, *TREE, "--output", "out", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["what", "parts"]
    assert ["partition", "5"] in [line.split() for line in lines]
    assert lines[-2].startswith("plugins: hal_raspberrypi ")
    assert lines[-1] == f"out: {len(files(image_of('raspberrypi4-64'), 'overlay'))} files written"


SURROUNDINGS: tuple[dict[str, Any], ...] = (
    {"env": {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, "umask": 0o022},
    {"env": {"TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2", "HOME": "/nowhere"}, "umask": 0o077},
    {"env": {"SOURCE_DATE_EPOCH": "4000000000", "PYTHONHASHSEED": "random"}, "umask": 0o000},
)


@pytest.mark.parametrize("slug", ["raspberrypi4-64", "generic-amd64"])
def test_twice_is_the_same_in_every_byte(slug: str, tmp_path: Path) -> None:
    found = []
    for number, more in enumerate(SURROUNDINGS):
        here = tmp_path / f"a folder {number}"
        here.mkdir()
        environment = {**os.environ, **more["env"]}
        words = ("build", "--board", slug, *TREE, "--output", f"out{number}")
        assert image(*words, cwd=here, env=environment, umask=more["umask"]).returncode == 0
        found.append(tree(here / f"out{number}"))
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_an_own_tree_is_written_again_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words in (PI, ("--board", "generic-amd64")):
        assert image("build", *words, *TREE, "--output", out).returncode == 0
    assert (out / "boot/EFI/BOOT/grub.cfg").exists()
    assert not (out / "boot/boot.scr").exists()
    (out / "boot/mine").write_text("mine")
    before = tree(out)
    for more in ((), ("--dry-run",)):
        done = image("build", *PI, *TREE, "--output", out, *more)
        assert (done.returncode, done.stdout) == (1, "")
        assert "boot/mine is not from there" in done.stderr
        assert tree(out) == before
    done = image("build", *PI, *TREE, "--output", out, "--json")
    assert json.loads(done.stderr)["error"]["path"] == f"{out}/boot/mine"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = image("build", *PI, *TREE, "--output", tmp_path / "out", "--dry-run")
    assert done.stdout.splitlines()[-1].endswith("files would be written")
    assert list(tmp_path.iterdir()) == []
    done = image("build", *PI, *TREE, "--output", tmp_path / "out", "--dry-run", "--json")
    assert json.loads(done.stdout)["written"] is False


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "--board SLUG is needed"),
        (("--board", "no-such"), 3, "no-such"),
        ((*PI, "--flag", "OS_DEVELOPMENT=2"), 1, "OS_DEVELOPMENT='2': allowed are 0, 1"),
        ((*PI, "--flag", "OS_DEVELOPMENT"), 2, "NAME=VALUE is expected"),
        ((*PI, "--flag", "DOCKER_STORAGE=aufs"), 1, "is called BALENA_STORAGE now"),
        ((*PI, "--flag", "COLOUR=red"), 1, "is no flag; allowed are OS_DEVELOPMENT"),
        ((*PI, "--release", "morty"), 2, "kirkstone"),
        ((*PI, "--flasher"), 1, "has no flasher"),
        ((*PI, "--secure-boot"), 1, "no layout with secure boot"),
        ((*PI, "--add-on", "modem"), 1, "installed: modems, wifi"),
        ((*PI, "--add-on", "wifi", "--no-add-ons"), 2, "contradict each other"),
        ((*PI, "--deploy", "."), 2, "go with --format disk"),
    ],
)
@pytest.mark.parametrize("command", [("build", "--output", "out"), ("explain", "OVERLAY_FS")])
def test_what_cannot_be_asked_for(
    command: tuple[str, ...], words: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    if "--deploy" in words and command[0] == "explain":
        said = "No such option"
    done = image(*command, *TREE, *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_disk_needs_a_folder_with_what_was_deployed(tmp_path: Path) -> None:
    done = image("build", *PI, "--format", "disk", "--deploy", "none", "--output", "disk", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "none: no folder with what an OS build deployed" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_layer_needs_a_release(tmp_path: Path) -> None:
    for command in (("build", "--output", "out"), ("explain", "OVERLAY_FS")):
        done = image(*command, "--board", "up-core", "--json", cwd=tmp_path)
        error = json.loads(done.stderr)["error"]
        assert (done.returncode, error["code"], error["path"]) == (1, "value-refused", "yocto_release")
        assert error["allowed"] == list(YOCTO_RELEASES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "plugins"),
    [
        (("--no-add-ons",), "hal_raspberrypi"),
        (("--add-on", "wifi"), "hal_raspberrypi hal_wifi"),
        (("--add-on", "hal_wifi", "--add-on", "modems"), "hal_raspberrypi hal_modems hal_wifi"),
        ((), "hal_raspberrypi hal_modems hal_wifi"),
    ],
)
def test_add_ons(words: tuple[str, ...], plugins: str, tmp_path: Path) -> None:
    done = image("build", *PI, *TREE, *words, "--output", "out", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["plugins"] == plugins.split()


def test_the_options_reach_the_build(tmp_path: Path) -> None:
    words = ("--release", "scarthgap", "--flag", "OS_DEVELOPMENT=1", "--flasher", "--os-version", "8.0.2")
    done = image(
        "build", "--board", "generic-amd64", *TREE, *words, "--output", "o", "--dry-run", "--json", cwd=tmp_path
    )
    build = json.loads(done.stdout)["build"]
    assert build == {
        "os_version": "8.0.2", "yocto_release": "scarthgap", "os_development": True, "balena_storage": "overlay2",
        "network_manager_packages": ["networkmanager"], "flasher": True, "secure_boot": False,
    }  # fmt: skip


# -- explain ---------------------------------------------------------------------------------------------------------


def test_explain() -> None:
    done = image("explain", "CONFIG_OVERLAY_FS", *PI, *TREE)
    assert done.stdout.splitlines()[:2] == ["kernel-symbol OVERLAY_FS = y", "    hal: BALENA_STORAGE=overlay2"]
    assert done.stdout.splitlines()[2].startswith("    in kernel.config:")
    (told,) = json.loads(image("explain", "CONFIG_OVERLAY_FS", *PI, *TREE, "--json").stdout)
    assert list(told) == ["about", "text", "why", "part", "places"]
    assert told["part"]["asked"][0]["reason"] == "BALENA_STORAGE=overlay2"


def test_explain_a_line_that_the_format_needs() -> None:
    done = image("explain", "partitions.json:1", *PI, *TREE)
    assert done.stdout.splitlines()[0] == "partitions.json:1: {"
    assert done.stdout.splitlines()[1].startswith("    the format: ")


def test_explain_a_miss() -> None:
    done = image("explain", "OVERLAYFS", *PI, *TREE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the nearest are OVERLAY_FS" in done.stderr


# -- diff ------------------------------------------------------------------------------------------------------------


def test_diff() -> None:
    done = image("diff", "raspberrypi4-64", "raspberrypi5")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "machine: raspberrypi4-64 -> raspberrypi5"
    assert "changed partition-size boot: 40960 -> 81920" in lines
    place = lines.index("changed partition-size boot: 40960 -> 81920")
    assert lines[place + 1].startswith("    raspberrypi4-64: hal_raspberrypi: ")
    assert lines[place + 2].startswith("    raspberrypi5: hal_raspberrypi: ")
    assert lines[-1].startswith("raspberrypi4-64 -> raspberrypi5: ")
    told = json.loads(image("diff", "raspberrypi4-64", "raspberrypi5", "--json").stdout)
    assert list(told) == ["slugs", "facts", "parts"]
    size = next(each for each in told["parts"] if (each["kind"], each["name"]) == ("partition-size", "boot"))
    assert (size["change"], size["before"]["value"], size["after"]["value"]) == ("changed", "40960", "81920")


def test_the_same_twice_differs_in_nothing() -> None:
    done = image("diff", "intel-nuc", "nuc")
    assert done.stdout == "intel-nuc -> intel-nuc: the same parts\n"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("raspberrypi4-64",), 2, "Missing argument"),
        (("raspberrypi4-64", "no-such"), 3, "no-such"),
        (("raspberrypi4-64", "raspberrypi5", "--board", "intel-nuc"), 2, "no --board"),
        (("raspberrypi4-64", "intel-nuc", "--flasher"), 1, "raspberrypi4-64: has no flasher"),
    ],
)
def test_what_cannot_be_compared(words: tuple[str, ...], status: int, said: str) -> None:
    done = image("diff", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


# -- plugins of others -----------------------------------------------------------------------------------------------


def test_a_plugin_of_others_is_in_it_and_cannot_move_the_cursor(site: Site, tmp_path: Path) -> None:
    site.install("hal_extra", EXTRA.format(value="y", optional=False), "usb:v1234p*")
    more = {"env": {**os.environ, "PYTHONPATH": str(site.folder)}, "cwd": tmp_path}
    done = image("build", *PI, *TREE, "--output", "out", **more)
    assert "CONFIG_USB_ACME=m\n" in (tmp_path / "out/kernel.config").read_text(), done.stderr
    told = image("explain", "USB_ACME", *PI, *TREE, **more).stdout
    assert "hal_extra: the \\x1b[31mgateway\\x1b[0m has one" in told
    told = image("explain", "OVERLAY_FS", *PI, *TREE, **more).stdout
    assert "    hal says y: BALENA_STORAGE=overlay2\n    hal_extra says y: a taste\n" in told


def test_a_conflict_ends_the_build_and_a_wish_gives_way(site: Site, tmp_path: Path) -> None:
    package = site.install("hal_extra", EXTRA.format(value="n", optional=False), "usb:v1234p*")
    more = {"env": {**os.environ, "PYTHONPATH": str(site.folder)}, "cwd": tmp_path}
    done = image("build", *PI, *TREE, "--output", "out", **more)
    words = "kernel-symbol OVERLAY_FS: hal (BALENA_STORAGE=overlay2) says y but hal_extra (a taste) says n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"hal: {words}\n")
    assert list(tmp_path.iterdir()) == []
    (package / "__init__.py").write_text(EXTRA.format(value="n", optional=True))
    told = image("explain", "OVERLAY_FS", *PI, *TREE, **more).stdout
    assert "    hal_extra says n: a taste; gave way\n" in told


# -- the date --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "told"), [(None, None), ("", None), ("0", 0), ("1700000000", 1700000000)])
def test_the_date_of_a_reproducible_build(text: str | None, told: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if text is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    assert epoch() == told


@pytest.mark.parametrize("text", ["yesterday", "-1", "1.5"])
def test_what_is_no_date(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(click.UsageError, match="seconds since 1970"):
        epoch()
