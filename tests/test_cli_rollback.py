"""`hal rollback` and `hal update` on trees, as processes: what they print, what they change, how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
PI_5 = "raspberrypi5"
PROGRAM = "etc/hal/health-checks.d/pump"


def hal(root: Root, *words: str, status: int = 0, environment: dict[str, str] | None = None) -> str:
    """Run it; the exit status must be this. Returns what was printed, on both streams where it failed."""
    answer = subprocess.run(
        [HAL, "--root", str(root.directory), *words], capture_output=True, text=True, timeout=120, env=environment
    )
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout if status == 0 else answer.stdout + answer.stderr


def document(root: Root, *words: str) -> Any:
    return json.loads(hal(root, *words, "--json"))


def boots(root: Root, slot: str) -> None:
    """The kernel is started with this slot."""
    root.resolve("proc/cmdline").write_text(f"root=LABEL=resin-root{slot} rootwait\n")
    root.resolve("proc/sys/kernel/random/boot_id").write_text(f"boot of {slot} {len(list(root.directory.iterdir()))}\n")


def content(root: Root) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.directory.rglob("*")) if path.is_file()}


def bring_check(root: Root, script: str) -> None:
    path = root.resolve(PROGRAM)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# -- a whole update ------------------------------------------------------------------------------------------------


def test_from_the_first_step_to_the_commit(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    assert document(root, "rollback", "status")["phase"] == "settled"
    for phase in ("before", "after", "commit"):
        assert hal(root, "update", phase) == "settled: nothing to do\n"
    outcome = document(root, "update", "forward")
    assert (outcome["phase"], outcome["reboot"], outcome["failed"]) == ("settled", True, [])
    assert "switch to slot B, with rollback armed" in outcome["done"]
    status = document(root, "rollback", "status")
    assert (status["phase"], status["bootloader"]["next_boot"]["slot"]) == ("armed", "B")
    boots(root, "B")
    assert "note that the updated slot reached user space" in hal(root, "rollback", "altboot")
    assert document(root, "rollback", "status")["phase"] == "trial"
    assert "commit slot B" in hal(root, "rollback", "health", "--interval", "0")
    status = document(root, "rollback", "status")
    assert (status["phase"], status["breadcrumbs"]) == ("settled", [])
    assert [event["event"] for event in status["events"]] == ["committed"]
    for service in ("altboot", "health", "shutdown"):
        assert hal(root, "rollback", service) == "settled: nothing to do\n"


def test_an_unhealthy_slot_is_left_and_the_reason_is_told(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    hal(root, "update", "forward")
    boots(root, "B")
    bring_check(root, "echo the pump stands still; exit 1")
    answer = hal(root, "rollback", "health", "--interval", "0", "--checks", "2")
    assert "go back to slot A: not healthy after 2 checks" in answer
    assert "a reboot is needed\n" in answer
    boots(root, "A")
    assert "recovering" in hal(root, "rollback", "altboot")
    told = hal(root, "rollback", "status")
    assert "rolled-back" in told
    assert "B -> A" in told
    assert "evidence: pump: the pump stands still" in told
    assert document(root, "rollback", "status")["phase"] == "settled"


def test_a_reboot_is_asked_for_only_where_it_is_needed(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    asked = root.resolve("run/asked")
    asked.parent.mkdir(exist_ok=True)
    root.resolve("usr/bin/systemctl").write_text('#!/bin/sh\necho "$@" >>"$HAL_ROOT/run/asked"\n')
    hal(root, "rollback", "altboot", "--reboot")
    hal(root, "update", "forward")
    boots(root, "B")
    hal(root, "rollback", "altboot", "--reboot")
    bring_check(root, "exit 1")
    hal(root, "rollback", "health", "--interval", "0", "--checks", "1", "--reboot", "--dry-run")
    assert not asked.exists()
    answer = hal(root, "rollback", "health", "--interval", "0", "--checks", "1", "--reboot")
    assert "a reboot is needed, and asked for now" in answer
    assert asked.read_text() == "reboot\n"


def test_an_orderly_reboot_on_trial(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    hal(root, "update", "forward")
    boots(root, "B")
    hal(root, "rollback", "altboot")
    outcome = document(root, "rollback", "shutdown")
    assert outcome["done"] == ["note that this boot ended in order"]


# -- checks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "status"), [("echo runs", 0), ("echo stands still; exit 1", 1)])
def test_check_runs_every_check_once_and_changes_nothing(script: str, status: int, hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    bring_check(root, script)
    before = content(root)
    answer = hal(root, "rollback", "check", status=status)
    assert ("NOT HEALTHY" in answer) == bool(status)
    assert ("not healthy: pump" in answer) == bool(status)
    assert content(root) == before


def test_check_as_json(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    assert document(root, "rollback", "check") == []
    bring_check(root, "echo runs")
    assert document(root, "rollback", "check") == [
        {"name": "pump", "purpose": "a check that a service brings", "healthy": True, "reason": "runs"}
    ]


# -- dry run, wrong usage, errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("update", "before"),
        ("update", "forward"),
        ("update", "after"),
        ("update", "commit"),
        ("rollback", "altboot"),
        ("rollback", "health"),
        ("rollback", "shutdown"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("slug", [PI_5, "raspberrypi4-64", "generic-amd64", "jetson-agx-orin-devkit"])
def test_a_dry_run_writes_nothing(slug: str, words: tuple[str, ...], hal_tree: Tree) -> None:
    root = hal_tree(slug)
    before = content(root)
    hal(root, *words, "--dry-run")
    assert content(root) == before


@pytest.mark.parametrize(
    "words",
    [
        ("rollback",),
        ("rollback", "no-such"),
        ("rollback", "health", "--interval", "-1"),
        ("rollback", "health", "--checks", "0"),
        ("rollback", "health", "--checks", "many"),
        ("rollback", "status", "--dry-run"),
        ("update", "sideways"),
        ("update", "forward", "extra"),
    ],
    ids=" ".join,
)
def test_wrong_usage(words: tuple[str, ...], hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    before = content(root)
    hal(root, *words, status=2)
    assert content(root) == before


def test_a_board_without_a_known_bootloader(acme: Root, site: Site) -> None:
    row = "from hal import hookimpl\nfrom hal.model import DeviceType\n@hookimpl\ndef hal_device_types():\n"
    site.install("hal_acme", row + "    return (DeviceType(slug='acme-gateway', name='Acme'),)\n", "slug:acme-gateway")
    for words in (("rollback", "status"), ("rollback", "altboot"), ("update", "forward")):
        answer = hal(acme, *words, status=4, environment=site.environment)
        assert "acme-gateway has no bootloader" in answer
    assert hal(acme, "update", "list", environment=site.environment) == "phase  step  purpose\n"


ACME = """
from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.errors import ValueRefused
from hal.model import (BootloaderKind, DeviceType, Partitions, PartitionTable, SlotEncoding, UpdatePhase, UpdateStep)

