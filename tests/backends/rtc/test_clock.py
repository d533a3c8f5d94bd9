"""A clock of a board: where it is found, why it is absent, what is the matter with its time, and when a set holds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from backends.rtc.stub import FIXTURES, TIME, clocks, stand_in

from hal.backends.rtc import clock as module
from hal.backends.rtc import clocks as clocks_of
from hal.backends.rtc import further, preferred
from hal.backends.rtc.clock import BoardClock
from hal.backends.rtc.node import packed
from hal.backends.rtc.source import Look
from hal.errors import CapabilityAbsent, Damaged, NotApplied, ValueRefused
from hal.model import Clock, DeviceType, Outcome, RtcProblem
from hal.root import Root
from hal.stdlib import UTC

RTC = Clock(driver="pcf8563", i2c_address=0x51, battery=True, overlay="i2c-rtc,pcf8563", i2c_bus=1, chip="pcf8563")
LATE = Clock(driver="nvvrs-pseq-rtc", i2c_address=0x3C, registers_after_seconds=11, note="a cell is optional")
CLASS = Clock(driver="ds1307", i2c_address=0x68, battery=True)
ANYWHERE = Clock(driver="ds1340", i2c_address=0x68, battery=True, chip="ds1340")
INVALID, STOPPED = RtcProblem.DATA_INVALID, RtcProblem.OSCILLATOR_STOPPED


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "dev").mkdir()
    return Root(tmp_path)


def bus(root: Root, number: int, address: int, start: int, data: str) -> None:
    """The file that stands for a bus with one chip on it."""
    registers = bytearray(128 * 256)
    values = bytes.fromhex(data)
    registers[address * 256 + start : address * 256 + start + len(values)] = values
    (root.directory / f"dev/i2c-{number}").write_bytes(registers)


def device(root: Root, name: str, chip: str, driver: str = "") -> None:
    """A device on I²C, as the kernel knows it from the device tree."""
    folder = root.directory / "sys/bus/i2c/devices" / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{chip}\n")
    if driver:
        (root.directory / f"sys/bus/i2c/drivers/{driver}").mkdir(parents=True)
        (folder / "driver").symlink_to(f"/sys/bus/i2c/drivers/{driver}")


# -- where it is -----------------------------------------------------------------------------------------------------


def test_the_kernels_clock_comes_before_the_registers(root: Root) -> None:
    clocks(root, "rtc-pcf8563 1-0051")
    stand_in(root, packed(TIME))
    bus(root, 1, 0x51, 2, FIXTURES["pcf8563"])
    state = BoardClock(root, RTC).state()
    assert (state.node, state.driver, state.chip, state.i2c_bus) == ("dev/rtc0", "rtc-pcf8563", None, 1)


def test_the_registers_where_the_kernel_has_none(root: Root) -> None:
    bus(root, 1, 0x51, 2, FIXTURES["pcf8563"])
    state = BoardClock(root, RTC).state()
    assert (state.node, state.driver, state.chip, state.i2c_address) == ("dev/i2c-1", None, "pcf8563", 0x51)
    assert (state.time, state.healthy, state.battery) == (TIME, True, True)


def test_the_bus_of_the_device_that_the_kernel_has_of_that_name(root: Root) -> None:
    bus(root, 4, 0x68, 0, FIXTURES["ds1340"])
    device(root, "4-0068", "ds1340")
    device(root, "1-0068", "mpu6050", driver="inv-mpu6050-i2c")
    found = BoardClock(root, ANYWHERE)
    assert (found.node(), found.read()) == ("dev/i2c-4", TIME)


NOT_THERE: dict[str, tuple[Clock, tuple[tuple[str, ...], ...], tuple[int, ...], tuple[str, ...]]] = {
    # fact, devices that the kernel has, buses, what the reason says
    "overlay": (RTC, (), (), ("no clock of the driver pcf8563", "overlay i2c-rtc,pcf8563", "no dev/i2c-1")),
    "late": (LATE, (), (), ("nvvrs-pseq-rtc", "11 s after boot", "a cell is optional")),
    "only a class of chips": (CLASS, (("1-0068", "ds1307"),), (1,), ("no clock of the driver ds1307",)),
    "bus not known": (ANYWHERE, (), (0, 1, 2), ("which I²C bus it is on is not known",)),
    "a motion sensor": (ANYWHERE, (("1-0068", "mpu6050"),), (1,), ("which I²C bus it is on is not known",)),
    "two of that name": (ANYWHERE, (("1-0068", "ds1340"), ("2-0068", "ds1340")), (1, 2), ("not known",)),
    "a driver": (RTC, (("1-0051", "pcf8563", "rtc-pcf8563"),), (1,), ("the driver rtc-pcf8563 is bound", "0x51")),
}


@pytest.mark.parametrize("case", NOT_THERE)
def test_why_it_is_absent(case: str, root: Root) -> None:
    fact, devices, buses, words = NOT_THERE[case]
    for each in devices:
        device(root, *each)
    for number in buses:
        bus(root, number, fact.i2c_address or 0, 0, FIXTURES["ds1340"])
    found = BoardClock(root, fact)
    reason = found.absence() or ""
    assert all(word in reason for word in words), reason
    assert found.node() is None
    with pytest.raises(CapabilityAbsent, match=f"^{fact.driver}: "):
        found.read()


def test_a_clock_without_its_node(root: Root) -> None:
    clocks(root, "rtc-pcf8563 1-0051")
    assert BoardClock(root, RTC).absence() == "the kernel has it, but there is no dev/rtc0 here"


def test_it_is_found_once_it_is_there(root: Root) -> None:
    """A driver that registers late; the object stays the same."""
    found = BoardClock(root, LATE)
    assert found.absence()
    clocks(root, "nvvrs-pseq-rtc nvvrs-pseq-rtc")
    stand_in(root, packed(TIME))
    assert (found.absence(), found.read()) == (None, TIME)


def test_rank(root: Root) -> None:
    row = DeviceType(
        slug="x",
        name="x",
        clocks=(
            Clock(driver="a", battery=False),
            Clock(driver="b"),
            Clock(driver="c", battery=True),
            Clock(driver="d", battery=True),
        ),
    )
    assert [each.name for each in clocks_of(row, root)] == ["c", "d", "b", "a"]


def test_what_no_row_names_is_listed_behind_it(root: Root) -> None:
    clocks(root, "rtc_cmos 00:04", "rtc-pcf8563 1-0051", "rtc-x y")
    for number in range(3):
        stand_in(root, packed(TIME), number)
    named = (BoardClock(root, RTC), BoardClock(root, LATE))
    assert [each.name for each in further(root, named)] == ["rtc0", "rtc2"]


def test_which_clock_is_preferred(root: Root) -> None:
    clocks(root, "rtc-a 00:01", "rtc-b 00:02", "rtc-c 00:03")
    old, good = packed(datetime(1970, 1, 1, 0, 5, tzinfo=UTC)), packed(TIME)
    for number, data in enumerate((old, good, good)):
        stand_in(root, data, number)
    found = (BoardClock(root, LATE), *further(root, ()))
    assert getattr(preferred(found), "name", None) == "rtc1", "the first with nothing the matter"
    assert getattr(preferred(found, to_set=True), "name", None) == "rtc0", "the first that can be set"
    for number in (1, 2):
        stand_in(root, old, number)
    assert getattr(preferred(found), "name", None) == "rtc0"
    assert preferred(found[:1]) is None


# -- its time --------------------------------------------------------------------------------------------------------

TIMES: dict[str, tuple[str, str | None, tuple[RtcProblem, ...]]] = {
    "good": ("2031-07-09T21:45:30", "20310101000000", ()),
    "no build time": ("2031-07-09T21:45:30", None, ()),
    "a build time that is none": ("2031-07-09T21:45:30", "yesterday", ()),
    "1970": ("1970-01-01T00:05:00", None, (RtcProblem.NEVER_SET,)),
    "2000": ("2000-01-01T00:00:00", None, (RtcProblem.NEVER_SET,)),
    "2000 for months": ("2000-12-31T23:59:59", "20260101000000", (RtcProblem.NEVER_SET, RtcProblem.BEFORE_BUILD)),
    "2001": ("2001-01-01T00:00:00", None, ()),
    "before the build": ("2025-12-31T23:59:59", "20260101000000", (RtcProblem.BEFORE_BUILD,)),
    "at the build": ("2026-01-01T00:00:00", "20260101000000", ()),
    "after 32 bits": ("2038-01-19T03:14:08", "20260101000000", ()),
    "2095": ("2095-06-01T00:00:00", "20260101000000", ()),
}


@pytest.mark.parametrize("case", TIMES)
def test_what_is_the_matter_with_a_time(case: str, root: Root) -> None:
    text, built, problems = TIMES[case]
    clocks(root, "rtc-x y")
    stand_in(root, packed(datetime.fromisoformat(text).replace(tzinfo=UTC)))
    if built is not None:
        (root.directory / "etc").mkdir()
        (root.directory / "etc/timestamp").write_text(f"{built}\n")
    state = BoardClock(root, None, 0).state()
    assert (state.problems, state.healthy) == (problems, False if problems else None)
    assert state.time is not None
    assert state.time.isoformat() == f"{text}+00:00", "it is told all the same"


def test_a_time_that_is_called_invalid_is_not_told(root: Root) -> None:
    clocks(root, "rtc-x y")
    stand_in(root, packed(TIME) + struct.pack("=I", 1))
    found = BoardClock(root, None, 0)
    assert (found.state().time, found.state().healthy) == (None, False)
    with pytest.raises(Damaged, match=r"dev/rtc0: its voltage flags say .*; set it"):
        found.read()
    assert found.set(TIME).outcome is Outcome.APPLIED, "right already, but nobody could know"
    assert (found.read(), found.state().problems) == (TIME, ())


def test_a_battery_that_is_low_keeps_the_time(root: Root) -> None:
    clocks(root, "rtc-x y")
    stand_in(root, packed(TIME) + struct.pack("=I", 2))
    found = BoardClock(root, None, 0)
    assert (found.read(), found.state().problems) == (TIME, (RtcProblem.BATTERY_LOW,))


@pytest.mark.parametrize(
    ("offset", "shown"),
    [(0, 0), (499_999, 0), (500_000, 1), (999_999, 1), (-499_999, 0), (-500_001, -1)],
)
def test_a_time_is_rounded_to_the_second(offset: int, shown: int, root: Root) -> None:
    clocks(root, "rtc-x y")
    stand_in(root, packed(TIME - timedelta(days=1)))
    BoardClock(root, None, 0).set(TIME + timedelta(microseconds=offset))
    assert BoardClock(root, None, 0).read() == TIME + timedelta(seconds=shown)


def test_what_is_no_time_at_all(root: Root) -> None:
    clocks(root, "rtc-x y")
    stand_in(root, packed(TIME))
    for wanted in (None, "now", 0, datetime(2031, 7, 9)):
        with pytest.raises(ValueRefused, match="says no time zone"):
            BoardClock(root, None, 0).set(wanted)  # type: ignore[arg-type]


# -- what a set does, on clocks that do not behave ---------------------------------------------------------------------


class Odd:
    """A source that shows what it likes after it was set: one look after the other, the last for ever."""

    node = "dev/rtc0"

    def __init__(self, *looks: Look) -> None:
        self.looks = [Look(TIME - timedelta(days=1)), *looks]
        self.puts = 0

    def facts(self) -> dict[str, object]:
        return {}

    def range(self) -> tuple[None, None]:
        return None, None

    @contextmanager
    def hold(self) -> Iterator[Odd]:
        yield self

    def look(self) -> Look:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def put(self, time: datetime) -> None:
        self.puts += 1


AFTER: dict[str, tuple[tuple[Look, ...], str]] = {
    "right": ((Look(TIME),), ""),
    "the next second has begun": ((Look(TIME + timedelta(seconds=1)),), ""),
    "some begin it early": ((Look(TIME + timedelta(seconds=2)),), ""),
    "takes a moment to start": ((Look(None, "stopped", (STOPPED,)), Look(None, "stopped", (STOPPED,)), Look(TIME)), ""),
    "did not take it": ((Look(TIME - timedelta(days=1)),), "it shows: 2031-07-08T21:45:30"),
    "off by an hour": ((Look(TIME + timedelta(hours=1)),), "it shows: 2031-07-09T22:45:30"),
    "does not start": ((Look(None, "it stands still", (STOPPED,)),), "it stands still .oscillator-stopped"),
}


@pytest.mark.parametrize("case", AFTER)
def test_a_set_is_read_back(case: str, root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, words = AFTER[case]
    odd = Odd(*looks)
    monkeypatch.setattr(module, "_STARTS_SECONDS", 0.2)
    monkeypatch.setattr(BoardClock, "_find", lambda self: odd)
    if words:
        with pytest.raises(NotApplied, match=words):
            BoardClock(root, None, 0).set(TIME)
    else:
        result = BoardClock(root, None, 0).set(TIME)
        assert (result.outcome, result.previous) == (Outcome.APPLIED, "2031-07-08T21:45:30+00:00")
    assert odd.puts == 1


def test_a_battery_that_is_off_is_a_reason_to_write(root: Root) -> None:
    """A PCF8523 as it is delivered would lose its time with the power, however right it is now."""
    fact = Clock(driver="pcf8523", i2c_address=0x68, i2c_bus=1, chip="pcf8523", battery=True)
    bus(root, 1, 0x68, 0, "00 00 e0 " + FIXTURES["pcf8523"])
    found = BoardClock(root, fact)
    assert (found.read(), found.state().problems) == (TIME, (RtcProblem.BACKUP_OFF,))
    assert found.preview(TIME) is not None
    assert found.set(TIME).outcome is Outcome.APPLIED
    assert (found.state().problems, found.set(TIME).outcome) == ((), Outcome.UNCHANGED)
