"""Registers to time and back: the data sheets' fixtures, what is no time, and every chip over the whole century."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from backends.rtc.stub import FIXTURES, TIME
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.rtc import chips
from hal.backends.rtc.chips import CHIPS
from hal.backends.rtc.registers import FIRST, LAST, decode, encode
from hal.stdlib import UTC

NAMES = [chip.name for chip in CHIPS]
BYTES = st.integers(0, 255)


def registers_of(name: str, changes: dict[int, int] | None = None) -> dict[int, int]:
    """What a chip holds that shows the fixtures' time; further registers are zero."""
    chip = chips.BY_NAME[name]
    found = dict.fromkeys(range(0x20), 0)
    found.update(zip(chip.time_registers(), bytes.fromhex(FIXTURES[name]), strict=True))
    return {**found, **(changes or {})}


def test_there_is_a_fixture_of_every_chip() -> None:
    assert set(FIXTURES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_fixture_is_read(name: str) -> None:
    assert decode(chips.BY_NAME[name], registers_of(name)) == TIME


@pytest.mark.parametrize("name", NAMES)
def test_the_fixture_is_written(name: str) -> None:
    """From zero registers; what only the chip sets is not in it."""
    chip = chips.BY_NAME[name]
    written = encode(chip, TIME, dict.fromkeys(range(0x20), 0), battery=True)
    expected = bytearray.fromhex(FIXTURES[name])
    if name == "mcp7941x":
        expected[3] &= ~0x20  # OSCRUN
    assert written == expected


@pytest.mark.parametrize("name", NAMES)
@given(
    time=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)),
    before=st.lists(BYTES, min_size=0x20, max_size=0x20),
    battery=st.booleans(),
)
def test_what_is_written_is_read_back_whatever_was_there(
    name: str, time: datetime, before: list[int], battery: bool
) -> None:
    chip = chips.BY_NAME[name]
    wanted = time.replace(microsecond=0, tzinfo=UTC)
    old = dict(enumerate(before))
    block = encode(chip, wanted, old, battery=battery)
    assert len(block) == 7
    now = {**old, **dict(zip(chip.time_registers(), block, strict=True))}
    if chip.twelve_hours and chip.twelve_hours.register not in chip.time_registers():
        now[chip.twelve_hours.register] &= ~chip.twelve_hours.mask  # turned off with the bit that stops it
    assert decode(chip, now) == wanted
    for register, mask in chip.kept:
        if battery and chip.battery and chip.battery.register == register:
            mask &= ~chip.battery.mask  # turned on
        assert now[register] & mask == old[register] & mask


@pytest.mark.parametrize("name", NAMES)
def test_every_day_of_the_century_is_the_same_both_ways(name: str) -> None:
    chip, zero = chips.BY_NAME[name], dict.fromkeys(range(0x20), 0)
    weekdays = set()
    for day in range((LAST - FIRST).days + 1):
        wanted = FIRST + timedelta(days=day, seconds=86399 * (day % 2))
        block = encode(chip, wanted, zero, battery=False)
        assert decode(chip, {**zero, **dict(zip(chip.time_registers(), block, strict=True))}) == wanted
        weekdays.add(block[3 if chip.weekday_first else 4] & 0x07)
    assert weekdays == set(range(chip.sunday, chip.sunday + 7))


@pytest.mark.parametrize("name", NAMES)
@given(data=st.lists(BYTES, min_size=0x20, max_size=0x20))
def test_any_registers_are_a_time_or_refused(name: str, data: list[int]) -> None:
    chip = chips.BY_NAME[name]
    with suppress(ValueError):  # nothing else
        found = decode(chip, dict(enumerate(data)))
        assert found.tzinfo is UTC
        assert 1900 <= found.year <= 2099


def changed(name: str, part: int, value: int) -> tuple[str, dict[int, int]]:
    """A register of the time, counted from the seconds, with another value."""
    return name, {chips.BY_NAME[name].seconds + part: value}


