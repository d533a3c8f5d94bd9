"""What went wrong for users of other projects, as cases here: R41 and R42 of the list that this project began with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"

# -- R41: a plugin without something it should have (sonic-buildimage 7717) -------------------------------------------

TABLE = """
from hal import hookimpl
from hal.model import Board, DeviceType, HealthCheck, Problem, Unsupported

@hookimpl
def hal_device_types(): return (DeviceType(slug="acme-gateway", name="Acme Gateway"),)
"""
MEMBERS = {
    "fan": ("reads = writes = ()", "def profiles(self): ...", "def state(self, *, live=True): ..."),
    "power": ("reads = writes = ()", "def modes(self): ...", "def state(self, *, live=True): ..."),
}
SETTERS = ("def preview(self, wanted): ...", "def set(self, wanted): ...")


def lacking(noun: str, missing: str) -> str:
    """A hook that answers with an object that has everything its protocol asks for, but one thing."""
    members = [line for line in (*MEMBERS[noun], *SETTERS) if missing not in line]
    body = "\n    ".join(members or ["pass"])
    return f"class Thing:\n    {body}\n@hookimpl\ndef hal_{noun}(): return Thing()\n"


INCOMPLETE: dict[str, tuple[str, str, str]] = {
    "no hook at all": ("fan", "", "hal_acme offers none for this device type"),
    "no answer": ("fan", "@hookimpl\ndef hal_fan(): pass\n", "hal_acme offers none for this device type"),
    "an honest no": (
        "fan",
        "@hookimpl\ndef hal_fan(): return Unsupported(reason='passively cooled')\n",
        "passively cooled",
    ),
    "no profiles": ("fan", lacking("fan", "profiles"), "answered hal_fan with Thing instead of Fan"),
    "no state": ("fan", lacking("fan", "state"), "answered hal_fan with Thing instead of Fan"),
    "no set": ("fan", lacking("fan", "set("), "answered hal_fan with Thing instead of Fan"),
    "no preview": ("fan", lacking("fan", "preview"), "answered hal_fan with Thing instead of Fan"),
    "no reads": ("fan", lacking("fan", "reads"), "answered hal_fan with Thing instead of Fan"),
    "nothing": ("fan", lacking("fan", ""), "answered hal_fan with Thing instead of Fan"),
    "no modes": ("power", lacking("power", "modes"), "answered hal_power with Thing instead of Power"),
    "no power hook": ("power", "", "hal_acme offers none for this device type"),
    "a misspelt hook": (
        "power",
        "@hookimpl\ndef hal_powr(): return 1\n",
        "declares the hook 'hal_powr', which does not exist",
    ),
    "a hook that fails": (
        "power",
        "@hookimpl\ndef hal_power(): return {}['name']\n",
        "raised in hal_power: KeyError: 'name'",
    ),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_r41_a_command_says_no_with_a_reason(case: str, site: Site, tmp_path: Path) -> None:
    noun, source, reason = INCOMPLETE[case]
    site.install("hal_acme", TABLE + source, "slug:acme-gateway")
    (tmp_path / "tree/mnt/boot").mkdir(parents=True)
    wanted = {"deviceType": "acme-gateway", "os": {"power": {"mode": "high"}, "fan": {"profile": "cool"}}}
    (tmp_path / "tree/mnt/boot/config.json").write_text(json.dumps(wanted))

    def hal(*words: str) -> subprocess.CompletedProcess[str]:
        command = [HAL, "--root", tmp_path / "tree", *words]
        answer = subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in answer.stderr
        return answer

    for words in ((noun, "status"), (noun, "set", "cool")):
        answer = hal(*words)
        assert (answer.returncode, answer.stdout) == (4, "")
        assert answer.stderr.startswith(f"hal: acme-gateway has no {noun}: ")
        assert reason in answer.stderr
        error = json.loads(hal(*words, "--json").stderr)["error"]
        assert (error["code"], error["path"]) == ("capability-absent", noun)
        assert reason in error["message"]
    shown = hal("show")
    assert shown.returncode == 0
    assert f"no {noun} (" in shown.stdout
    assert reason in shown.stdout
    absent = json.loads(hal("capabilities", "--json").stdout)["capabilities"][noun]
    assert absent["supported"] is False
    assert reason in absent["reason"]
    planned = hal("plan", "--json")
    assert planned.returncode == 0
    assert [item["path"] for item in json.loads(planned.stdout)["unavailable"]] == ["os.power.mode", "os.fan.profile"]


# -- R42: many plugins slow every command down (cloud-custodian 2442) --------------------------------------------------


@pytest.fixture
def hundred(site: Site) -> Site:
    """A hundred further plugins, half of them for boards and half add-ons, each fatal to whoever imports it."""
    for number in range(100):
        patterns = (f"slug:many-{number}", f"of:N*T*Cmany,board-{number}*") if number % 2 else (f"usb:v{number:04X}p*",)
        site.install(f"hal_many_{number}", "raise SystemExit('imported for nothing')", *patterns)
    return site


def imported(site: Site, *words: str | Path) -> set[str]:
    """Every module that a real `hal` process imports, as the interpreter reports it."""
    command = [sys.executable, "-v", HAL, *words]
    answer = subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return set(re.findall(r"^import '([^']+)' # ", answer.stderr, re.MULTILINE))


@pytest.mark.parametrize("words", ["--help", "-h", "--version", "fan --help", "power set --help", "boards --help"])
def test_r42_help_imports_no_plugin_and_does_not_look_for_any(words: str, hundred: Site) -> None:
    modules = imported(hundred, *words.split())
    assert "hal.cli" in modules, "this test sees what is imported"
    assert {name for name in modules if name.startswith("hal_")} == set()
    assert modules.isdisjoint({"importlib.metadata", "rich"})
    if words.startswith("-"):
        assert modules.isdisjoint({"hal.plugins", "hal.index", "pluggy"})


def test_r42_a_command_imports_the_plugins_of_its_board_only(hundred: Site, hal_tree: Tree) -> None:
    root = hal_tree("raspberrypi5")
    modules = imported(hundred, "--root", root.directory, "capabilities", "--json")
    assert {name for name in modules if name.startswith("hal_") and "." not in name} == {"hal_raspberrypi"}
    assert modules.isdisjoint({"rich", "pytest", "jsonschema", "hal.testing", "PIL"})
