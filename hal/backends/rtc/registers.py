"""The time of a chip as its seven registers, both ways. No hardware is touched here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from hal.backends.rtc.chips import Bit, Chip
from hal.stdlib import UTC

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
"""What two digits of a year hold."""

_PM, _HOUR_12, _HOUR_24 = 0x20, 0x1F, 0x3F
_MASKS = {"second": 0x7F, "minute": 0x7F, "day": 0x3F, "month": 0x1F, "year": 0xFF}


def decode(chip: Chip, registers: Mapping[int, int]) -> datetime:
    """The time that registers hold. Raises `ValueError`, with what is wrong, for what is no time."""
    places = _places(chip)
    field = {name: _number(name, registers[places[name]] & mask) for name, mask in _MASKS.items()}
    hour = registers[places["hour"]]
    if chip.twelve_hours and is_set(chip.twelve_hours, registers):
        of_twelve = _number("hour", hour & _HOUR_12)
        if not 1 <= of_twelve <= 12:
            raise ValueError(f"hour {of_twelve} of twelve")
        field["hour"] = of_twelve % 12 + (12 if hour & _PM else 0)
    else:
        field["hour"] = _number("hour", hour & _HOUR_24)
    century = 1900 if chip.century and not is_set(chip.century, registers) else 2000
    field["year"] += century
    try:
        return datetime(**field, tzinfo=UTC)
    except ValueError as error:
        words = "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}".format(**field)
        raise ValueError(f"{words} is no time: {error}") from None


def encode(chip: Chip, wanted: datetime, registers: Mapping[int, int], *, battery: bool) -> bytes:
    """The seven registers of a time, of 24 hours. What the chip keeps of them is taken from those that are there.

    The weekday is counted as the kernel's drivers do. With `battery`, it may take over, where that bit is among them.
    """
    utc = wanted.astimezone(UTC)
    if not FIRST <= utc < LAST + timedelta(seconds=1):
        raise ValueError(f"{utc.isoformat()} is beyond what two digits of a year hold")
    values = {
        "second": utc.second,
        "minute": utc.minute,
        "hour": utc.hour,
        "day": utc.day,
        "month": utc.month,
        "year": utc.year % 100,
    }
    places = _places(chip)
    block = {places[name]: value // 10 << 4 | value % 10 for name, value in values.items()}
    block[places["weekday"]] = utc.isoweekday() % 7 + chip.sunday
    for register, mask in chip.kept:
        block[register] |= registers[register] & mask
    for register, mask in chip.ones:
        block[register] |= mask
    if battery and chip.battery and chip.battery.register in block:
        register, mask, value = chip.battery
        block[register] = block[register] & ~mask | value
    return bytes(block[register] for register in chip.time_registers())


def is_set(bit: Bit, registers: Mapping[int, int]) -> bool:
    """Whether a bit is set."""
    return bool(registers[bit.register] & bit.mask)


def _places(chip: Chip) -> dict[str, int]:
    """The register of each part of the time."""
    days = ("weekday", "day") if chip.weekday_first else ("day", "weekday")
    return {
        name: chip.seconds + place for place, name in enumerate(("second", "minute", "hour", *days, "month", "year"))
    }


def _number(name: str, digits: int) -> int:
    """Two decimal digits, four bits each."""
    tens, ones = digits >> 4, digits & 0x0F
    if tens > 9 or ones > 9:
        raise ValueError(f"{name} {digits:#04x} is no decimal number")
    return tens * 10 + ones
