"""Bugs that users of such systems met, as cases: the dossier's list, section 6, and the pitfalls of today's scripts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from backends.asked import CLEAR, COMMIT, ROLL_BACK, STAY, SWITCH, classic_reader, complaints
from backends.machines import (
    BOARDS,
    MARKED,
    ONE_OF_EACH,
    Machine,
    Machines,
    committed,
    fresh,
    good,
    shipped_grubenv,
)

from hal.backends.bootloader import uenv
from hal.backends.bootloader.envblock import EnvBlock
from hal.errors import FileFault, HalError
from hal.model import BootWrite, Outcome, Slot, ValueState, WriteKind
from hal.root import Root

A, B = Slot.A, Slot.B
MENDED = [board for board in ONE_OF_EACH if "mended" in BOARDS[board].rules]


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.end()


def power_cycles(machine: Machine, number: int) -> list[Slot | None]:
    """What boots, where no boot reaches user space; the count stays in the files."""
    told = machine.backend().status().next_boot
    return [told.slot, *told.then][:number]


@pytest.mark.parametrize("board", ["uboot-pi4", "uboot-tx2", "l4t-agx", "l4t-nano"])
def test_r1_the_count_file_is_there_before_the_bootloader_needs_it(board: str, machines: Machines) -> None:
    """U-Boot's FAT code fails to make a file in a folder full of short names."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    writes = SWITCH.preview(machine.backend(), A)
    names = [write.file.rpartition("/")[2] for write in writes]
    assert names.index("bootcount.env") < names.index("resinOS_uEnv.txt")
    SWITCH.do(machine.backend(), A)
    assert machine.path("bootcount.env").read_bytes() == (b"bootcount=0" if "l4t" in board else b"bootcount=0\n\0")
    CLEAR.do(machine.backend(), A)
    COMMIT.do(machine.backend(), A)
    assert machine.path("bootcount.env").exists(), "balenaOS's own scripts delete it; that is what makes it fail"


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r3_a_cut_after_the_truncation_of_the_state_file(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(good(machine.board, machine.board.values[1], "0", "0"))
    machine.run(B)
    COMMIT.do(machine.backend(), B)
    emptied = machine.board.block or "resinOS_uEnv.txt"
    machine.path(emptied).write_bytes(b"")
    status = machine.backend().status()
    if machine.rule == "mended":
        assert status.next_boot.slot is B, "the committed slot is known from its own file"
    assert any("empty" in note for note in status.notes)
    COMMIT.do(machine.backend(), B)
    assert complaints(COMMIT, machine, machine.backend().status()) == []


class Twice(Root):
    """A FAT folder as the kernel lists it with two entries of one visible name."""

    def listdir(self, name: str) -> tuple[str, ...]:
        found = super().listdir(name)
        return tuple(sorted((*found, *(each for each in found if each in ("grubenv", "resinOS_uEnv.txt", "bootenv")))))


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r4_two_entries_of_one_name_are_told(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(good(machine.board, machine.board.values[0], "0", "0"))
    backend = machine.backend()
    backend.root = Twice(machine.root.directory)
    assert any("two directory entries" in note for note in backend.status().notes)


@pytest.mark.parametrize("board", ONE_OF_EACH)
@pytest.mark.parametrize("filler", [b"\xff", b"\0"])
def test_r5_an_erased_environment_names_nothing_and_is_mended(board: str, filler: bytes, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(good(machine.board, machine.board.values[0], "0", "0"))
    for name, data in machine.held().items():
        if not MARKED[machine.board.kind].endswith(name):
            machine.path(name).write_bytes(filler * len(data))
    status = machine.backend().status()
    assert (status.active, status.pending, status.next_boot.slot) == (None, False, A)
    assert status.notes
    SWITCH.do(machine.backend(), A)
    assert complaints(SWITCH, machine, machine.backend().status()) == []


def test_r6_an_environment_whose_end_is_zero(machines: Machines) -> None:
    data = uenv.image({"a": "1"}, size=65536)
    with pytest.raises(HalError):
        uenv.read_image(b"\1" + data[1:32768] + bytes(32768), path="env")
    machine = machines.make("grub-efi")
    machine.hold({"grubenv": shipped_grubenv()[:512] + bytes(512)})
    status = machine.backend().status()
    assert status.active is A
    assert any("no bootloader can count boots" in note for note in status.notes)


@pytest.mark.parametrize("board", MENDED)
def test_where_no_boot_can_be_counted_the_status_says_that_nothing_is_tried(board: str, machines: Machines) -> None:
    """The mended rule takes the old slot at once; a prediction that counts would be wrong."""
    machine = machines.make(board)
    if not machine.board.block:
        return
    data = good(machine.board, machine.board.values[1], "1", "0")[machine.board.block]
    machine.hold({machine.board.block: data[:512] + bytes(512)})
    told = machine.backend().status().next_boot
    assert (told.slot, told.counts) == (A, False)


@pytest.mark.parametrize("board", MENDED)
def test_r7_without_the_flag_nothing_is_pending_and_nothing_counts(board: str, machines: Machines) -> None:
    for count in ("0", "1", "2", "4"):
        machine = machines.make(board)
        machine.hold(good(machine.board, machine.board.values[1], None, count))
        status = machine.backend().status()
        assert (status.pending, status.next_boot.slot, status.next_boot.counts) == (False, B, False)
        assert set(status.next_boot.then) == {B}


def test_r7_the_classic_grub_without_the_flag_turns_to_the_other_slot(machines: Machines) -> None:
    """Asked of real GRUB: an absent flag counts as 1. The status of such a device must warn of it."""
    machine = machines.make("grub-efi", "classic")
    machine.hold(good(machine.board, "2", None, "0"))
    assert power_cycles(machine, 3) == [A, B, B]


@pytest.mark.parametrize("board", ["grub-efi", "grub-bios", "balena-pi5"])
def test_r8_files_of_another_bootloader_are_a_conflict_with_evidence(board: str, machines: Machines) -> None:
    """R8 and pitfall 11: a leftover of U-Boot hides grubenv from balenaOS's scripts."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    machine.path("/mnt/boot/resinOS_uEnv.txt").write_bytes(b"resin_root_part=3\nupgrade_available=1\n")
    status = machine.backend().status()
    assert (status.active, status.pending) == (A, False), "its own file counts"
    assert any("mnt/boot/resinOS_uEnv.txt is of u-boot" in note and "remove it" in note for note in status.notes)
    SWITCH.do(machine.backend(), A)
    assert machine.path("/mnt/boot/resinOS_uEnv.txt").read_bytes().startswith(b"resin_root_part=3")


@pytest.mark.parametrize("board", ["grub-efi", "balena-pi5", "uboot-pi4", "l4t-agx"])
def test_r8_only_files_of_another_bootloader_is_no_guess(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold({})
    other = "resinOS_uEnv.txt" if machine.board.block else "grub/grubenv"
    if board == "grub-efi":
        other = "bootenv"
    path = machine.path(f"/mnt/boot/{other}")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(shipped_grubenv())
    for asked in (SWITCH, COMMIT, ROLL_BACK, CLEAR):
        with pytest.raises(HalError, match=f"boots with {machine.board.kind.value}.*no trace here.*{other}"):
            asked.do(machine.backend(), A)
    assert path.read_bytes() == shipped_grubenv()


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r9_no_value_that_is_written_is_ever_empty(board: str, machines: Machines) -> None:
    """A loader that finds no root passes `root=` with nothing behind."""
    machine = machines.make(board)
    machine.hold(good(machine.board, "", "", ""))
    for asked in (SWITCH, STAY, COMMIT, ROLL_BACK):
        asked.do(machine.backend(), A)
        assert all(classic_reader(machine)), asked.label


@pytest.mark.parametrize("board", MENDED)
def test_r10_power_cycles_of_a_committed_slot_change_nothing(board: str, machines: Machines) -> None:
    for slot in Slot:
        machine = machines.make(board, running=slot)
        machine.hold(fresh(machine.board))
        COMMIT.do(machine.backend(), slot)
        before = machine.held()
        assert power_cycles(machine, 6) == [slot] * 6
        assert not machine.backend().status().next_boot.counts
        assert machine.held() == before


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r11_a_count_at_its_end_still_boots_a_slot(board: str, machines: Machines) -> None:
    """There is one count and no priority that could reach zero for both slots."""
    machine = machines.make(board)
    for root in machine.board.values:
        for count in ("2", "3", "4", "9"):
            machine.hold(good(machine.board, root, "1", count))
            assert None not in power_cycles(machine, 6)


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r12_reboots_within_the_health_window_use_up_no_try(board: str, machines: Machines) -> None:
    """Pitfall 5 as well: balenaOS clears no count in `bootenv` at a clean shutdown."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    machine.run(B)
    for _ in range(5):
        machine.hold({**machine.held(), **good(machine.board, machine.board.values[1], "1", "1")})
        CLEAR.do(machine.backend(), B)
        status = machine.backend().status()
        assert (status.boot_count, status.pending, status.next_boot.slot) == (0, True, B)
        assert status.next_boot.then[-1] is A, "rollback stays armed"


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r13_after_a_hook_that_failed_behind_the_switch_the_running_slot_stays(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    assert STAY.do(machine.backend(), A).outcome is Outcome.ACCEPTED
    assert complaints(STAY, machine, machine.backend().status()) == []


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_r17_a_cut_while_the_device_starts_for_the_first_time(board: str, machines: Machines) -> None:
    """Nothing is written at a first start, so there is nothing that a cut could leave half done."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    before = machine.held()
    status = machine.backend().status()
    assert (status.active or A, status.pending, status.next_boot.slot) == (A, False, A)
    CLEAR.do(machine.backend(), A)
    assert machine.held() == before


# -- pitfalls of today's implementation, section 15 --------------------------------------------------------------------


@pytest.mark.parametrize("board", ["grub-efi", "balena-pi5"])
def test_pitfall_2_a_switch_of_a_block_in_order_is_one_write_in_place(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    SWITCH.do(machine.backend(), A)
    COMMIT.do(machine.backend(), A)
    writes = SWITCH.preview(machine.backend(), A)
    assert [(write.kind, len(write.data or b"")) for write in writes] == [(WriteKind.OVERWRITE, 1024)]


@pytest.mark.parametrize(("board", "rule"), [(board, rule) for board in ONE_OF_EACH for rule in BOARDS[board].rules])
def test_pitfall_4_recovery_zeroes_the_count_before_or_with_the_slot(board: str, rule: str, machines: Machines) -> None:
    """After a fallback: an old count beside the recovered slot would turn the device to the bad one again."""
    machine = machines.make(board, rule)
    _, b = machine.board.values
    machine.hold(good(machine.board, b, "1", "4" if "uboot" in board else "3"))
    for write in _decisive(STAY.preview(machine.backend(), A)):
        name = write.file.rpartition("/")[2]
        assert b"bootcount=0" in (write.data or b"") or name == "resinOS_uEnv.txt"
        machine.path(name).write_bytes(write.data or b"")
        told = machine.backend().status().next_boot
        assert told.slot is A or told.then[-1] is A


def _decisive(writes: tuple[BootWrite, ...]) -> list[BootWrite]:
    return [write for write in writes if not write.file.endswith("committed_slot.env")]


@pytest.mark.parametrize("board", ["grub-efi", "balena-pi5"])
def test_pitfall_6_a_stale_count_does_not_shorten_the_trial(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    a, _ = machine.board.values
    machine.hold(good(machine.board, a, "0", "1"))
    SWITCH.do(machine.backend(), A)
    tries = machine.backend().status().boot_limit
    assert power_cycles(machine, tries + 1) == [B] * tries + [A]


def test_pitfall_7_the_blank_that_a_script_leaves_makes_no_block_grow(machines: Machines) -> None:
    machine = machines.make("grub-efi")
    grown = shipped_grubenv().replace(b"bootcount=0\n", b"bootcount=0 \n")
    machine.hold({"grubenv": grown})
    assert machine.backend().status().boot_count == 0
    SWITCH.do(machine.backend(), A)
    after = machine.path("grubenv").read_bytes()
    assert len(after) == len(grown)
    assert dict(EnvBlock(after, path="x").records())["bootcount"] == "0"


@pytest.mark.parametrize("board", ["grub-efi", "balena-pi5"])
def test_pitfall_7_a_name_that_ends_alike_is_another(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    a, _ = machine.board.values
    more = {"first_bootcount": "7", "bootcount_of_before": "8", "saved_resin_root_part": "9"}
    held = good(machine.board, a, "1", "1", **more)[machine.board.block or ""]
    lines = held.splitlines(keepends=True)
    machine.hold({machine.board.block or "": b"".join([lines[0], *lines[4:7], *lines[1:4], *lines[7:]])})
    for asked in (CLEAR, SWITCH, COMMIT, ROLL_BACK):
        asked.do(machine.backend(), A)
        assert complaints(asked, machine, machine.backend().status()) == []
        records = dict(EnvBlock(machine.path(machine.board.block or "").read_bytes(), path="x").records())
        assert records.items() >= more.items(), asked.label


def test_pitfall_8_a_name_can_be_added_to_the_shipped_block(machines: Machines) -> None:
    machine = machines.make("grub-efi")
    machine.hold({"grubenv": shipped_grubenv().replace(b"upgrade_available=0\n", b"#" * 20)})
    SWITCH.do(machine.backend(), A)
    assert complaints(SWITCH, machine, machine.backend().status()) == []


@pytest.mark.parametrize(("board", "other"), [("grub-efi", "grub/grubenv"), ("grub-bios", "EFI/BOOT/grubenv")])
def test_pitfall_10_of_two_blocks_the_one_that_grub_reads_counts(board: str, other: str, machines: Machines) -> None:
    """A fresh boot partition carries both."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    path = machine.path(f"/mnt/boot/{other}")
    path.parent.mkdir(parents=True)
    path.write_bytes(good(machine.board, "3", "1", "2")["grubenv"])
    before = path.read_bytes()
    status = machine.backend().status()
    assert (status.active, status.pending, status.boot_count, status.notes) == (A, False, 0, ())
    for asked in (SWITCH, COMMIT, ROLL_BACK, CLEAR):
        asked.do(machine.backend(), A)
        assert complaints(asked, machine, machine.backend().status()) == []
    assert path.read_bytes() == before


def test_pitfall_12_a_partition_of_two_digits_is_decimal_for_grub() -> None:
    from attrs import evolve

    board = evolve(BOARDS["grub-efi"], label="grub-10", parts=(9, 10))
    BOARDS[board.label] = board
    machines = Machines()
    try:
        machine = machines.make(board.label)
        machine.hold({"grubenv": shipped_grubenv().replace(b"part=2", b"part=9")})
        SWITCH.do(machine.backend(), A)
        assert classic_reader(machine) == ["1", "10"]
        COMMIT.do(machine.backend(), A)
        assert classic_reader(machine) == ["0", "9"]
        assert len(machine.path("grubenv").read_bytes()) == 1024
    finally:
        machines.end()
        del BOARDS[board.label]


@pytest.mark.parametrize("text", ["0x1a", "0X1A", "1A", "01a", "26"])
def test_pitfall_16_another_spelling_of_a_slot_names_none_and_is_mended(text: str, machines: Machines) -> None:
    """Of those, balenaOS's U-Boot would start none, and past the limit take slot A for the other one."""
    for count in ("0", "4"):
        machine = machines.make("uboot-tx2")
        machine.hold({**good(machine.board, text, "1", count), "committed_slot.env": committed("1a")})
        machine.run(B)
        status = machine.backend().status()
        assert (status.active, status.next_boot.slot, status.next_boot.counts) == (None, B, False)
        assert status.variables[0].state is not ValueState.VALID
        COMMIT.do(machine.backend(), B)
        assert classic_reader(machine) == ["0", "1a"], "lower-case hex without 0x, as U-Boot computes it"


@pytest.mark.parametrize("board", ["l4t-agx", "l4t-nano"])
@pytest.mark.parametrize("count", [b"bootcount=10", b"bootcount=10\n\0", b"bootcount=9", b"bootcount=1\n"])
def test_pitfall_18_l4tlauncher_finds_each_name_once_and_one_digit(
    board: str, count: bytes, machines: Machines
) -> None:
    """It would take a name within a comment, and what a longer count left behind a shorter one."""
    machine = machines.make(board)
    a, b = machine.board.values
    text = f"# resin_root_part={b}\n#upgrade_available=1\nresin_root_part={a}\nupgrade_available=0\n".encode()
    machine.hold({"resinOS_uEnv.txt": text, "bootcount.env": count})
    SWITCH.do(machine.backend(), A)
    held = machine.held()
    assert held["resinOS_uEnv.txt"].split() == [f"resin_root_part={b}".encode(), b"upgrade_available=1"]
    assert held["bootcount.env"].rstrip(b"\n") == b"bootcount=0"


def test_r14_a_partition_without_room_is_refused_before_the_first_write(machines: Machines) -> None:
    class Full(Root):
        def free_bytes(self, name: str) -> int:
            return 0

    machine = machines.make("uboot-pi4")
    machine.hold(fresh(machine.board))
    backend = machine.backend()
    backend.root = Full(machine.root.directory)
    before = machine.held()
    with pytest.raises(FileFault, match=r"0 bytes are free and .* are needed; nothing was written"):
        SWITCH.do(backend, A)
    assert machine.held() == before
