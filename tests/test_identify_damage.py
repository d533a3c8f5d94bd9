"""Damaged evidence is evidence of nothing: whatever else is there still identifies the board."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal.errors import BoardUnknown
from hal.identify import Hardware, identify, parse_os_release
from hal.model import Identity
from hal.plugins import Catalog
from hal.root import Root

if TYPE_CHECKING:
    pass

Make = Callable[..., Root]

PI_4 = ("raspberrypi,4-model-b", "brcm,bcm2711")
AGX = ("nvidia,p3737-0000+p3701-0000", "nvidia,p3701-0000", "nvidia,tegra234")


def found(root: Root) -> Identity:
    return identify(root, Catalog())


def verdict(identity: Identity, source: str) -> str:
    """What one piece of evidence decided; its source is unique."""
    (item,) = [item for item in identity.evidence if item.source == source]
    return item.verdict


def as_text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def as_bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "empty": (as_text(""), "empty"),
    "binary": (as_bytes(bytes(range(256))), "not UTF-8"),
    "truncated": (as_text('{"deviceType": "jets'), "Unterminated string"),
    "a list": (as_text('["jetson-nano"]'), "a JSON object is expected, not list"),
    "nested": (as_text("[" * 100_000), "nested deeper"),
    "huge": (as_bytes(b" " * 2_000_000), "larger than"),
    "twice": (as_text('{"deviceType": "jetson-nano", "deviceType": "jetson-tx2"}'), "twice"),
    "no key": (as_text('{"hostname": "x"}'), "no deviceType in it"),
    "null": (as_text('{"deviceType": null}'), "no deviceType in it"),
    "a number": (as_text('{"deviceType": 4}'), "not a text but 4"),
    "an object": (as_text('{"deviceType": {"slug": "jetson-nano"}}'), "not a text but {"),
    "nothing": (as_text('{"deviceType": ""}'), "not a text but ''"),
    "a surrogate": (as_text('{"deviceType": "\\ud800"}'), "not a text but '\\ud800'"),
    "escape sequences": (as_text('{"deviceType": "\\u001b[2J"}'), "not a text but '\\x1b[2J'"),
    "a folder": (Path.mkdir, "not a regular file"),
    "a FIFO": (os.mkfifo, "not a regular file"),
    "a dangling link": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "a loop": (lambda path: path.symlink_to("config.json"), "loop"),
    "a link out": (lambda path: path.symlink_to("../../../../../../../etc/hostname"), "leads out"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_config_json_is_evidence_of_nothing(case: str, evidence: Make) -> None:
    damage, words = DAMAGE[case]
    root = evidence(contract="raspberrypi4-64", compatible=PI_4)
    damage(root.directory / "mnt/boot/config.json")
    identity = found(root)
    assert (identity.device_type.slug, identity.warnings) == ("raspberrypi4-64", ())
    told = verdict(identity, "mnt/boot/config.json deviceType")
    assert told.startswith("tells nothing: ")
    assert words in told
    assert verdict(identity, "mnt/boot/device-type.json slug") == "decides: raspberrypi4-64"


@pytest.mark.parametrize("case", DAMAGE)
def test_without_other_evidence_the_hardware_answers(case: str, evidence: Make) -> None:
    root = evidence(compatible=AGX)
    for name in ("mnt/boot/config.json", "mnt/boot/device-type.json", "mnt/boot/os-release", "etc/os-release"):
        (root.directory / name).parent.mkdir(parents=True, exist_ok=True)
        DAMAGE[case][0](root.directory / name)
    assert found(root).device_type.slug == "jetson-agx-orin-devkit"


HARDWARE_DAMAGE: dict[str, tuple[bytes | None, str | None]] = {
    "missing": (None, None),
    "empty": (b"", None),
    "only NUL": (b"\0\0\0", None),
    "huge": (b"raspberrypi,4-model-b\0" * 10_000, None),
    "no NUL behind": (b"raspberrypi,4-model-b", "Raspberry Pi 4 Model B"),
    "two NUL between": (b"raspberrypi,4-model-b\0\0brcm,bcm2711\0", "Raspberry Pi 4 Model B"),
    "cut": (b"raspberrypi,4-mod", None),
    "binary": (bytes(range(1, 256)), None),
    "not ASCII": ("raspberrypi,4-model-b\0café\0".encode(), "Raspberry Pi 4 Model B"),
    "patterns": (b"*\0raspberrypi,*\0[a]\0", None),
    "lines of the index": (b"x\ty\0slug:jetson-nano\0board\tof:nvidia\t\0\n\0", None),
}


@pytest.mark.parametrize("case", HARDWARE_DAMAGE)
def test_a_damaged_device_tree_never_stops_the_software_evidence(case: str, evidence: Make) -> None:
    data, board = HARDWARE_DAMAGE[case]
    root = evidence(config="raspberrypi4-64", model="Raspberry Pi 4 Model B Rev 1.4")
    if data is not None:
        (root.directory / "proc/device-tree/compatible").write_bytes(data)
    identity = found(root)
    assert identity.device_type.slug == "raspberrypi4-64"
    assert (identity.board.name if identity.board else None) == board
    (root.directory / "mnt/boot/config.json").unlink()
    with pytest.raises(BoardUnknown):  # a Raspberry Pi 4 by its name runs two device types
        found(root)


@pytest.mark.parametrize("target", ["nowhere", "../../../../sys", "/sys/firmware/devicetree/base", "device-tree"])
def test_the_device_tree_is_found_behind_either_name(target: str, evidence: Make) -> None:
    root = evidence(config="raspberrypi4-64")
    base = root.directory / "sys/firmware/devicetree/base"
    base.mkdir(parents=True)
    (base / "compatible").write_bytes(b"raspberrypi,4-model-b\0")
    (root.directory / "proc").mkdir()
    (root.directory / "proc/device-tree").symlink_to(target)
    identity = found(root)
    assert identity.compatible == ("raspberrypi,4-model-b",)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("SLUG=\"a b\"\nMACHINE='c'\nX=d", {"SLUG": "a b", "MACHINE": "c", "X": "d"}),
        ("# SLUG=no\n  SLUG=yes  \n\nno equals sign\n=x\n", {"SLUG": "yes"}),
        ('A="\nB="b\nC=b"\nD=\nE=""\nF=x=y', {"A": '"', "B": '"b', "C": 'b"', "D": "", "E": "", "F": "x=y"}),
        ("A=1\r\nB=2\r\nA=3", {"A": "3", "B": "2"}),
        ("", {}),
    ],
)
def test_os_release(text: str, fields: dict[str, str]) -> None:
    assert parse_os_release(text) == fields


def test_modaliases_of_a_board() -> None:
    hardware = Hardware(compatible=("acme,a board", "acme,b"), dmi="dmi:x")
    assert hardware.modaliases() == ("of:N*T*Cacme,a_boardCacme,b", "of:N*T*Cacme,a_board", "of:N*T*Cacme,b", "dmi:x")
    assert Hardware(compatible=("acme,b",)).modaliases() == ("of:N*T*Cacme,b",)
    assert Hardware().modaliases() == ()
    assert not Hardware(model="x").present
