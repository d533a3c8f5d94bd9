"""What the kernel measures: fans of `/sys/class/hwmon` and temperatures of `/sys/class/thermal`, found by name.

Numbers of hwmon devices and zones move from boot to boot. By convention fan N of a device is the one that its pwm N
drives; a driver may number otherwise, and nothing in sysfs tells.

Source: Linux documentation (hwmon/sysfs-interface, driver-api/thermal/sysfs-api).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from hal.backends.sensor import doubt
from hal.model import FanReading
from hal.root import Root

_NUMBERED = re.compile(r"(?:pwm|fan(?=[0-9]+_input))([0-9]+)(?:_input)?")
_CLASS = "sys/class/hwmon"
_STANDING_PERCENT = 40.0
"""From which duty on a fan that reports 0 rpm stands still: below, many a sound one does not start."""


def devices(root: Root, names: Container[str] | None = None) -> Iterator[tuple[str, str]]:
    """Name and folder of each hwmon device, of these names or of all, in the order of the kernel's numbers."""
    folders = [f"{_CLASS}/{entry}" for entry in root.listdir(_CLASS) if re.fullmatch(r"hwmon[0-9]+", entry)]
    for folder in sorted(folders, key=lambda each: int(each.rpartition("hwmon")[2])):
        name = root.read_value(f"{folder}/name")
        if name and (names is None or name in names):
            yield name, folder


def number(root: Root, name: str) -> int | None:
    """A whole number; `None` where there is none, as while a sensor sleeps."""
    value = root.read_value(name)
    return int(value) if value is not None and re.fullmatch(r"-?[0-9]{1,18}", value) else None


def zone(root: Root, *types: str) -> str | None:
    """The folder of the first thermal zone of these types, in the order of the types."""
    found = {root.read_value(f"{folder}/type"): folder for folder in root.glob("sys/class/thermal/thermal_zone*")}
    return next((found[each] for each in types if each in found), None)


def temperature(root: Root, *types: str) -> int | None:
    """The temperature of the first such zone in m°C, believable or not."""
    folder = zone(root, *types)
    return None if folder is None else number(root, f"{folder}/temp")


def fans(root: Root, names: Container[str], temperature_millicelsius: int | None) -> tuple[FanReading, ...]:
    """Speed and duty of every fan of these devices; each with the temperature that the fan is there for."""
    found = []
    for name, folder in devices(root, names):
        named = (_NUMBERED.fullmatch(entry) for entry in root.listdir(folder))
        for each in sorted({match[1] for match in named if match}, key=int):
            duty = number(root, f"{folder}/pwm{each}")
            found.append(
                FanReading(
                    name=f"{name} {each}",
                    rpm=number(root, f"{folder}/fan{each}_input"),
                    pwm_percent=None if duty is None else round(duty / 255 * 100, 1),
                    temperature_millicelsius=temperature_millicelsius,
                )
            )
    return tuple(found)


def warnings(readings: tuple[FanReading, ...]) -> tuple[str, ...]:
    """What is odd: a temperature that cannot be right, and a fan that stands still although it is driven."""
    told = [each.temperature_millicelsius for each in readings if each.temperature_millicelsius is not None]
    doubts = [doubt(each) for each in told]
    still = [
        f"{each.name} stands still although it is driven with {each.pwm_percent:g} %"
        for each in readings
        if each.rpm == 0 and each.pwm_percent is not None and each.pwm_percent >= _STANDING_PERCENT
    ]
    return tuple(dict.fromkeys((*(each for each in doubts if each is not None), *still)))
