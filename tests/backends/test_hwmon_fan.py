"""The fan of a PC: which outputs are driven, full speed and back, numbers that move, failures; and what is measured."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from kernel_files import Kernel, plant

from hal.backends import hwmon
from hal.backends.fan.hwmon_fan import LEFT_ALONE, RECORD, HwmonFan
from hal.backends.found import BOOT
from hal.errors import CapabilityAbsent, FileFault, NotApplied, ValueRefused
from hal.model import FanReading, Outcome
from hal.tree import sysfs

CHIP = {"pwm1": 102, "pwm1_enable": 5, "fan1_input": 1180, "pwm2": 77, "pwm2_enable": 1, "fan2_input": 0}
PWM1, MODE1 = "sys/class/hwmon/hwmon1/pwm1", "sys/class/hwmon/hwmon1/pwm1_enable"
PWM2, MODE2 = "sys/class/hwmon/hwmon1/pwm2", "sys/class/hwmon/hwmon1/pwm2_enable"


def automatic_refuses_a_duty(kernel: Kernel, name: str, value: str) -> int | None:
    """As many a chip: in an automatic mode the duty is the chip's own."""
    if name.rpartition("/")[2] in ("pwm1", "pwm2") and kernel.read_value(f"{name}_enable") != "1":
        return errno.EINVAL
    return None


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    kernel = Kernel(tmp_path, automatic_refuses_a_duty)
    kernel.put(BOOT, "boot-1")
    plant(kernel, sysfs.hwmon(0, "coretemp", {"temp1_input": 41000}))
    plant(kernel, sysfs.hwmon(1, "nct6775", CHIP))
    plant(kernel, sysfs.thermal_zone(0, "x86_pkg_temp", 41000))
    return kernel


def outputs(kernel: Kernel) -> list[str | None]:
    return [kernel.read_value(name) for name in (MODE1, PWM1, MODE2, PWM2)]


def test_full_speed_and_back(kernel: Kernel) -> None:
    fan = HwmonFan(kernel)
    assert (fan.state().configured, fan.state().running) == ("default", "default")
    assert fan.set("default").outcome is Outcome.UNCHANGED
    result = fan.set("full")
    assert (result.previous, result.value, result.outcome) == ("default", "full", Outcome.APPLIED)
    assert "until the next boot" in result.note
    assert outputs(kernel) == ["1", "255", "1", "255"]
    assert (fan.state().configured, fan.state().running) == ("full", "full")
    assert fan.set("full").outcome is Outcome.UNCHANGED
    assert HwmonFan(kernel).set(None).value == "default"
    assert outputs(kernel) == ["5", "102", "1", "77"]
    assert not kernel.exists(RECORD)


def test_zero_is_never_written(kernel: Kernel) -> None:
    """It is full speed to most drivers, and a fan that is off to pwm-fan."""
    for profile in ("full", "default", "full", "default"):
        HwmonFan(kernel).set(profile)
    assert "0" not in {value for _, value in kernel.log}


def test_the_duty_that_an_automatic_chose_is_no_change(kernel: Kernel) -> None:
    fan = HwmonFan(kernel)
    fan.set("full")
    fan.set("default")
    kernel.put(PWM1, "180")
    assert fan.preview("default") is None
    fan.set("full")
    kernel.put(PWM1, "200")
    assert (fan.state().configured, fan.state().running) == ("full", "custom")
    assert fan.set("full").outcome is Outcome.APPLIED


def test_numbers_of_hwmon_move(kernel: Kernel) -> None:
    HwmonFan(kernel).set("full")
    folder = kernel.directory / "sys/class/hwmon"
    (folder / "hwmon1").rename(folder / "hwmon7")
    plant(kernel, sysfs.hwmon(1, "acpitz", {"temp1_input": 30000}))
    assert HwmonFan(kernel).state().configured == "full"
    HwmonFan(kernel).set("default")
    assert (folder / "hwmon7/pwm1_enable").read_text() == "5\n"


def test_two_chips_of_one_name_are_told_apart(kernel: Kernel) -> None:
    plant(kernel, sysfs.hwmon(2, "nct6775", {"pwm1": 30, "pwm1_enable": 2}))
    HwmonFan(kernel).set("full")
    HwmonFan(kernel).set("default")
    assert kernel.read_value("sys/class/hwmon/hwmon2/pwm1_enable") == "2"
    assert kernel.read_value(MODE1) == "5"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (MODE1, "1", errno.EACCES),
        (PWM1, "255", errno.EINVAL),
        (PWM2, "255", errno.EIO),
    ],
)
def test_one_output_that_refuses_leaves_all_as_they_were(kernel: Kernel, name: str, value: str, code: int) -> None:
    kernel.rules.append(lambda _, at, wanted: code if (at, wanted) == (name, value) else None)
    with pytest.raises(NotApplied, match="the former values were put back") as error:
        HwmonFan(kernel).set("full")
    assert name in error.value.message
    assert [outputs(kernel)[place] for place in (0, 2, 3)] == ["5", "1", "77"]
    assert not kernel.exists(RECORD)
    assert HwmonFan(kernel).state().configured == "default"


