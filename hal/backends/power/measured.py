"""What holds the CPU back now: the frequencies that it may run at, heat, and a supply that is too weak.

Sources: Linux documentation (admin-guide/pm/cpufreq, driver-api/thermal), raspberrypi-hwmon.
"""

from __future__ import annotations

from hal.backends import hwmon
from hal.backends.power.mechanisms import GOVERNOR, POLICIES
from hal.model import FrequencyCap, PowerLimit
from hal.root import Root

_CPU_COOLING = ("cpufreq-", "thermal-cpufreq-", "Processor")
"""How cooling devices begin their type that lower the CPU's frequency; newer kernels, older ones, ACPI."""


def caps(root: Root) -> tuple[FrequencyCap, ...]:
    """The frequency policies in the order of the kernel's numbers."""
    folders = sorted(root.glob(POLICIES), key=lambda name: (len(name), name))
    return tuple(
        FrequencyCap(
            name=folder.rpartition("/")[2],
            governor=root.read_value(f"{folder}/{GOVERNOR}"),
            minimum_khz=hwmon.number(root, f"{folder}/scaling_min_freq"),
            maximum_khz=hwmon.number(root, f"{folder}/scaling_max_freq"),
            hardware_maximum_khz=hwmon.number(root, f"{folder}/cpuinfo_max_freq"),
        )
        for folder in folders
    )


def limits(root: Root) -> tuple[PowerLimit, ...]:
    """Heat and under-voltage, each with whether it holds the CPU back now, as far as anything tells."""
    states = [
        hwmon.number(root, f"{folder}/cur_state")
        for folder in root.glob("sys/class/thermal/cooling_device*")
        if (root.read_value(f"{folder}/type") or "").startswith(_CPU_COOLING)
    ]
    told = [state for state in states if state is not None]
    alarms = [hwmon.number(root, f"{folder}/in0_lcrit_alarm") for _, folder in hwmon.devices(root, ("rpi_volt",))]
    volts = [alarm for alarm in alarms if alarm is not None]
    return (
        PowerLimit(name="thermal", active=any(told) if told else None),
        PowerLimit(name="under-voltage", active=any(volts) if volts else None),
    )
