"""R15, R16: a config.json that is none is left as it is, and the device goes on with what it said last."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hal import Device, Root
from hal.cli import main
from hal.errors import Damaged, FileFault
from hal.settings.own import KEPT

Tree = Callable[[str], Root]
CONFIG = "mnt/boot/config.json"
WANTED = {"deviceType": "jetson-agx-orin-devkit", "os": {"power": {"mode": "high"}}}
DAMAGE = [
    b'{"deviceType": "jetson-agx-orin-devkit",\n "hostname": "box",}\n',
    b"",
    b"\xff\xff\xff",
    b'{"a": 1',
    b"[]",
    b'{"a": NaN}',
    b'{"a": 1, "a": 2}',
    b"\0" * 512,
]


@pytest.fixture
def root(hal_tree: Tree) -> Root:
    root = hal_tree("jetson-agx-orin-devkit")
    (root.directory / "mnt/state").mkdir(parents=True, exist_ok=True)
    root.replace(CONFIG, json.dumps(WANTED).encode())
    return root


def opened(root: Root) -> Device:
    return Device.open(root, board="jetson-agx-orin-devkit")


def applied(root: Root) -> None:
    device = opened(root)
    device.apply(device.plan())


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_last_good_copy_stands_in_and_the_file_is_left(damage: bytes, root: Root) -> None:
    applied(root)
    root.replace(CONFIG, damage)
    device = opened(root)
    device.power.set("low")
    plan = device.plan()
    assert [planned.path for planned in plan.changes] == ["os.power.mode"]
    (refused,) = plan.refused
    assert (refused.path, refused.code) == (CONFIG, "damaged")
    assert refused.message.endswith("the file is left as it is, and its last good copy is used")
    device.apply(plan)
    assert root.read_bytes(CONFIG) == damage
    assert json.loads(root.read_bytes(KEPT)) == WANTED
    assert opened(root).plan().changes == ()


def test_the_place_of_the_damage_is_told(root: Root) -> None:
    applied(root)
    root.replace(CONFIG, DAMAGE[0])
    assert f"{CONFIG}:2:20: " in opened(root).plan().refused[0].message


def test_on_the_command_line(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--root", str(root.directory), "--board", "jetson-agx-orin-devkit"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "apply"])
    assert ended.value.code == 0
    root.replace(CONFIG, DAMAGE[0])
    for command in ("plan", "apply"):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*words, command])
        said = capsys.readouterr()
        assert ended.value.code == 1
        assert said.out == "nothing to change\n"
        assert "refused: " in said.err
        assert f"{CONFIG}:2:20: " in said.err


def test_without_a_copy_the_damage_is_the_answer(root: Root) -> None:
    root.replace(CONFIG, DAMAGE[0])
    with pytest.raises(Damaged):
        opened(root).plan()
    root.replace(KEPT, b"{")
    with pytest.raises(Damaged) as damaged:
        opened(root).plan()
    assert damaged.value.path == CONFIG


def test_a_file_that_is_not_there_is_no_damage(root: Root) -> None:
    applied(root)
    root.remove(CONFIG)
    with pytest.raises(FileFault):
        opened(root).plan()


def test_the_copy_is_for_root_alone_and_written_when_it_is_news(root: Root) -> None:
    applied(root)
    kept = Path(root.directory, KEPT)
    assert kept.stat().st_mode & 0o777 == 0o600
    before = kept.stat()
    applied(root)
    assert kept.stat().st_ino == before.st_ino
    root.replace(CONFIG, json.dumps({**WANTED, "hostname": "box"}).encode())
    applied(root)
    assert b"box" in kept.read_bytes()


def test_another_file_is_no_copy(root: Root) -> None:
    device = opened(root)
    device.apply(device.plan({"os": {"power": {"mode": "low"}}}))
    assert not root.exists(KEPT)


def test_without_a_state_partition_nothing_is_kept(root: Root) -> None:
    (root.directory / "mnt/state").rename(root.directory / "mnt/gone")
    applied(root)
    assert not root.exists(KEPT)
