"""A record that is damaged, and a state partition that cannot be written or is gone."""

from __future__ import annotations

import json

import pytest
from rollback.simulated import BOARDS, Device, Make, content

from hal.errors import HalError
from hal.model import Phase, Slot, UpdatePhase
from hal.rollback import crumbs
from hal.rollback.update import run_phase

EVERY = tuple(BOARDS)
ONE_EACH = ("balena mended", "u-boot classic", "grub mended", "l4tlauncher decimal", "cboot")
FORWARD = UpdatePhase.FORWARD


def settled(device: Device) -> Device:
    device.live()
    return device


WHOLE = {
    "schema": 1,
    "update": {"source": "A", "target": "B", "boot_id": "x", "switched": True},
    "events": [{"time": "t", "event": "e", "source": "A", "target": "B", "reason": "r", "evidence": ["f"]}],
}


def without(key: str) -> str:
    return json.dumps({name: value for name, value in WHOLE.items() if name != key})


def with_update(**fields: object) -> str:
    return json.dumps({**WHOLE, "update": {**WHOLE["update"], **fields}})  # type: ignore[dict-item]


DAMAGED = {
    "empty": "",
    "blank": "  \n",
    "cut": json.dumps(WHOLE)[:60],
    "zeros": "\0" * 512,
    "not text": "\ufffd{",
    "a list": "[]",
    "another schema": json.dumps({**WHOLE, "schema": 2}),
    "no schema": without("schema"),
    "schema is a word": json.dumps({**WHOLE, "schema": "1"}),
    "2 MB": json.dumps({**WHOLE, "x": "x" * 2_000_000}),
    "deep": '{"a":' * 1000,
    "update is a list": json.dumps({**WHOLE, "update": []}),
    "update is true": json.dumps({**WHOLE, "update": True}),
    "update is empty": json.dumps({**WHOLE, "update": {}}),
    "no such slot": with_update(target="C"),
    "slot is null": with_update(source=None),
    "an unknown field": with_update(colour="red"),
    "starts is a word": with_update(starts="many"),
    "starts is null": with_update(starts=None),
    "round is null": with_update(round=None),
    "crashes is a list": with_update(crashes=[]),
    "unclear is an object": with_update(unclear={}),
    "from a slot to itself": with_update(source="B"),
    "boot_id is a number": with_update(boot_id=5),
    "switched is a word": with_update(switched="no"),
    "events is null": json.dumps({**WHOLE, "events": None}),
    "events is a number": json.dumps({**WHOLE, "events": 5}),
    "events is an object": json.dumps({**WHOLE, "events": {"a": 1}}),
    "an event is a word": json.dumps({**WHOLE, "events": ["fell-back"]}),
    "an event is empty": json.dumps({**WHOLE, "events": [{}]}),
    "an event's time is a number": json.dumps({**WHOLE, "events": [{**WHOLE["events"][0], "time": 5}]}),  # type: ignore[index]
    "evidence is a number": json.dumps({**WHOLE, "events": [{**WHOLE["events"][0], "evidence": 5}]}),  # type: ignore[index]
    "evidence is a word": json.dumps({**WHOLE, "events": [{**WHOLE["events"][0], "evidence": "word"}]}),  # type: ignore[index]
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_record_is_told_and_harms_nothing(kind: str, device: Make) -> None:
    it = device("u-boot mended")
    it.root.resolve(crumbs.RECORD).write_text(DAMAGED[kind])
    status = it.rollback.status()
    assert any(crumbs.RECORD in note for note in status.notes), status
    assert status.events == ()
    it.live()
    it.update()
    it.live()
    it.assert_settled(Slot.B)
    assert it.rollback.status().notes == ()


@pytest.mark.parametrize("moment", ["trial", "fallen-back", "leaving"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_a_record_that_is_damaged_in_the_middle_of_an_update(kind: str, moment: str, device: Make) -> None:
    """The bootloader's state and the breadcrumbs say enough."""
    it = settled(device("u-boot mended"))
    it.update()
    if moment == "trial":
        it.boot()
    elif moment == "fallen-back":
        while it.boot() is Slot.B:
            pass
        it.broken = {Slot.B}
    else:
        it.unhealthy = {Slot.B}
        it.power_on()
    it.root.resolve(crumbs.RECORD).write_text(DAMAGED[kind])
    it.live()
    it.assert_settled(Slot.B if moment == "trial" else Slot.A)


def test_a_whole_record_is_read_as_it_was_written(device: Make) -> None:
    it = device("u-boot mended")
    it.root.resolve(crumbs.RECORD).write_text(json.dumps(WHOLE))
    record = crumbs.read(it.root)
    assert record.notes == ()
    assert record.update == crumbs.UpdateRecord(source=Slot.A, target=Slot.B, boot_id="x", switched=True)
    crumbs.write(it.root, record)
    assert crumbs.read(it.root) == record


STATE_FAULTS = ("missing", "a file", "read-only")


def spoil(device: Device, fault: str) -> None:
    if fault == "read-only":
        device.root.refused = ("mnt/state",)
        return
    path = device.root.directory / crumbs.STATE
    path.rename(path.with_name("state-gone"))
    if fault == "a file":
        path.write_text("")


@pytest.mark.parametrize("fault", STATE_FAULTS)
@pytest.mark.parametrize("name", ONE_EACH)
def test_no_state_partition_no_update(name: str, fault: str, device: Make) -> None:
    it = settled(device(name))
    spoil(it, fault)
    before = content(it.root.directory / "mnt/boot")
    with pytest.raises(HalError, match="mnt/state"):
        run_phase(it.rollback, FORWARD)
    assert content(it.root.directory / "mnt/boot") == before
    assert it.live() == 1
    assert (it.slot, it.phase) == (Slot.A, Phase.SETTLED)


@pytest.mark.parametrize("fault", STATE_FAULTS)
@pytest.mark.parametrize("ending", ["good", "unhealthy", "broken"])
@pytest.mark.parametrize("name", ONE_EACH)
def test_the_state_partition_goes_away_after_the_switch(name: str, ending: str, fault: str, device: Make) -> None:
    """An error that says so; the bootloader's state stays such that the device boots, and what is bad is not kept."""
    it = settled(device(name))
    it.update()
    it.broken = {Slot.B} if ending == "broken" else set()
    it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    spoil(it, fault)
    for _ in range(it.status.boot_limit + 12):
        it.power_on()
    if fault == "read-only" or ending != "broken":  # without breadcrumbs a fallback is no matter of the services
        assert any("mnt/state" in error for error in it.errors)
    if ending == "broken":  # of U-Boot's counts, a to f are none to its classic rule, so the new slot is tried again
        assert all(Slot.A in it.boots[at : at + 8] for at in range(len(it.boots) - 7))
    bare = it.status.active is Slot.B and not it.status.pending
    assert not bare or ending == "good"
