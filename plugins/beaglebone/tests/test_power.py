"""CPU governors of AM335x boards; what is not known is not offered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hal_beaglebone.boot_config import AM335X

from hal import Device, Root
from hal.model import Outcome

Tree = Callable[[str], Root]
GOVERNOR = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"


@pytest.mark.parametrize("slug", AM335X)
def test_the_shipped_state_is_high_already(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    power = Device.open(root).power
    assert power is not None
    assert [mode.name for mode in power.modes() if mode.default] == ["high"]
    assert power.set("high").outcome is Outcome.UNCHANGED
    assert power.set("low").outcome is Outcome.APPLIED
    assert root.read_value(GOVERNOR) == "powersave"
    assert power.state().caps[0].maximum_khz == 1_000_000


def test_without_the_modules_there_is_nothing_to_choose(hal_tree: Tree) -> None:
    """The kernel builds performance in; the other governors are modules, which somebody has to load."""
    root = hal_tree("beaglebone-black")
    root.write(GOVERNOR.replace("scaling_governor", "scaling_available_governors"), "performance\n")
    device = Device.open(root)
    assert device.power is None
    assert "its CPU governors are performance" in device.absent["power"]


def test_a_board_that_shows_no_frequencies(hal_tree: Tree) -> None:
    device = Device.open(hal_tree("beaglebone-ai64"))
    assert device.power is None
    assert "scales no CPU frequency" in device.absent["power"]
