"""What boots after a power cut anywhere in an operation, by balenaOS's own rule and by the mended one.

A state is what the disk may hold: the writes before the cut, and the one it meets half done. A sector of 512 bytes is
old or new; a file that grows may lose content or length; a replaced or removed file is there or not. The lab makes
the same states from what a real kernel sends to the disk; here they are made from what the back end announces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from attrs import evolve, frozen
from backends.asked import ALL, CLEAR, COMMIT, STAY, SWITCH, Asked
from backends.machines import BOARDS, ONE_OF_EACH, Files, Machine, Machines, states

from hal.backends.bootloader.base import perform
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import COUNT
from hal.backends.bootloader.rules import Seen, predict
from hal.errors import HalError
from hal.model import BootWrite, NextBoot, Slot, WriteKind

SECTOR = 512
LEAST_STATES = 500
"""Of each board and rule: fewer would mean that cuts are no longer made."""

OVERRULED = ("extra file names a slot", "count names a slot", "only the count, at the limit")
"""Where balenaOS's own U-Boot takes the slot from another file than the state file, so that two files decide."""

Disk = Mapping[str, bytes]


def torn(write: BootWrite, before: bytes | None) -> Iterator[bytes | None]:
    """Everything a cut during this write may leave of its file; the old content first, the new one last."""
    new = write.data
    yield before
    if write.kind is WriteKind.OVERWRITE and before is not None and new is not None:
        assert len(before) == len(new), f"{write.file}: {len(before)} bytes overwritten with {len(new)}"
        old, changed = _sectors(before), _sectors(new)
        places = [place for place, (x, y) in enumerate(zip(old, changed, strict=True)) if x != y]
        assert len(places) < 12
        for chosen in product((False, True), repeat=len(places)):
            taken = dict(zip(places, chosen, strict=True))
            yield b"".join(changed[i] if taken.get(i) else sector for i, sector in enumerate(old))
    elif write.kind is WriteKind.EXTEND and before is not None and new is not None:
        assert 0 < len(before) <= len(new)
        assert len(new) <= SECTOR, "within a sector no cluster is allocated"
        yield before.ljust(len(new), b"\0")
        yield new[: len(before)]
    yield new


def _sectors(data: bytes) -> list[bytes]:
    return [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]


def cuts(start: Disk, writes: tuple[BootWrite, ...], folder: str) -> Iterator[Disk]:
    """Every state of the folder, from before the first write to after the last."""
    disk = dict(start)
    yield disk
    for write in writes:
        assert write.file.startswith(f"{folder}/")
        name = write.file.removeprefix(f"{folder}/")
        for content in torn(write, disk.get(name)):
            yield _with(disk, name, content)
        disk = _with(disk, name, write.data)


def _with(disk: Disk, name: str, content: bytes | None) -> dict[str, bytes]:
    return {key: value for key, value in {**disk, name: content}.items() if value is not None}


@frozen
class Reader:
    """What a machine boots from a state of its disk, remembered."""

    machine: Machine
    known: dict[frozenset[tuple[str, bytes]], NextBoot]

    def boot(self, disk: Disk) -> NextBoot:
        key = frozenset(disk.items())
        if key not in self.known:
            machine = self.machine
            machine.hold(disk)
            backend = machine.backend()
            committed = backend.committed()
            texts = backend.seen(backend.storage().read())
            seen = Seen(
                root=texts.get("resin_root_part"),
                upgrade=texts.get("upgrade_available"),
                count=texts.get("bootcount"),
                committed=committed.read() if committed else None,
                storable=self._storable(disk),
            )
            self.known[key] = predict(backend.rule(), seen)
        return self.known[key]

    def _storable(self, disk: Disk) -> bool:
        """Whether the bootloader finds a place for the count: in a block it cannot make one."""
        name = self.machine.board.block
        if name is None:
            return True
        try:
            block = EnvBlock(disk.get(name, b""), path=name)
            size = len(block.data.rstrip(b"#"))
            block.set(COUNT, "1")
        except HalError:
            return False
        return size < len(disk[name]) or len(block.data.rstrip(b"#")) == size


def complaint(asked: Asked, running: Slot, first: NextBoot, now: NextBoot, *, last: bool) -> str | None:
    """What a state does that it must not."""
    target = asked.target(running)
    same = (now.slot, now.then) == (first.slot, first.then)
    if asked is CLEAR:
        # Where the count alone decided, as the classic rules let it, there is no slot to stay on.
        kept = same or not first.counts or now.slot is first.slot or now.then[-1] is first.slot
        return None if kept else "another slot boots"
    if now.slot is None:
        return None if first.slot is None and not last else "nothing boots"
    if last:
        wanted = running if asked.tried else target
        if now.slot is not target or now.then[-1] is not wanted:
            return f"in the end {now.slot}, then {now.then}"
        return None
    if same:
        return None
    if asked.tried and now.slot is target and now.then[-1] is not running:
        return "the new slot boots, and nothing leads back"
    if asked in (COMMIT, STAY) and now.slot not in (running, first.slot) and now.then[-1] is not running:
        return "the other slot boots, and nothing leads back"
    return None


