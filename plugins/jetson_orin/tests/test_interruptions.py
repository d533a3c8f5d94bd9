"""What must not happen: a fan without control, a mode called applied that does not run, two changes that mix."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hal import Device, Root
from hal.errors import NotApplied
from hal.model import Cost, Outcome
from hal.protocols import Fan, Power

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
AGX = "jetson-agx-orin-devkit"
ACTIVE = "run/hal-tree/nvfancontrol.active"
FAN_STORED = "etc/nvfancontrol-config/nvfancontrol.conf"
STORED = "etc/nvpmodel-config/nvpmodel.conf"
VENDOR = "etc/nvpmodel.conf"


def fan_of(root: Root) -> Fan:
    fan = Device.open(root).fan
    assert fan is not None
    return fan


def power_of(root: Root) -> Power:
    power = Device.open(root).power
    assert power is not None
    return power


def edit(root: Root, name: str, old: str, new: str) -> None:
    path = root.resolve(name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def wait_for(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def restarts(root: Root) -> int:
    return root.read_text("run/hal-tree/log").count("stop")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interruption_leaves_the_fan_under_control(number: signal.Signals, hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    before = root.read_bytes(FAN_STORED)
    edit(
        root, "usr/bin/systemctl", '        rm -f "$units/$unit.active"', '        rm -f "$units/$unit.active"; sleep 2'
    )
    process = subprocess.Popen([HAL, "--root", str(root.directory), "fan", "set", "cool"], stderr=subprocess.DEVNULL)
    wait_for(lambda: not root.exists(ACTIVE))
    process.send_signal(number)
    wait_for(lambda: root.exists(ACTIVE) or process.poll() is not None or restarts(root) > 1)
    process.send_signal(number)  # an impatient user; the putting back goes on
    assert process.wait(60) == 128 + number
    assert root.exists(ACTIVE), "the daemon runs again"
    assert root.read_bytes(FAN_STORED) == before
    assert fan_of(root).state().running == "quiet"


@pytest.mark.parametrize("fault", ["stop fails", "the cache is a folder"])
def test_start_is_tried_whatever_fails(fault: str, hal_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal_jetson_orin.fan.REPORT_SECONDS", 0.2)
    root = hal_tree(AGX)
    if fault == "stop fails":
        edit(root, "usr/bin/systemctl", 'rm -f "$units/$unit.active"', 'rm -f "$units/$unit.active"; exit 1')
    else:
        root.remove("var/lib/nvfancontrol/status")
        root.resolve("var/lib/nvfancontrol/status").mkdir()
    with pytest.raises(NotApplied):
        fan_of(root).set("cool")
    assert root.exists(ACTIVE)


def test_a_dead_daemon_is_started_by_setting_what_is_set(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    fan_of(root).set("cool")
    root.remove(ACTIVE)
    result = fan_of(root).set("cool")
    assert result.outcome is Outcome.APPLIED
    assert "started again" in result.note
    assert fan_of(root).state().running == "cool"


def test_two_changes_at_once_take_turns(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    words = [HAL, "--root", str(root.directory), "fan", "set"]
    both = [subprocess.Popen([*words, name], stdout=subprocess.PIPE, text=True) for name in ("cool", "quiet", "cool")]
    answers = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0, 0], answers
    state = fan_of(root).state()
    assert state.configured == state.running


def test_two_fans_keep_a_default_each(hal_tree: Tree) -> None:
    """Unset is the vendor's file as it is, also where its fans differ."""
    root = hal_tree(AGX)
    second = (
        "<FAN 2>\nFAN_PROFILE cool {\n0 0 255 2900\n}\nFAN_PROFILE quiet {\n0 0 99 900\n}\nFAN_DEFAULT_PROFILE cool\n"
    )
    path = root.resolve("etc/nvfancontrol.conf")
    path.write_text(path.read_text() + second)
    for name, where in (("usr/lib/hal-tree/nvfancontrol.start", "$profile"), ("usr/sbin/nvfancontrol", "")):
        program = root.resolve(name)
        if where:
            program.write_text("#!/bin/sh\ncp $HAL_ROOT/etc/nvfancontrol-config/nvfancontrol.conf $HAL_ROOT/run/conf\n")
        else:
            program.write_text(
                "#!/bin/sh\nsed -n 's/^[[:space:]]*FAN_DEFAULT_PROFILE //p' $HAL_ROOT/run/conf | "
                "{ n=0; while read p; do n=$((n+1)); echo FAN$n:FAN_PROFILE:$p; done; }\n"
            )
    fan = fan_of(root)
    assert fan.set(None).value == "quiet (fan 1), cool (fan 2)"
    assert fan.set("cool").value == "cool"
    assert fan.set(None).outcome is Outcome.APPLIED
    state = fan.state()
    assert state.configured == state.running == "quiet (fan 1), cool (fan 2)"


