"""Cboot: what is written, in which order, and what a Xavier boots after every power cut in between.

Cboot is the executable model of `lab.models`; `tegra-boot-control` is the tree's, which speaks as the real one does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import pytest
from hal_jetson.device_types import DEVICE_TYPES
from hal_jetson.xavier_tree import METADATA, PARTLABELS, signed_files, signed_kernel, signed_tree
from hal_jetson_orin.device_types import DEVICE_TYPES as ORIN
from hypothesis import given
from hypothesis import strategies as st
from lab.models import Booted, Cboot, Content, Launcher, content, reach_user_space

from hal.backends.bootloader import cboot, choose, tegra_slots
from hal.backends.bootloader.cboot import CbootBootloader
from hal.backends.bootloader.tegra_slots import BootSlot, Metadata, Redundancy
from hal.errors import FileFault, HalError, NotApplied, ProgramFault, ValueRefused
from hal.model import BootloaderKind, BootOperation, Outcome, SelectionRule, Slot, Unsupported, ValueState, WriteKind
from hal.program import Completed
from hal.root import Root
from hal.tree.new import new_tree

A, B = Slot.A, Slot.B
ROWS = {row.slug: row for row in DEVICE_TYPES if row.bootloader is BootloaderKind.CBOOT}
AGX = ROWS["jetson-xavier"]
MEMORY = Path("/dev/shm")
TEXT = "mnt/boot/resinOS_uEnv.txt"
PARTITIONS = [f"{PARTLABELS}/{name}" for name in ("kernel", "kernel_b", "kernel-dtb", "kernel-dtb_b")]
OTHER = "mnt/sysroot/inactive/current/"
OLD_A, NEW_B = Content("1", "1", A), Content("2", "2", B)


# -- trees -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where that is possible: a disk would make each of some thousand durable writes wait."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def tree(folder: Path, state: str = "", *, slug: str = "jetson-xavier") -> Root:
    """A Xavier that runs release 1 in root A, with release 2 in root B; `state` says what else is so."""
    new_tree(ROWS[slug], "hal_jetson", folder)
    root = Root(folder)
    for word in state.split(", ") if state else ():
        SETTINGS[word](root)
    return root


def fill(root: Root, number: int, release: str, slot: Slot, *, kernel: str | None = None) -> None:
    suffix = "_b" if number else ""
    for name, data in (("kernel", signed_kernel(kernel or release)), ("kernel-dtb", signed_tree(release, slot))):
        root.patch(f"{PARTLABELS}/{name}{suffix}", 0, data)


def swap(root: Root) -> None:
    """Root A runs from boot slot 1."""
    for name in ("kernel", "kernel-dtb"):
        first, second = (root.resolve(f"{PARTLABELS}/{name}{suffix}") for suffix in ("", "_b"))
        a, b = first.read_bytes(), second.read_bytes()
        first.write_bytes(b)
        second.write_bytes(a)
    level, *rest = root.read_text(METADATA).split()
    metadata(root, " ".join([level, *rest[3:], *rest[:3]]))
    root.replace("proc/cmdline", b"boot.slot_suffix=_b root=LABEL=resin-rootA rootwait\n")


def metadata(root: Root, text: str) -> None:
    root.replace(METADATA, f"{text}\n".encode())


SETTINGS: dict[str, Callable[[Root], None]] = {
    "older B beside": lambda root: fill(root, 1, "0", B),
    "B beside": lambda root: fill(root, 1, "2", B),
    "mixture beside": lambda root: fill(root, 1, "2", B, kernel="0"),
    "older A beside": lambda root: fill(root, 1, "0", A),
    "other slot chosen": lambda root: metadata(root, "2 14 7 1 15 7 0"),
    "last try": lambda root: metadata(root, "2 15 1 0 14 7 1"),
    "no try left": lambda root: metadata(root, "2 15 0 0 14 7 1"),
    "two tries used": lambda root: metadata(root, "2 15 5 0 14 7 1"),
    "redundancy off": lambda root: metadata(root, "0 15 7 1 0 0 0"),
    "bootloader only": lambda root: metadata(root, "1 15 7 1 14 7 1"),
    "swapped": swap,
    "no text": lambda root: root.resolve(TEXT).unlink(),
    "pending": lambda root: root.replace(TEXT, b"resin_root_part=26\nupgrade_available=1\n"),
}


def back_end(root: Root, slug: str = "jetson-xavier") -> CbootBootloader:
    found = choose.bootloader(ROWS[slug], root)
    assert isinstance(found, CbootBootloader)
    return found


def text(root: Root) -> str:
    return root.read_text(TEXT).rstrip("\n")


def everything(root: Root) -> dict[str, bytes]:
    return {name: root.read_bytes(name) for name in (*PARTITIONS, METADATA, TEXT) if root.exists(name)}


# -- the program -----------------------------------------------------------------------------------------------------

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
    assert text(root) == "resin_root_part=26\nupgrade_available=0", "balenaOS's scripts are told nothing"


# -- the rule --------------------------------------------------------------------------------------------------------


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


def test_every_xavier_has_this_back_end(tmp_path: Path) -> None:
    assert len(ROWS) == 5
    for slug in ROWS:
        root = tree(tmp_path / slug, slug=slug)
        status = back_end(root, slug).status()
        assert (status.kind, status.rule, status.boot_limit) == (BootloaderKind.CBOOT, SelectionRule.COMPILED, 7)
        assert (status.active, status.running, status.pending, status.boot_count) == (A, A, False, 0)
        assert [fact.value for fact in status.slots] == (["26", "27"] if slug == "jetson-xavier" else ["a", "b"])
        assert back_end(root, slug).switch(B).outcome is Outcome.ACCEPTED
        booted = Cboot().boot(root)
        assert booted == Booted(1, NEW_B)
        assert text(root).startswith(f"resin_root_part={status.slots[1].value}\n")


# fmt: off
STATES_TOLD = (
    ("",                                 A, 0,    (A, None, None),       "slot 1: its device tree names no root"),
    ("older B beside",                   A, 0,    (A, B, B),             None),
    ("B beside, other slot chosen",      B, 0,    (B, B, B, B, B),       "for NX the number is unknown"),
    ("B beside, two tries used",         A, 2,    (A, A, A, A, B),       "documents 3 for AGX Xavier"),
    ("B beside, last try",               A, 6,    (B, B, B, B),          "documents 3"),
    ("B beside, no try left",            B, 0,    (B, B, B),             "names slot A, B boots"),
    ("redundancy off",                   A, None, (A, A, A, A, A),       "redundancy is disabled"),
    ("B beside, bootloader only",        A, 0,    (A, A, A, A, A),       "redundancy is enabled (bootloader only)"),
    ("B beside, swapped",                A, 0,    (A, B, B),             None),
    ("no text",                          A, 0,    (A, None, None),       "no such file"),
)
# fmt: on


@pytest.mark.parametrize(("state", "active", "count", "then", "note"), STATES_TOLD)
def test_the_status_says_what_comes_next(
    state: str, active: Slot, count: int | None, then: tuple[Slot | None, ...], note: str | None, tmp_path: Path
) -> None:
    status = back_end(tree(tmp_path / "tree", state)).status()
    assert (status.active, status.next_boot.slot, status.boot_count) == (active, active, count)
    assert status.next_boot.then == then
    assert [variable.name for variable in status.variables] == ["resin_root_part", "upgrade_available"]
    if note is None:
        assert status.notes == ()
    else:
        assert any(note in each for each in status.notes), status.notes


def test_text_and_boot_slots_that_differ_are_told(tmp_path: Path) -> None:
    status = back_end(tree(tmp_path / "tree", "B beside, other slot chosen")).status()
    assert any(f"{TEXT} names slot A, B boots" in note for note in status.notes)
    assert status.variables[0].state is ValueState.VALID


# fmt: off
TREES = (
    (signed_tree("1", "A"),                                                     A),
    (signed_tree("1", "B"),                                                     B),
    (signed_tree("1", "A").replace(b"=resin-", b"=balena-"),                    A),
    (signed_tree("1", "A").ljust(9000, b"\0") + b"root=LABEL=resin-rootB ",    A),     # left behind by a larger one
    (bytes(512) + signed_tree("1", "A")[512:],                                  None),  # in the making
    (signed_tree("1", "C"),                                                     None),
    (signed_tree("1", "A").replace(b"rootA ro", b"rootAB o"),                   None),
    (b"sealed" * 4000,                                                          None),
    (b"root=LABEL=resin-rootA ",                                                A),
    (b"root=LABEL=resin-rootA root=LABEL=resin-rootB ",                         None),
    (b"",                                                                       None),
    (b"\xd0\x0d\xfe\xed",                                                       None),
)
# fmt: on


@pytest.mark.parametrize(("data", "slot"), TREES)
def test_the_root_is_read_from_the_device_tree(data: bytes, slot: Slot | None) -> None:
    assert cboot.label(data) is slot


@given(st.binary(max_size=600))
def test_any_bytes_have_a_meaning(data: bytes) -> None:
    assert cboot.label(b"x" + data) in (A, B, None)


# -- operations ------------------------------------------------------------------------------------------------------


def test_a_switch_writes_the_other_boot_slot_first_and_the_text_last(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "older B beside, redundancy off")
    before = everything(root)
    writes = back_end(root).preview(BootOperation.SWITCH, B)
    assert [(write.kind, write.file) for write in writes] == [
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel-dtb_b"),
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel_b"),
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel-dtb_b"),
        (WriteKind.PROGRAM, "tegra-boot-control -e"),
        (WriteKind.PROGRAM, "tegra-boot-control -a 1"),
        (WriteKind.EXTEND, TEXT),
        (WriteKind.OVERWRITE, TEXT),
    ]
    assert writes[0].data == bytes(512)
    assert all(write.step for write in writes)
    assert all((write.data is None) is (write.kind is WriteKind.PROGRAM) for write in writes)
    assert everything(root) == before, "a preview writes nothing"
    assert {write.file for write in writes if write.kind is not WriteKind.PROGRAM} <= set(back_end(root).writes)
    back_end(root).switch(B)
    assert content(root, 0) == OLD_A
    assert content(root, 1) == NEW_B
    assert text(root) == "resin_root_part=27\nupgrade_available=1"


# fmt: off
OPERATIONS = (
    ("",                              "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("no text",                       "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("older B beside",                "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("mixture beside",                "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("older A beside",                "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("B beside, redundancy off",      "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("B beside, bootloader only",     "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("older B beside, swapped",       "switch B", Booted(0, NEW_B), "2 15 7 0 14 7 1", "27 1"),
    ("older B beside, last try",      "switch B", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 1"),
    ("B beside, other slot chosen",   "switch A", Booted(0, OLD_A), "2 15 7 1 14 7 0", "26 0"),
    ("redundancy off, pending",       "switch A", Booted(0, OLD_A), "0 15 7 1 0 0 0",  "26 0"),
    ("B beside, last try, pending",   "commit",   Booted(0, OLD_A), "2 15 7 1 14 7 1", "26 0"),
    ("redundancy off, pending",       "commit",   Booted(0, OLD_A), "0 15 7 1 0 0 0",  "26 0"),
    ("B beside, swapped, pending",    "commit",   Booted(1, OLD_A), "2 14 7 1 15 7 1", "26 0"),
    ("B beside, last try, pending",   "rollback", Booted(1, NEW_B), "2 14 1 0 15 7 0", "27 0"),
    ("mixture beside, last try",      "rollback", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 0"),
    ("B beside, redundancy off",      "rollback", Booted(1, NEW_B), "2 14 7 1 15 7 0", "27 0"),
    ("B beside, two tries used",      "clear",    Booted(0, OLD_A), "2 15 7 0 14 7 1", "26 0"),
    ("",                              "clear",    Booted(0, OLD_A), "2 15 7 1 14 7 1", "26 0"),
    ("redundancy off",                "clear",    Booted(0, OLD_A), "0 15 7 1 0 0 0",  "26 0"),
)
# fmt: on


@pytest.mark.parametrize(("state", "operation", "booted", "after", "told"), OPERATIONS)
def test_an_operation(state: str, operation: str, booted: Booted, after: str, told: str, tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", state)
    perform(root, operation)
    assert root.read_text(METADATA) == f"{after}\n"
    assert " ".join(re.findall(r"=(\w+)", text(root))) == told
    before = everything(root)
    assert perform(root, operation) is Outcome.UNCHANGED
    assert everything(root) == before
    assert Cboot().boot(root) == booted


def perform(root: Root, operation: str) -> Outcome:
    found = back_end(root)
    match operation.split():
        case ["switch", slot]:
            return found.switch(Slot(slot)).outcome
        case ["commit"]:
            return found.commit().outcome
        case ["rollback"]:
            return found.roll_back().outcome
        case _:
            return found.clear_boot_count().outcome


# fmt: off
REFUSED = (
    (f"-{OTHER}opt/tegra-binaries/boot_sigheader.img.encrypt",      "switch B", "files of the OS in slot B are not to"),
    (f"-{OTHER}opt/tegra-binaries/DTB",                             "switch B", "dtb.encrypt is wanted, and there"),
    (f"-{PARTLABELS}/kernel_b",                                     "switch B", "kernel_b: no such file"),
    (f"-{PARTLABELS}/kernel-dtb_b",                                 "switch B", "kernel-dtb_b: no such file"),
    (f"0{PARTLABELS}/kernel_b",                                     "switch B", "kernel_b: no room for the"),
    (f"0{PARTLABELS}/kernel-dtb_b",                                 "switch B", "kernel-dtb_b: no room for the"),
    (f"0{OTHER}opt/tegra-binaries/boot_sigheader.img.encrypt",      "switch B", "no kernel, it begins with"),
    (f"0{OTHER}opt/tegra-binaries/DTB",                             "switch B", "its arguments do not name root B"),
    (f"B{PARTLABELS}/kernel-dtb",                                   "switch B", "device tree names root B"),
    (f"B{PARTLABELS}/kernel-dtb",                                   "commit",   "device tree names root B"),
    (f"-{OTHER}opt/tegra-binaries/boot_sigheader.img.encrypt",      "rollback", "files of the OS in slot B are not to"),
    ("?proc/cmdline",                                               "switch B", "the running slot is not known"),
    ("_proc/cmdline",                                               "switch B", "boot slot 0 must be started first"),
)
# fmt: on


@pytest.mark.parametrize(("spoil", "operation", "words"), REFUSED)
def test_what_is_refused_writes_nothing(spoil: str, operation: str, words: str, tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "redundancy off" if spoil.startswith("_") else "")
    how, name = spoil[0], spoil[1:].replace("DTB", f"{AGX.default_device_tree}-rootB_sigheader.dtb.encrypt")
    path = root.resolve(name)
    match how:
        case "-":
            path.unlink()
        case "0":
            path.write_bytes(bytes(600))
        case "B":
            root.patch(name, 0, signed_tree("1", "B"))
        case "?":
            path.write_text("quiet\n")
        case "_":
            path.write_text("boot.slot_suffix=_b root=LABEL=resin-rootA\n")
    before = everything(root)
    with pytest.raises(HalError, match=re.escape(words)):
        back_end(root).preview(BootOperation(operation.split()[0]), B if "B" in operation else None)
    with pytest.raises(HalError, match=re.escape(words)):
        perform(root, operation)
    assert everything(root) == before


def test_a_slot_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="A or B is allowed"):
        back_end(tree(tmp_path / "tree")).switch("C")  # type: ignore[arg-type]


def test_a_full_boot_partition_is_refused_before_the_first_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path / "tree", "no text")
    before = everything(root)
    monkeypatch.setattr(Root, "free_bytes", lambda self, name: 1000)
    with pytest.raises(FileFault, match="nothing was written"):
        back_end(root).switch(B)
    assert everything(root) == before


def test_rolling_back_needs_no_files_of_an_old_os_that_is_whole(tmp_path: Path) -> None:
    """Older releases keep them elsewhere; their boot slot still boots them."""
    root = tree(tmp_path / "tree", "older B beside, two tries used")
    root.remove(f"{OTHER}opt/tegra-binaries/boot_sigheader.img.encrypt")
    back_end(root).roll_back()
    assert Cboot().boot(root) == Booted(1, Content("0", "0", B))


def test_a_boot_slot_that_was_overwritten_is_made_good_in_the_other_one(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "older B beside")
    root.patch(f"{PARTLABELS}/kernel-dtb", 0, signed_tree("1", "B"))
    assert any("now names B" in note for note in back_end(root).status().notes)
    back_end(root).switch(A)
    assert Cboot().boot(root) == Booted(1, OLD_A)


def test_the_partition_of_the_running_disk_is_taken(tmp_path: Path) -> None:
    """udev's `by-partlabel` may lead to another disk with a balenaOS on it."""
    root = tree(tmp_path / "tree")
    before = everything(root)
    near = root.resolve("dev/disk/by-state")
    near.mkdir(parents=True)
    for name in ("kernel", "kernel_b", "kernel-dtb", "kernel-dtb_b"):
        (near / name).write_bytes(root.read_bytes(f"{PARTLABELS}/{name}"))
    back_end(root).switch(B)
    assert {name: root.read_bytes(name) for name in PARTITIONS} == {name: before[name] for name in PARTITIONS}
    assert (near / "kernel_b").read_bytes().startswith(signed_kernel("2"))


