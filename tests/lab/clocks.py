"""What the guest runs for `test_clocks.py`: this project on real clocks and a real I²C bus. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from backends.rtc.stub import FIXTURES, TIME

from hal.backends.rtc import chips, further, node
from hal.backends.rtc.bare import BareClock
from hal.backends.rtc.chips import CHIPS, Chip
from hal.backends.rtc.clock import BoardClock
from hal.errors import HalError
from hal.model import Clock
from hal.root import Root
from hal.stdlib import UTC

MACHINE = Root("/")
TIMES = ("2000-01-01T00:00:00", "2038-01-19T03:14:08", "2096-02-29T12:30:00", "2099-12-31T23:59:59")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def said(action: Callable[[], object]) -> str:
    """What an operation answers, or its error."""
    try:
        return str(action())
    except HalError as error:
        return f"{type(error).__name__}: {error}"


def outcome(clock: BoardClock, wanted: datetime) -> str:
    return clock.set(wanted).outcome.value


# -- the kernel's clock ------------------------------------------------------------------------------------------------


def kernel(*times: str) -> dict[str, object]:
    """The clock as it was at boot, then set to each time, next to what sysfs says of it."""
    (clock,) = further(MACHINE, ())
    folder = Path("/sys/class/rtc") / clock.name

    def seen() -> list[int]:
        """By our reading and by the kernel's own."""
        return [int(clock.read().timestamp()), int((folder / "since_epoch").read_text())]

    def put(text: str) -> list[object]:
        answer = said(lambda: outcome(clock, utc(text)))
        return [answer, *(seen() if answer == "applied" else [])]

    state = clock.state()
    found: dict[str, object] = {"problems": list(state.problems), "boot": seen()}
    found["state"] = [state.name, state.node, state.driver, state.sets_system_clock]
    found["set"] = {text: put(text) for text in times}
    found["twice"] = said(lambda: clock.set(clock.read()).outcome)
    found["naive"] = said(lambda: clock.set(datetime(2031, 7, 9)))
    node.WAIT_SECONDS = 0.2
    with Path("/dev/rtc0").open():  # it can be open once
        found["held"] = said(clock.read)
        found["held state"] = ", ".join(clock.state().problems)
    os.setresuid(65534, 65534, 65534)
    found["not root"] = said(lambda: clock.set(TIME))
    return found


# -- bare chips --------------------------------------------------------------------------------------------------------


def stub_bus() -> int:
    (name,) = Path("/sys/class/i2c-adapter").glob("i2c-*/name")
    assert name.read_text() == "SMBus stub driver\n"
    return int(name.parent.name.removeprefix("i2c-"))


def bare() -> dict[str, object]:
    """Every chip of the table, one after the other on its address; then addresses that a driver has, or nobody."""
    from smbus2 import SMBus

    number = stub_bus()
    found: dict[str, object] = {}
    with SMBus(number) as bus:

        def registers(chip: Chip) -> str:
            return bytes(bus.read_i2c_block_data(chip.address, chip.seconds, 7)).hex(" ")

        for chip in CHIPS:
            for start in range(0, 256, 32):
                bus.write_i2c_block_data(chip.address, start, [0] * 32)
            bus.write_i2c_block_data(chip.address, chip.seconds, list(bytes.fromhex(FIXTURES[chip.name])))
            clock = BoardClock(MACHINE, fact(chip, number))
            one: dict[str, object] = {"where": [clock.node(), clock.absence()], "read": said(clock.read)}
            one["twice"] = said(partial(outcome, clock, TIME))
            one["set"] = {text: [said(partial(outcome, clock, utc(text))), said(clock.read)] for text in TIMES}
            one["set again"] = said(partial(outcome, clock, TIME))
            one["registers"] = registers(chip)
            bus.write_i2c_block_data(chip.address, chip.seconds, [int(FIXTURES[chip.name][:2], 16) ^ 0x80])
            one["doubtful"] = [said(clock.read), ", ".join(clock.state().problems)]
            bus.write_i2c_block_data(chip.address, chip.seconds, [0x5A | 0x80 * (chip.name == "mcp7941x")])
            one["no number"] = said(clock.read)
            one["mended"] = [said(partial(outcome, clock, TIME)), said(clock.read)]
            found[chip.name] = one
    found["nobody"] = said(BoardClock(MACHINE, fact(chips.BY_NAME["ds3231"], number, 0x50)).read)
    found["drivers"] = drivers(number)
    return found


def drivers(bus: int) -> dict[str, str | None]:
    """A device that the kernel has without a driver is where the chip is; one with a driver is not for us."""
    new_device = Path(f"/sys/bus/i2c/devices/i2c-{bus}/new_device")
    chip, other = chips.BY_NAME["mcp7941x"], chips.BY_NAME["ds3231"]
    found = {"bus not known": BoardClock(MACHINE, fact(chip, None)).absence()}
    new_device.write_text("mcp79410 0x6f")
    found["device without a driver"] = said(BoardClock(MACHINE, fact(chip, None)).read)
    new_device.write_text("lm75 0x68")
    clock = BoardClock(MACHINE, fact(other, bus))
    found["driver"] = clock.absence()
    found["driver, read"] = said(clock.read)

    def past() -> object:
        """As if the driver had been bound between the look and the transfer."""
        with BareClock(MACHINE, other, bus, other.address, battery=True).hold() as held:
            return held.look()

    found["driver, past the look"] = said(past)
    found["another's device"] = BoardClock(MACHINE, fact(other, None)).absence()
    return found


def fact(chip: Chip, bus: int | None, address: int | None = None) -> Clock:
    address = chip.address if address is None else address
    return Clock(driver=chip.name, chip=chip.name, i2c_bus=bus, i2c_address=address, battery=True)


if __name__ == "__main__":
    print(json.dumps(kernel(*sys.argv[2:]) if sys.argv[1] == "kernel" else bare()))
