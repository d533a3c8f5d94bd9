"""Clocks on a real kernel: /dev/rtc0 of a virtual PC at dates that go wrong, and bare chips on i2c-stub."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import pytest
from backends.rtc.stub import FIXTURES, TIME

from hal.backends.rtc import chips
from hal.backends.rtc.chips import CHIPS
from hal.stdlib import UTC
from lab.clocks import TIMES
from lab.guest import REPOSITORY, GuestError, run_in_guest

BUILT = "20260101000000"
BOOT_SECONDS = 120
"""How far the clock of a guest may be on when it is first read."""
SLOW_SECONDS = 20
"""How long a guest may take between two readings on a machine that is busy with others."""
SHOWN = str(TIME)


def answers(*words: str, modules: tuple[str, ...] = (), machine: tuple[str, ...] = ()) -> dict[str, Any]:
    """What `lab.clocks` finds in a guest that was built at `BUILT`."""
    timestamp, found = run_in_guest(
        None,
        [["sh", "-c", f"echo {BUILT} >/etc/timestamp"], [sys.executable, "-m", "lab.clocks", *words]],
        modules=modules,
        machine=machine,
        environment={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert timestamp.status == 0, timestamp.stderr
    assert found.status == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


BASES: dict[str, list[str]] = {
    # not the first minute: the kernel does not take a time of day that is less than how long it has run
    "1970-01-01T00:05:00": ["never-set", "before-build"],
    "2000-02-28T23:59:58": ["never-set", "before-build"],
    "2025-12-31T12:00:00": ["before-build"],
    "2038-01-19T03:14:06": [],
    "2095-06-01T00:00:00": [],
}
SET = (
    "2031-07-09T21:45:30",
    "2038-01-19T03:14:08",
    "2096-02-29T23:59:00",
    "1970-01-01T00:00:00",
    "2099-12-31T23:59:00",
)


@pytest.mark.parametrize("base", BASES)
def test_the_kernels_clock_at_dates_that_go_wrong(base: str) -> None:
    """Read by our code as by sysfs; set to the others, and read back by both."""
    # QEMU's default, clock=host, takes its nanoseconds from now on and turns 2095 into 2059.
    found = answers("kernel", *SET, machine=("-rtc", f"base={base},clock=vm"))
    assert found["state"] == ["rtc0", "dev/rtc0", "rtc_cmos", True]
    ours, kernels = found["boot"]
    assert 0 <= ours - seconds(base) <= BOOT_SECONDS
    assert 0 <= kernels - ours <= SLOW_SECONDS
    assert found["problems"] == BASES[base]
    for text, (outcome, *seen) in found["set"].items():
        assert outcome == "applied", text
        assert all(0 <= each - seconds(text) <= SLOW_SECONDS for each in seen), (text, seen)
    assert found["twice"] == "unchanged"
    assert found["naive"].startswith("ValueRefused: dev/rtc0: ")
    assert found["held"] == "FileFault: dev/rtc0: another program or a kernel driver has it"
    assert found["held state"] == "unreadable"
    assert found["not root"] == "FileFault: dev/rtc0: permission denied"


@pytest.fixture(scope="module")
def bare() -> dict[str, Any]:
    addresses = ",".join(f"{address:#04x}" for address in sorted({chip.address for chip in CHIPS}))
    return answers("bare", modules=("i2c-dev", f"i2c-stub chip_addr={addresses}", "lm75"))


@pytest.mark.parametrize("name", FIXTURES)
def test_a_bare_chip_through_smbus2(name: str, bare: dict[str, Any]) -> None:
    found = bare[name]
    assert found["where"] == ["dev/i2c-0", None]
    assert (found["read"], found["twice"]) == (SHOWN, "unchanged")
    for text in TIMES:
        assert found["set"][text] == ["applied", f"{text.replace('T', ' ')}+00:00"]
    assert (found["set again"], found["registers"]) == ("applied", FIXTURES[name]), "as other software would read it"
    read, problems = found["doubtful"]
    if any(flag[:2] == (chips.BY_NAME[name].seconds, 0x80) for flag in chips.BY_NAME[name].health):
        assert read.startswith("Damaged: dev/i2c-0: ")
        assert problems == ("data-invalid" if name == "pcf8563" else "oscillator-stopped")
    else:
        assert (name, read, problems) == ("ds3231", SHOWN, ""), "the one whose seconds have no such bit"
    assert "second 0x5a is no decimal number" in found["no number"]
    assert found["mended"] == ["applied", SHOWN]


def test_a_chip_that_a_driver_has_is_left_to_it(bare: dict[str, Any]) -> None:
    found = bare["drivers"]
    assert "which I²C bus it is on is not known" in found["bus not known"]
    assert found["device without a driver"] == SHOWN, "the bus was found by the device that the kernel has there"
    assert "the driver lm75 is bound at its address 0x68 on I²C bus 0" in found["driver"]
    assert found["driver, read"] == f"CapabilityAbsent: ds3231: {found['driver']}"
    assert found["driver, past the look"] == "FileFault: dev/i2c-0 0x68: another program or a kernel driver has it"
    assert "which I²C bus it is on is not known" in found["another's device"], "no clock, whatever its address"


def test_an_address_where_nobody_answers(bare: dict[str, Any]) -> None:
    assert bare["nobody"] == "FileFault: dev/i2c-0 0x50: no such device"


def test_a_module_that_the_kernel_has_not() -> None:
    with pytest.raises(GuestError, match="no-such-module"):
        run_in_guest(None, [["true"]], modules=("no-such-module x=1",))
