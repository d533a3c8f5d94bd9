"""Real-time clock chips on I²C: where their registers are, what their bits mean, and how each is set.

Seven registers hold the time in BCD, the seconds first; the day of the month and the weekday change places between
makers. Facts: the makers' data sheets, and the drivers of Linux 6.1 where boards rely on how those read them.

DS3231 and DS1340 count centuries in a bit that Linux ignores unless it is built to heed it, and boards disagree about
what the bit of the PCF8563 means; a year is of this century with all of them, and the bit of the PCF8563 stays.
"""

from __future__ import annotations

from typing import NamedTuple

from attrs import frozen

from hal.model import RtcProblem
from hal.record import Record

_STOPPED, _INVALID = RtcProblem.OSCILLATOR_STOPPED, RtcProblem.DATA_INVALID


class Bit(NamedTuple):
    """Bits of a register."""

    register: int
    mask: int


class Flag(NamedTuple):
    """A problem, where the bits of a register have this value."""

    register: int
    mask: int
    value: int
    problem: RtcProblem


class Set(NamedTuple):
    """Bits of a register, and the value that they get."""

    register: int
    mask: int
    value: int


@frozen(kw_only=True, repr=False, eq=False)
class Chip(Record):
    """One chip. Registers are numbers from 0; `seconds` is the first of the seven that hold the time.

    `weekday_first` is whether the weekday stands before the day of the month; `sunday` is the number of Sunday.
    `kernel_driver` is its driver's name in sysfs, `other_names` what the kernel or an overlay calls the same chip.
    """

    name: str
    kernel_driver: str
    address: int
    seconds: int
    weekday_first: bool
    sunday: int
    other_names: tuple[str, ...] = ()
    twelve_hours: Bit | None = None
    """Set while it counts twelve hours; bit 5 of the hour is then PM. A write turns it to 24 hours."""
    century: Bit | None = None
    """Set in the 21st century, clear in the 20th."""
    health: tuple[Flag, ...] = ()
    ran_on_battery: Bit | None = None
    ones: tuple[Bit, ...] = ()
    """Set in the time registers that are written."""
    kept: tuple[Bit, ...] = ()
    """Left in the time registers as they are."""
    stop: Bit | None = None
    """Set while the time is written, and cleared behind it."""
    cleared: tuple[Bit, ...] = ()
    """Cleared behind the time: from then on it is valid."""
    battery: Set | None = None
    """Lets the battery take over. Written on boards that are known to have one."""

    def control_registers(self) -> tuple[int, ...]:
        """Every further register that tells something."""
        told = (*self.health, *self.cleared, self.twelve_hours, self.ran_on_battery, self.stop, self.battery)
        return tuple(sorted({each.register for each in told if each} - set(self.time_registers())))

    def time_registers(self) -> range:
        """The seven that hold the time."""
        return range(self.seconds, self.seconds + 7)


def _dallas(name: str, *others: str, health: tuple[Flag, ...], cleared: tuple[Bit, ...] = (), hours: int = 24) -> Chip:
    """What the DS1307 and its descendants share."""
    return Chip(
        name=name,
        other_names=others,
        kernel_driver="rtc-ds1307",
        address=0x68,
        seconds=0x00,
        weekday_first=True,
        sunday=1,
        twelve_hours=Bit(0x02, 0x40) if hours == 12 else None,
        health=health,
        cleared=cleared,
    )


CHIPS: tuple[Chip, ...] = (
    _dallas("ds1307", health=(Flag(0x00, 0x80, 0x80, _STOPPED),), hours=12),
    _dallas(
        "ds3231",
        health=(Flag(0x0F, 0x80, 0x80, _STOPPED), Flag(0x0E, 0x80, 0x80, RtcProblem.BACKUP_OFF)),
        cleared=(Bit(0x0E, 0x80), Bit(0x0F, 0x80)),
        hours=12,
    ),
    _dallas(
        "ds1340",
        health=(Flag(0x00, 0x80, 0x80, _STOPPED), Flag(0x09, 0x80, 0x80, _STOPPED)),
        cleared=(Bit(0x09, 0x80),),
    ),
    Chip(
        name="mcp7941x",
        other_names=("mcp79410", "mcp79411", "mcp79412", "mcp7940x"),
        kernel_driver="rtc-ds1307",
        address=0x6F,
        seconds=0x00,
        weekday_first=True,
        sunday=1,
        twelve_hours=Bit(0x02, 0x40),
        # The bit that starts it is the inverse of a DS1307's; whether it runs, it tells by another.
        health=(
            Flag(0x00, 0x80, 0x00, _STOPPED),
            Flag(0x03, 0x20, 0x00, _STOPPED),
            Flag(0x03, 0x08, 0x00, RtcProblem.BACKUP_OFF),
        ),
        ran_on_battery=Bit(0x03, 0x10),
        ones=(Bit(0x00, 0x80),),
        kept=(Bit(0x03, 0x28),),
        battery=Set(0x03, 0x08, 0x08),
    ),
    Chip(
        name="bq32000",
        other_names=("bq32002",),
        kernel_driver="bq32k",
        address=0x68,
        seconds=0x00,
        weekday_first=True,
        sunday=1,
        century=Bit(0x02, 0x40),
        health=(Flag(0x00, 0x80, 0x80, _STOPPED), Flag(0x01, 0x80, 0x80, _STOPPED)),
        ones=(Bit(0x02, 0xC0),),
    ),
    Chip(
        name="pcf8523",
        kernel_driver="rtc-pcf8523",
        address=0x68,
        seconds=0x03,
        weekday_first=False,
        sunday=0,
        twelve_hours=Bit(0x00, 0x08),
        health=(
            Flag(0x03, 0x80, 0x80, _STOPPED),
            Flag(0x00, 0x20, 0x20, _STOPPED),
            Flag(0x02, 0x04, 0x04, RtcProblem.BATTERY_LOW),
            Flag(0x02, 0xE0, 0xE0, RtcProblem.BACKUP_OFF),
        ),
        ran_on_battery=Bit(0x02, 0x08),
        stop=Bit(0x00, 0x20),
        battery=Set(0x02, 0xE0, 0x00),
    ),
    Chip(
        name="pcf8563",
        kernel_driver="rtc-pcf8563",
        address=0x51,
        seconds=0x02,
        weekday_first=False,
        sunday=0,
        health=(Flag(0x02, 0x80, 0x80, _INVALID), Flag(0x00, 0x20, 0x20, _STOPPED)),
        kept=(Bit(0x07, 0x80),),
        cleared=(Bit(0x00, 0x20),),
    ),
    Chip(
        name="pcf85063",
        other_names=("pcf85063a", "pcf85063tp"),
        kernel_driver="rtc-pcf85063",
        address=0x51,
        seconds=0x04,
        weekday_first=False,
        sunday=0,
        twelve_hours=Bit(0x00, 0x02),
        health=(Flag(0x04, 0x80, 0x80, _STOPPED), Flag(0x00, 0x20, 0x20, _STOPPED)),
        stop=Bit(0x00, 0x20),
    ),
)
"""Chips whose registers are known here."""

BY_NAME = {name: chip for chip in CHIPS for name in (chip.name, *chip.other_names)}
"""The chip of every name that an overlay, a device tree or the kernel has for it."""
