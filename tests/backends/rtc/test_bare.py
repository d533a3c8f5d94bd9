"""Bare chips on a bus that behaves as i2c-stub: health, what a set writes and in which order, and failures half way."""

from __future__ import annotations

from contextlib import suppress

import pytest
from backends.rtc.stub import TIME, StubBus, fixture, session

from hal.backends.rtc import chips
from hal.backends.rtc.chips import CHIPS
from hal.errors import FileFault
from hal.model import RtcProblem

LATER = TIME.replace(second=31)
NAMES = [chip.name for chip in CHIPS]
STOPPED, INVALID = RtcProblem.OSCILLATOR_STOPPED, RtcProblem.DATA_INVALID
LOW, OFF = RtcProblem.BATTERY_LOW, RtcProblem.BACKUP_OFF

HEALTH: dict[str, tuple[str, dict[int, int], tuple[RtcProblem, ...], bool | None]] = {
    # chip, registers that differ, problems, whether it ran on its battery
    "ds1307": ("ds1307", {}, (), None),
    "ds1307 halted": ("ds1307", {0: 0xB0}, (STOPPED,), None),
    "ds3231": ("ds3231", {0x0F: 0x7F, 0x0E: 0x7F}, (), None),
    "ds3231 stood still": ("ds3231", {0x0F: 0x80}, (STOPPED,), None),
    "ds3231 stops on battery": ("ds3231", {0x0E: 0x80}, (OFF,), None),
    "ds1340 halted": ("ds1340", {0: 0xB0}, (STOPPED,), None),
    "ds1340 stood still": ("ds1340", {0x09: 0x80}, (STOPPED,), None),
    "mcp7941x": ("mcp7941x", {}, (), False),
    "mcp7941x, the bit that starts it": ("mcp7941x", {0: 0x30}, (STOPPED,), False),
    "mcp7941x, the bit that it runs": ("mcp7941x", {3: 0x0C}, (STOPPED,), False),
    "mcp7941x without battery": ("mcp7941x", {3: 0x24}, (OFF,), False),
    "mcp7941x after a power cut": ("mcp7941x", {3: 0x3C}, (), True),
    "bq32000": ("bq32000", {}, (), None),
    "bq32000 halted": ("bq32000", {0: 0xB0}, (STOPPED,), None),
    "bq32000 failed": ("bq32000", {1: 0xC5}, (STOPPED,), None),
    "pcf8523": ("pcf8523", {}, (), False),
    "pcf8523 stood still": ("pcf8523", {3: 0xB0}, (STOPPED,), False),
    "pcf8523 is stopped": ("pcf8523", {0: 0x20}, (STOPPED,), False),
    "pcf8523, battery low": ("pcf8523", {2: 0x04}, (LOW,), False),
    "pcf8523, as it is delivered": ("pcf8523", {2: 0xE0}, (OFF,), False),
    "pcf8523 after a power cut": ("pcf8523", {2: 0x08}, (), True),
    "pcf8563": ("pcf8563", {}, (), None),
    "pcf8563, voltage was low": ("pcf8563", {2: 0xB0}, (INVALID,), None),
    "pcf8563 is stopped": ("pcf8563", {0: 0x20}, (STOPPED,), None),
    "pcf85063 stood still": ("pcf85063", {4: 0xB0}, (STOPPED,), None),
    "pcf85063 is stopped": ("pcf85063", {0: 0x20}, (STOPPED,), None),
    "seconds 5a": ("ds1307", {0: 0x5A}, (INVALID,), None),
    "month 00": ("pcf8523", {8: 0x00}, (INVALID,), False),
    "31 February, halted": ("ds1307", {0: 0xB0, 4: 0x31, 5: 0x02}, (INVALID, STOPPED), None),
}


@pytest.mark.parametrize("case", HEALTH)
def test_health(case: str) -> None:
    name, changes, problems, ran = HEALTH[case]
    chip = chips.BY_NAME[name]
    bus = fixture(name, changes)
    look = session(bus, chip).look()
    assert (look.problems, look.ran_on_battery, look.told) == (problems, ran, True)
    trusted = not {STOPPED, INVALID} & set(problems)
    assert (look.time, bool(look.fault)) == ((TIME, False) if trusted else (None, True))
    assert bus.writes == [], "reading writes nothing"


@pytest.mark.parametrize("case", HEALTH)
def test_a_set_mends_what_a_write_can_mend(case: str) -> None:
    """With a battery on the board. A cell that is low stays low; that the chip runs, only the chip can tell."""
    name, changes, problems, _ = HEALTH[case]
    chip = chips.BY_NAME[name]
    bus = fixture(name, changes)
    session(bus, chip, battery=True).put(LATER)
    look = session(bus, chip).look()
    if case == "mcp7941x, the bit that it runs":
        assert look.problems == (STOPPED,)
        bus.registers[chip.address][3] |= 0x20
        look = session(bus, chip).look()
    assert look.problems == tuple(problem for problem in problems if problem is LOW)
    assert look.time == LATER


