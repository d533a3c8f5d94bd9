"""The unit that switches a modem: systemd accepts it, and nothing in the boot waits for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest
from hal_modems.models import MODEMS

from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.rules import rules

HAL = Path(sys.executable).parent / "hal"
UNIT = Path(__file__).parents[1] / "hal/peripherals/modem/hal-modem@.service"
INSTANCE = "hal-modem@1-1.2.service"
BOOT = ("multi-user", "basic", "sysinit", "local-fs")
SYSTEM = Path("/lib/systemd/system")
NOBODY = 65534
PLUGGED = f"[Unit]\nWants={INSTANCE}\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
"""Stands for the device, which wants the unit by a property of udev, and in the boot at that."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may read: systemd shows its plan to everybody but root."""
    made = Path(tempfile.mkdtemp(prefix="units-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def unit(**changed: str) -> str:
    text = UNIT.read_text().replace("/usr/bin/hal ", "/bin/true ")
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return text


def plan(folder: Path, text: str) -> Mapping[str, Mapping[str, frozenset[str]]]:
    """How systemd would boot to multi-user.target with a modem plugged in: each unit with its dependencies by kind."""
    for name in BOOT:
        shutil.copy(SYSTEM / f"{name}.target", folder)
    shutil.copy(SYSTEM / "shutdown.target", folder)
    (folder / UNIT.name).write_text(text)
    (folder / "plugged.service").write_text(PLUGGED)
    (folder / "multi-user.target.wants").mkdir()
    (folder / "multi-user.target.wants/plugged.service").symlink_to("../plugged.service")
    done = subprocess.run(
        ["/lib/systemd/systemd", "--test", "--system", "--unit=multi-user.target", "--no-pager"],
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": str(folder)},
        cwd="/",
        user=NOBODY if os.geteuid() == 0 else None,
        group=NOBODY if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found: dict[str, dict[str, frozenset[str]]] = {}
    for part in re.split(r"^\s*-> Unit ", done.stdout, flags=re.MULTILINE)[1:]:
        kinds: dict[str, set[str]] = {}
        for kind, name in re.findall(r"^\t\t(\w+): (\S+) \((?:origin|destination)-", part, re.MULTILINE):
            kinds.setdefault(kind, set()).add(name)
        kinds["Job"] = set(re.findall(r"Action: \S+ -> (\w+)", part))
        found[part.partition(":\n")[0]] = {kind: frozenset(names) for kind, names in kinds.items()}
    assert INSTANCE in found, done.stdout[-2000:] + done.stderr
    return found


def waits(units: Mapping[str, Mapping[str, frozenset[str]]], name: str) -> set[str]:
    """Everything that a unit is started after, near and far."""
    todo, seen = [name], set()
    while todo:
        for each in units.get(todo.pop(), {}).get("After", frozenset()) - seen:
            seen.add(each)
            todo.append(each)
    return seen


def test_r24_no_target_of_the_boot_waits_for_a_switch(folder: Path) -> None:
    """However long a switch takes: its job is in the boot's plan, and no target is behind it."""
    units = plan(folder, unit())
    assert units[INSTANCE]["Job"] == {"start"}
    assert units[INSTANCE]["Before"] == {"shutdown.target"}
    for name in BOOT:
        assert units[f"{name}.target"]["Job"] == {"start"}
        assert INSTANCE not in waits(units, f"{name}.target")
    assert "basic.target" in waits(units, INSTANCE), "nor is it before the boot partition is there"


@pytest.mark.parametrize("line", ["Before=multi-user.target", "Before=plugged.service"])
def test_r24_an_order_in_the_unit_would_be_seen(line: str, folder: Path) -> None:
    units = plan(folder, unit(**{"[Unit]": f"[Unit]\n{line}"}))
    assert INSTANCE in waits(units, "multi-user.target")


def test_its_job_ends_when_the_program_runs_and_the_program_has_a_bound() -> None:
    read = ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read_string(UNIT.read_text())
    assert set(read.sections()) == {"Unit", "Service"}, "no [Install]: only a device starts it"
    assert not {"BindsTo", "PartOf", "Requires", "Before"} & set(read["Unit"]), "the device leaves in a switch"
    service = read["Service"]
    assert (service["Type"], service["ExecStart"]) == ("exec", "/usr/bin/hal modem switch %i")
    assert {"RuntimeMaxSec", "TimeoutStopSec"} <= set(service)


def test_the_place_reaches_the_command_as_sysfs_writes_it() -> None:
    """`%i` is the instance as it is; unescaped, as `%I` would be, the dash is a slash."""
    told = subprocess.run(["systemd-escape", "--unescape", "1-1.2"], capture_output=True, text=True, check=True)
    assert told.stdout == "1/1.2\n"
    assert "%I" not in UNIT.read_text().partition("[Unit]")[2]


def verify(folder: Path, text: str) -> str:
    """What systemd says of the unit, started for a place by the `hal` that is installed here."""
    (folder / INSTANCE).write_text(text.replace("/bin/true ", f"{HAL} "))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", folder / INSTANCE], capture_output=True, text=True, timeout=60
    )
    return "".join(line for line in (done.stdout + done.stderr).splitlines(True) if "hal-modem" in line)


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    assert verify(tmp_path, unit()) == ""


@pytest.mark.parametrize("changed", [{"Type=exec": "Type=once"}, {"15min": "15moons"}, {"ExecStart=": "ExecStart=./"}])
def test_systemd_would_say_what_is_wrong(changed: dict[str, str], tmp_path: Path) -> None:
    assert verify(tmp_path, unit(**changed))


def test_the_rules_start_this_unit() -> None:
    text = rules(Known(KnownModel(model=model, origin="hal_modems", rank=3) for model in MODEMS))
    started = set(re.findall(r'ENV\{SYSTEMD_WANTS\}\+="([^"]+)"', text))
    assert started == {UNIT.name.replace("@", "@%k")}
