"""Conformance of fan and power: every value set and read back, set twice, refused, and damaged files."""

from __future__ import annotations

from collections.abc import Iterator

import jsonschema
import pytest

from hal.device import Device
from hal.document import capabilities
from hal.errors import Damaged, FileFault, HalError, ValueRefused
from hal.model import Outcome
from hal.protocols import Fan, Power, Setting
from hal.testing.cases import DAMAGE, SCHEMA, Tree, snapshot


def settings(device: Device) -> Iterator[tuple[str, Setting, tuple[str, ...]]]:
    """The settings this device has, each with every value that it lists."""
    if device.fan is not None:
        yield "fan", device.fan, tuple(profile.name for profile in device.fan.profiles())
    if device.power is not None:
        modes = device.power.modes()
        names = [mode.name for mode in modes] + [str(mode.id) for mode in modes if mode.id is not None]
        yield "power", device.power, (*names, *(str(level) for mode in modes for level in mode.levels))


def configured(setting: Setting) -> str:
    """What is stored now, by name."""
    if isinstance(setting, Fan):
        return setting.state().configured
    assert isinstance(setting, Power)
    return setting.state().configured.name


def test_every_listed_value_can_be_set_and_read_back(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for noun, setting, values in settings(device):
        assert values, f"{noun} is offered, but lists nothing"
        for value in (*values, *reversed(values), "default"):
            planned = setting.preview(value)
            before = snapshot(device.root)
            result = setting.set(value)
            assert configured(getattr(Device.open(device.root), noun)) == result.value, "lost with the object"
            after = snapshot(device.root)
            touched = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            assert planned is None or touched & set(setting.writes), "a change that is in none of `writes`"
            assert (planned is None) == (result.outcome is Outcome.UNCHANGED)
            assert planned is None or (planned.previous, planned.value) == (result.previous, result.value)
            assert setting.preview(value) is None


def test_what_is_configured_needs_no_look_at_what_runs(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        for value in values:
            setting.set(value)
            assert setting.state(live=False).configured == setting.state().configured  # type: ignore[attr-defined]


def test_setting_twice_writes_nothing(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        for value in values:
            setting.set(value)
            before = snapshot(device.root)
            assert setting.set(value).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == before


def test_unset_is_the_vendors_default(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        before = {name: device.root.read_value(name) for name in setting.writes}
        setting.set(None)
        default = configured(setting)
        for value in values:
            setting.set(value)
        setting.set("")
        assert configured(setting) == default
        assert {name: device.root.read_value(name) for name in setting.writes} == before


@pytest.mark.parametrize("value", ["no-such-value", "../../etc/passwd", "a\nb", "$(reboot)", "x" * 5000, "9999", " "])
def test_an_unknown_value_is_refused_and_nothing_written(slug: str, hal_tree: Tree, value: str) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, _ in settings(device):
        before = snapshot(device.root)
        with pytest.raises(ValueRefused) as refusal:
            setting.set(value)
        assert refusal.value.allowed, "a refusal says what is allowed"
        assert snapshot(device.root) == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_an_error_and_nothing_written(slug: str, hal_tree: Tree, damage: str) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        for name in setting.reads:
            sound = device.root.read_bytes(name)
            path = device.root.resolve(name)
            path.write_bytes(DAMAGE[damage](sound))
            before = snapshot(device.root)
            for value in values:
                with pytest.raises((Damaged, FileFault)) as error:
                    setting.set(value)
                assert name in str(error.value)
            assert snapshot(device.root) == before
            jsonschema.validate(capabilities(device), SCHEMA)
            path.unlink()
            with pytest.raises(HalError):
                setting.set(values[0])
            path.write_bytes(sound)
