"""Flags of an OS build: each is typed, and a wrong one names what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.cli import main
from hal.errors import ValueRefused
from hal.image.flags import FLAGS, build
from hal.model import Build, StorageDriver


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("OS_DEVELOPMENT", "1", True),
        ("OS_DEVELOPMENT", "0", False),
        ("BALENA_STORAGE", "aufs", StorageDriver.AUFS),
        ("BALENA_STORAGE", "overlay2", StorageDriver.OVERLAY2),
        ("NETWORK_MANAGER_PACKAGES", "networkmanager modemmanager", ("networkmanager", "modemmanager")),
        ("NETWORK_MANAGER_PACKAGES", " connman ", ("connman",)),
    ],
)
def test_a_flag_is_typed(name: str, text: str, value: object) -> None:
    assert getattr(build({name: text}), FLAGS[name].field) == value


@pytest.mark.parametrize("version", ["banana", "6", "6.4.1+", ""])
def test_a_version_is_one_of_balenaos(version: str) -> None:
    with pytest.raises(ValueRefused, match="is no version of balenaOS"):
        build({}, os_version=version)


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("OS_DEVELOPMENT", "yes", ("0", "1")),
        ("OS_DEVELOPMENT", "", ("0", "1")),
        ("OS_DEVELOPMENT", "01", ("0", "1")),
        ("BALENA_STORAGE", "btrfs", ("aufs", "overlay2")),
        ("BALENA_STORAGE", "Overlay2", ("aufs", "overlay2")),
        ("NETWORK_MANAGER_PACKAGES", "", ("names of packages between blanks",)),
        ("NETWORK_MANAGER_PACKAGES", "a;reboot", ("names of packages between blanks",)),
        ("NETWORK_MANAGER_PACKAGES", "${X}", ("names of packages between blanks",)),
        ("DOCKER_STORAGE", "overlay2", ("BALENA_STORAGE",)),
        ("COLOUR", "red", tuple(FLAGS)),
    ],
)
def test_a_wrong_one_names_what_is_allowed(name: str, text: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(ValueRefused) as refused:
        build({name: text})
    assert (refused.value.path, refused.value.allowed) == (name, allowed)
    assert name in refused.value.message


def test_other_facts_of_a_build_are_checked_too() -> None:
    assert build({}, yocto_release="kirkstone", flasher=True) == Build(yocto_release="kirkstone", flasher=True)
    for facts in ({"yocto_release": "jethro"}, {"flasher": "yes"}, {"colour": 1}):
        with pytest.raises(ValueRefused):
            build({}, **facts)


def test_a_build_itself_refuses_what_is_none() -> None:
    for wrong in ({"balena_storage": "overlay2"}, {"network_manager_packages": ("a b",)}, {"os_development": 1}):
        with pytest.raises((TypeError, ValueError)):
            Build(**wrong)  # type: ignore[arg-type]


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A development image has GRUB's menu, by either word."""

    def made(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["--board", "genericx86-64-ext", "image", "boot-files", *words])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    assert made("--output", str(tmp_path / "a"), "--development") == 0
    assert made("--output", str(tmp_path / "b"), "--flag", "OS_DEVELOPMENT=1") == 0
    assert made("--output", str(tmp_path / "c"), "--flag", "OS_DEVELOPMENT=0") == 0
    a, b, c = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.cfg")}
        for name in "abc"
    )
    assert a
    assert a == b != c
    capsys.readouterr()
    assert made("--output", str(tmp_path / "d"), "--flag", "BALENA_STORAGE=btrfs") == 1
    assert "allowed are aufs, overlay2" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()
    assert made("--output", str(tmp_path / "d"), "--flag", "BALENA_STORAGE") == 2
