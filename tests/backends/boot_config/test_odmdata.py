"""ODMDATA of TX2: three bytes of a boot partition, valid at every power cut."""

from __future__ import annotations

import pytest
from backends.boot_config.stores import put, values

from hal.backends import emmc_boot
from hal.backends.boot_config.odmdata import BYTES, DEVICE, OFFSETS, Odmdata
from hal.errors import Damaged, ValueRefused
from hal.model import Outcome
from hal.root import Root


def tx2(root: Root, data: bytes = b"\x06\x06\x06", guard: str = "1\n") -> Odmdata:
    blob = bytearray(b"x" * 20000)
    for offset, byte in zip(OFFSETS, data, strict=True):
        blob[offset] = byte
    put(root, f"dev/{DEVICE}", bytes(blob))
    put(root, emmc_boot.guard_of(DEVICE), guard.encode())
    return Odmdata(root)


def test_the_worked_example_14_7(root: Root) -> None:
    store = tx2(root)
    before = root.read_bytes(f"dev/{DEVICE}")
    assert values(store) == {"configuration": "3"}
    change = store.set({"BALENA_HOST_ODMDATA_configuration": "4"}).changes[0]
    assert (change.previous, change.value) == ("3", "4")
    after = root.read_bytes(f"dev/{DEVICE}")
    differ = [place for place in range(len(before)) if before[place] != after[place]]
    assert differ == [0x67B, 0x147B, 0x467B]
    assert {after[place] for place in differ} == {7}
    assert root.read_text(emmc_boot.guard_of(DEVICE)).strip() == "1"


@pytest.mark.parametrize("number", BYTES)
def test_every_configuration_and_back(number: str, root: Root) -> None:
    store = tx2(root)
    store.set({"configuration": number})
    assert values(store) == {"configuration": number}
    before = root.resolve(f"dev/{DEVICE}").stat().st_mtime_ns
    assert store.set({"configuration": f" {number} "}).outcome is Outcome.UNCHANGED
    assert root.resolve(f"dev/{DEVICE}").stat().st_mtime_ns == before


@pytest.mark.parametrize("value", [None, "", "0", "7", "-1", "1.0", "01", "1a", "two", "٣", "1\n2"])
def test_a_wrong_configuration_is_refused(value: str | None, root: Root) -> None:
    store = tx2(root)
    before = root.read_bytes(f"dev/{DEVICE}")
    with pytest.raises(ValueRefused) as refusal:
        store.set({"configuration": value})
    assert refusal.value.allowed == ("1", "2", "3", "4", "5", "6")
    assert root.read_bytes(f"dev/{DEVICE}") == before


@pytest.mark.parametrize("data", [b"\x06\x07\x07", b"\x06\x06\x07", b"\xff\xff\xff", b"\x04\x04\x04"])
def test_bytes_that_differ_or_mean_nothing_are_told_and_mended_by_a_set(data: bytes, root: Root) -> None:
    store = tx2(root, data)
    with pytest.raises(Damaged, match=f"{data[2]:#04x}.*set configuration to mend it"):
        store.items()
    assert store.set({"configuration": "3"}).outcome is Outcome.ACCEPTED
    assert values(store) == {"configuration": "3"}


@pytest.mark.parametrize("cut", range(3))
def test_a_power_cut_between_the_writes_leaves_valid_bytes_that_a_set_mends(
    cut: int, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    done: list[int] = []
    patch = Root.patch

    def until(self: Root, name: str, offset: int, data: bytes) -> None:
        if len(done) == cut:
            raise PowerCut
        done.append(offset)
        patch(self, name, offset, data)

    store = tx2(root)
    monkeypatch.setattr(Root, "patch", until)
    with pytest.raises(PowerCut):
        store.set({"configuration": "4"})
    monkeypatch.undo()
    assert set(store.read()) <= {6, 7}
    assert root.read_text(emmc_boot.guard_of(DEVICE)).strip() == "1"
    store.set({"configuration": "4"})
    assert values(store) == {"configuration": "4"}


@pytest.mark.parametrize("size", [0, 1660, OFFSETS[-1]])
def test_a_device_that_is_too_small(size: int, root: Root) -> None:
    store = tx2(root)
    put(root, f"dev/{DEVICE}", bytes(size))
    for act in (store.items, lambda: store.set({"configuration": "4"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(f"dev/{DEVICE}") == bytes(size)


def test_an_odd_guard_is_not_touched(root: Root) -> None:
    store = tx2(root, guard="2\n")
    with pytest.raises(ValueRefused):
        store.set({"configuration": "4"})
    assert values(store) == {"configuration": "3"}
