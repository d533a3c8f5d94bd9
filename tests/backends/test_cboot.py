"""Cboot: the status, what each operation writes and in which order, and updates from beginning to end.

Cboot is the executable model of `lab.models`; `tegra-boot-control` is the tree's, which speaks as the real one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from backends.xavier import (
    AGX,
    NEW_B,
    OLD_A,
    OTHER,
    PARTITIONS,
    ROWS,
    TEXT,
    A,
    B,
    back_end,
    everything,
    in_memory,
    perform,
    text,
    tree,
)
from hal_jetson.xavier_tree import METADATA, PARTLABELS, signed_files, signed_kernel, signed_tree
from hypothesis import given
from hypothesis import strategies as st
from lab.models import Booted, Cboot, Content, content, reach_user_space

from hal import root as root_module
from hal.backends.bootloader import cboot, tegra_slots
from hal.errors import FileFault, HalError, ValueRefused
from hal.model import BootloaderKind, BootOperation, Outcome, SelectionRule, Slot, ValueState, WriteKind
from hal.root import Root


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


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
    ("no text",                          A, 0,    (A, None, None),       "names no root"),
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


def test_a_switch_writes_the_other_boot_slot_first_and_activates_it_last(tmp_path: Path) -> None:
    root = tree(tmp_path / "tree", "older B beside, redundancy off")
    before = everything(root)
    writes = back_end(root).preview(BootOperation.SWITCH, B)
    assert [(write.kind, write.file) for write in writes] == [
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel-dtb_b"),
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel_b"),
        (WriteKind.OVERWRITE, f"{PARTLABELS}/kernel-dtb_b"),
        (WriteKind.PROGRAM, "tegra-boot-control -e"),
        (WriteKind.EXTEND, TEXT),
        (WriteKind.OVERWRITE, TEXT),
        (WriteKind.PROGRAM, "tegra-boot-control -a 1"),
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


def test_pitfall_25_what_reads_back_different_is_not_activated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the boot slot that runs is touched, from which the device still boots."""
    tree(tmp_path / "whole", "older B beside")
    write_all = root_module._write_all
    for number in (1, 2, 3, 4):
        root = Root(copytree(tmp_path / "whole", tmp_path / f"{number}", symlinks=True))
        before, left = everything(root), iter(range(1, 100))

        def spoiled(fd: int, data: bytes, number: int = number, left: Iterator[int] = left) -> None:
            write_all(fd, data if next(left) != number else data[:-1] + bytes([data[-1] ^ 1]))

        with monkeypatch.context() as patch:
            patch.setattr(root_module, "_write_all", spoiled)
            with pytest.raises(FileFault, match="reads back different from what was written"):
                back_end(root).switch(B)
        kept = (METADATA, TEXT, f"{PARTLABELS}/kernel", f"{PARTLABELS}/kernel-dtb")
        assert {name: root.read_bytes(name) for name in kept} == {name: before[name] for name in kept}
        assert Cboot().boot(root) == Booted(0, OLD_A)


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
    assert [write.file for write in writes] == [TEXT, "tegra-boot-control -a 0"]
    back_end(root).roll_back()
    assert Cboot().boot(root) == Booted(0, OLD_A)
    assert text(root) == "resin_root_part=26\nupgrade_available=0"
