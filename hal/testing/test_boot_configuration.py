"""Conformance of boot configuration."""

from __future__ import annotations

from collections.abc import Iterator

import jsonschema
import pytest

from hal.ask import ask
from hal.device import Device
from hal.document import capabilities
from hal.errors import HalError, ValueRefused
from hal.model import Outcome
from hal.protocols import BootConfig
from hal.testing.cases import DAMAGE, SCHEMA, Tree, snapshot

PROBES = {
    "gpu_mem": "64",
    "dtparam": '"spi=on","i2c_arm=off"',
    "fdt": "conformance.dtb",
    "isolcpus": "1-3",
    "extra_os_cmdline": "quiet loglevel=3",
    "enable_uboot_overlays": "1",
    "configuration": "2",
}
"""A value for keys that some stores know; whichever of them a store has is tried, beside what it holds already."""
ODD = ("a\nb", "a\0b", "\udcff", "a\rb")


def held(store: BootConfig) -> dict[str, str]:
    """What holds for every board."""
    return {each.key: each.value for each in ask(store, "items") if not each.section}


def probes(store: BootConfig) -> Iterator[tuple[str, str]]:
    """Keys of a store, each with a value that it should take."""
    if ask(store, "absence") is None:
        yield from held(store).items()
        yield from ((key, value) for key, value in PROBES.items() if ask(store, "key_for", key) is not None)


def test_a_store_has_a_name_of_its_own_and_knows_its_variables(slug: str, hal_tree: Tree) -> None:
    stores = Device.open(hal_tree(slug)).boot_config
    names = [store.name for store in stores]
    assert len(set(names)) == len(names)
    assert all(name and ":" not in name and "=" not in name for name in names), "users type STORE:KEY=VALUE"
    for store in stores:
        assert ask(store, "key_for", "no such key") is None
        for each in ask(store, "items"):
            assert ask(store, "key_for", each.key) == each.key
            if each.variable:
                bare = each.variable.removeprefix("BALENA_")
                assert {ask(store, "key_for", f"{prefix}{bare}") for prefix in ("BALENA_", "RESIN_", "")} == {each.key}


def test_a_boot_setting_can_be_set_and_read_back_and_setting_it_twice_writes_nothing(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        for key, value in probes(store):
            before = snapshot(device.root)
            planned = ask(store, "preview", {key: value})
            assert snapshot(device.root) == before, "a preview writes nothing"
            result = ask(store, "set", {key: value})
            after = snapshot(device.root)
            assert result.changes == planned
            assert (result.outcome is Outcome.UNCHANGED) == (not planned) == (after == before)
            touched = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            assert touched <= set(store.writes), "a change that is in none of `writes`"
            again = next(each for each in Device.open(device.root).boot_config if each.name == store.name)
            assert held(again)[key] == value, "lost with the object"
            assert ask(store, "set", {key: value}).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == after


def test_a_boot_setting_can_be_removed_and_put_back(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        for key, value in probes(store):
            ask(store, "set", {key: value})
            kept = ask(store, "kept")
            before = snapshot(device.root)
            try:
                ask(store, "set", {key: None})
            except ValueRefused:
                assert snapshot(device.root) == before
                continue
            without = snapshot(device.root)
            assert ask(store, "set", {key: None}).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == without
            ask(store, "set", {key: value})
            assert held(store)[key] == value
            assert [each.text for each in ask(store, "kept")] == [each.text for each in kept]


def test_a_wrong_boot_setting_is_refused_and_nothing_written(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        before = snapshot(device.root)
        for key, _ in probes(store):
            for odd in ODD:
                with pytest.raises(ValueRefused) as refusal:
                    ask(store, "set", {key: odd})
                assert refusal.value.allowed, "a refusal says what is allowed"
        if ask(store, "absence") is None:
            with pytest.raises(ValueRefused):
                ask(store, "set", {"no such key": "1"})
        assert snapshot(device.root) == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_boot_file_is_an_error_or_keeps_its_bytes(slug: str, hal_tree: Tree, damage: str) -> None:
    """A set into a damaged file writes nothing, or what it wrote is read back; nothing but `HalError` is raised."""
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        wanted = dict(probes(store))
        for name in store.writes:
            if not device.root.is_file(name):
                continue
            sound = device.root.read_bytes(name)
            path = device.root.resolve(name)
            path.write_bytes(DAMAGE[damage](sound))
            for key, value in wanted.items():
                before = snapshot(device.root)
                try:
                    ask(store, "set", {key: value})
                except HalError:
                    assert snapshot(device.root) == before
                else:
                    assert held(store)[key] == value
            jsonschema.validate(capabilities(device), SCHEMA)
            path.write_bytes(sound)