def test_inside_the_new_os_its_own_files_are_taken(tmp_path: Path) -> None:
    """A hook of the new OS runs in its root file system, while the mounts are those of the old one."""
    root = tree(tmp_path / "tree")
    for entry in signed_files(AGX, "3", "new/"):
        path = root.directory / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.data)
    found = back_end(root)
    found.source = "new"
    found.switch(B)
    assert Cboot().boot(root) == Booted(1, Content("3", "3", B))


# -- updates from beginning to end -----------------------------------------------------------------------------------


def test_an_update_that_is_committed_stays(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "older B beside")
    power = Cboot()
    back_end(root).switch(B)
    booted = power.boot(root)
    assert booted == Booted(1, NEW_B)
    reach_user_space(root, booted)
    status = back_end(root).status()
    assert (status.running, status.active, status.pending, status.boot_count) == (B, B, True, 1)
    back_end(root).commit()
    assert (status := back_end(root).status()).pending is False
    assert status.next_boot.counts is False
    assert Cboot().boot(root) == Booted(1, NEW_B)
    back_end(root).switch(A)  # and the next update goes the other way round: boot slot 0, root A
    assert Cboot().boot(root) == Booted(0, OLD_A)


def test_an_update_that_never_reaches_user_space_falls_back(tmp_path: Path) -> None:
    """Over power cuts as over resets: the count is stored."""
    root = tree(tmp_path / "tree")
    back_end(root).switch(B)
    boots = [Cboot().boot(root) for _ in range(8)]
    assert boots == [Booted(1, NEW_B)] * tegra_slots.TRIES + [Booted(0, OLD_A)]
    status = back_end(root).status()
    assert (status.active, status.running) == (A, A)
    assert any("names slot B, A boots" in note for note in status.notes)
    back_end(root).switch(A)  # what balenaOS's recovery does
    assert back_end(root).status().notes == ()
    assert Cboot().boot(root) == Booted(0, OLD_A)


