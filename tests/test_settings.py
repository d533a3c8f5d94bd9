"""config.json as settings: every shape a value may have, and what is known and unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal import Device, Root
from hal.model import Cost
from hal.settings.keys import FOLDERS, KNOWN, OWNED, PUBLIC, unknown

Tree = Callable[[str], Root]


def both(value: object) -> dict[str, Any]:
    return {"os": {"power": {"mode": value}, "fan": {"profile": value}}}


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({}, []),
        ({"os": None}, []),
        ({"os": {}}, []),
        ({"os": {"power": {}, "fan": None}}, []),
        (both(None), []),
        (both(""), []),
        (both("null"), []),
        (both("default"), []),
        ({"os": "x"}, ["os"]),
        ({"os": []}, ["os"]),
        ({"os": {"power": "high"}}, ["os.power"]),
        ({"os": {"fan": ["cool"]}}, ["os.fan"]),
        (both(True), ["os.power.mode", "os.fan.profile"]),
        (both(1.5), ["os.power.mode", "os.fan.profile"]),
        (both({}), ["os.power.mode", "os.fan.profile"]),
        (both(["high"]), ["os.power.mode", "os.fan.profile"]),
        (both("9"), ["os.power.mode", "os.fan.profile"]),
        (both("x" * 1_000_000), ["os.power.mode", "os.fan.profile"]),
        (both(10**400), ["os.power.mode", "os.fan.profile"]),
        (both(1 << 20_000), ["os.power.mode", "os.fan.profile"]),
        (both("\udcff"), ["os.power.mode", "os.fan.profile"]),
    ],
    ids=lambda value: "huge" if value == both(1 << 20_000) else f"{value!r:.60}",
)
def test_what_is_refused(config: dict[str, Any], refused: list[str], hal_tree: Tree) -> None:
    plan = Device.open(hal_tree("jetson-agx-orin-devkit")).plan(config)
    assert [item.path for item in plan.refused] == refused
    assert all(item.path in item.message for item in plan.refused)


def test_a_wrong_value_of_any_key_stops_no_other(hal_tree: Tree) -> None:
    wrong = {"hostname": "a b", "apiKey": "hush hush", "os": {"power": {"mode": "high"}, "udevRules": {"../x": "y"}}}
    plan = Device.open(hal_tree("jetson-agx-orin-devkit")).plan(wrong)
    assert [planned.path for planned in plan.changes] == ["os.power.mode"]
    assert [item.path for item in plan.refused] == ["hostname", "apiKey", "os.udevRules.../x"]
    assert all(item.message.startswith(f"{item.path}: ") for item in plan.refused)
    assert "hush" not in f"{plan.refused[1].message} {plan.refused[1].value}"


def test_a_flag_that_is_no_boolean_is_taken_with_a_warning(hal_tree: Tree) -> None:
    plan = Device.open(hal_tree("jetson-agx-orin-devkit")).plan({"persistentLogging": "1", "developmentMode": "true"})
    assert plan.refused == ()
    assert [warning.partition(":")[0] for warning in plan.warnings] == ["persistentLogging", "developmentMode"]
    assert all(warning.endswith("write true") for warning in plan.warnings)


def test_a_number_is_accepted_with_a_warning(hal_tree: Tree) -> None:
    plan = Device.open(hal_tree("jetson-agx-orin-devkit")).plan({"os": {"power": {"mode": 3}}})
    assert [planned.change.value for planned in plan.changes] == ["MODE_50W"]
    assert "write '3'" in plan.warnings[0]
    assert plan.cost is Cost.REBOOT


def test_a_setting_that_the_board_lacks_is_told_with_the_reason(hal_tree: Tree) -> None:
    device = Device.open(hal_tree("jetson-nano"))
    plan = device.plan(both("quiet"))
    assert [item.path for item in plan.unavailable] == ["os.power.mode", "os.fan.profile"]
    assert all(item.reason for item in plan.unavailable)
    assert (plan.changes, plan.refused) == ((), ())
    assert device.plan({}).unavailable == ()


def test_unknown_keys_are_told_by_path() -> None:
    config = {
        "deviceType": "x",
        "colour": 1,
        "os": {"power": {"mode": "low", "boost": 1}, "udevRules": {"a": "b"}, "new": {"deep": 1}},
        "installer": {"secureboot": True, "x": 1},
    }
    assert unknown(config) == ("colour", "os.power.boost", "os.new", "installer.x")


def test_the_lists_of_keys_agree() -> None:
    assert set(OWNED) < KNOWN
    assert PUBLIC < KNOWN
    assert not {"apiKey", "deviceApiKey", "uuid", "os.sshKeys", "balenaRootCA"} & PUBLIC


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["os", "power", "fan", "mode", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=JSON)
def test_any_config_is_planned(value: object, hal_tree_once: Device) -> None:
    for config in ({"os": value}, {"os": {"power": value, "fan": value}}, both(value)):
        plan = hal_tree_once.plan(config)
        assert {item.path for item in plan.refused} <= {*OWNED, *FOLDERS}


@pytest.fixture
def hal_tree_once(hal_tree: Tree) -> Device:
    return Device.open(hal_tree("jetson-orin-nano-devkit-nvme"))