def judge(
    readers: Mapping[str, Reader], planner: Machine, running: Slot, asked: Asked, files: Files
) -> tuple[int, list[str]]:
    """The number of states, and what is wrong in some of them."""
    planner.run(running)
    planner.hold(files)
    start = {name: data for name, data in planner.held().items() if name in files}
    writes = asked.preview(planner.backend(), running)
    disks = list(cuts(start, writes, planner.board.folder))
    found = []
    for reader in readers.values():
        first = reader.boot(start)
        for place, disk in enumerate(disks):
            last = place == len(disks) - 1
            wrong = complaint(asked, running, first, reader.boot(disk), last=last)
            if wrong:
                found.append(f"{reader.machine.rule} rule, state {place} of {len(disks) - 1}: {wrong}")
    return len(disks) * len(readers), found


def sweep(
    board: str, machines: Machines, *, rules: tuple[str, ...], runnings: tuple[Slot, ...]
) -> tuple[int, list[str]]:
    planner = machines.make(board)
    readers = {rule: Reader(machines.make(board, rule), {}) for rule in rules}
    number, problems = 0, []
    for (state, files), running, asked in product(states(planner.board).items(), runnings, ALL):
        if state in OVERRULED and "classic" in rules:
            continue
        count, found = judge(readers, planner, running, asked, files)
        number += count
        problems += [f"{state}, {running} runs, {asked.label}: {each}" for each in found]
    return number, problems


@pytest.fixture
def machines() -> Iterator[Machines]:
    made = Machines()
    yield made
    made.end()


RULES = [(board, rule) for board in ONE_OF_EACH for rule in BOARDS[board].rules]


@pytest.mark.parametrize(("board", "rule"), RULES)
def test_no_power_cut_boots_a_slot_that_nothing_leads_back_from(board: str, rule: str, machines: Machines) -> None:
    number, problems = sweep(board, machines, rules=(rule,), runnings=tuple(Slot))
    assert number >= LEAST_STATES
    assert not problems, f"{len(problems)} of {number} states:\n" + "\n".join(problems[:40])


# -- the harness can find something ------------------------------------------------------------------------------------


def test_classic_recipes_are_found_out(machines: Machines) -> None:
    """Two truncating writes in a row, as balenaOS's hook for its own bootloader makes them."""
    board = "balena-pi5"
    reader = Reader(machines.make(board, "classic"), {})
    steady = dict(states(reader.machine.board)["steady"])
    data = steady["bootenv"]
    moved = data.replace(b"resin_root_part=A", b"resin_root_part=B")
    disks = [steady, {"bootenv": b""}, {"bootenv": moved}, {"bootenv": b""}]
    first = reader.boot(steady)
    wrong = [complaint(SWITCH, Slot.A, first, reader.boot(disk), last=False) for disk in disks]
    assert wrong == [None, "nothing boots", "the new slot boots, and nothing leads back", "nothing boots"]


@pytest.mark.parametrize("board", ["uboot-tx2", "l4t-nano", "grub-efi"])
def test_the_same_writes_in_the_wrong_order_or_without_arming_are_found_out(board: str, machines: Machines) -> None:
    planner = machines.make(board)
    reader = Reader(planner, {})
    files = states(planner.board)["stale count"]
    planner.hold(files)
    writes = SWITCH.preview(planner.backend(), Slot.A)
    unarmed = tuple(
        evolve(write, data=(write.data or b"").replace(b"upgrade_available=1", b"upgrade_available=0"))
        for write in writes
    )
    first = reader.boot(dict(files))
    found = [
        complaint(SWITCH, Slot.A, first, reader.boot(disk), last=False)
        for disk in cuts(dict(files), unarmed, planner.board.folder)
    ]
    assert "the new slot boots, and nothing leads back" in found


def test_a_whole_operation_leaves_the_last_state(machines: Machines) -> None:
    """The states are made from what is announced; this is what is done."""
    for board in ONE_OF_EACH:
        machine = machines.make(board)
        for asked, files in product(ALL, list(states(machine.board).values())[1::5]):
            if files:
                machine.hold(files)
                boot_file = set(machine.held()) - set(files)
                writes = asked.preview(machine.backend(), Slot.A)
                *_, wanted = cuts(dict(files), writes, machine.board.folder)
                perform(machine.root, writes)
                assert {name: data for name, data in machine.held().items() if name not in boot_file} == wanted
