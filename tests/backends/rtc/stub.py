"""What stands for hardware: clocks of the kernel as files, and an I²C bus that behaves as the kernel's i2c-stub.

Its registers stay as they are, and a block has at most 32 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from errno import EIO
from pathlib import Path

from hal.backends.rtc import chips
from hal.backends.rtc.bare import BareSession
from hal.backends.rtc.chips import Chip
from hal.root import Root
from hal.stdlib import UTC

TIME = datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC)
"""A Wednesday."""
FIXTURES = {
    "ds1307": "30 45 21 04 09 07 31",
    "ds3231": "30 45 21 04 09 07 31",
    "ds1340": "30 45 21 04 09 07 31",
    "mcp7941x": "b0 45 21 2c 09 07 31",
    "bq32000": "30 45 e1 04 09 07 31",
    "pcf8523": "30 45 21 09 03 07 31",
    "pcf8563": "30 45 21 09 03 07 31",
    "pcf85063": "30 45 21 09 03 07 31",
}
"""Registers of that time, from the seconds on: by the data sheets, not by the code that is tested."""


class StubBus:
    """256 registers for each address. `fails` is the number of the write that fails, counted from 1."""

    def __init__(self, registers: Mapping[int, bytes], *, fails: int = 0) -> None:
        self.registers = {address: bytearray(data.ljust(256, b"\0")) for address, data in registers.items()}
        self.writes: list[tuple[int, bytes]] = []
        self.fails = fails

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        assert 1 <= length <= 32, "no more is in a block"
        return list(self._chip(i2c_addr)[register : register + length])

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        assert 1 <= len(data) <= 32, "no more is in a block"
        self.writes.append((register, bytes(data)))
        if len(self.writes) == self.fails:
            raise OSError(EIO, "Input/output error")
        self._chip(i2c_addr)[register : register + len(data)] = bytes(data)

    def _chip(self, address: int) -> bytearray:
        if address not in self.registers:
            raise OSError(EIO, "Input/output error")
        return self.registers[address]


def fixture(name: str, changes: Mapping[int, int] | None = None) -> StubBus:
    """The bus with one chip that shows `TIME`, but for registers that are changed."""
    chip = chips.BY_NAME[name]
    registers = bytearray(256)
    registers[chip.seconds : chip.seconds + 7] = bytes.fromhex(FIXTURES[name])
    for register, value in (changes or {}).items():
        registers[register] = value
    return StubBus({chip.address: bytes(registers)})


def session(bus: StubBus, chip: Chip, *, battery: bool = False) -> BareSession:
    return BareSession(bus, chip, chip.address, f"dev/i2c-9 {chip.address:#04x}", battery=battery)


def clocks(root: Root, *names: str, **attributes: str) -> None:
    """What sysfs shows of as many clocks."""
    for number, name in enumerate(names):
        folder = root.directory / f"sys/class/rtc/rtc{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{name}\n")
        for attribute, value in attributes.items():
            (folder / attribute).write_text(f"{value}\n")


def stand_in(root: Root, data: bytes, number: int = 0) -> Path:
    path = root.directory / f"dev/rtc{number}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path
