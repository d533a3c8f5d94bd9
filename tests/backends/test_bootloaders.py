"""Every back end, every operation, from every state a device may be in: what is asked for is what is then there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from backends.asked import ALL, CLEAR, COMMIT, DECIDING, ROLL_BACK, STAY, SWITCH, Asked, classic_reader, complaints
from backends.machines import (
    BOARDS,
    ONE_OF_EACH,
    OVERRIDE,
    Files,
    Machine,
    Machines,
    committed,
    fresh,
    good,
    states,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import COMMITTED
from hal.errors import HalError, ValueRefused
from hal.model import BootloaderKind, BootOperation, Cost, Outcome, SelectionRule, Slot, ValueState

A, B = Slot.A, Slot.B


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.end()


def judge(machine: Machine, asked: Asked, files: Files) -> list[str]:
    """Everything that is wrong after an operation from this state."""
    machine.hold(files)
    before = machine.held()
    try:
        planned = asked.preview(machine.backend(), machine.running)
        assert machine.held() == before, "a preview writes nothing"
        asked.do(machine.backend(), machine.running)
        after = machine.held()
        status = machine.backend().status()
        found = complaints(asked, machine, status)
        for write in planned:
            name = write.file.rpartition("/")[2]
            last = [each.data for each in planned if each.file == write.file][-1]
            if after.get(name) != last:
                found.append(f"{name} is not what the preview announced")
        again = asked.do(machine.backend(), machine.running)
        if again.outcome is not Outcome.UNCHANGED or again.cost is not Cost.NONE or machine.held() != after:
            found.append(f"the second time writes: {again.outcome}")
        if asked.preview(machine.backend(), machine.running):
            found.append("and announces writes")
    except HalError as error:
        return [f"{type(error).__name__}: {error.message}"]
    if asked in (SWITCH, COMMIT) and machine.rule != "classic":
        wanted = ["1" if asked.tried else "0", machine.board.values[asked.target(machine.running) is B]]
        if classic_reader(machine) != wanted:
            found.append(f"today's scripts read {classic_reader(machine)}")
    left = [name for name in after if name.endswith(".md5sum")]
    if left and asked is not CLEAR:
        found.append(f"a journal is left that would undo it: {left}")
    return found


def report(problems: dict[str, list[str]]) -> str:
    return "\n".join(f"{where}: {'; '.join(what)}" for where, what in problems.items() if what)


CASES = [
    *((board, BOARDS[board].rules[-1], A, ALL) for board in ONE_OF_EACH),
    *((board, BOARDS[board].rules[-1], B, (SWITCH, COMMIT)) for board in ONE_OF_EACH),
    *((board, "classic", A, (SWITCH,)) for board in ONE_OF_EACH if "classic" in BOARDS[board].rules),
    *((board, BOARDS[board].rules[-1], A, (SWITCH,)) for board in BOARDS if board not in ONE_OF_EACH),
]


@pytest.mark.parametrize(
    ("board", "rule", "running", "operations"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}-{case[2]}") for case in CASES],
)
def test_an_operation_does_what_was_asked_from_every_state(
    board: str, rule: str, running: Slot, operations: tuple[Asked, ...], machines: Machines
) -> None:
    machine = machines.make(board, rule, running)
    problems = {
        f"{state}, {each.label}": judge(machine, each, files)
        for state, files in states(machine.board).items()
        for each in operations
        if not (state == "extra file names a slot" and rule != "mended")
    }
    assert len(problems) > 40 * len(operations)
    assert not report(problems), f"\n{report(problems)}"


def lengths(size: int) -> list[int]:
    return [n for n in range(size) if n < 120 or n % 61 == 0 or abs(n - 512) < 3 or n > size - 3]


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_a_state_file_that_is_cut_anywhere_is_mended(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    _, b = machine.board.values
    whole = good(machine.board, b, "1", "1")
    problems = {
        f"{name} cut at {length}": judge(machine, asked, {**whole, name: data[:length]})
        for name, data in whole.items()
        for length in lengths(len(data))
        for asked in (SWITCH if length % 2 else COMMIT,)
    }
    assert not report(problems), f"\n{report(problems)}"


@pytest.mark.parametrize("board", [board for board in BOARDS if BOARDS[board].block])
def test_what_else_a_block_holds_survives(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    name = machine.board.block or ""
    for state, files in states(machine.board).items():
        try:
            before = EnvBlock(files[name], path=name).records()
        except (HalError, KeyError):
            continue
        kept = [
            (key, value) for key, value in before if key not in ("bootcount", "resin_root_part", "upgrade_available")
        ]
        for asked in ALL:
            machine.hold(files)
            if state == "full" or state.startswith("journal waits"):
                continue  # no room for anything longer; another content counts
            asked.do(machine.backend(), A)
            after = EnvBlock(machine.path(name).read_bytes(), path=name).records()
            lost = [each for each in kept if each not in after]
            if asked in (ROLL_BACK, COMMIT):  # a kernel override belongs to one slot, and goes with it
                lost = [each for each in lost if each[0] not in OVERRIDE]
            assert lost == [], (state, asked.label)


def test_a_full_block_has_room_for_values_of_the_same_length(machines: Machines) -> None:
    machine = machines.make("grub-efi")
    machine.hold(states(machine.board)["full"])
    before = machine.path("grubenv").read_bytes()
    SWITCH.do(machine.backend(), A)
    after = machine.path("grubenv").read_bytes()
    assert sum(x != y for x, y in zip(before, after, strict=True)) == 2


@pytest.mark.parametrize("board", BOARDS)
def test_the_way_of_an_update_and_back(board: str, machines: Machines) -> None:
    """Fresh, switch, try, commit, switch back, fall back, recover: with what boots read in between."""
    machine = machines.make(board)
    machine.hold(fresh(machine.board))
    status = machine.backend().status()
    assert (status.running, status.pending, status.next_boot.slot) == (A, False, A)
    result = machine.backend().switch(B)
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, Cost.REBOOT)
    machine.run(B)
    status = machine.backend().status()
    assert (status.active, status.running, status.pending) == (B, B, True)
    assert status.next_boot.then[-1] is A
    result = machine.backend().commit()
    assert (result.outcome, result.cost) == (Outcome.APPLIED, Cost.NONE)
    assert set(machine.backend().status().next_boot.then) == {B}
    machine.backend().switch(A)
    machine.hold({**machine.held(), **good(machine.board, machine.board.values[0], "1", "3")})
    fell = machine.backend().status()
    assert (fell.active, fell.running, fell.pending, fell.next_boot.slot) == (A, B, True, B)
    machine.backend().switch(B)
    assert complaints(STAY, machine, machine.backend().status()) == []


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_the_status_writes_nothing_and_fails_for_no_state(board: str, machines: Machines) -> None:
    for rule in BOARDS[board].rules:
        machine = machines.make(board, rule)
        for files in states(machine.board).values():
            machine.hold(files)
            before = machine.held()
            status = machine.backend().status()
            assert machine.held() == before
            assert [variable.name for variable in status.variables] == [
                "resin_root_part",
                "upgrade_available",
                "bootcount",
            ]
            assert status.rule is SelectionRule(rule)


JUDGED = [
    # root, upgrade, count: how good each is
    ("b", "1", "0", "valid valid valid"),
    (None, None, None, "absent absent absent"),
    ("", "", "", "junk junk junk"),
    ("ZZ", "yes", "x", "junk junk junk"),
    ("9", "2", "99", "out-of-range junk out-of-range"),
    ("a ", "1 ", "0 ", "valid valid valid"),
]


@pytest.mark.parametrize(("root", "upgrade", "count", "told"), JUDGED)
@pytest.mark.parametrize("board", ["grub-efi", "uboot-pi4"])
def test_every_variable_is_judged(
    board: str, root: str | None, upgrade: str | None, count: str | None, told: str, machines: Machines
) -> None:
    machine = machines.make(board)
    a, b = machine.board.values
    text = {"b": b, "a ": f"{a} "}.get(root or "none", root)
    machine.hold(good(machine.board, text, upgrade, count))
    found = machine.backend().status().variables
    empty = board == "uboot-pi4" and root == ""  # `name=` deletes in a U-Boot text
    assert [variable.state for variable in found] == [ValueState("absent" if empty else word) for word in told.split()]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_what_would_leave_no_slot_to_boot_is_refused_and_nothing_written(board: str, machines: Machines) -> None:
    for asked in (SWITCH, ROLL_BACK):
        machine = machines.make(board)
        machine.hold(good(machine.board, machine.board.values[0], "0", "0"))
        before = machine.held()
        machine.path("/mnt/sysroot/inactive/boot/Image").unlink()
        with pytest.raises(ValueRefused, match="slot B has no kernel Image and cannot boot"):
            asked.do(machine.backend(), A)
        machine.path("/dev/disk/by-label/resin-rootB").unlink()
        with pytest.raises(ValueRefused, match="slot B: there is no partition labelled resin-rootB"):
            asked.do(machine.backend(), A)
        assert machine.held() == before
        machine.backend().commit()  # the running slot stays possible


@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_without_the_running_slot_nothing_but_the_count_is_changed(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    machine.hold(good(machine.board, machine.board.values[1], "1", "1"))
    machine.path("/proc/self/mountinfo").unlink()
    before = machine.held()
    for asked in DECIDING:
        with pytest.raises(HalError, match="the running slot is not known"):
            asked.do(machine.backend(), A)
    assert machine.held() == before
    CLEAR.do(machine.backend(), A)
    assert machine.backend().status().boot_count == 0


@pytest.mark.parametrize("slot", ["C", "", None, "a", 1])
def test_a_slot_that_does_not_exist_is_refused(slot: object, machines: Machines) -> None:
    machine = machines.make("grub-efi")
    machine.hold(fresh(machine.board))
    before = machine.held()
    with pytest.raises(ValueRefused, match="A or B is allowed"):
        machine.backend().switch(slot)  # type: ignore[arg-type]
    with pytest.raises(ValueRefused, match="A or B is allowed"):
        machine.backend().preview(BootOperation.SWITCH, slot)  # type: ignore[arg-type]
    assert machine.held() == before


def test_a_state_file_that_is_lost_is_made_again_where_it_was(machines: Machines) -> None:
    """The unencrypted partition is known by more than by the file that may be lost."""
    problems = {}
    for board in BOARDS:
        machine = machines.make(board)
        machine.hold({})
        try:
            machine.backend().switch(B)
            made = set(machine.held())
        except HalError as error:
            made = {error.message}
        wanted = machine.board.block or "resinOS_uEnv.txt"
        if wanted not in made:
            problems[board] = [f"{wanted} is not among {sorted(made)}"]
    assert not report(problems), f"\n{report(problems)}"


# -- the committed slot ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "board", [board for board in ONE_OF_EACH if BOARDS[board].kind is not BootloaderKind.L4TLAUNCHER]
)
def test_the_committed_slot_follows_what_is_known_to_be_good(board: str, machines: Machines) -> None:
    machine = machines.make(board)
    a, b = machine.board.values
    machine.hold(fresh(machine.board))
    steps = [
        (SWITCH, A, a),  # the running slot is good, nothing is pending
        (SWITCH, A, a),
        (COMMIT, B, b),
        (ROLL_BACK, B, a),
        (COMMIT, A, a),
    ]
    for asked, running, wanted in steps:
        machine.run(running)
        asked.do(machine.backend(), running)
        assert machine.held()[COMMITTED] == committed(wanted), (asked.label, running)
    machine.backend().switch(B)
    machine.run(B)
    machine.backend().switch(A)  # back while B is only being tried: it is not known to be good
    assert machine.held()[COMMITTED] == committed(a)


# -- anything ----------------------------------------------------------------------------------------------------------

CONTENT = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(b"# GRUB Environment Block\n", b"resin_root_part=", b"upgrade_available=", b"bootcount=", b"1", b"3"),
                *(b"\n", b"#", b"\\", b"\0", b"\xff", b" ", b"=", b"10", b"A", b"B", b"#" * 400),
            ]
        ),
        max_size=14,
    ).map(b"".join),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(CONTENT, CONTENT, CONTENT, st.sampled_from(ALL))
@pytest.mark.parametrize("board", ONE_OF_EACH)
def test_whatever_the_files_hold_the_status_answers_and_an_operation_mends(
    board: str, main: bytes, count: bytes, good_slot: bytes, asked: Asked
) -> None:
    machines = Machines()
    try:
        machine = machines.make(board)
        name = machine.board.block or "resinOS_uEnv.txt"
        more = {} if machine.board.block else {"bootcount.env": count}
        machine.hold({name: main, COMMITTED: good_slot, **more})
        machine.backend().status()
        asked.do(machine.backend(), A)
        assert complaints(asked, machine, machine.backend().status()) == []
    finally:
        machines.end()