WRITES: dict[str, tuple[str, dict[int, int], list[tuple[int, str]]]] = {
    # chip, registers that differ, every write in order: the first register and the bytes
    "ds1307 from twelve hours": ("ds1307", {0: 0xB0, 2: 0x69}, [(0, "31 45 21 04 09 07 31")]),
    "ds3231": ("ds3231", {}, [(0, "31 45 21 04 09 07 31")]),
    "ds3231, flags behind the time, alarms kept": (
        "ds3231",
        {0x0E: 0x9C, 0x0F: 0x8B, 5: 0x87},
        [(0, "31 45 21 04 09 07 31"), (0x0E, "1c"), (0x0F, "0b")],
    ),
    "ds1340": ("ds1340", {9: 0x80}, [(0, "31 45 21 04 09 07 31"), (9, "00")]),
    "mcp7941x keeps that it runs, and its battery": ("mcp7941x", {3: 0x3C}, [(0, "b1 45 21 2c 09 07 31")]),
    "mcp7941x gets its battery": ("mcp7941x", {3: 0x24}, [(0, "b1 45 21 2c 09 07 31")]),
    "bq32000": ("bq32000", {1: 0xC5}, [(0, "31 45 e1 04 09 07 31")]),
    "pcf8523 is stopped meanwhile": (
        "pcf8523",
        {0: 0x82},
        [(0, "a2"), (3, "31 45 21 09 03 07 31"), (0, "82")],
    ),
    "pcf8523 to 24 hours, battery on": (
        "pcf8523",
        {0: 0x28, 2: 0xE3},
        [(0, "20"), (3, "31 45 21 09 03 07 31"), (0, "00"), (2, "03")],
    ),
    "pcf8563 keeps its century": ("pcf8563", {7: 0x87}, [(2, "31 45 21 09 03 87 31")]),
    "pcf8563 is started": ("pcf8563", {0: 0x28}, [(2, "31 45 21 09 03 07 31"), (0, "08")]),
    "pcf85063": ("pcf85063", {0: 0x03}, [(0, "21"), (4, "31 45 21 09 03 07 31"), (0, "01")]),
}


@pytest.mark.parametrize("case", WRITES)
def test_what_a_set_writes_in_which_order(case: str) -> None:
    name, changes, expected = WRITES[case]
    bus = fixture(name, changes)
    session(bus, chips.BY_NAME[name], battery=True).put(LATER)
    assert bus.writes == [(register, bytes.fromhex(data)) for register, data in expected]


@pytest.mark.parametrize(("name", "changes"), [("mcp7941x", {3: 0x2C}), ("pcf8523", {2: 0x00}), ("ds3231", {})])
def test_a_battery_that_is_on_stays_on_where_none_is_known(name: str, changes: dict[int, int]) -> None:
    """The MCP7941x has that bit among the weekday's, which are written."""
    bus, chip = fixture(name, changes), chips.BY_NAME[name]
    session(bus, chip, battery=False).put(LATER)
    assert (session(bus, chip).look().time, session(bus, chip).look().problems) == (LATER, ())


@pytest.mark.parametrize(("name", "changes"), [("mcp7941x", {3: 0x24}), ("pcf8523", {2: 0xE0})])
def test_a_battery_that_is_not_known_to_be_there_is_left_off(name: str, changes: dict[int, int]) -> None:
    bus, chip = fixture(name, changes), chips.BY_NAME[name]
    session(bus, chip, battery=False).put(LATER)
    look = session(bus, chip).look()
    assert (look.time, look.problems, look.set_mends) == (LATER, (OFF,), False)
    assert session(bus, chip, battery=True).look().set_mends


@pytest.mark.parametrize("name", NAMES)
def test_a_set_that_fails_half_way_leaves_no_wrong_time_that_looks_right(name: str) -> None:
    """From a chip whose time means nothing; whichever write fails, the old doubt stays or the new time is whole."""
    chip = chips.BY_NAME[name]
    doubtful = next(case for case in HEALTH.values() if case[0] == name and {STOPPED, INVALID} & set(case[2]))[1]
    for fails in range(1, 9):
        bus = fixture(name, doubtful)
        control = bus.registers[chip.address][chip.stop.register] if chip.stop else None
        bus.fails = fails
        with suppress(FileFault):
            session(bus, chip, battery=True).put(LATER)
        look = session(bus, chip).look()
        assert look.time in (None, LATER)
        if chip.stop and look.time is None and fails < 3:
            assert bus.registers[chip.address][chip.stop.register] == control, "put back to how it was"
        if len(bus.writes) < fails:
            break
    else:
        pytest.fail("more writes than any chip needs")
    assert bus.writes


@pytest.mark.parametrize("name", NAMES)
def test_an_address_where_nothing_answers_is_a_fault_that_names_it(name: str) -> None:
    chip = chips.BY_NAME[name]
    with pytest.raises(FileFault, match=f"dev/i2c-9 {chip.address:#04x}: input/output error"):
        session(StubBus({}), chip).look()
    with pytest.raises(FileFault, match="input/output error"):
        session(StubBus({}), chip).put(TIME)
