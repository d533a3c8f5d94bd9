"""`tegra-boot-control`: the tree's speaks as the real one does, its answer is read exactly, and Cboot's rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
from backends.xavier import B, back_end, in_memory, metadata, text, tree
from hal_jetson.xavier_tree import METADATA
from hypothesis import given
from hypothesis import strategies as st
from lab.models import Cboot

from hal.backends.bootloader import tegra_slots
from hal.backends.bootloader.tegra_slots import BootSlot, Metadata, Redundancy
from hal.errors import NotApplied, ProgramFault
from hal.program import Completed
from hal.root import Root


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


STATUS = """Redundancy: enabled (full)
Current slot: 0
Slot 0: priority: 15, suffix: _a, retry_count: 7, successful: YES
Slot 1: priority: 14, suffix: _b, retry_count: 7, successful: NO
"""


@pytest.mark.parametrize(
    ("state", "command_line", "options", "status", "stdout", "stderr", "after"),
    [
        ("2 15 7 1 14 7 0", "x", "-s", 0, STATUS, "", None),
        ("1 15 7 1 14 7 0", "x", "-s", 0, STATUS.replace("full", "bootloader only"), "", None),
        ("0 15 7 1 0 0 0", "boot.slot_suffix=_b x", "-s", 0, "Redundancy: disabled\n", "", None),
        ("2 15 7 1 14 7 0", "x boot.slot_suffix=_b", "-c", 0, "1\n", "", None),
        ("2 15 7 1 14 7 0", "x boot.slot_suffix= y", "-c", 0, "0\n", "", None),
        ("2 15 7 1 14 7 0", "boot.slot_suffix=_a", "-c", 0, "0\n", "", None),
        (
            "2 15 7 1 14 7 0",
            "boot.slot_suffix=_c",
            "-c",
            1,
            "",
            "retrieving current boot slot: No such process\n",
            None,
        ),
        ("2 14 3 0 15 2 0", "x", "-e", 0, "Enabled redundancy.\n", "", "2 14 3 0 15 2 0"),
        ("1 14 3 0 15 2 0", "x", "-e", 0, "Enabled redundancy.\n", "", "2 14 3 0 15 2 0"),
        ("0 15 7 1 0 0 0", "x", "-e", 0, "Enabled redundancy.\n", "", "2 15 7 1 14 7 1"),
        ("2 14 3 0 15 2 0", "x", "-d", 0, "Disabled redundancy.\n", "", "0 15 7 1 0 0 0"),
        ("2 15 7 1 3 2 1", "x", "-a 1", 0, "Slot 1 set active for next boot.\n", "", "2 14 7 1 15 7 0"),
        ("0 15 7 1 0 0 0", "x", "-a 1", 1, "", "setting active slot: Invalid argument\n", None),
        ("2 14 3 0 15 7 0", "x", "-m", 0, "Slot 0 marked successful.\n", "", "2 15 7 1 14 7 0"),
        ("2 9 3 0 8 2 0", "boot.slot_suffix=_b", "-m", 0, "Slot 1 marked successful.\n", "", "2 9 3 0 15 7 1"),
        ("2 15 7 1 14 7 1", "x", "-a 2", 1, None, "Error: slot number must be '0' or '1'\n", None),
        ("2 15 7 1 14 7 1", "x", "-m -s", 1, None, "Error: multiple actions specified\n", None),
        ("2 15 7 1 14 7 1", "x", "-x", 1, None, "Error: unrecognized option\n", None),
        ("2 15 7 1 14 7 1", "x", "", 1, None, "Error: no action specified\n", None),
    ],
)
def test_the_program_of_a_tree_speaks_as_the_real_one(
    state: str,
    command_line: str,
    options: str,
    status: int,
    stdout: str | None,
    stderr: str,
    after: str | None,
    tmp_path: Path,
) -> None:
    """Formats and changes of tegra-boot-tools 3.1.2. Its own program, compiled once, gave the same 400 answers."""
    root = tree(tmp_path / "tree")
    metadata(root, state)
    root.replace("proc/cmdline", f"{command_line}\n".encode())
    done = root.run(["tegra-boot-control", *options.split()], timeout_seconds=60, check=False)
    assert (done.status, done.stderr) == (status, stderr)
    assert stdout is None or done.stdout == stdout
    assert root.read_text(METADATA) == f"{after or state}\n"


class Saying(Root):
    """A root whose program says what the test wants."""

    answers: dict[str, str]

    def run(self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, host: bool = False) -> Completed:
        return Completed(argv=tuple(argv), status=0, stdout=self.answers[argv[1]], stderr="")


def saying(folder: Path, status: str, current: str = "0\n") -> Saying:
    root = Saying(folder)
    root.answers = {"-s": status, "-c": current}
    return root


@pytest.mark.parametrize(
    ("status", "current", "told"),
    [
        (
            STATUS,
            "",
            Metadata(
                redundancy=Redundancy.FULL,
                current=0,
                slots=(
                    BootSlot(priority=15, retry_count=7, successful=True),
                    BootSlot(priority=14, retry_count=7, successful=False),
                ),
            ),
        ),
        ("Redundancy: disabled\n", "1\n", Metadata(redundancy=Redundancy.OFF, current=1)),
        ("", "0\n", None),
        ("Redundancy: disabled\n", "", None),
        ("Redundancy: disabled\n" + STATUS, "0\n", None),
        (STATUS.replace("Current slot: 0", "Current slot: 2"), "0\n", None),
        (STATUS.replace("Slot 1", "Slot 0"), "0\n", None),
        (STATUS.replace("YES", "MAYBE"), "0\n", None),
        (STATUS.replace("(full)", "(half)"), "0\n", None),
        (STATUS.replace("retry_count: 7", "retry_count: -7"), "0\n", None),
        (STATUS + STATUS, "0\n", None),
        (STATUS.replace("retry_count: 7", "retry_count: " + "9" * 5000), "0\n", None),
    ],
)
def test_the_answer_is_read_exactly(status: str, current: str, told: Metadata | None, tmp_path: Path) -> None:
    if told is None:
        with pytest.raises(ProgramFault, match=r"tegra-boot-control: its status makes no sense"):
            tegra_slots.read(saying(tmp_path, status, current))
    else:
        assert tegra_slots.read(saying(tmp_path, status, current)) == told


@given(st.one_of(st.text(), st.lists(st.sampled_from(STATUS.splitlines())).map("\n".join)), st.text(max_size=3))
def test_no_answer_raises_anything_else(status: str, current: str) -> None:
    with suppress(ProgramFault):
        tegra_slots.read(saying(Path("/"), status, current))


def test_without_the_program_nothing_is_guessed(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree")
    root.remove("usr/bin/tegra-boot-control")
    with pytest.raises(ProgramFault, match="tegra-boot-control: no such program"):
        back_end(root).status()
    with pytest.raises(ProgramFault):
        back_end(root).switch(B)
    assert text(root) == "resin_root_part=26\nupgrade_available=0"


@pytest.mark.parametrize("option", ["-e", "-a", "-m"])
def test_a_program_that_does_nothing_is_found_out(option: str, tmp_path: Path) -> None:
    """Each of its changes is read back before the next step."""
    root = tree(tmp_path / "tree", "redundancy off" if option == "-e" else "two tries used")
    program = root.resolve("usr/bin/tegra-boot-control")
    program.write_text(program.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\n[ "$1" != {option} ] || exit 0\n'))
    with pytest.raises(NotApplied, match=f"tegra-boot-control {option}"):
        back_end(root).commit() if option == "-m" else back_end(root).switch(B)
    told = text(root) == "resin_root_part=26\nupgrade_available=0"
    assert told is not (option == "-a"), "the text asks for the slot before the metadata do, and nothing else is told"


def test_the_prediction_is_what_cboot_does() -> None:
    """Every combination of levels, priorities, retry counts and marks, over six boots each."""
    compared = 0
    slots = list(product((0, 1, 14, 15), (0, 1, 2, 5, 7), (0, 1)))
    for level, first, second in product((1, 2), slots, slots):
        pair = tuple(BootSlot(priority=p, retry_count=r, successful=bool(s)) for p, r, s in (first, second))
        redundancy = Redundancy.FULL if level == 2 else Redundancy.BOOTLOADER
        told = tegra_slots.attempts(Metadata(redundancy=redundancy, current=0, slots=pair))
        model, fields = Cboot(), [level, *first, *second]
        for attempt, _ in zip(told, range(6), strict=False):
            assert attempt.slot == model.attempt(fields), (level, first, second)
            compared += 1
    assert compared > 10_000