def test_an_unhealthy_update_goes_back(tmp_path: Path) -> None:
    """Even where balenaOS marked the boot slot before anybody knew its health."""
    root = tree(tmp_path / "tree")
    back_end(root).switch(B)
    booted = Cboot().boot(root)
    assert booted
    reach_user_space(root, booted)
    root.run(["tegra-boot-control", "-m"], timeout_seconds=60)
    writes = back_end(root).preview(BootOperation.ROLL_BACK)
    assert [write.file for write in writes] == ["tegra-boot-control -a 0", TEXT]
    back_end(root).roll_back()
    assert Cboot().boot(root) == Booted(0, OLD_A)
    assert text(root) == "resin_root_part=26\nupgrade_available=0"


# -- power cuts ------------------------------------------------------------------------------------------------------


class PowerCut(BaseException):
    """The power is gone."""


class Cut(Root):
    """The power goes at write number `at`; of a span some sectors, chosen by the seed, are written by then."""

    at = 0
    seed = 0
    done = 0

    def _count(self) -> bool:
        self.done += 1
        if self.done > self.at:
            raise PowerCut
        return self.done == self.at

    def patch(self, name: str, offset: int, data: bytes) -> None:
        if data and self._count():
            old = self.span(name, offset, len(data))
            chosen = random.Random(self.seed)
            for start in range(0, len(data), 512):
                end = start + 512
                super().patch(name, offset + start, (data if chosen.random() < 0.5 else old)[start:end])
            raise PowerCut
        super().patch(name, offset, data)

    def overwrite(self, name: str, data: bytes) -> None:
        self._count()
        super().overwrite(name, data)

    def extend(self, name: str, data: bytes) -> None:
        self._count()
        super().extend(name, data)

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        self._count()
        super().replace(name, data, mode=mode)

    def run(self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, host: bool = False) -> Completed:
        if argv[1] not in ("-s", "-c"):
            self._count()
        return super().run(argv, timeout_seconds=timeout_seconds, check=check, host=host)


