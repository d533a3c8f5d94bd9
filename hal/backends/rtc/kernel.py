"""A clock that a kernel driver has: `/sys/class/rtc/rtcN` and `/dev/rtcN`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from hal.backends.rtc.node import RtcNode, faults, packed, refusals, rtc_node, told_invalid, unpacked
from hal.backends.rtc.source import EARLIEST, Look
from hal.model import Clock, RtcProblem
from hal.root import Root
from hal.stdlib import UTC

FOLDER = "sys/class/rtc"

FLAGS = {
    0x01: RtcProblem.DATA_INVALID,
    0x02: RtcProblem.BATTERY_LOW,
    0x04: RtcProblem.BATTERY_EMPTY,
    0x08: RtcProblem.ACCURACY_LOW,
}
RAN_ON_BATTERY = 0x10
"""Voltage flags (`linux/rtc.h`). Old drivers answer a bit of their chip instead, which always means an invalid time."""

OTHER_DRIVERS = {"am33xx-rtc": ("omap-rtc",)}
"""Drivers that the kernel calls otherwise than the field does."""


def numbers(root: Root) -> tuple[int, ...]:
    """The kernel's clocks."""
    names = (re.fullmatch(r"rtc(\d+)", name) for name in root.listdir(FOLDER))
    return tuple(sorted(int(found[1]) for found in names if found))


def node_name(number: int) -> str:
    """The device node of a clock, below the root."""
    return f"dev/rtc{number}"


def attribute(root: Root, number: int, name: str) -> str | None:
    """An attribute of a clock in sysfs."""
    return root.read_value(f"{FOLDER}/rtc{number}/{name}")


def driver_and_device(root: Root, number: int) -> tuple[str, str]:
    """What the kernel calls a clock: its driver, and the device (`rtc-pcf8563`, `1-0051`)."""
    driver, _, device = (attribute(root, number, "name") or "").partition(" ")
    return driver, device


def find(root: Root, fact: Clock) -> int | None:
    """The kernel's clock that is the one of a row: at its I²C address, else of its driver. Its number decides nothing.

    A row's number says what it usually is; another clock may have come first. Buses are numbered otherwise by some
    kernels, so that of the row is preferred and not needed.
    """
    at_address: list[int] = []
    elsewhere: list[int] = []
    others: list[tuple[int, str]] = []
    for number in numbers(root):
        driver, device = driver_and_device(root, number)
        place = re.fullmatch(r"(\d+)-([0-9a-f]{4})", device)
        if place and fact.i2c_address is not None:
            if int(place[2], 16) == fact.i2c_address:
                (at_address if fact.i2c_bus in (None, int(place[1])) else elsewhere).append(number)
        else:
            others.append((number, _plain(driver)))
    names = [_plain(name) for name in (fact.driver, *OTHER_DRIVERS.get(fact.driver, ()))]
    by_driver = [number for number, driver in others if driver in names]
    if not by_driver and others and fact.i2c_address is not None:
        from hal.backends.rtc import chips  # some rows call a driver by the chip's name

        chip = chips.BY_NAME.get(fact.driver)
        by_driver = [number for number, driver in others if chip and driver == _plain(chip.kernel_driver)]
    return next(iter([*at_address, *elsewhere, *by_driver]), None)


def _plain(driver: str) -> str:
    """`rtc_cmos`, `rtc-cmos` and `cmos` are the same driver."""
    return driver.replace("_", "-").removeprefix("rtc-")


class KernelClock:
    """A clock through its driver."""

    def __init__(self, root: Root, number: int) -> None:
        self.root, self.number = root, number
        self.node = node_name(number)

    def facts(self) -> dict[str, Any]:
        """Driver and place, whether the system's time came from it, and the voltage of its battery where measured."""
        driver, device = driver_and_device(self.root, self.number)
        place = re.fullmatch(r"(\d+)-([0-9a-f]{4})", device)
        voltage = attribute(self.root, self.number, "battery_voltage") or ""
        set_system = attribute(self.root, self.number, "hctosys")
        return {
            "driver": driver or None,
            "i2c_bus": int(place[1]) if place else None,
            "i2c_address": int(place[2], 16) if place else None,
            "sets_system_clock": None if set_system is None else set_system == "1",
            "battery_microvolts": int(voltage) if voltage.isdecimal() else None,
        }

    def range(self) -> tuple[datetime | None, datetime | None]:
        """What its driver says, and not before 1970."""
        found = re.fullmatch(r"\[\s*(-?\d+),\s*(-?\d+)\s*\]", attribute(self.root, self.number, "range") or "")
        if not found:
            return EARLIEST, None
        first, last = (_moment(int(each)) for each in found.groups())
        return max(EARLIEST, first or EARLIEST), last

    @contextmanager
    def hold(self) -> Iterator[KernelSession]:
        """Its node can be open once, so who has it is alone."""
        with rtc_node(self.root, self.node) as held:
            yield KernelSession(held, self.node)


class KernelSession:
    """An open device node."""

    def __init__(self, held: RtcNode, name: str) -> None:
        self._held, self._name = held, name

    def look(self) -> Look:
        """The flags first: a driver may answer with a time that they call invalid."""
        with faults(self._name):
            flags = self._held.flags()
            problems = tuple(problem for bit, problem in FLAGS.items() if (flags or 0) & bit)
            if (flags or 0) & ~(sum(FLAGS) | RAN_ON_BATTERY):
                problems = tuple(dict.fromkeys((RtcProblem.DATA_INVALID, *problems)))
            ran = None if flags is None else bool(flags & RAN_ON_BATTERY)
            try:
                time = unpacked(self._held.read())
            except OSError as error:
                if not told_invalid(error):
                    raise
                fault = "its driver says that its time is not valid"
            except ValueError as error:
                fault = str(error)
            else:
                if RtcProblem.DATA_INVALID not in problems:
                    return Look(time, problems=problems, told=flags is not None, ran_on_battery=ran)
                fault = "its voltage flags say that its time is not valid"
        problems = tuple(dict.fromkeys((RtcProblem.DATA_INVALID, *problems)))
        return Look(None, fault, problems, told=True, ran_on_battery=ran)

    def put(self, time: datetime) -> None:
        """RTC_SET_TIME."""
        with faults(self._name), refusals(self._name, time):
            self._held.write(packed(time))


def _moment(seconds: int) -> datetime | None:
    """A time of the kernel's; `None` beyond what a date can say."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
