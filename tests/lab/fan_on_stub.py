"""Drives an EMC2301 that the kernel's i2c-stub module stands for, through smbus2 and this project's own driver.

For a guest in which `modprobe i2c-stub chip_addr=0x2f` was run: `python3 fan_on_stub.py BUS`, with the stub's bus
number. Prints `OK` and ends with 0 where all is as it must be. The stub keeps what is written and nothing else: no fan
turns, so speed is what is put into the tachometer's registers.
"""

from __future__ import annotations

import sys

from hal.backends import i2c
from hal.backends.fan import emc230x
from hal.backends.fan.controller_fan import ControllerFan, Wiring
from hal.backends.fan.curve import CURVES, SAFE_DUTY
from hal.root import Root

ADDRESS = 0x2F
STANDS_FOR = {emc230x.VENDOR: 0x5D, emc230x.PRODUCT: 0x37, emc230x.CONFIGURATION: 0x40, 0x32: 0xAB, 0x38: 0x66}


class Enough(BaseException):
    """Ends the loop, as a signal would."""


def drive(root: Root, bus_number: int) -> None:
    """Identify, take over, set and read back, measure; then the loop itself, and how it leaves the fan."""
    with i2c.opened(root, bus_number) as bus:
        for register, value in STANDS_FOR.items():
            bus.write_byte_data(ADDRESS, register, value)
        chip = emc230x.Emc230x(bus, ADDRESS, where=i2c.node(bus_number))
        assert chip.product.name == "EMC2301", chip.product
        chip.take_over(64)
        assert bus.read_byte_data(ADDRESS, emc230x.CONFIGURATION) == 0x60
        assert bus.read_byte_data(ADDRESS, emc230x.FAN_CONFIGURATION) == 0x2B
        assert bus.read_byte_data(ADDRESS, emc230x.MINIMUM) == 64
        for duty in (0, 1, 128, 255):
            chip.set_drive(0, duty)
            assert chip.drive(0) == duty
        bus.write_byte_data(ADDRESS, emc230x.TACH_HIGH, 0x1A)
        bus.write_byte_data(ADDRESS, emc230x.TACH_LOW, 0x40)
        assert chip.rpm(0) == 9362, chip.rpm(0)
    # The guest has no such zone, so the temperature cannot be read: the safe floor, and full speed at the end.
    fan = ControllerFan(root, Wiring(bus=bus_number, address=ADDRESS, zone="no-such-zone"))
    assert fan.absence() is None, fan.absence()
    assert fan.set(CURVES[0].name).value == CURVES[0].name
    log: list[str] = []

    def heard(line: str) -> None:
        log.append(line)
        if len(log) == 1:
            with i2c.opened(root, bus_number) as bus:
                assert bus.read_byte_data(ADDRESS, emc230x.DRIVE) == SAFE_DUTY
            raise Enough

    try:
        fan.regulate(interval_seconds=0.5, log=heard)
    except Enough:
        pass
    else:
        raise AssertionError("the loop ended by itself")
    assert "cannot be read" in log[0], log
    assert fan.state().readings[0].pwm_percent == 100.0
    fan.set(None)


def main(arguments: list[str]) -> int:
    """The bus number, and where `/` is, for a guest that is looked at from outside."""
    drive(Root(arguments[1] if len(arguments) > 1 else "/"), int(arguments[0]))
    print("OK")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
