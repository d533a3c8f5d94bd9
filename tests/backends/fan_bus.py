"""An I²C bus like that of the kernel's i2c-stub: registers that keep what is written, at the addresses that it has."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hal.backends import i2c
from hal.backends.fan import emc230x
from hal.root import Root

EMC2301 = {emc230x.VENDOR: 0x5D, emc230x.PRODUCT: 0x37, emc230x.CONFIGURATION: 0x40, 0x32: 0x2B, 0x38: 0x66}


class StubBus:
    """Chips by address, each a table of registers. `broken` refuses transfers, `stuck` are registers that keep theirs.

    `log` holds every write: address, register, value.
    """

    def __init__(self, chips: dict[int, dict[int, int]]) -> None:
        self.chips = {address: dict(registers) for address, registers in chips.items()}
        self.stuck: set[int] = set()
        self.broken = False
        self.log: list[tuple[int, int, int]] = []
        self.asked: set[int] = set()

    def _chip(self, address: int) -> dict[int, int]:
        self.asked.add(address)
        if self.broken or address not in self.chips:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return self.chips[address]

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return self._chip(i2c_addr).get(register, 0)

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        assert 0 <= value <= 255
        chip = self._chip(i2c_addr)
        self.log.append((i2c_addr, register, value))
        if register not in self.stuck:
            chip[register] = value

    def opened(self) -> Callable[[Root, int], object]:
        """What takes the place of `hal.backends.i2c.opened`."""

        @contextmanager
        def open_bus(_root: Root, _bus: int) -> Iterator[i2c.Bus]:
            yield self

        return open_bus
