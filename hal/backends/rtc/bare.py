"""A clock chip on I²C that no kernel driver is bound to, read and set through its registers.

Only a chip that the board's table names, at the address it names: an address tells nothing about what answers there.
The seven time registers are read in one transfer, so that no second passes between them, and written in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from hal.backends.rtc import chips
from hal.backends.rtc.chips import Chip
from hal.backends.rtc.node import Bus, faults, i2c_bus
from hal.backends.rtc.registers import FIRST, LAST, decode, encode, is_set
from hal.backends.rtc.source import TRUSTLESS, Look
from hal.errors import FileFault
from hal.model import Clock, RtcProblem
from hal.root import Root

DEVICES = "sys/bus/i2c/devices"


def chip_of(fact: Clock) -> Chip | None:
    """The chip of a row, where the row names the very chip and its registers are known."""
    return chips.BY_NAME.get(fact.chip or "") if fact.i2c_address is not None else None


def bus_of(root: Root, fact: Clock, chip: Chip) -> int | None:
    """The bus: the row's, else that on which the kernel has a device of the chip's name at the row's address."""
    if fact.i2c_bus is not None:
        return fact.i2c_bus
    buses = [
        bus
        for bus, device in _devices(root, fact)
        if chips.BY_NAME.get(root.read_value(f"{DEVICES}/{device}/name") or "") is chip
    ]
    return buses[0] if len(buses) == 1 else None


def _devices(root: Root, fact: Clock) -> Iterator[tuple[int, str]]:
    """The devices that the kernel has at the row's address, bound or not, with their bus."""
    if fact.i2c_address is None:
        return
    for device in root.listdir(DEVICES):
        place = re.fullmatch(r"(\d+)-([0-9a-f]{4})", device)
        if place and int(place[2], 16) == fact.i2c_address:
            yield int(place[1]), device


class BareClock:
    """A chip on a bus; `battery` is whether the board is known to have one for it."""

    def __init__(self, root: Root, chip: Chip, bus: int, address: int, *, battery: bool) -> None:
        self.root, self.chip, self.bus, self.address, self.battery = root, chip, bus, address, battery
        self.node = f"dev/i2c-{bus}"

    def facts(self) -> dict[str, Any]:
        """The chip and its place."""
        return {"chip": self.chip.name, "i2c_bus": self.bus, "i2c_address": self.address}

    def range(self) -> tuple[datetime | None, datetime | None]:
        """This century."""
        return FIRST, LAST

    @contextmanager
    def hold(self) -> Iterator[BareSession]:
        """Take the bus. Raises `FileFault` where a driver was bound meanwhile."""
        with i2c_bus(self.root, self.node) as bus:
            yield BareSession(bus, self.chip, self.address, f"{self.node} {self.address:#04x}", battery=self.battery)


class BareSession:
    """A chip while its bus is held."""

    def __init__(self, bus: Bus, chip: Chip, address: int, about: str, *, battery: bool) -> None:
        self._bus, self._chip, self._address, self._about, self._battery = bus, chip, address, about, battery

    def look(self) -> Look:
        """Time and health from one reading of the registers."""
        chip, registers = self._chip, self._registers()
        found = (f.problem for f in chip.health if registers[f.register] & f.mask == f.value)
        problems = tuple(dict.fromkeys(found))
        ran = is_set(chip.ran_on_battery, registers) if chip.ran_on_battery else None
        time, fault = None, ""
        try:
            time = decode(chip, registers)
        except ValueError as error:
            fault = f"the registers of the {chip.name} hold no time: {error}"
            problems = tuple(dict.fromkeys((TRUSTLESS[0], *problems)))
        else:
            if any(each in TRUSTLESS for each in problems):
                time, fault = None, f"the {chip.name} says that it stood still, or lost its supply, since it was set"
        mends = RtcProblem.BACKUP_OFF in problems and (self._battery or chip.battery is None)
        return Look(time, fault, problems, told=True, ran_on_battery=ran, set_mends=mends)

    def put(self, time: datetime) -> None:
        """Write the time as the chip wants it, and only then clear what called the old one invalid.

        Where it fails while the chip is stopped for it, the chip is put back to how it was.
        """
        chip, registers = self._chip, self._registers()
        block = encode(chip, time, registers, battery=self._battery)
        control = None
        if chip.stop is not None:
            control = registers[chip.stop.register] & ~_mode(chip, chip.stop.register)
            self._write(chip.stop.register, bytes((control | chip.stop.mask,)))
        try:
            self._write(chip.seconds, block)
            if chip.stop is not None and control is not None:
                self._write(chip.stop.register, bytes((control & ~chip.stop.mask,)))
        except BaseException:
            if chip.stop is not None:
                with suppress(FileFault):
                    self._write(chip.stop.register, bytes((registers[chip.stop.register],)))
            raise
        for register, mask in chip.cleared:
            if registers[register] & mask:
                self._write(register, bytes((registers[register] & ~mask,)))
        self._let_battery_take_over(registers)

    def _let_battery_take_over(self, registers: dict[int, int]) -> None:
        """Where its bits are in a register of their own, and it is off."""
        wish = self._chip.battery
        if not self._battery or wish is None or wish.register in self._chip.time_registers():
            return
        flag = next(f for f in self._chip.health if (f.register, f.mask) == (wish.register, wish.mask))
        if registers[wish.register] & flag.mask == flag.value:
            self._write(wish.register, bytes((registers[wish.register] & ~wish.mask | wish.value,)))

    def _registers(self) -> dict[int, int]:
        """Every register that tells something."""
        chip = self._chip
        found = dict(zip(chip.time_registers(), self._read(chip.seconds, 7), strict=True))
        return {**found, **{register: self._read(register, 1)[0] for register in chip.control_registers()}}

    def _read(self, register: int, length: int) -> list[int]:
        with faults(self._about):
            found = self._bus.read_i2c_block_data(self._address, register, length)
        if len(found) != length:
            raise FileFault(f"{self._about}: {len(found)} of {length} registers were read", path=self._about)
        return found

    def _write(self, register: int, data: bytes) -> None:
        with faults(self._about):
            self._bus.write_i2c_block_data(self._address, register, list(data))


def _mode(chip: Chip, register: int) -> int:
    """The bit of a register that makes the chip count twelve hours."""
    return chip.twelve_hours.mask if chip.twelve_hours and chip.twelve_hours.register == register else 0
