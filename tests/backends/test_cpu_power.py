"""Power modes of the running kernel: which mechanism a device has, what a level writes, failures, and going back."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

import pytest
from kernel_files import Kernel, plant

from hal.backends.found import BOOT
from hal.backends.power.cpu import RECORD, CpuPower
from hal.backends.power.fitted import fit
from hal.backends.power.mechanisms import MECHANISMS, PROFILE
from hal.errors import CapabilityAbsent, NotApplied, ValueRefused
from hal.model import Cost, FrequencyCap, Outcome, PowerLimit
from hal.root import Root
from hal.tree import TreeFile, sysfs

CPUFREQ = "sys/devices/system/cpu/cpufreq"
NO_TURBO = "sys/devices/system/cpu/intel_pstate/no_turbo"
ALL = "conservative ondemand userspace powersave performance schedutil"
PREFERENCES = "default performance balance_performance balance_power power"


def governor(policy: int = 0) -> str:
    return f"{CPUFREQ}/policy{policy}/scaling_governor"


def preference(policy: int = 0) -> str:
    return f"{CPUFREQ}/policy{policy}/energy_performance_preference"


def generic(governors: str = ALL, now: str = "ondemand", driver: str = "cpufreq-dt") -> Iterable[TreeFile]:
    return sysfs.cpufreq(driver=driver, governors=governors, governor=now, mhz=(600, 1800))


def hwp(now: str = "performance") -> Iterable[TreeFile]:
    return sysfs.cpufreq(
        driver="intel_pstate",
        governors="performance powersave",
        governor=now,
        mhz=(400, 3400),
        policies=2,
        preferences=PREFERENCES,
        no_turbo=True,
    )


def pstate(*, no_turbo: bool = True) -> Iterable[TreeFile]:
    return sysfs.cpufreq(
        driver="intel_pstate",
        governors="performance powersave",
        governor="powersave",
        mhz=(400, 3400),
        no_turbo=no_turbo,
    )


def profile(choices: str, now: str = "balanced") -> Iterable[TreeFile]:
    return (TreeFile.text(PROFILE, f"{now}\n"), TreeFile.text(f"{PROFILE}_choices", f"{choices}\n"))


def preferences_obey_the_governor(kernel: Kernel, name: str, value: str) -> int | None:
    """With the governor performance the preference is performance, and every other is refused."""
    if name.endswith("scaling_governor") and value == "performance":
        kernel.put(name.replace("scaling_governor", "energy_performance_preference"), "performance")
    if name.endswith("energy_performance_preference") and value != "performance":
        beside = name.replace("energy_performance_preference", "scaling_governor")
        return errno.EBUSY if kernel.read_value(beside) == "performance" else None
    return None


def device(folder: Path, *files: Iterable[TreeFile]) -> Kernel:
    kernel = Kernel(folder, preferences_obey_the_governor)
    kernel.put(BOOT, "boot-1")
    for each in files:
        plant(kernel, each)
    return kernel


# -- which mechanism -------------------------------------------------------------------------------------------------

MODES = {
    "Raspberry Pi": (generic(), "governor", {"low": "powersave", "mid": "schedutil", "high": "performance"}),
    "no schedutil": (
        generic("ondemand powersave performance"),
        "governor",
        {"low": "powersave", "mid": "ondemand", "high": "performance"},
    ),
    "no powersave": (generic("performance schedutil"), "governor", {"mid": "schedutil", "high": "performance"}),
    "preferences": (
        hwp(),
        "energy preference",
        {
            "low": "energy preference power, no turbo",
            "mid": "energy preference balance_performance",
            "high": "energy preference performance",
        },
    ),
    "pstate": (
        pstate(),
        "intel_pstate",
        {"low": "governor powersave, no turbo", "mid": "governor powersave", "high": "governor performance"},
    ),
    "pstate without a switch": (
        pstate(no_turbo=False),
        "intel_pstate",
        {"mid": "governor powersave", "high": "governor performance"},
    ),
    "platform profile": (
        profile("low-power balanced performance"),
        "platform profile",
        {
            "low": "platform profile low-power",
            "mid": "platform profile balanced",
            "high": "platform profile performance",
        },
    ),
    "quiet stands for low": (
        profile("quiet balanced"),
        "platform profile",
        {"low": "platform profile quiet", "mid": "platform profile balanced"},
    ),
    "preferences before a profile": (
        (*hwp(), *profile("low-power balanced performance")),
        "energy preference",
        {"low": "energy preference power, no turbo"},
    ),
    "a profile before governors": (
        (*generic(driver="acpi-cpufreq"), *profile("low-power balanced")),
        "platform profile",
        {"low": "platform profile low-power"},
    ),
}


@pytest.mark.parametrize("name", MODES)
def test_the_mechanism_of_a_device_and_what_its_modes_set(name: str, tmp_path: Path) -> None:
    files, mechanism, sets = MODES[name]
    kernel = device(tmp_path, tuple(files))
    fitted = fit(kernel)
    assert fitted is not None
    assert fitted.mechanism.name == mechanism
    modes = {mode.name: mode for mode in CpuPower(kernel).modes()}
    assert all(words in modes[level].summary for level, words in sets.items())
    assert [mode.levels for mode in modes.values()] == [(name,) for name in modes]
    assert all(mode.id is None for mode in modes.values())
    if name != "preferences before a profile" and name != "a profile before governors":
        assert list(modes) == list(sets)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "scales no CPU frequency here, and offers no platform profile"),
        (generic("performance"), "its CPU governors are performance"),
        (generic("performance userspace"), "its CPU governors are performance, userspace"),
        (profile("balanced"), "the kernel tells no values"),
        ((TreeFile.text(governor(), "performance\n"),), "the kernel tells no values"),
    ],
)
def test_nothing_to_choose_is_said_with_the_reason(files: Iterable[TreeFile], reason: str, tmp_path: Path) -> None:
    power = CpuPower(device(tmp_path, files))
    told = power.absence()
    assert told is not None
    assert reason in told
    with pytest.raises(CapabilityAbsent, match="power: "):
        power.modes()


def test_attributes_that_nobody_may_write_are_no_mechanism(tmp_path: Path) -> None:
    kernel = device(tmp_path, generic())
    assert CpuPower(kernel).absence() is None
    (tmp_path / governor()).chmod(0o444)
    assert "no two power levels" in (CpuPower(kernel).absence() or "")


def test_every_row_of_the_table_is_reached() -> None:
    assert {mechanism for _, mechanism, _ in MODES.values()} == {each.name for each in MECHANISMS}


# -- setting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("low", {governor(): "powersave", preference(): "power", NO_TURBO: "1"}),
        ("mid", {governor(): "powersave", preference(): "balance_performance", NO_TURBO: "0"}),
        ("high", {governor(): "performance", preference(): "performance", NO_TURBO: "0"}),
    ],
)
@pytest.mark.parametrize("before", ["low", "mid", "high", "default"])
def test_every_level_from_every_other(before: str, level: str, written: dict[str, str], tmp_path: Path) -> None:
    kernel = device(tmp_path, hwp())
    CpuPower(kernel).set(before)
    result = CpuPower(kernel).set(level)
    for name, text in written.items():
        assert kernel.read_value(name) == text
        assert kernel.read_value(name.replace("policy0", "policy1")) == text, "every CPU"
    assert (result.value, result.cost) == (level, Cost.NONE)
    state = CpuPower(kernel).state()
    assert state.running is not None
    assert (state.configured.name, state.running.name) == (level, level)


def test_a_change_is_applied_and_says_how_long_it_holds(tmp_path: Path) -> None:
    power = CpuPower(device(tmp_path, generic()))
    planned = power.preview("low")
    result = power.set("low")
    assert result.outcome is Outcome.APPLIED
    assert (result.previous, result.value) == ("mid", "low")
    assert "until the next boot" in result.note
    assert planned is not None
    assert planned.note == result.note
    assert power.set("default").note == "back to what was found after the boot"


def test_a_level_that_fits_already_writes_nothing(tmp_path: Path) -> None:
    """ondemand follows the load, too: mid does not become schedutil for its own sake."""
    kernel = device(tmp_path, generic(now="ondemand"))
    assert CpuPower(kernel).set("mid").outcome is Outcome.UNCHANGED
    assert (kernel.log, kernel.exists(RECORD)) == ([], False)


@pytest.mark.parametrize("first", ["low", "mid", "high"])
def test_default_is_what_was_found_whatever_came_between(first: str, tmp_path: Path) -> None:
    kernel = device(tmp_path, hwp("powersave"))
    kernel.put(preference(1), "balance_power")
    kernel.put(NO_TURBO, "1")
    before = {name: kernel.read_value(name) for name in CpuPower(kernel).writes}
    for level in (first, "high", "low"):
        CpuPower(kernel).set(level)
    assert kernel.read_value(NO_TURBO) == "1", "somebody turned it off before, and had a reason"
    CpuPower(kernel).set(None)
    assert {name: kernel.read_value(name) for name in CpuPower(kernel).writes} == before
    assert CpuPower(kernel).preview(None) is None


def test_values_of_no_mode_are_custom(tmp_path: Path) -> None:
    kernel = device(tmp_path, generic(now="userspace"))
    state = CpuPower(kernel).state()
    assert (state.configured.name, state.configured.id, state.configured.levels) == ("custom", None, ())
    assert not any(mode.default for mode in CpuPower(kernel).modes())
    CpuPower(kernel).set("high")
    assert CpuPower(kernel).set("default").value == "custom"
    assert kernel.read_value(governor()) == "userspace"
    with pytest.raises(ValueRefused) as refusal:
        CpuPower(kernel).set("custom")
    assert refusal.value.allowed == ("low", "mid", "high", "default")


def test_somebody_else_changed_it_since(tmp_path: Path) -> None:
    kernel = device(tmp_path, profile("low-power balanced performance"))
    power = CpuPower(kernel)
    power.set("low")
    kernel.put(PROFILE, "performance")
    state = power.state()
    assert state.running is not None
    assert (state.configured.name, state.running.name) == ("low", "high")
    assert power.set("low").outcome is Outcome.APPLIED
    kernel.put(PROFILE, "balanced")
    result = power.set("default")
    assert (result.previous, result.value, kernel.exists(RECORD)) == ("low", "mid", False)


def test_the_record_of_another_boot_counts_for_nothing(tmp_path: Path) -> None:
    kernel = device(tmp_path, generic())
    CpuPower(kernel).set("low")
    kernel.put(BOOT, "boot-2")
    kernel.put(governor(), "performance")
    assert CpuPower(kernel).state().configured.name == "high"
    assert CpuPower(kernel).preview("default") is None


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [governor(1), preference(0), preference(1), NO_TURBO])
def test_all_cpus_or_none(refused: str, tmp_path: Path) -> None:
    kernel = device(tmp_path, hwp())
    before = {name: kernel.read_value(name) for name in CpuPower(kernel).writes}
    broken = {"on": True}
    kernel.rules.append(lambda _, name, value: errno.EPERM if name == refused and value in ("power", "1") else None)
    kernel.rules.append(
        lambda _, name, value: errno.EBUSY if name == refused and value == "powersave" and broken["on"] else None
    )
    with pytest.raises(NotApplied, match=r"os\.power\.mode: sys/.*; the former values were put back") as error:
        CpuPower(kernel).set("low")
    assert refused in error.value.message
    assert {name: kernel.read_value(name) for name in CpuPower(kernel).writes} == before
    broken["on"] = False
    kernel.rules.clear()
    assert CpuPower(kernel).set("low").outcome is Outcome.APPLIED


def test_a_failure_keeps_the_former_choice(tmp_path: Path) -> None:
    kernel = device(tmp_path, generic())
    CpuPower(kernel).set("low")
    record = kernel.read_bytes(RECORD)
    kernel.rules.append(lambda _, name, value: errno.EINVAL if value == "performance" else None)
    with pytest.raises(NotApplied, match="invalid argument"):
        CpuPower(kernel).set("high")
    assert kernel.read_bytes(RECORD) == record
    assert CpuPower(kernel).state().configured.name == "low"


def test_a_file_that_takes_no_write_at_all(tmp_path: Path) -> None:
    """A driver that ignores what it is told, without an error."""
    kernel = device(tmp_path, generic())

    class Deaf(Root):
        def write(self, name: str, value: str | bytes, *, create: bool = False) -> None:
            pass

    with pytest.raises(NotApplied, match="reads back 'ondemand' instead of 'performance'"):
        CpuPower(Deaf(kernel.directory)).set("high")


# -- what is measured ------------------------------------------------------------------------------------------------


def test_caps_and_limits(tmp_path: Path) -> None:
    kernel = device(
        tmp_path,
        sysfs.cpufreq(driver="cpufreq-dt", governors=ALL, governor="ondemand", mhz=(600, 1800), policies=11),
        sysfs.cooling_device(0, "cpufreq-cpu0", 2),
        sysfs.cooling_device(1, "pwm-fan", 3),
        sysfs.hwmon(3, "rpi_volt", {"in0_lcrit_alarm": 0}),
    )
    kernel.put(f"{CPUFREQ}/policy0/scaling_max_freq", "1500000")
    state = CpuPower(kernel).state()
    assert [cap.name for cap in state.caps] == [f"policy{number}" for number in range(11)]
    assert state.caps[0] == FrequencyCap(
        name="policy0",
        governor="ondemand",
        minimum_khz=600_000,
        maximum_khz=1_500_000,
        hardware_maximum_khz=1_800_000,
    )
    assert state.limits == (PowerLimit(name="thermal", active=True), PowerLimit(name="under-voltage", active=False))


@pytest.mark.parametrize(
    ("files", "thermal", "under_voltage"),
    [
        ((), None, None),
        (sysfs.cooling_device(0, "pwm-fan", 3), None, None),
        (sysfs.cooling_device(0, "thermal-cpufreq-0", 0), False, None),
        (sysfs.cooling_device(0, "Processor", 1), True, None),
        (sysfs.hwmon(0, "rpi_volt", {"in0_lcrit_alarm": 1}), None, True),
    ],
)
def test_a_limit_that_nothing_tells_is_not_known(
    files: Iterable[TreeFile], thermal: bool | None, under_voltage: bool | None, tmp_path: Path
) -> None:
    kernel = device(tmp_path, generic(), files)
    assert [limit.active for limit in CpuPower(kernel).state().limits] == [thermal, under_voltage]