def test_what_cannot_be_read_is_not_written(kernel: Kernel) -> None:
    kernel.put(MODE1, "5")
    (kernel.directory / PWM1).write_bytes(b"")
    (kernel.directory / PWM1).unlink()
    (kernel.directory / PWM1).mkdir(mode=0o755)
    with pytest.raises(FileFault, match="the fan is left as it is"):
        HwmonFan(kernel).set("full")
    assert kernel.log == []


@pytest.mark.parametrize("wanted", ["quiet", "cool", "custom", "255", "0"])
def test_nothing_fixed_between_is_offered(kernel: Kernel, wanted: str) -> None:
    with pytest.raises(ValueRefused, match="allowed are default, full"):
        HwmonFan(kernel).set(wanted)
    assert kernel.log == []


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_outputs_that_somebody_else_drives_are_left_alone(name: str, tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    plant(kernel, sysfs.hwmon(0, name, {"pwm1": 75, "pwm1_enable": 1}))
    fan = HwmonFan(kernel)
    assert f"{name} is left alone" in (fan.absence() or "")
    with pytest.raises(CapabilityAbsent):
        fan.set("full")
    assert kernel.log == []


@pytest.mark.parametrize("read_only", [PWM1, MODE1])
def test_an_output_that_only_tells_is_none(kernel: Kernel, read_only: str) -> None:
    (kernel.directory / read_only).chmod(0o444)
    HwmonFan(kernel).set("full")
    assert outputs(kernel) == ["5", "102", "1", "255"]


def test_no_output_at_all(tmp_path: Path) -> None:
    assert "no hwmon device here has a pwm output" in (HwmonFan(Kernel(tmp_path)).absence() or "")


# -- readings --------------------------------------------------------------------------------------------------------


def test_what_is_measured(kernel: Kernel) -> None:
    first, second = HwmonFan(kernel).state().readings
    assert first == FanReading(name="nct6775 1", rpm=1180, pwm_percent=40.0, temperature_millicelsius=41000)
    assert (second.name, second.rpm) == ("nct6775 2", 0)


@pytest.mark.parametrize(
    ("zone", "sensors", "heat"),
    [
        ("x86_pkg_temp", {"coretemp": 43000}, 41000),
        ("acpitz", {"coretemp": 43000}, 43000),
        ("acpitz", {"k10temp": 52125}, 52125),
        ("acpitz", {"nvme": 30000}, None),
    ],
)
def test_where_the_temperature_of_the_cpu_is(
    zone: str, sensors: dict[str, int], heat: int | None, kernel: Kernel
) -> None:
    kernel.put("sys/class/thermal/thermal_zone0/type", zone)
    for name, value in sensors.items():
        plant(kernel, sysfs.hwmon(0, name, {"temp1_input": value}))
    assert {each.temperature_millicelsius for each in HwmonFan(kernel).state().readings} == {heat}


@pytest.mark.parametrize(
    ("changes", "warnings"),
    [
        ({}, []),
        ({PWM2: "200"}, ["nct6775 2 stands still although it is driven with 78.4 %"]),
        ({"sys/class/thermal/thermal_zone0/temp": "0"}, ["reads exactly 0"]),
        ({"sys/class/thermal/thermal_zone0/temp": "127500"}, ["reads 127.5 °C"]),
        ({"sys/class/thermal/thermal_zone0/temp": "-274000"}, ["reads -274 °C"]),
        ({"sys/class/thermal/thermal_zone0/type": "another", "sys/class/hwmon/hwmon0/temp1_input": ""}, []),
    ],
)
def test_what_is_odd_is_told(kernel: Kernel, changes: dict[str, str], warnings: list[str]) -> None:
    for name, text in changes.items():
        kernel.put(name, text)
    told = HwmonFan(kernel).state().warnings
    assert len(told) == len(warnings)
    assert all(words in found for words, found in zip(warnings, told, strict=True))


@pytest.mark.parametrize("text", ["", "x", "1.5", "0x10", "-", "9" * 40])
def test_what_is_no_number_is_not_told(kernel: Kernel, text: str) -> None:
    kernel.put("sys/x", text)
    assert hwmon.number(kernel, "sys/x") is None


def test_devices_in_the_order_of_numbers(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    for number in (10, 9, 0):
        plant(kernel, sysfs.hwmon(number, f"chip{number}", {}))
    assert [name for name, _ in hwmon.devices(kernel)] == ["chip0", "chip9", "chip10"]