STARTS = (
    "",
    "older B beside",
    "mixture beside, no text",
    "older A beside",
    "older B beside, swapped",
    "older B beside, redundancy off",
    "older B beside, bootloader only",
    "older B beside, other slot chosen",
    "older B beside, last try, pending",
)


def states(folder: Path, start: str, act: Callable[[Root], object], *, seeds: int) -> list[Root]:
    """The trees that a power cut may leave: at each write, with several choices of the sectors that are written."""
    found: dict[str, Root] = {}
    tree(folder / "from", start)
    for at, seed in product(range(100), range(seeds)):
        place = copytree(folder / "from", folder / f"{at}-{seed}", symlinks=True)
        cut = Cut(place)
        cut.at, cut.seed = at, seed
        with suppress(PowerCut):
            act(cut)
            return [*found.values(), Root(place)]
        found.setdefault(repr(everything(cut)), Root(place))
    raise AssertionError("more writes than expected")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("operation", ["switch B", "switch A", "rollback", "commit"])
def test_every_power_cut_leaves_the_old_or_the_new_slot(start: str, operation: str, tmp_path: Path) -> None:
    before = content(tree(tmp_path / "start", start), 0 if "swapped" not in start else 1)
    assert before == OLD_A
    beside = content(Root(tmp_path / "start"), 1 if "swapped" not in start else 0)
    for root in states(tmp_path, start, lambda root: perform(root, operation), seeds=2):
        inside = [content(root, number) for number in (0, 1)]
        assert not [each for each in inside if each.mixed and each != beside], inside
        fields = [int(word) for word in root.read_text(METADATA).split()]
        pending = "upgrade_available=1" in (text(root) if root.exists(TEXT) else "")
        booted = Cboot().boot(root)
        assert booted is not None, f"nothing boots: {inside}, {fields}"
        allowed = [OLD_A, NEW_B] if operation in ("switch B", "rollback") else [OLD_A]
        if "other slot chosen" in start:
            allowed.append(beside)  # as the metadata said before the operation began
        assert booted.content in allowed
        if booted.content == NEW_B:
            assert fields[1 + 3 * booted.number + 2] == 0, "Cboot counts boots of a slot that nobody committed"
            assert fields[1 + 3 * booted.number + 1] == tegra_slots.TRIES
        elif pending and operation == "switch B":
            assert start.endswith("pending"), "an update pends, and its slot is not the one that boots"
        booted = Cboot().boot(root)  # that one did not reach user space, and power was off in between
        assert booted is not None, f"nothing boots any more: {inside}, {fields}"
        assert booted.content in (*allowed, beside)
        if booted.content == beside:
            continue
        reach_user_space(root, booted)
        again = "switch B" if booted.content == NEW_B and operation == "rollback" else operation
        perform(root, again)  # what was interrupted can be done again, by whichever OS boots
        assert back_end(root).status().notes is not None
        last = Cboot().boot(root)
        assert last is not None
        assert not last.content.mixed
        wanted = {"switch B": B, "switch A": A, "commit": booted.content.slot, "rollback": B}[operation]
        assert last.content.slot is (wanted if again == operation and operation != "rollback" else B)


