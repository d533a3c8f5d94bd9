"""No reboot loop: a change that waits for a reboot and fails twice alike is stopped, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from settings.whole import certificate, opened, put

from hal import Root
from hal.cli import main
from hal.settings.attempts import FILE

Tree = Callable[[str], Root]
SLUG = "jetson-agx-orin-devkit"
STORED = "etc/nvpmodel-config/nvpmodel.conf"


@pytest.fixture
def root(hal_tree: Tree) -> Root:
    root = hal_tree(SLUG)
    boot(root, 0)
    put(root, {"deviceType": SLUG, "os": {"power": {"mode": "high"}}})
    return root


def boot(root: Root, number: int) -> None:
    root.write("proc/sys/kernel/random/boot_id", f"{number:08}-0000-0000-0000-000000000000\n")


def applied(root: Root) -> list[str]:
    device = opened(root, SLUG)
    return [each.path for each in device.apply(device.plan())]


def lose(root: Root) -> None:
    """Something puts the former mode back at every boot."""
    root.replace(STORED, root.read_bytes("etc/nvpmodel.conf"))


def test_a_change_that_does_not_survive_a_boot_is_tried_twice(root: Root) -> None:
    lose(root)
    for number in (1, 2):
        boot(root, number)
        assert applied(root) == ["os.power.mode"]
        lose(root)
    boot(root, 3)
    plan = opened(root, SLUG).plan()
    assert plan.changes == ()
    (stopped,) = plan.stopped
    assert (stopped.path, stopped.previous, stopped.value) == ("os.power.mode", "MODE_30W", "MAXN")
    assert stopped.reason == (
        "tried 2 times, and each time: it was written, and after the next boot it was not so; not tried again"
    )
    assert applied(root) == []
    boot(root, 4)
    assert applied(root) == [], "stopped for good"


def test_within_one_boot_nothing_is_counted_as_failed(root: Root) -> None:
    for _ in range(4):
        lose(root)
        assert applied(root) == ["os.power.mode"]


def test_another_wish_is_news(root: Root) -> None:
    for number in (1, 2, 3):
        boot(root, number)
        lose(root)
        applied(root)
    assert opened(root, SLUG).plan().stopped
    put(root, {"deviceType": SLUG, "os": {"power": {"mode": "low"}}})
    assert applied(root) == ["os.power.mode"]


def test_what_works_is_forgotten(root: Root) -> None:
    lose(root)
    boot(root, 1)
    applied(root)
    assert root.exists(FILE)
    boot(root, 2)
    applied(root)
    assert not root.exists(FILE)


def test_a_change_that_raises_is_tried_twice(root: Root) -> None:
    lose(root)
    stored = Path(root.directory, STORED)
    stored.unlink()
    stored.mkdir()
    for number in (1, 2):
        boot(root, number)
        device = opened(root, SLUG)
        plan = device.plan()
        if not plan.changes:  # what cannot even be looked at is refused, and never tried
            assert plan.refused
            return
        assert all(each.error for each in device.apply(plan))
    assert opened(root, SLUG).plan().stopped


def test_on_the_command_line(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--root", str(root.directory), "--board", SLUG]
    for number in (1, 2, 3):
        boot(root, number)
        lose(root)
        with pytest.raises(SystemExit) as ended:
            main([*words, "apply"])
        assert ended.value.code == (1 if number == 3 else 0)
    assert "stopped: os.power.mode: MODE_30W -> MAXN: tried 2 times" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([*words, "--json", "plan"])
    assert ended.value.code == 1
    (stopped,) = json.loads(capsys.readouterr().out)["stopped"]
    assert stopped["path"] == "os.power.mode"
    with pytest.raises(SystemExit) as ended:
        main([*words, "apply", "--again"])
    assert ended.value.code == 0
    assert "os.power.mode: MODE_30W -> MAXN, accepted" in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"os.power.mode": 1}', b'{"os.power.mode": {"times": "2"}}'])
def test_junk_in_its_file_stops_nothing(data: bytes, root: Root) -> None:
    lose(root)
    root.replace(FILE, data)
    assert applied(root) == ["os.power.mode"]
    assert json.loads(root.read_text(FILE))["os.power.mode"]["times"] == 1


def test_without_a_state_partition_nothing_is_remembered(root: Root) -> None:
    lose(root)
    root.resolve("mnt/state").rmdir()
    for number in range(4):
        boot(root, number)
        lose(root)
        assert applied(root) == ["os.power.mode"]


def test_an_attempt_that_ends_the_machine_is_counted(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noted before it is made: a mode that resets the board would else be tried for ever."""

    class Reset(BaseException):
        pass

    def reset(*_: object) -> None:
        raise Reset

    for number in (1, 2):
        boot(root, number)
        lose(root)
        device = opened(root, SLUG)
        plan = device.plan()
        assert [each.path for each in plan.changes] == ["os.power.mode"]
        monkeypatch.setattr(type(device.power), "set", reset)
        with pytest.raises(Reset):
            device.apply(plan)
        monkeypatch.undo()
    boot(root, 3)
    assert opened(root, SLUG).plan().stopped


def test_what_cannot_be_remembered_is_not_tried_and_no_result_is_lost(root: Root) -> None:
    lose(root)
    root.make_folder(FILE)  # as good as a medium that takes no write
    put(root, {"deviceType": SLUG, "hostname": "box", "os": {"power": {"mode": "high"}}})
    for number in range(1, 5):
        boot(root, number)
        device = opened(root, SLUG)
        done = {each.path: each for each in device.apply(device.plan())}
        assert done["os.power.mode"].error is not None
        assert FILE in str(done["os.power.mode"].error)
        assert root.read_bytes(STORED) == root.read_bytes("etc/nvpmodel.conf")
        assert number > 1 or done["hostname"].result is not None


def test_the_last_good_copy_that_cannot_be_kept_is_told(root: Root) -> None:
    root.make_folder("mnt/state/hal-config.json")
    device = opened(root, SLUG)
    done = {each.path: each.error for each in device.apply(device.plan())}
    assert done["os.power.mode"] is None
    assert done["mnt/state/hal-config.json"] is not None


def test_a_change_from_elsewhere_is_the_same_wish(root: Root) -> None:
    for number, former in ((1, "low"), (2, "mid"), (3, "low")):
        boot(root, number)
        device = opened(root, SLUG)
        device.power.set(former)
        plan = device.plan()
        assert bool(plan.stopped) == (number == 3)
        device.apply(plan)


def test_other_certificates_are_another_wish(root: Root) -> None:
    """Three in a row, each before the boot that takes the former up, are no failures of one."""
    for number in (1, 2, 3, 4):
        boot(root, number)
        certificate.cache_clear()
        put(root, {"deviceType": SLUG, "balenaRootCA": certificate()})
        plan = opened(root, SLUG).plan()
        assert plan.stopped == ()
        assert "balenaRootCA" in [each.path for each in plan.changes]
        opened(root, SLUG).apply(plan)
