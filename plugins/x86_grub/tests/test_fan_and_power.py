"""Which fan and power a PC of each kind has: the running kernel tells, and the tree stands for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hal import Device, Root
from hal.doctor import examine
from hal.model import Outcome

Tree = Callable[[str], Root]


@pytest.mark.parametrize(
    ("slug", "sets"),
    [
        ("intel-nuc", "energy preference power, no turbo"),
        ("up-board", "governor powersave, no turbo"),
        ("generic-amd64", "governor powersave"),
        ("generic-amd64-av", "platform profile low-power"),
        ("genericx86-64-ext", None),
        ("generic-aarch64", None),
    ],
)
def test_low_is_what_the_kernel_has_for_it(slug: str, sets: str | None, hal_tree: Tree) -> None:
    power = Device.open(hal_tree(slug)).power
    assert (power is None) == (sets is None)
    assert sets is None or power is None or power.modes()[0].summary == sets


def test_a_pc_with_a_monitoring_chip_has_a_fan(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    fan = Device.open(root).fan
    assert fan is not None
    assert fan.set("full").outcome is Outcome.APPLIED
    assert [(each.name, each.pwm_percent) for each in fan.state().readings] == [
        ("nct6775 1", 100.0),
        ("nct6775 2", 100.0),
    ]


def test_config_json_sets_both_again_after_every_boot(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    wanted = {"os": {"power": {"mode": "low"}, "fan": {"profile": "full"}}}
    for boot in ("one", "two"):
        root.replace("proc/sys/kernel/random/boot_id", f"{boot}\n".encode())
        for policy in range(2):
            root.write(f"sys/devices/system/cpu/cpufreq/policy{policy}/scaling_governor", "performance\n")
        root.write("sys/class/hwmon/hwmon1/pwm1_enable", "5\n")
        root.write("sys/class/hwmon/hwmon1/pwm2_enable", "5\n")
        device = Device.open(root)
        plan = device.plan(wanted)
        assert [planned.path for planned in plan.changes] == ["os.power.mode", "os.fan.profile"]
        assert all("until the next boot" in planned.change.note for planned in plan.changes)
        assert [done.result.outcome for done in device.apply(plan) if done.result] == [Outcome.APPLIED] * 2
        assert device.plan(wanted).changes == ()
    assert [finding.about for finding in examine(root)] == ["os.power.mode", "os.fan.profile"], "config.json has none"


def test_what_a_key_on_the_keyboard_changed_is_told(hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64-av")
    power = Device.open(root).power
    assert power is not None
    power.set("low")
    root.write("sys/firmware/acpi/platform_profile", "performance\n")
    found = [(each.code, each.message) for each in examine(root) if each.about == "power"]
    assert found == [("not-applied", "low is configured, but high is running")]