NO_TIMES = {
    "seconds 5a": (*changed("ds1307", 0, 0x5A), "second 0x5a is no decimal number"),
    "seconds 60": (*changed("pcf8563", 0, 0x60), "second must be in"),
    "minutes f0": (*changed("pcf8523", 1, 0x7F), "minute 0x7f is no decimal number"),
    "hour 24": (*changed("bq32000", 2, 0xE4), "hour must be in"),
    "month 00": (*changed("ds3231", 5, 0x00), "month must be in"),
    "month 13": (*changed("pcf85063", 5, 0x13), "month must be in"),
    "day 00": (*changed("ds1340", 4, 0x00), "day is out of range"),
    "31 February": ("ds1307", {4: 0x31, 5: 0x02}, "day is out of range"),
    "29 February of no leap year": ("mcp7941x", {4: 0x29, 5: 0x02}, "day is out of range"),
    "year ff": (*changed("ds1307", 6, 0xFF), "year 0xff is no decimal number"),
    "hour 13 of twelve": ("ds1307", {2: 0x53}, "hour 13 of twelve"),
    "hour 0 of twelve": ("ds1307", {2: 0x40}, "hour 0 of twelve"),
    "all zero": ("pcf8563", dict.fromkeys(range(0x20), 0), "is no time"),
    "all one": ("pcf8563", dict.fromkeys(range(0x20), 0xFF), "no decimal number"),
}


@pytest.mark.parametrize("case", NO_TIMES)
def test_what_is_no_time(case: str) -> None:
    name, changes, words = NO_TIMES[case]
    with pytest.raises(ValueError, match=words):
        decode(chips.BY_NAME[name], registers_of(name, changes))


@pytest.mark.parametrize(
    ("name", "changes", "hour"),
    [
        ("ds1307", {2: 0x72}, 12),  # 12 PM
        ("ds1307", {2: 0x52}, 0),  # 12 AM
        ("ds3231", {2: 0x69}, 21),
        ("ds3231", {2: 0x49}, 9),
        ("mcp7941x", {2: 0x61}, 13),
        ("pcf8523", {0: 0x08, 5: 0x29}, 21),
        ("pcf8523", {0: 0x08, 5: 0x12}, 0),
        ("pcf85063", {0: 0x02, 6: 0x32}, 12),
        ("pcf8563", {0: 0x08}, 21),  # has no twelve hours
        ("ds1340", {2: 0xE1}, 21),  # bits 7 and 6 are the century
    ],
)
def test_twelve_hours(name: str, changes: dict[int, int], hour: int) -> None:
    assert decode(chips.BY_NAME[name], registers_of(name, changes)) == TIME.replace(hour=hour)


@pytest.mark.parametrize(
    ("name", "changes", "year"),
    [
        ("bq32000", {2: 0xE1}, 2031),
        ("bq32000", {2: 0x21}, 1931),
        ("bq32000", {2: 0xA1}, 1931),
        ("ds3231", {5: 0x87}, 2031),
        ("ds1340", {2: 0xE1}, 2031),
        ("pcf8563", {7: 0x87}, 2031),
        ("pcf8563", {8: 0x99}, 2099),
        ("mcp7941x", {5: 0x27}, 2031),  # the bit of leap years
    ],
)
def test_centuries(name: str, changes: dict[int, int], year: int) -> None:
    assert decode(chips.BY_NAME[name], registers_of(name, changes)) == TIME.replace(year=year)


@pytest.mark.parametrize("wanted", [FIRST - timedelta(seconds=1), LAST + timedelta(seconds=1)])
def test_another_century_is_refused(wanted: datetime) -> None:
    with pytest.raises(ValueError, match="two digits"):
        encode(CHIPS[0], wanted, dict.fromkeys(range(0x20), 0), battery=False)


def test_another_zone_is_written_as_utc() -> None:
    block = encode(CHIPS[0], TIME.astimezone(timezone(timedelta(hours=-5))), dict.fromkeys(range(8), 0), battery=False)
    assert block == bytes.fromhex(FIXTURES["ds1307"])
