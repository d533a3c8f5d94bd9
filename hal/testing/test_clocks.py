"""Conformance of clocks: set, read back, refused, absent, damaged; and each bare chip that the table names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import jsonschema
import pytest

from hal.ask import ask
from hal.backends.rtc import chips
from hal.backends.rtc.bare import DEVICES, chip_of
from hal.backends.rtc.kernel import FOLDER
from hal.backends.rtc.node import ADDRESSES, REGISTERS
from hal.device import Device
from hal.document import capabilities
from hal.errors import CapabilityAbsent, Damaged, FileFault, ValueRefused
from hal.model import Clock, Outcome, RtcProblem
from hal.protocols import Rtc
from hal.root import Root
from hal.stdlib import UTC
from hal.testing.cases import DAMAGE, SCHEMA, Tree, snapshot

TIMES = (
    datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(2032, 1, 1, 1, 0, 0, tzinfo=timezone(timedelta(hours=2))),
)
NO_TIMES = {
    "no zone": datetime(2031, 7, 9, 21, 45, 30),
    "before 1970": datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC),
    "the first year": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
}


def present(device: Device) -> Iterator[tuple[str, Rtc]]:
    """The clocks that can be used, with the file that stands for the node."""
    for clock in device.clocks:
        node = clock.node()
        if node is not None:
            assert clock.absence() is None
            yield node, clock


def again(root: Root, name: str) -> Rtc:
    """The same clock, as another program would find it."""
    return next(clock for clock in Device.open(root).clocks if clock.name == name)


def check_set(root: Root, node: str, clock: Rtc) -> None:
    """Every time is set once, by one write to the node, and read back."""
    for time in TIMES:
        planned = ask(clock, "preview", time)
        before = snapshot(root)
        result = ask(clock, "set", time)
        assert planned is not None
        assert (planned.previous, planned.value, planned.cost) == (result.previous, result.value, result.cost)
        assert result.outcome is Outcome.APPLIED
        assert {name for name, facts in snapshot(root).items() if before.get(name) != facts} == {node}
        shown = ask(again(root, clock.name), "read")
        assert (shown, shown.utcoffset()) == (time, timedelta()), "lost with the object, or not in UTC"
        state = ask(clock, "state")
        assert (state.time, state.node, state.problems, state.fault) == (time, node, (), "")
        before = snapshot(root)
        for wanted in (time, time + timedelta(seconds=1), time - timedelta(milliseconds=900)):
            assert ask(clock, "preview", wanted) is None
            assert ask(clock, "set", wanted).outcome is Outcome.UNCHANGED
        assert snapshot(root) == before, "right already, and written"


def check_refusals(root: Root, clock: Rtc) -> None:
    """A time that the clock cannot hold is refused before anything is written."""
    state = ask(clock, "state")
    beyond = [state.first - timedelta(seconds=1)] if state.first else []
    beyond += [state.last + timedelta(seconds=1)] if state.last else []
    before = snapshot(root)
    for wanted in (*NO_TIMES.values(), *beyond):
        for method in ("preview", "set"):
            with pytest.raises(ValueRefused) as refusal:
                ask(clock, method, wanted)
            assert refusal.value.allowed, "a refusal says what is allowed"
    assert snapshot(root) == before
    for ends in (state.first, state.last):
        if ends is not None:
            ask(clock, "set", ends)
            assert ask(clock, "read") == ends


def test_names_are_unique_and_stable(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    names = [clock.name for clock in Device.open(root).clocks]
    assert len(set(names)) == len(names)
    assert all(names)
    shutil.rmtree(root.directory / FOLDER, ignore_errors=True)
    assert [clock.name for clock in Device.open(root).clocks] == names[: len(Device.open(root).clocks)]


def test_a_clock_can_be_set_and_read_back(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    for node, clock in present(Device.open(root)):
        check_set(root, node, clock)


def test_a_time_it_cannot_hold_is_refused_and_nothing_written(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    for _, clock in present(Device.open(root)):
        check_refusals(root, clock)


def test_an_absent_clock_says_why(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    for node, _ in present(Device.open(root)):
        root.resolve(node).unlink()
    device = Device.open(root)
    for clock in device.clocks:
        why = ask(clock, "absence")
        state = ask(clock, "state")
        assert why
        assert (state.absence, state.node, state.time, state.healthy) == (why, None, None, None)
        for method, arguments in (("read", ()), ("preview", TIMES[:1]), ("set", TIMES[:1])):
            with pytest.raises(CapabilityAbsent, match=clock.name):
                ask(clock, method, *arguments)
    jsonschema.validate(capabilities(device), SCHEMA)


def test_a_damaged_clock_is_told(slug: str, hal_tree: Tree) -> None:
    """A node that does not answer cannot be set; one that answers nonsense can."""
    root = hal_tree(slug)
    for node, clock in present(Device.open(root)):
        path = root.resolve(node)
        sound = path.read_bytes()
        for case, damage in DAMAGE.items():
            path.write_bytes(damage(sound))
            unanswering = len(damage(sound)) != len(sound)
            problem = RtcProblem.UNREADABLE if unanswering else RtcProblem.DATA_INVALID
            state = ask(clock, "state")
            assert (state.time, state.healthy, state.problems) == (None, False, (problem,)), case
            assert state.fault, case
            jsonschema.validate(capabilities(Device.open(root)), SCHEMA)
            with pytest.raises((Damaged, FileFault), match=node):
                ask(clock, "read")
            if unanswering:
                before = snapshot(root)
                with pytest.raises(FileFault, match=node):
                    ask(clock, "set", TIMES[0])
                assert snapshot(root) == before
            else:
                assert ask(clock, "set", TIMES[0]).outcome is Outcome.APPLIED
                assert ask(clock, "read") == TIMES[0]


def bare_tree(root: Root, fact: Clock) -> str:
    """In place of the kernel's clocks, the I²C bus of a chip that nobody has set; returns its node."""
    shutil.rmtree(root.directory / FOLDER)
    chip = chip_of(fact)
    assert chip is not None
    assert fact.i2c_address is not None
    bus = 3 if fact.i2c_bus is None else fact.i2c_bus
    if fact.i2c_bus is None:
        device = root.directory / f"{DEVICES}/{bus}-{fact.i2c_address:04x}"
        device.mkdir(parents=True)
        (device / "name").write_text(f"{fact.chip}\n")
    registers = bytearray(REGISTERS * ADDRESSES)
    for flag in chip.health:
        if not flag.value:  # what the chip itself sets while it is well
            registers[fact.i2c_address * REGISTERS + flag.register] |= flag.mask
    (root.directory / f"dev/i2c-{bus}").write_bytes(registers)
    return f"dev/i2c-{bus}"


