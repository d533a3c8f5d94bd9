"""configfs.json: ACPI tables by name; other keys stay."""

from __future__ import annotations

import json

import pytest
from backends.boot_config.stores import JSON, put, values

from hal.backends.boot_config.configfs import ConfigFs
from hal.errors import Damaged, ValueRefused
from hal.model import Outcome
from hal.root import Root


def test_the_worked_example_14_13(root: Root) -> None:
    store = ConfigFs(root, JSON)
    assert store.items() == ()
    change = store.set({"BALENA_HOST_CONFIGFS_ssdt": '"spi0.0","i2c-rtc"'}).changes[0]
    assert root.read_bytes(JSON) == b'{"ssdt":["spi0.0","i2c-rtc"]}'
    assert values(store) == {"ssdt": '"spi0.0","i2c-rtc"'}
    assert "not checked" in change.note


def test_other_keys_stay_and_what_is_so_keeps_its_spelling(root: Root) -> None:
    data = b'{ "other": [1, "\xc3\xa4"],\n  "ssdt": ["a"] }\n'
    put(root, JSON, data)
    store = ConfigFs(root, JSON)
    assert store.set({"ssdt": "a"}).outcome is Outcome.UNCHANGED
    assert root.read_bytes(JSON) == data
    assert [each.text for each in store.kept()] == ['{"other": [1, "\\u00e4"]}']
    store.set({"ssdt": None})
    assert json.loads(root.read_bytes(JSON)) == {"other": [1, "ä"]}


@pytest.mark.parametrize("value", ["", "../x", "a/b", '"a","a"', '"a"x', "a\0", "a b", "missing"])
def test_a_wrong_table_is_refused(value: str, root: Root) -> None:
    (root.directory / "boot/acpi-tables").mkdir(parents=True)
    put(root, "boot/acpi-tables/a.aml", b"")
    put(root, JSON, b"{}")
    with pytest.raises(ValueRefused) as refusal:
        ConfigFs(root, JSON).set({"ssdt": value})
    assert refusal.value.allowed
    assert root.read_bytes(JSON) == b"{}"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"ssdt":1}', b'{"ssdt":[1]}', b'{"ssdt":"a"}', b"\xff", b"{}{}"])
def test_a_damaged_object_is_told_and_left(data: bytes, root: Root) -> None:
    put(root, JSON, data)
    store = ConfigFs(root, JSON)
    for act in (store.items, lambda: store.set({"ssdt": "a"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(JSON) == data