# -- power ---------------------------------------------------------------------------------------------------------


def test_a_mode_that_the_update_changed_is_not_applied_before_the_reboot(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    edit(root, VENDOR, "GPU MAX_FREQ 612000000", "GPU MAX_FREQ 600000000")  # the running mode, MODE_30W
    result = power_of(root).set("MODE_30W")
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)


def test_going_back_to_the_running_mode_needs_no_reboot(hal_tree: Tree) -> None:
    power = power_of(hal_tree(AGX))
    power.set("high")
    result = power.set("MODE_30W")
    assert (result.outcome, result.cost) == (Outcome.APPLIED, Cost.NONE)


def test_unchanged_does_not_hide_a_reboot_that_is_due(hal_tree: Tree) -> None:
    power = power_of(hal_tree(AGX))
    power.set("high")
    again = power.set("high")
    assert (again.outcome, again.cost) == (Outcome.UNCHANGED, Cost.REBOOT)
    assert "next boot" in again.note


@pytest.mark.parametrize(
    "program",
    ["echo NV Power Mode: MODE_15W; echo 0", "echo NV Power Mode: MAXN; echo 0; echo NVPM ERROR: x >&2"],
    ids=["name and id differ", "error on standard error"],
)
def test_an_answer_that_makes_no_sense_is_no_answer(program: str, hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    root.resolve("usr/sbin/nvpmodel").write_text(f"#!/bin/sh\n{program}\n")
    assert power_of(root).state().running is None
    assert power_of(root).set("high").outcome is Outcome.ACCEPTED


def test_a_copy_that_the_os_s_own_script_wrote_is_recognised(hal_tree: Tree) -> None:
    """It rewrites every `PM_CONFIG DEFAULT=`, in the comment at the top too."""
    root = hal_tree(AGX)
    text = re.sub(r"(PM_CONFIG DEFAULT=).*", r"\g<1>3 >", root.read_text(VENDOR))
    assert text.count("DEFAULT=3 >") == 2
    root.resolve(STORED).write_text(text)
    assert power_of(root).preview("MODE_50W") is None
    assert power_of(root).preview("high") is not None


@pytest.mark.parametrize("noun", ["fan", "power"])
@pytest.mark.parametrize("byte", [b"\xe9", b"\x0c", b"\x1c", "\u2028".encode(), b"\xef\xbb\xbf"], ids=repr)
def test_odd_bytes_in_a_comment_harm_nothing(noun: str, byte: bytes, hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    (name,) = getattr(Device.open(root), noun).reads
    path = root.resolve(name)
    path.write_bytes((byte if byte.startswith(b"\xef") else b"# caf" + byte + b" x\n") + path.read_bytes())
    setting = getattr(Device.open(root), noun)
    assert setting.set("cool" if noun == "fan" else "low").outcome in (Outcome.APPLIED, Outcome.ACCEPTED)
    assert byte in root.read_bytes(setting.writes[0])


@pytest.mark.parametrize("noun", ["fan", "power"])
def test_a_folder_where_the_copy_belongs_is_an_error_of_its_own(noun: str, hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    setting = getattr(Device.open(root), noun)
    path = root.resolve(setting.writes[0])
    path.unlink()
    path.mkdir()
    answer = subprocess.run(
        [HAL, "--root", str(root.directory), "plan"], capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert "not a regular file" in answer.stderr
    assert "not stored yet" not in answer.stdout
