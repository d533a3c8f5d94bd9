"""Writes that fail, a partition without room, a file that vanishes, and two writers at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest
from backends.asked import COMMIT, ROLL_BACK, SWITCH, complaints
from backends.machines import ONE_OF_EACH, Machine, Machines, fresh, good, journal, shipped_grubenv, states

from hal.backends.bootloader import base, fatrw
from hal.errors import FileFault, HalError
from hal.model import Slot, WriteKind
from hal.root import Root

A, B = Slot.A, Slot.B
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.end()


class Faulty(Root):
    """Fails at one write: before it, or after it was made, as where it reads back different."""

    def __init__(self, directory: Path, fails_at: int, *, made: bool) -> None:
        super().__init__(directory)
        self.left, self.made, self.failed = fails_at, made, False

    def _write_or_fail(self, name: str, act: Callable[[], object]) -> None:
        self.left -= 1
        if self.left:
            act()
            return
        if self.made:
            act()
        self.failed = True
        raise FileFault(f"{name}: input/output error", path=name)

    def overwrite(self, name: str, data: bytes) -> None:
        self._write_or_fail(name, lambda: super(Faulty, self).overwrite(name, data))

    def extend(self, name: str, data: bytes) -> None:
        self._write_or_fail(name, lambda: super(Faulty, self).extend(name, data))

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        self._write_or_fail(name, lambda: super(Faulty, self).replace(name, data, mode=mode))

    def remove(self, name: str) -> bool:
        self._write_or_fail(name, lambda: super(Faulty, self).remove(name))
        return True


STATES = (
    *("fresh", "steady", "fell back", "absent", "empty", "0xFF", "journal waits", "no count", "blank behind the count"),
    *("two records of a name", "variables in the second sector", "second half of zeros", "two digits", "NUL behind"),
)


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_after_a_write_that_failed_the_operation_is_simply_asked_for_again(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    failures = 0
    for state, files in states(machine.board).items():
        if state not in STATES:
            continue
        for asked, made in ((SWITCH, False), (COMMIT, True), (SWITCH, True), (ROLL_BACK, False)):
            for turn in range(1, 12):
                machine.hold(files)
                backend = machine.backend()
                backend.root = faulty = Faulty(machine.root.directory, turn, made=made)
                with suppress(FileFault):
                    asked.do(backend, A)
                if not faulty.failed:
                    break
                failures += 1
                asked.do(machine.backend(), A)
                found = complaints(asked, machine, machine.backend().status())
                assert not found, (state, asked.label, turn, made, found)
            else:
                pytest.fail(f"{state}, {asked.label}: more than ten writes")
    assert failures > 30


# -- room --------------------------------------------------------------------------------------------------------------


class Full(Root):
    def free_bytes(self, name: str) -> int:
        assert self.is_dir(name)
        return 512


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_without_room_nothing_is_written_and_the_error_says_so(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    for state in ("empty", "0xFF", "fell back", "no count"):
        machine.hold({**states(machine.board)[state], "committed_slot.env": b"short"})
        before = machine.held()
        backend = machine.backend()
        backend.root = Full(machine.root.directory)
        if all(write.kind is not WriteKind.REPLACE for write in SWITCH.preview(machine.backend(), A)):
            continue
        with pytest.raises(FileFault, match=r"512 bytes are free and .*nothing was written$"):
            SWITCH.do(backend, A)
        assert machine.held() == before


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_device_that_was_used_before_needs_no_room(board: str, machines: Machines) -> None:
    """R14: a full boot partition does not keep a device from going back."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    for asked, running in ((COMMIT, A), (SWITCH, A), (COMMIT, B), (ROLL_BACK, B), (COMMIT, A)):
        machine.run(running)
        backend = machine.backend()
        backend.root = Full(machine.root.directory)
        asked.do(backend, running)
        assert complaints(asked, machine, machine.backend().status()) == []


LIMITED = """
import resource, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from backends.machines import BOARDS, Machine
from hal.backends.bootloader.choose import bootloader
from hal.errors import HalError
from hal.model import Slot
from hal.root import Root
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    bootloader(BOARDS[sys.argv[2]].device_type(), Root(sys.argv[1])).switch(Slot.B)
except HalError as error:
    print(type(error).__name__, error.message)
"""


