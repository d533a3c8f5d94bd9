"""`hal rtc init-time` through real processes; and the units that start it, as systemd reads them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from init_time.tree_clock import FileClock, times

from hal import Root
from hal.cli import init_time
from hal.stdlib import UTC

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
UNITS = sorted((Path(__file__).parents[1] / "docs/systemd").glob("hal-init-time*"))
SAVED = datetime(2031, 9, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def pi(hal_tree: Tree) -> Root:
    root = hal_tree("raspberrypi4-64")
    times(root, build="20310709214530", saved="2031-09-01 12:00:00")
    return root


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [HAL, "--root", root.directory, "rtc", "init-time", *words], capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done


def test_what_is_printed(pi: Root) -> None:
    done = hal(pi, "--offline")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "time       2031-09-01 12:00:00 UTC"
    assert lines[1] == "source     saved-time etc/fake-hwclock/fake-hwclock.data"
    assert lines[3].endswith(" s: set")
    assert "too old: before the saved time" in next(line for line in lines if line.startswith("system"))
    assert done.stderr == (
        "system clock set: 2031-09-01 12:00:00 UTC from saved-time etc/fake-hwclock/fake-hwclock.data: "
        "the saved time: nothing later can be believed\n"
    )
    again = hal(pi, "--offline")
    assert again.stderr.startswith("system clock kept: 2031-09-01 12:00:00 UTC from system")


def test_json_is_what_is_remembered(pi: Root) -> None:
    done = hal(pi, "--offline", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    printed, kept = json.loads(done.stdout), json.loads(pi.read_bytes("run/hal/init-time.json"))
    assert printed == kept
    assert (printed["source"], printed["outcome"]) == ("saved-time", "applied")


def test_a_dry_run(pi: Root) -> None:
    done = hal(pi, "--offline", "--dry-run", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, None)
    assert "would be set" in hal(pi, "--offline", "--dry-run").stdout
    assert not pi.exists("run/hal/init-time.json")


def test_save(pi: Root) -> None:
    assert hal(pi, "--offline").returncode == 0
    done = hal(pi, "--save", "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "unchanged")
    times(pi, system=SAVED.replace(day=2))
    assert hal(pi, "--save").stdout == (
        "2031-09-01 12:00:00 -> 2031-09-02 12:00:00: accepted (used at the next boot)\n"
    )


def test_a_server_is_asked_unless_it_is_offline(pi: Root) -> None:
    """A network with nobody in it: the run ends by itself, and the time is set from what there is."""
    config = {"deviceType": "raspberrypi4-64", "os": {"network": {"connectivity": {"uri": "ftp://x"}}}}
    (pi.directory / "mnt/boot/config.json").write_text(json.dumps(config))
    found = json.loads(hal(pi, "--json").stdout)
    verdicts = {each["source"]: each["verdict"] for each in found["evidence"]}
    assert verdicts["https"] == "config.json: 'ftp://x' is no http or https address"
    assert verdicts["ntp"] == "there is no chronyd"
    assert found["source"] == "saved-time"


@pytest.mark.parametrize("content", ['{"deviceType": "unheard-of"}', "{", None])
def test_on_a_board_that_nobody_knows_the_time_is_set_all_the_same(content: str | None, pi: Root) -> None:
    shutil.rmtree(pi.directory / "proc/device-tree", ignore_errors=True)
    for name in ("mnt/boot/config.json", "mnt/boot/device-type.json", "mnt/boot/os-release", "etc/os-release"):
        (pi.directory / name).unlink()
    shutil.rmtree(pi.directory / "sys/firmware", ignore_errors=True)
    if content is not None:
        (pi.directory / "mnt/boot/config.json").write_text(content)
    done = hal(pi, "--offline")
    assert done.returncode == 0
    assert "note: no clock is asked: " in done.stderr
    assert "system clock set: 2031-09-01" in done.stderr


@pytest.mark.parametrize(
    "words", [("--save", "--offline"), ("--save", "--dry-run"), ("--save", "--wait", "1"), ("--wait", "-1"), ("now",)]
)
def test_wrong_usage(words: tuple[str, ...], pi: Root) -> None:
    assert hal(pi, *words).returncode == 2


def test_a_clock_that_cannot_be_set_is_a_failure(pi: Root) -> None:
    (pi.directory / "run/hal-tree/clock").mkdir(parents=True)
    done = hal(pi, "--offline", "--json")
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"]["code"] == "file"
    assert not pi.exists("run/hal/init-time.json")


def test_an_alarm_is_told_once(pi: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FileClock(pi, fault="input/output error")
    monkeypatch.setattr(init_time, "_clocks", lambda _options: ((), lambda: (clock,)))
    words = ["--root", str(pi.directory), "--offline"]
    first, second = (CliRunner().invoke(init_time.init_time, words) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    alarm = "alarm: rtc0: cannot be read, and is not written: rtc0: input/output error\n"
    assert alarm in first.output
    assert "alarm:" not in second.output
    assert "input/output error" in second.output


# -- the units ---------------------------------------------------------------------------------------------------------


def verify(folder: Path, **changed: str) -> str:
    """What systemd says of the units, started by a `hal` that is installed here; nothing where they are in order."""
    for unit in UNITS:
        text = unit.read_text().replace("/usr/bin/hal ", f"{HAL} ")
        for old, new in changed.items():
            text = text.replace(old, new)
        (folder / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(folder / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Units of the machine that these refer to may have faults of their own.
    return "".join(line for line in (done.stdout + done.stderr).splitlines(True) if "hal-init-time" in line)


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    assert len(UNITS) == 3
    assert verify(tmp_path) == ""


@pytest.mark.parametrize("changed", [{"OnBootSec": "OnBotSec"}, {"oneshot": "once"}, {"ExecStart=": "ExecStart=./"}])
def test_systemd_would_say_what_is_wrong(changed: dict[str, str], tmp_path: Path) -> None:
    assert verify(tmp_path, **changed)


def test_the_units_start_what_there_is(pi: Root) -> None:
    commands = [
        line.partition("/usr/bin/hal rtc init-time")[2].split()
        for unit in UNITS
        for line in unit.read_text().splitlines()
        if line.startswith("Exec")
    ]
    assert len(commands) == 4
    for words in commands:
        assert hal(pi, *words).returncode == 0, words
