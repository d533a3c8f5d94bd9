"""An I²C bus of the device: where its node is, whether a kernel driver holds an address, and opening it with smbus2.

An address that a kernel driver holds is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from hal.errors import FileFault, HalError
from hal.root import Root

if TYPE_CHECKING:
    from smbus2 import SMBus


class Bus(Protocol):
    """What a chip of single registers needs of an open bus; smbus2's is one, and every adapter can do it."""

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """One register of one chip."""

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Set one register of one chip."""


def node(bus: int) -> str:
    """The device node of a bus, below the root."""
    return f"dev/i2c-{bus}"


def held_by(root: Root, bus: int, address: int) -> str | None:
    """The kernel driver that holds an address; `None` where none does."""
    folder = f"sys/bus/i2c/devices/{bus}-{address:04x}"
    if not root.exists(f"{folder}/driver"):
        return None
    return root.resolve(f"{folder}/driver").name


@contextmanager
def opened(root: Root, bus: int) -> Iterator[Bus]:
    """The bus while it is open; what goes wrong on it is a `FileFault` of its node."""
    with smbus(root, node(bus)) as there:
        yield there


@contextmanager
def smbus(root: Root, name: str) -> Iterator[SMBus]:
    """The bus of a device node, opened with smbus2."""
    try:
        from smbus2 import SMBus
    except ImportError as error:
        raise HalError(f"{name}: smbus2 is not installed: pip install 'device-hal[i2c]'", path=name) from error
    with transfers(name):
        there = SMBus(str(root.resolve(name)))
    try:
        yield there
    finally:
        there.close()


@contextmanager
def transfers(name: str) -> Iterator[None]:
    """Operating-system errors of transfers, in words. No answer from a chip is `EREMOTEIO` or `ENXIO`."""
    try:
        yield
    except OSError as error:
        raise FileFault(f"{name}: {(error.strerror or str(error)).lower()}", path=name) from error