def program(text: str, machine: Machine, *words: str) -> subprocess.Popen[str]:
    source = dedent(text).format(tests=str(TESTS))
    command = [sys.executable, "-c", source, str(machine.root.directory), machine.board.label, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_process_that_may_not_write_far_ends_with_an_error_and_a_device_that_boots(
    board: str, machines: Machines
) -> None:
    machine = machines.make(board)
    machine.hold(good(machine.board, machine.board.values[0], "0", "0"))
    before = machine.backend().status().next_boot
    said, wrong = program(LIMITED, machine).communicate(timeout=60)
    assert wrong == ""
    assert said.startswith("FileFault ")
    assert said.endswith(": file too large\n")
    after = machine.backend().status().next_boot
    assert after.slot is before.slot or after.then[-1] is before.slot
    SWITCH.do(machine.backend(), A)
    assert complaints(SWITCH, machine, machine.backend().status()) == []


# -- what is in the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_folder_in_place_of_the_state_file_is_an_error_that_names_it(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    name = machine.board.block or "resinOS_uEnv.txt"
    machine.hold({})
    machine.path(name).mkdir()
    assert machine.backend().status().notes
    with pytest.raises(FileFault, match=name) as error:
        SWITCH.do(machine.backend(), A)
    assert name in (error.value.path or "")
    assert [path.name for path in machine.path("").iterdir() if ".hal-new" in path.name] == []


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_file_in_place_of_the_boot_partition_is_an_error(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold({})
    folder = machine.path("")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.touch()
    for act in (lambda: SWITCH.do(machine.backend(), A), lambda: SWITCH.preview(machine.backend(), A)):
        with pytest.raises(HalError):
            act()
    assert folder.read_bytes() == b""


class Vanishing(Root):
    """The state file is gone the moment it is to be written."""

    def overwrite(self, name: str, data: bytes) -> None:
        self.remove(name)
        super().overwrite(name, data)


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_file_that_vanishes_between_reading_and_writing_is_an_error_and_comes_back(
    board: str, machines: Machines
) -> None:
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    backend = machine.backend()
    backend.root = Vanishing(machine.root.directory)
    with pytest.raises(FileFault, match="no such file or directory"):
        COMMIT.do(backend, A)
    if board == "grub-luks":
        machine.hold({"grubenv": b""})
    COMMIT.do(machine.backend(), A)
    assert complaints(COMMIT, machine, machine.backend().status()) == []


# -- two at once -------------------------------------------------------------------------------------------------------

WRITER = """
import sys
sys.path.insert(0, {tests!r})
from backends.machines import BOARDS
from hal.backends.bootloader.choose import bootloader
from hal.model import Slot
from hal.root import Root
control = bootloader(BOARDS[sys.argv[2]].device_type(), Root(sys.argv[1]))
for turn in range(int(sys.argv[4])):
    try:
        control.switch(Slot(sys.argv[3]))
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize("board", ["grub-efi", "uboot-tx2"])
def test_two_writers_take_turns_and_a_reader_never_sees_half(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    writers = [program(WRITER, machine, slot, "12") for slot in ("A", "B")]
    torn = []
    while any(writer.poll() is None for writer in writers):
        texts = machine.backend().storage().read().texts
        a, b = machine.board.values
        if (texts.get("resin_root_part"), texts.get("upgrade_available")) not in ((a, "0"), (b, "1")):
            torn.append(texts)
    said = [writer.communicate(timeout=60) for writer in writers]
    assert [wrong for _, wrong in said] == ["", ""]
    assert torn == []
    status = machine.backend().status()
    assert (status.active, status.pending) in ((A, False), (B, True))
    assert [told for told, _ in said] == ["", ""], "a writer that made its write was told it had not"


@pytest.mark.parametrize("lock", base.LOCKS)
def test_a_lock_that_is_held_ends_in_a_clear_error(
    lock: str, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machines.make("grub-efi")
    machine.hold(fresh(machine.board))
    before = machine.held()
    monkeypatch.setattr(base, "_LOCK_SECONDS", 0.05)
    with (
        machine.root.lock(lock, timeout_seconds=5),
        pytest.raises(FileFault, match=f"{lock}: locked by another process"),
    ):
        SWITCH.do(machine.backend(), A)
    assert machine.held() == before
    SWITCH.do(machine.backend(), A)


# -- journals of fatrw -------------------------------------------------------------------------------------------------


def test_journals_are_told_apart_from_everything_else(machines: Machines) -> None:
    machine = machines.make("grub-efi")
    data = shipped_grubenv()
    whole, torn = journal("grubenv", data), journal("grubenv", data + b"x", torn=True)
    others = {
        ".grubenv.0123abcd.nothex.md5sum": b"",
        ".grubenv.0123abc.d41d8cd98f00b204e9800998ecf8427e.md5sum": b"",
        ".Xgrubenv.0123abcd.d41d8cd98f00b204e9800998ecf8427e.md5sum": b"",
        "grubenv.0123abcd.d41d8cd98f00b204e9800998ecf8427e.md5sum": b"",
        ".grubenv.0123abcd.d41d8cd98f00b204e9800998ecf8427e.tmp": b"",
        ".grub_extraenv.0123abcd.d41d8cd98f00b204e9800998ecf8427e.md5sum": b"",
    }
    machine.hold({**whole, **torn, **others})
    found = fatrw.journals(machine.root, f"{machine.board.folder}/grubenv")
    assert sorted((each.name.rpartition("/")[2], each.content) for each in found) == sorted(
        [*((name, content) for name, content in whole.items()), *((name, None) for name in torn)],
        key=lambda each: each[0],
    )
    assert fatrw.pending(machine.root, f"{machine.board.folder}/grubenv") == data
    assert fatrw.pending(machine.root, f"{machine.board.folder}/none") is None
