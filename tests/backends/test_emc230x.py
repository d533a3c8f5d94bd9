"""Controllers without a kernel driver: who answers, duty and speed, the watchdog; on a bus like that of i2c-stub."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from backends.fan_bus import EMC2301, StubBus

from hal.backends import i2c
from hal.backends.fan import emc230x
from hal.backends.fan.controller_fan import ControllerFan
from hal.backends.fan.emc230x import PRODUCTS, Emc230x
from hal.errors import FileFault, HalError, NotApplied
from hal.root import Root

ADDRESS = 0x2F


def chip(bus: StubBus) -> Emc230x:
    return Emc230x(bus, ADDRESS, where="dev/i2c-10")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_each_product_is_known_by_its_number(product: emc230x.Product) -> None:
    bus = StubBus({ADDRESS: {**EMC2301, emc230x.PRODUCT: product.number}})
    assert chip(bus).product == product
    assert bus.log == [], "looking writes nothing"
    assert bus.asked == {ADDRESS}, "no other address is asked"


@pytest.mark.parametrize(
    ("registers", "words"),
    [
        ({0xFE: 0x00, 0xFD: 0x37}, "answers vendor 0x00; vendor 0x5d and one of"),
        ({0xFE: 0x5D, 0xFD: 0x38}, "answers vendor 0x5d and product 0x38"),
        ({0xFE: 0xFF, 0xFD: 0xFF}, "answers vendor 0xff"),
    ],
)
def test_another_chip_at_the_address_is_left_alone(registers: dict[int, int], words: str) -> None:
    bus = StubBus({ADDRESS: registers})
    with pytest.raises(HalError, match=words):
        chip(bus)
    assert bus.log == []


def test_nobody_answers() -> None:
    with pytest.raises(FileFault, match="dev/i2c-10 address 0x2f: remote i/o error"):
        chip(StubBus({}))


@pytest.mark.parametrize("fan", range(5))
def test_the_registers_of_each_fan(fan: int) -> None:
    bus = StubBus({ADDRESS: {**EMC2301, emc230x.PRODUCT: 0x34}})
    found = chip(bus)
    found.set_drive(fan, 128)
    assert bus.log == [(ADDRESS, 0x30 + 0x10 * fan, 128)]
    assert found.drive(fan) == 128
    bus.chips[ADDRESS] |= {0x3E + 0x10 * fan: 0x1A, 0x3F + 0x10 * fan: 0x40}
    assert found.rpm(fan) == 3_932_160 * 2 // (0x1A40 >> 3)


@pytest.mark.parametrize(
    ("high", "low", "rpm"),
    [
        (0xFF, 0xF8, 0),  # the counter is at its end, as of a fan that stands still
        (0xFF, 0xF0, 960),
        (0x00, 0x00, 0),
        (0x00, 0x07, 0),
        (0x0F, 0x58, 16016),
    ],
)
def test_speed_is_a_count_of_13_bits_high_byte_first(high: int, low: int, rpm: int) -> None:
    bus = StubBus({ADDRESS: {**EMC2301, 0x3E: high, 0x3F: low}})
    assert chip(bus).rpm(0) == rpm


def test_a_duty_that_does_not_read_back(tmp_path: Path) -> None:
    bus = StubBus({ADDRESS: EMC2301})
    found = chip(bus)
    bus.stuck.add(0x30)
    with pytest.raises(NotApplied, match="fan 0 reads back duty 0 instead of 200"):
        found.set_drive(0, 200)


def test_a_watchdog_that_was_triggered_is_ended_and_armed_anew() -> None:
    class Triggered(StubBus):
        """Holds full speed until the watchdog is turned off."""

        def read_byte_data(self, i2c_addr: int, register: int) -> int:
            held = self.chips[i2c_addr].get(0x20, 0) & 0x20 and not any(value == 0x40 for _, _, value in self.log)
            return 255 if register == 0x30 and held else super().read_byte_data(i2c_addr, register)

    bus = Triggered({ADDRESS: {**EMC2301, 0x20: 0x60}})
    chip(bus).set_drive(0, 100)
    assert [(register, value) for _, register, value in bus.log] == [
        (0x30, 100),
        (0x20, 0x40),
        (0x20, 0x60),
        (0x30, 100),
    ]


def test_taking_over_arms_the_watchdog_and_opens_the_loop() -> None:
    bus = StubBus({ADDRESS: {**EMC2301, 0x32: 0xAB}})
    chip(bus).take_over(64)
    registers = bus.chips[ADDRESS]
    assert registers[0x32] == 0x2B, "the chip's own regulation is off, the rest of the register as it was"
    assert registers[0x38] == 64
    assert registers[0x20] == 0x40 | 0x20


def test_a_locked_chip_is_told() -> None:
    bus = StubBus({ADDRESS: EMC2301})
    bus.stuck.add(0x20)
    with pytest.raises(NotApplied, match="register 0x20 reads back 0x40 instead of 0x60; it may be locked"):
        chip(bus).take_over(64)


# -- the bus ---------------------------------------------------------------------------------------------------------


def test_a_bound_address_names_its_driver(tmp_path: Path) -> None:
    root = Root(tmp_path)
    device = tmp_path / "sys/bus/i2c/devices/10-002f"
    device.mkdir(parents=True)
    assert i2c.held_by(root, 10, ADDRESS) is None
    driver = tmp_path / "sys/bus/i2c/drivers/emc2305"
    driver.mkdir(parents=True)
    (device / "driver").symlink_to("../../drivers/emc2305")
    assert i2c.held_by(root, 10, ADDRESS) == "emc2305"
    assert i2c.held_by(root, 1, ADDRESS) is None
    assert i2c.held_by(root, 10, 0x2E) is None


def test_the_node_is_that_below_the_root(tmp_path: Path) -> None:
    """smbus2 opens what lies in the tree: a file there is no bus, and says so; none is none of this machine."""
    with pytest.raises(FileFault, match="dev/i2c-0: no such file"), i2c.opened(Root(tmp_path), 0):
        pass
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/i2c-0").write_bytes(b"")
    with pytest.raises(FileFault, match=r"dev/i2c-0: inappropriate ioctl"), i2c.opened(Root(tmp_path), 0):
        pass


def test_an_error_of_whoever_uses_the_bus_stays_its_own() -> None:
    with pytest.raises(BrokenPipeError), StubBus({}).opened()(Root("/"), 0):  # type: ignore[attr-defined]
        raise BrokenPipeError(errno.EPIPE, "broken pipe")


def test_the_script_for_the_lab_holds_on_a_bus_like_the_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lab runs it in a guest on the real module; here it must at least fit the driver."""
    from lab import fan_on_stub

    bus = StubBus({ADDRESS: {}})
    monkeypatch.setattr("hal.backends.i2c.opened", bus.opened())
    monkeypatch.setattr(ControllerFan.__init__, "__defaults__", (bus.opened(),))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/i2c-3").write_bytes(b"")
    assert fan_on_stub.main(["3", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "OK\n"
