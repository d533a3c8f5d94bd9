"""A fan on a controller without a kernel driver: presence, profiles, the loop as a whole, and `hal fan run`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from backends.fan_bus import EMC2301, StubBus
from kernel_files import Kernel, plant

from hal.backends.fan.controller_fan import LOOP, NOT_RUNNING, RECORD, ControllerFan, Wiring
from hal.backends.fan.curve import CURVES, SAFE_DUTY
from hal.backends.found import BOOT
from hal.errors import FileFault, HalError, ValueRefused
from hal.model import Outcome
from hal.protocols import Fan, MayBeAbsent, Regulated
from hal.tree import sysfs

ADDRESS = 0x2F
WIRING = Wiring(bus=10, address=ADDRESS, zone="cpu-thermal")
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    kernel = Kernel(tmp_path)
    kernel.put(BOOT, "boot-1")
    kernel.put("dev/i2c-10", "stands for a bus")
    plant(kernel, sysfs.thermal_zone(0, "cpu-thermal", 48_312))
    return kernel


@pytest.fixture
def bus() -> StubBus:
    return StubBus({ADDRESS: {**EMC2301, 0x3E: 0x1A, 0x3F: 0x40}})


@pytest.fixture
def fan(kernel: Kernel, bus: StubBus) -> ControllerFan:
    return ControllerFan(kernel, WIRING, bus.opened())  # type: ignore[arg-type]


class Ended(BaseException):
    """Ends the loop as a signal would."""


@pytest.fixture
def loop(fan: ControllerFan) -> Iterator[list[str]]:
    """The loop in a thread; its log."""
    log: list[str] = []
    ended = Event()

    def heard(message: str) -> None:
        log.append(message)

    def run() -> None:
        def stop(name: str, duty: int) -> None:
            if ended.is_set():
                raise Ended
            report(name, duty)

        report, fan._report = fan._report, stop  # type: ignore[method-assign]
        try:
            fan.regulate(interval_seconds=0.5, log=heard)
        except Ended:
            log.append("over")

    thread = Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while not log and time.monotonic() < deadline:
        time.sleep(0.02)
    yield log
    ended.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_it_is_a_fan_that_wants_to_be_regulated(fan: ControllerFan) -> None:
    assert isinstance(fan, Fan)
    assert isinstance(fan, MayBeAbsent)
    assert isinstance(fan, Regulated)
    assert fan.absence() is None


@pytest.mark.parametrize("place", ["bus", "driver", "chip", "nobody"])
def test_what_is_not_there_is_told(place: str, kernel: Kernel, bus: StubBus, fan: ControllerFan) -> None:
    words = {
        "bus": "there is no dev/i2c-10",
        "driver": "the kernel's driver emc2305 holds the fan controller",
        "chip": "answers vendor 0x00",
        "nobody": "remote i/o error",
    }
    if place == "bus":
        kernel.remove("dev/i2c-10")
    elif place == "driver":
        folder = kernel.directory / "sys/bus/i2c/devices/10-002f"
        (folder.parents[1] / "drivers/emc2305").mkdir(parents=True)
        folder.mkdir(parents=True)
        (folder / "driver").symlink_to("../../drivers/emc2305")
    elif place == "chip":
        bus.chips[ADDRESS] = {}
    else:
        bus.chips.clear()
    assert words[place] in (fan.absence() or "")
    with pytest.raises(HalError, match="fan: "):
        fan.regulate(interval_seconds=1, log=print)
    assert bus.log == []
    assert place not in ("bus", "driver") or not bus.asked, "what a driver holds is not even asked"


def test_profiles_are_the_curves_and_full_is_the_default(fan: ControllerFan) -> None:
    assert [(each.name, each.default) for each in fan.profiles()] == [
        ("quiet", False),
        ("cool", False),
        ("full", True),
    ]
    assert fan.profiles()[0].summary == "25 %, 40 % from 55 °C, 60 % from 65 °C, 80 % from 72 °C, 100 % from 77 °C"


@pytest.mark.parametrize("name", [curve.name for curve in CURVES])
def test_choosing_without_a_loop_is_accepted_and_says_so(name: str, fan: ControllerFan, kernel: Kernel) -> None:
    fan.set("cool" if name != "cool" else "quiet")
    planned, result = fan.preview(name), fan.set(name)
    assert (result.value, result.outcome, result.note) == (name, Outcome.ACCEPTED, NOT_RUNNING)
    assert planned is not None
    assert (planned.previous, planned.value) == (result.previous, result.value)
    assert fan.set(name).outcome is Outcome.UNCHANGED
    assert kernel.exists(RECORD) == (name != "full")
    state = fan.state()
    assert (state.configured, state.running, state.reported) == (name, None, False)
    assert state.warnings[0] == NOT_RUNNING


@pytest.mark.parametrize("wanted", ["custom", "no-such", "../x", "9999", " "])
def test_another_word_is_refused(wanted: str, fan: ControllerFan) -> None:
    with pytest.raises(ValueRefused, match="allowed are quiet, cool, full, default"):
        fan.set(wanted)


def test_what_is_measured(fan: ControllerFan) -> None:
    (reading,) = fan.state().readings
    assert (reading.name, reading.rpm) == ("EMC2301 1", 9362)
    assert (reading.pwm_percent, reading.temperature_millicelsius) == (0.0, 48_312)


def test_the_loop_follows_a_choice_which_then_is_applied(
    loop: list[str], fan: ControllerFan, bus: StubBus, kernel: Kernel
) -> None:
    assert fan.state().running == "full"
    result = fan.set("quiet")
    assert (result.outcome, result.note) == (Outcome.APPLIED, "")
    assert fan.state().running == "quiet"
    assert bus.chips[ADDRESS][0x30] == CURVES[0].least
    kernel.put(TEMPERATURE, "0")
    deadline = time.monotonic() + 10
    while bus.chips[ADDRESS][0x30] != SAFE_DUTY and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "70 %: warning: the temperature reads exactly 0" in loop[-1]
    assert any("reads exactly 0" in each for each in fan.state().warnings)
    assert bus.chips[ADDRESS][0x20] & 0x20, "the watchdog is armed"


def test_a_second_loop_is_refused(loop: list[str], fan: ControllerFan) -> None:
    with pytest.raises(FileFault, match=f"{LOOP}: locked by another process"):
        fan.regulate(interval_seconds=1, log=print)


def test_after_the_loop_nothing_is_reported(fan: ControllerFan, bus: StubBus, kernel: Kernel) -> None:
    def end(_message: str) -> None:
        raise Ended

    with pytest.raises(Ended):
        fan.regulate(interval_seconds=1, log=end)
    assert bus.chips[ADDRESS][0x30] == 255
    assert kernel.exists(LOOP)
    assert fan.state().running is None


@pytest.mark.parametrize("seconds", [0.0, 0.4, 3.1, 60.0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_the_watchdog_would_not_wait_for(seconds: float, fan: ControllerFan, bus: StubBus) -> None:
    with pytest.raises(ValueRefused, match=r"0\.5 to 3 seconds"):
        fan.regulate(interval_seconds=seconds, log=print)
    assert bus.log == []


# -- the command, as a process that is killed ------------------------------------------------------------------------

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from backends.fan_bus import EMC2301, StubBus
from hal.backends import i2c
bus = StubBus({0x2F: EMC2301})
write = bus.write_byte_data
def told(address, register, value):
    write(address, register, value)
    print("wrote", hex(register), value, flush=True)
bus.write_byte_data = told
import hal.backends.fan.controller_fan as controller
controller.ControllerFan.__init__.__defaults__ = (bus.opened(),)
from hal.cli import main
sys.exit(main(["--root", sys.argv[1], "--board", "raspberrypicm4-ioboard-sb", "fan", "run", "--interval", "0.5"]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_the_fan_at_full_speed(number: signal.Signals, kernel: Kernel) -> None:
    kernel.put("mnt/boot/config.json", '{"deviceType": "raspberrypicm4-ioboard-sb"}')
    kernel.put("run/hal/fan.json", '{"boot": "boot-1", "values": {}, "chosen": "quiet"}')
    tests = str(Path(__file__).resolve().parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(kernel.directory), tests], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        lines = []
        for line in program.stdout:
            lines.append(line.strip())
            if line.startswith("25 %"):
                program.send_signal(number)
        assert program.wait(timeout=20) == 128 + number
    assert "25 %: 48.3 °C, quiet" in lines
    assert lines[-2:] == ["wrote 0x30 255", "100 %: ended"]