def classic(root: Root) -> None:
    """The order of balenaOS's own hook: the device tree, the kernel, the active slot, the text."""
    root.run(["tegra-boot-control", "-e"], timeout_seconds=60)
    root.patch(f"{PARTLABELS}/kernel-dtb_b", 0, signed_tree("2", "B"))
    root.patch(f"{PARTLABELS}/kernel_b", 0, signed_kernel("2"))
    root.run(["tegra-boot-control", "-a", "1"], timeout_seconds=60)
    root.replace(TEXT, b"resin_root_part=27\nupgrade_available=1\n")


def test_the_same_cuts_find_the_mixture_that_the_classic_order_leaves(tmp_path: Path) -> None:
    """So that no bad state above means something."""
    found = states(tmp_path, "older B beside", classic, seeds=2)
    assert any(content(root, 1).mixed for root in found)


@pytest.mark.parametrize("slug", ["jetson-orin-nx-xavier-nx-devkit", "jetson-agx-orin-devkit-64gb"])
def test_l4tlauncher_as_a_model_tries_twice_and_falls_back(slug: str, tmp_path: Path) -> None:
    """Decimal and hexadecimal numbers of partitions, by the build of the board."""
    (tmp_path / "mnt/boot").mkdir(parents=True)
    root = Root(tmp_path)
    row = next(row for row in ORIN if row.slug == slug)
    launcher = Launcher(row)
    assert launcher.boot(root) is A
    back = choose.bootloader(row, root)
    assert not isinstance(back, Unsupported)
    root.replace(TEXT, f"resin_root_part={back.values()[1]}\nupgrade_available=1\n".encode())
    assert [launcher.boot(root) for _ in range(4)] == [B, B, A, A]
    assert root.read_bytes("mnt/boot/bootcount.env") == b"bootcount=4"
    root.replace("mnt/boot/bootcount.env", b"bootcount=0")
    assert launcher.boot(root) is B