def test_a_bare_chip_can_be_set_and_read_back(slug: str, hal_tree: Tree) -> None:
    """Where no driver is bound: the very chip that the table names, through its registers."""
    for fact in Device.open(hal_tree(slug)).device_type.clocks:
        assert fact.chip is None or fact.chip in chips.BY_NAME, "no chip whose registers are known"
        if chip_of(fact) is None:
            continue
        root = hal_tree(slug)
        node = bare_tree(root, fact)
        found = dict(present(Device.open(root)))
        assert list(found) == [node]
        clock = found[node]
        with pytest.raises(Damaged, match="set it"):
            ask(clock, "read")
        check_set(root, node, clock)
        check_refusals(root, clock)


def test_a_chip_that_a_driver_has_is_left_to_it(slug: str, hal_tree: Tree) -> None:
    for fact in Device.open(hal_tree(slug)).device_type.clocks:
        if chip_of(fact) is None:
            continue
        root = hal_tree(slug)
        node = bare_tree(root, fact)
        bus = node.removeprefix("dev/i2c-")
        (root.directory / f"{DEVICES}/{bus}-{fact.i2c_address:04x}/driver").mkdir(parents=True)
        clock = again(root, fact.driver)
        assert clock.node() is None
        assert "is bound" in (clock.absence() or "")
        with pytest.raises(CapabilityAbsent, match="is bound"):
            clock.set(TIMES[0])
