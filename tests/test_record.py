"""Recording: what is captured, and that nothing personal is."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import Root
from hal.errors import FileFault
from hal.tree.record import record, scrub

Tree = Callable[[str], Root]
SECRET = "7f0e9c1d3b5a79e8f0a1b2c3d4e5f607"
SERIAL = "1424221037559"


def content(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}  # type: ignore[union-attr]


def personal(root: Root) -> Root:
    """A tree whose owner would not like to be recognised."""
    config = {
        "deviceType": "jetson-agx-orin-devkit",
        "uuid": SECRET,
        "apiKey": "short-key",
        "hostname": "alices-robot",
        "applicationId": 4711,
        "os": {
            "sshKeys": ["ssh-ed25519 AAAA alice@example.org"],
            "power": {"mode": "low"},
            "new": {"t": "tok-tok-tok"},
        },
    }
    root.resolve("mnt/boot/config.json").write_text(json.dumps(config))
    root.resolve("proc/device-tree/serial-number").write_text(f"{SERIAL}\0")
    root.resolve("proc/cmdline").write_text(
        f"root=UUID=ba1eadef-0123-4567-89ab-cdef01234567 mac=48:b0:2d:aa:bb:cc serial={SERIAL} fat=BDEF-1234 "
        f"x={SECRET} host=alices-robot\n"
    )
    usb = root.directory / "sys/bus/usb/devices/1-1"
    usb.mkdir(parents=True)
    for name, value in (("idVendor", "12d1"), ("idProduct", "14fe"), ("bcdDevice", "0102"), ("serial", SERIAL)):
        (usb / name).write_text(f"{value}\n")
    return root


def test_nothing_personal_is_recorded(hal_tree: Tree, tmp_path: Path) -> None:
    recording = record(personal(hal_tree("jetson-agx-orin-devkit")), tmp_path / "r.tar.gz")
    files = content(tmp_path / "r.tar.gz")
    assert tuple(sorted(files)) == recording.names
    everything = b"\n".join(files.values()).decode("latin-1")
    for word in (SECRET, SERIAL, "short-key", "alice", "tok-tok", "ba1eadef", "48:b0:2d", "BDEF-1234", "4711"):
        assert word not in everything
    config = json.loads(files["mnt/boot/config.json"])
    assert config["deviceType"] == "jetson-agx-orin-devkit"
    assert config["os"]["power"] == {"mode": "low"}
    assert set(config) == {"deviceType", "uuid", "apiKey", "hostname", "applicationId", "os"}, "keys are kept"
    assert files["sys/bus/usb/devices/1-1/idProduct"] == b"14fe\n"
    assert "sys/bus/usb/devices/1-1/serial" not in files


def test_what_the_capabilities_touch_is_recorded(hal_tree: Tree, tmp_path: Path) -> None:
    recording = record(hal_tree("jetson-agx-orin-devkit"), tmp_path / "r.tar.gz")
    assert {
        "etc/nvpmodel.conf",
        "etc/nvpmodel-config/nvpmodel.conf",
        "etc/nvfancontrol.conf",
        "sys/class/hwmon/hwmon0/rpm",
        "sys/class/rtc/rtc0/name",
        "proc/device-tree/compatible",
    } <= set(recording.names)
    assert recording.left_out == ()


def test_the_picture_of_the_owner_is_not_recorded(hal_tree: Tree, tmp_path: Path) -> None:
    recording = record(hal_tree("raspberrypi5"), tmp_path / "r.tar.gz")
    assert [name for name in recording.names if name.endswith(".png")] == []


def test_a_damaged_config_is_left_out_not_copied(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("jetson-agx-orin-devkit")
    root.resolve("mnt/boot/config.json").write_text('{"apiKey": "secret-key",')
    recording = record(root, tmp_path / "r.tar.gz")
    assert [name for name, _ in recording.left_out] == ["mnt/boot/config.json"]
    assert "mnt/boot/config.json" not in content(tmp_path / "r.tar.gz")


def test_an_unknown_board_is_recorded_too(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "proc/device-tree").mkdir(parents=True)
    (tree / "proc/device-tree/compatible").write_bytes(b"acme,gateway\0fsl,imx8mm\0")
    assert record(Root(tree), tmp_path / "r.tar.gz").names == ("proc/device-tree/compatible",)


def test_the_same_tree_gives_the_same_bytes(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("raspberrypi5")
    record(root, tmp_path / "a.tar.gz")
    record(root, tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_link_out_of_the_tree_is_not_recorded(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("raspberrypi5")
    (tmp_path / "outside").write_text("not yours")
    (root.directory / "proc/cmdline").unlink()
    (root.directory / "proc/cmdline").symlink_to("../../outside")
    recording = record(root, tmp_path / "r.tar.gz")
    assert b"not yours" not in b"".join(content(tmp_path / "r.tar.gz").values())
    assert "proc/cmdline" not in recording.names


def test_no_folder_to_write_to(hal_tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="no such folder"):
        record(hal_tree("raspberrypi5"), tmp_path / "none" / "r.tar.gz")


@pytest.mark.parametrize(
    "text",
    [
        "nvidia,p3737-0000+p3701-0000",
        "root=LABEL=resin-rootA",
        "usb:v12D1p14FEd0102dc00",
        "DEFAULT=2 30W 1113600",
        "6.12.1",
    ],
)
def test_what_is_not_personal_is_kept(text: str) -> None:
    assert scrub(text.encode(), frozenset()) == text.encode()


@given(data=st.binary(), secret=st.text(alphabet="abcdefghij0123456789-", min_size=6))
def test_scrubbing_keeps_the_length_and_no_secret(data: bytes, secret: str) -> None:
    dirty = data + b" " + secret.encode() + b" " + data
    clean = scrub(dirty, frozenset({secret}))
    assert len(clean) == len(dirty)
    assert clean[len(data) + 1 : len(data) + 1 + len(secret)] == b"0" * len(secret)


def test_a_host_name_that_is_a_board_s_word_destroys_no_evidence(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("raspberrypi4-64")
    config = {"deviceType": "raspberrypi4-64", "hostname": "raspberrypi", "initialDeviceName": "raspberrypi4-64"}
    root.resolve("mnt/boot/config.json").write_text(json.dumps(config))
    record(root, tmp_path / "r.tar.gz")
    files = content(tmp_path / "r.tar.gz")
    for name in ("proc/device-tree/compatible", "mnt/boot/device-type.json", "etc/os-release"):
        assert files[name] == root.read_bytes(name)
    assert json.loads(files["mnt/boot/config.json"])["deviceType"] == "raspberrypi4-64"
