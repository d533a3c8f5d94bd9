"""`hal bootloader` through real processes: what it shows, what a dry run leaves alone, exit statuses, JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_tree import snapshot

from hal import Root

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
BOARDS = {
    "raspberrypi5": "balena-bootloader",
    "raspberrypi4-64": "u-boot",
    "generic-amd64": "grub",
    "jetson-agx-orin-devkit": "uefi-l4tlauncher",
}
OPERATIONS = (("switch", "B"), ("switch", "A"), ("commit",), ("clear-boot-count",), ("rollback",))


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    command = [HAL, "--root", root.directory, "bootloader", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def told(root: Root, *words: str) -> Any:
    done = hal(root, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(params=BOARDS)
def device(request: pytest.FixtureRequest, hal_tree: Tree) -> tuple[str, Root]:
    return request.param, hal_tree(request.param)


def test_the_status_of_a_fresh_device(device: tuple[str, Root]) -> None:
    slug, root = device
    before = snapshot(root)
    found = told(root, "status")
    assert (found["running"], found["pending"], found["boot_count"]) == ("A", False, 0)
    assert (found["next_boot"]["slot"], set(found["next_boot"]["then"])) == ("A", {"A"})
    assert [fact["slot"] for fact in found["slots"]] == ["A", "B"]
    assert [item["name"] for item in found["variables"]] == ["resin_root_part", "upgrade_available", "bootcount"]
    words = hal(root, "status")
    assert words.returncode == 0
    lines = dict(line.split("  ", 1) for line in words.stdout.splitlines() if "  " in line)
    assert found["kind"] in lines["bootloader"]
    assert lines["next boot"].strip().startswith("slot A: ")
    assert lines["update"].strip() == "none pending"
    assert snapshot(root) == before
    assert found["kind"] == BOARDS[slug]


def test_a_dry_run_announces_what_is_then_done(device: tuple[str, Root]) -> None:
    _, root = device
    for words in OPERATIONS:
        before = snapshot(root)
        announced = told(root, *words, "--dry-run")
        shown = hal(root, *words, "--dry-run")
        assert shown.returncode == 0
        assert snapshot(root) == before, "a dry run writes nothing"
        if not announced:
            assert shown.stdout == "already so: nothing would be written\n"
        assert all(set(write) == {"file", "kind", "bytes", "data", "step"} for write in announced)
        assert all(write["file"] in shown.stdout and write["step"] in shown.stdout for write in announced)
        result = told(root, *words)
        assert result["outcome"] == ("unchanged" if not announced else result["outcome"])
        after = snapshot(root)
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert changed == {str(root.resolve(write["file"])) for write in announced}
        assert told(root, *words, "--dry-run") == []
        assert told(root, *words)["outcome"] == "unchanged"
        assert snapshot(root) == after


def test_switch_and_back_in_words(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    done = hal(root, "switch", "b")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "slot A, nothing pending -> slot B, update pending: accepted; the next boot takes slot B"
    )
    assert hal(root, "switch", "B").stdout.startswith("slot B, update pending: already so, nothing written; ")
    shown = hal(root, "status").stdout
    assert "pending: rollback is armed" in shown
    assert "active slot" in shown
    done = hal(root, "switch", "A")
    assert "-> slot A, nothing pending: " in done.stdout


@pytest.mark.parametrize(
    "words", [("switch", "C"), ("switch",), ("switch", "AB"), ("nonsense",), ("commit", "A"), ("switch", "")]
)
def test_a_wrong_word_is_a_usage_error(words: tuple[str, ...], hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    before = snapshot(root)
    done = hal(root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(root) == before


def test_a_board_whose_bootloader_is_not_known_lacks_the_capability(acme: Root) -> None:
    """An unknown board is 3; a known one without the capability is 4."""
    assert hal(acme, "status").returncode == 3


def test_a_board_without_a_bootloader_back_end(site: Any, acme: Root) -> None:
    site.install(
        "acme_gateway",
        """
        from hal import hookimpl
        from hal.model import Board, DeviceType
        @hookimpl
        def hal_device_types():
            return (DeviceType(slug="acme-gateway", name="Acme", boards=(Board(name="Acme", compatible=("acme,g",)),)),)
        """,
        "slug:acme-gateway",
    )
    for words in (("status",), *OPERATIONS):
        command = [HAL, "--root", str(acme.directory), "bootloader", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=site.environment)
        assert (done.returncode, done.stdout) == (4, ""), done.stderr
        assert done.stderr.startswith("hal: ")


ERRORS = [
    # what happens to the tree, words, code, what the message names
    ("no kernel", ("switch", "B"), "value-refused", "slot B has no kernel"),
    ("no kernel", ("rollback",), "value-refused", "slot B has no kernel"),
    ("not running", ("commit",), "failed", "the running slot is not known"),
    ("not running", ("switch", "B", "--dry-run"), "failed", "the running slot is not known"),
    ("folder", ("switch", "B"), "file", "grubenv"),
]


@pytest.mark.parametrize(("what", "words", "code", "message"), ERRORS)
def test_errors_are_words_or_json(what: str, words: tuple[str, ...], code: str, message: str, hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    if what == "no kernel":
        next((root.directory / "mnt/sysroot/inactive/boot").iterdir()).unlink()
    elif what == "not running":
        (root.directory / "proc/cmdline").write_text("quiet\n")
    else:
        for state in (root.directory / "mnt/boot").rglob("grubenv"):
            state.unlink()
            state.mkdir()
    before = snapshot(root)
    spoken, structured = hal(root, *words), hal(root, *words, "--json")
    assert (spoken.returncode, structured.returncode) == (1, 1)
    assert (spoken.stdout, structured.stdout) == ("", "")
    assert message in spoken.stderr
    error = json.loads(structured.stderr)["error"]
    assert error["code"] == code
    assert message in error["message"]
    assert {name: data for name, data in snapshot(root).items() if not name.endswith("committed_slot.env")} == before


def test_the_status_of_a_damaged_device_tells_and_does_not_fail(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    for state in (root.directory / "mnt/boot").rglob("grubenv"):
        state.write_bytes(b"\xff" * 1024)
    done = hal(root, "status")
    assert done.returncode == 0
    assert "absent" in done.stdout
    assert "no GRUB environment block" in done.stderr
    assert any("no GRUB environment block" in note for note in told(root, "status")["notes"])
    for state in (root.directory / "mnt/boot").rglob("grubenv"):
        state.write_bytes(b"# GRUB Environment Block\nresin_root_part=\xff\x1b[31m\n".ljust(1024, b"#"))
    done = hal(root, "status")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr, "what a file holds moves no cursor"
