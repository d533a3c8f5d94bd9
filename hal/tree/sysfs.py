"""What the kernel shows of CPU frequencies, fans and temperatures, as files of a generated tree.

Every content is one that a kernel could show; numbers that differ from device to device are invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hal.tree import TreeFile

_CPU = "sys/devices/system/cpu"


def cpufreq(
    *,
    driver: str,
    governors: str,
    governor: str,
    mhz: tuple[int, int],
    policies: int = 1,
    preferences: str = "",
    no_turbo: bool = False,
) -> Iterator[TreeFile]:
    """Frequency policies, all alike; with `preferences`, those of energy; with `no_turbo`, Intel's switch."""
    for number in range(policies):
        folder = f"{_CPU}/cpufreq/policy{number}"
        content: dict[str, object] = {
            "scaling_driver": driver,
            "scaling_governor": governor,
            "scaling_available_governors": governors,
            "scaling_cur_freq": mhz[1] * 1000,
        }
        for name, value in zip(("min", "max"), mhz, strict=True):
            content |= {f"scaling_{name}_freq": value * 1000, f"cpuinfo_{name}_freq": value * 1000}
        if preferences:
            content["energy_performance_available_preferences"] = f"{preferences} "
            content["energy_performance_preference"] = "performance" if governor == "performance" else "default"
        yield from _folder(folder, content)
    if no_turbo:
        yield from _folder(f"{_CPU}/intel_pstate", {"status": "active", "no_turbo": 0})


def hwmon(number: int, name: str, content: Mapping[str, object]) -> Iterator[TreeFile]:
    """One device of hwmon."""
    yield from _folder(f"sys/class/hwmon/hwmon{number}", {"name": name, **content})


def thermal_zone(number: int, kind: str, millicelsius: int, active: tuple[int, ...] = ()) -> Iterator[TreeFile]:
    """One thermal zone, with trip points at which something cools actively, and one that switches off at 110 °C."""
    trips = [*(("active", each) for each in active), ("critical", 110_000)]
    content: dict[str, object] = {"type": kind, "temp": millicelsius}
    for place, (trip, at) in enumerate(trips):
        content |= {f"trip_point_{place}_type": trip, f"trip_point_{place}_temp": at}
    yield from _folder(f"sys/class/thermal/thermal_zone{number}", content)


def cooling_device(number: int, kind: str, state: int) -> Iterator[TreeFile]:
    """One cooling device."""
    yield from _folder(f"sys/class/thermal/cooling_device{number}", {"type": kind, "max_state": 3, "cur_state": state})


def _folder(folder: str, content: Mapping[str, object]) -> Iterator[TreeFile]:
    for name, value in content.items():
        yield TreeFile.text(f"{folder}/{name}", f"{value}\n")
