"""The rule of conftest.py: a skipped test fails the run, unless its reason is in skips.txt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

HERE = Path(__file__).parent


def run(folder: Path, source: str, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest over one test module beside a copy of conftest.py, from a folder of its own."""
    tests = folder / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((HERE / "conftest.py").read_text())
    (tests / "skips.txt").write_text("# no agreed reason\n\n  no board at hand\nno such bus: \n")
    (tests / "test_sound.py").write_text("def test_sound(): pass\n")
    (folder / "test_it.py").write_text("import pytest, unittest\n" + dedent(source))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder)]
    return subprocess.run(
        [*command, *words, "tests", "test_it.py"], cwd=folder, capture_output=True, text=True, timeout=120
    )


SKIPPED = {
    "nothing": ("def test(): pass", 0, None),
    "agreed": ("def test(): pytest.skip('no board at hand, sorry')", 0, None),
    "agreed, with white space": ("def test(): pytest.skip('no such bus: usb')", 0, None),
    "expected failure": ("def test(): pytest.xfail('known')", 0, None),
    "not agreed": ("def test(): pytest.skip('too slow')", 1, "test_it.py::test: too slow"),
    "agreed in the middle": ("def test(): pytest.skip('sadly, no board at hand')", 1, "sadly, no board at hand"),
    "comment": ("def test(): pytest.skip('# no agreed reason')", 1, "# no agreed reason"),
    "mark": ("@pytest.mark.skip\ndef test(): pass", 1, "unconditional skip"),
    "condition": ("@pytest.mark.skipif(True, reason='root')\ndef test(): pass", 1, "root"),
    "fixture": ("@pytest.fixture\ndef f(): pytest.skip('in set-up')\ndef test(f): pass", 1, "in set-up"),
    "unittest": ("class T(unittest.TestCase):\n    def test(self): self.skipTest('unit')", 1, "unit"),
    "module": ("pytest.importorskip('no_such_module')", 1, "no_such_module"),
    "one of two": (
        "def test(): pytest.skip('no board at hand')\ndef test_2(): pytest.skip('tired')",
        1,
        "test_2: tired",
    ),
    "failure": ("def test(): assert False", 1, None),
}


def check(answer: subprocess.CompletedProcess[str], status: int, told: str | None) -> None:
    assert answer.returncode == status, answer.stdout
    assert ("skipped for a reason that is not in tests/skips.txt" in answer.stdout) == (told is not None)
    assert told is None or told in answer.stdout.partition("skipped for a reason")[2]


@pytest.mark.parametrize("case", SKIPPED)
def test_a_skip_without_an_agreed_reason_fails_the_run(case: str, tmp_path: Path) -> None:
    source, status, told = SKIPPED[case]
    check(run(tmp_path, source), status, told)


@pytest.mark.parametrize("case", ["agreed", "fixture", "module"])
def test_the_rule_holds_when_tests_run_in_parallel(case: str, tmp_path: Path) -> None:
    source, status, told = SKIPPED[case]
    check(run(tmp_path, source, "-n", "1"), status, told)


def test_the_agreed_reasons_are_few() -> None:
    """Each is a hole in the tests; whoever adds one should find this and think again."""
    lines = [line for line in (HERE / "skips.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 3
    assert all(len(line) >= 10 for line in lines), "a short beginning lets anything through"
