"""The table: the kernel's ways to save power or to spend it, best first, and what each level means in them.

A device takes the first way whose files it has, writable. Which that is no device type tells: the same image runs on
PCs with and without hardware-managed frequencies.

Order within a way matters. With the governor `performance` a driver with energy preferences refuses every other
preference, so the governor comes first.

Turbo and the like are turned off for `low`; for the other levels they are as they were found, because firmware may
forbid to turn them on, and because somebody who turned them off had a reason.

Sources: Linux documentation (admin-guide/pm/cpufreq, intel_pstate, amd-pstate; ABI/testing/sysfs-platform_profile).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from hal.model import PowerLevel
from hal.record import Record

CPUFREQ = "sys/devices/system/cpu/cpufreq"
POLICIES = f"{CPUFREQ}/policy*"
DRIVER = "scaling_driver"
GOVERNOR = "scaling_governor"
NO_TURBO = "sys/devices/system/cpu/intel_pstate/no_turbo"
PROFILE = "sys/firmware/acpi/platform_profile"

LOW, MID, HIGH = PowerLevel.LOW, PowerLevel.MID, PowerLevel.HIGH


@frozen(kw_only=True, repr=False, eq=False)
class Knob(Record):
    """Files that take the same value, by a pattern; `listing` is the file beside each that lists what it takes.

    `values` are candidates for each level, best first; a level without any leaves the file as it was found. A knob that
    is `optional` may be missing. `words` say what a value means, with the value in the place of `{}`.
    """

    files: str
    values: Mapping[PowerLevel, tuple[str, ...]]
    listing: str | None = None
    optional: bool = False
    words: str | None = "{}"


@frozen(kw_only=True, repr=False, eq=False)
class Mechanism(Record):
    """One way: its knobs in the order of writing; with `drivers`, for CPUs that only these drive."""

    name: str
    knobs: tuple[Knob, ...]
    drivers: tuple[str, ...] = field(default=())


def _no_turbo(*, optional: bool) -> Knob:
    return Knob(files=NO_TURBO, values={LOW: ("1",)}, optional=optional, words="no turbo")


def _governor(low: tuple[str, ...], mid: tuple[str, ...], *, words: str | None = "governor {}") -> Knob:
    return Knob(
        files=f"{POLICIES}/{GOVERNOR}",
        listing="scaling_available_governors",
        values={LOW: low, MID: mid, HIGH: ("performance",)},
        words=words,
    )


MECHANISMS: tuple[Mechanism, ...] = (
    Mechanism(
        name="energy preference",
        drivers=("intel_pstate", "amd-pstate-epp"),
        knobs=(
            # Here powersave is the governor that follows the load, within what the preference says.
            _governor(("powersave",), ("powersave",), words=None),
            Knob(
                files=f"{POLICIES}/energy_performance_preference",
                listing="energy_performance_available_preferences",
                values={LOW: ("power",), MID: ("balance_performance",), HIGH: ("performance",)},
                words="energy preference {}",
            ),
            _no_turbo(optional=True),
        ),
    ),
    Mechanism(
        name="platform profile",
        knobs=(
            Knob(
                files=PROFILE,
                listing="platform_profile_choices",
                values={LOW: ("low-power", "quiet"), MID: ("balanced",), HIGH: ("performance",)},
                words="platform profile {}",
            ),
        ),
    ),
    Mechanism(
        name="intel_pstate",
        drivers=("intel_pstate",),
        knobs=(_governor(("powersave",), ("powersave",)), _no_turbo(optional=False)),
    ),
    Mechanism(
        name="intel_pstate",
        drivers=("intel_pstate", "amd-pstate-epp"),
        knobs=(_governor((), ("powersave",)),),
    ),
    Mechanism(
        name="governor",
        knobs=(_governor(("powersave",), ("schedutil", "ondemand", "conservative")),),
    ),
)
"""With intel_pstate the governor powersave follows the load; elsewhere it keeps the lowest frequency, and is `low`."""