TABLE = Partitions(table=PartitionTable.GPT, boot=1, root_a=2, root_b=3, slot_encoding=SlotEncoding.LETTER)

@hookimpl
def hal_device_types():
    return (DeviceType(slug="acme-gateway", name="Acme", bootloader=BootloaderKind.BALENA, partitions=TABLE),)

@hookimpl
def hal_bootloader(device_type, root):
    return bootloader(device_type, root)

@hookimpl
def hal_update_steps(root):
    def run(update):
        if update.recovering:
            return ("put back",)
        FAULT
        return ("deployed for " + update.target + " from " + (update.source or "here"),)
    steps = [UpdateStep(name=name, phase=phase, purpose="the " + name, run=run)
             for phase in UpdatePhase for name in ("20-b", "10-a")]
    return tuple(steps)
"""


def acme_device(acme: Root, site: Site, fault: str) -> dict[str, str]:
    site.install("hal_acme", ACME.replace("FAULT", fault), "slug:acme-gateway")
    for name, text in (
        ("proc/cmdline", "root=LABEL=resin-rootA\n"),
        ("proc/sys/kernel/random/boot_id", "x\n"),
        ("mnt/state/lost", ""),
        ("mnt/boot/bootenv", "# GRUB Environment Block\n"),
    ):
        path = acme.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.ljust(1024, "#") if name.endswith("bootenv") else text)
    return site.environment


def test_steps_are_listed_in_their_order(acme: Root, site: Site) -> None:
    environment = acme_device(acme, site, "pass")
    rows = hal(acme, "update", "list", environment=environment).splitlines()
    assert rows[0].split() == ["phase", "step", "purpose"]
    expected = [[phase, name] for phase in ("before", "forward", "after", "commit") for name in ("10-a", "20-b")]
    expected.insert(2, ["forward", "1-bootfiles"])
    assert [row.split()[:2] for row in rows[1:]] == expected
    found = json.loads(hal(acme, "update", "list", "--json", environment=environment))
    assert [[each["phase"], each["name"]] for each in found] == expected
    assert found[0]["purpose"] == "the 10-a"


def test_the_source_is_told_to_the_steps(acme: Root, site: Site) -> None:
    environment = acme_device(acme, site, "pass")
    answer = hal(acme, "update", "forward", "--source", "/mnt/new/", environment=environment)
    assert "10-a: deployed for B from mnt/new; 20-b: deployed for B from mnt/new" in answer


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("raise ValueRefused('this capsule is of another board')", "value-refused", "this capsule is of another board"),
        ("raise KeyError('x')", "plugin", "a defect of this plugin"),
        ("1 / 0", "plugin", "hal_acme: ZeroDivisionError"),
    ],
    ids=["refuses", "raises", "divides"],
)
def test_a_step_that_fails_ends_with_1_and_switches_nothing(
    fault: str, code: str, words: str, acme: Root, site: Site
) -> None:
    environment = acme_device(acme, site, fault)
    answer = hal(acme, "update", "forward", status=1, environment=environment)
    assert words in answer
    status = json.loads(hal(acme, "rollback", "status", "--json", environment=environment))
    assert (status["phase"], status["bootloader"]["next_boot"]["slot"]) == ("settled", "A")
    assert [event["event"] for event in status["events"]] == ["update-refused"]
    as_json = hal(acme, "update", "forward", "--json", status=1, environment=environment)
    assert json.loads(as_json)["error"]["code"] == code


def test_no_update_in_the_middle_of_one(hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    hal(root, "update", "forward")
    boots(root, "B")
    assert "no update can begin: trial" in hal(root, "update", "forward", status=1)


@pytest.mark.parametrize("words", [("rollback", "altboot"), ("update", "forward")], ids=" ".join)
def test_no_state_partition(words: tuple[str, ...], hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    if words[0] == "rollback":
        hal(root, "update", "forward")
        boots(root, "B")
        root.resolve("mnt/state").rename(root.resolve("mnt/gone"))
    else:
        root.resolve("mnt/state").rmdir()
    before = root.read_bytes("mnt/boot/bootenv")
    assert "mnt/state" in hal(root, *words, status=1)
    assert root.read_bytes("mnt/boot/bootenv") == before


@pytest.mark.parametrize("text", ["", "{", '{"schema": 9}'])
def test_a_damaged_record_is_a_note(text: str, hal_tree: Tree) -> None:
    root = hal_tree(PI_5)
    root.resolve("mnt/state/hal-rollback.json").write_text(text)
    status = document(root, "rollback", "status")
    assert any("hal-rollback.json" in note for note in status["notes"])
    assert status["phase"] == "settled"
