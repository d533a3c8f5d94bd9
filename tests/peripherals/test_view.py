"""The view: for any history it equals a fresh look, and its differences tell each presence once."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from backends.usb.sysfs import BUS, HUB, configuration, device, interface, plug, unplug
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hal.backends.usb.present import present
from hal.model import UsbDevice
from hal.peripherals.view import Difference, View
from hal.root import Root

MODEM = device(0x12D1, 0x1506, configuration(1, interface(0, (0xFF, 3, 0x12))))
STORAGE = device(0x12D1, 0x14FE, configuration(1, interface(0, (8, 6, 0x50))))
PLACES = ("1-1", "1-1.2", "1-2")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def told(difference: Difference) -> tuple[list[str], list[str], list[str]]:
    return (
        [f"{each.name} {each.identity}" for each in difference.vanished],
        [f"{each.name} {each.identity}" for each in difference.appeared],
        [before.name for before, _ in difference.changed],
    )


def test_what_appears_vanishes_and_changes(root: Root) -> None:
    view = View(root)
    assert not view.look(None)
    plug(root.directory, "1-1", STORAGE, number=5)
    assert told(view.look(frozenset())) == ([], ["1-1 12d1:14fe"], [])
    assert not view.look(None)

    unplug(root.directory, "1-1")
    plug(root.directory, "1-1", MODEM, number=6)
    plug(root.directory, "1-2", STORAGE, number=7)
    assert told(view.look(frozenset())) == (["1-1 12d1:14fe"], ["1-1 12d1:1506", "1-2 12d1:14fe"], [])

    (root.directory / HUB / "1-1/1-1:1.0/ttyUSB0").mkdir()
    assert told(view.look(frozenset({"1-2"}))) == ([], [], []), "nobody said that anything happened at 1-1"
    assert told(view.look(frozenset({"1-1"}))) == ([], [], ["1-1"])
    unplug(root.directory, "1-1")
    unplug(root.directory, "1-2")
    assert told(view.look(frozenset())) == (["1-1 12d1:1506", "1-2 12d1:14fe"], [], [])


def test_the_same_number_and_another_device_is_another_presence(root: Root) -> None:
    view = View(root)
    plug(root.directory, "1-1", STORAGE, number=5)
    view.look(None)
    plug(root.directory, "1-1", MODEM, number=5)
    assert told(view.look(None)) == (["1-1 12d1:14fe"], ["1-1 12d1:1506"], [])


def test_the_same_device_listed_anew_with_its_old_number_is_another_presence(root: Root) -> None:
    """What a host controller does to all its devices when it is reset (see tests/lab/test_hotplug.py)."""
    view = View(root)
    plug(root.directory, "1-1", STORAGE, number=2)
    view.look(None)
    (root.directory / HUB / "1-1").rename(root.directory / HUB / "kept so that its inode is not given to another")
    plug(root.directory, "1-1", STORAGE, number=2)
    assert told(view.look(frozenset())) == (["1-1 12d1:14fe"], ["1-1 12d1:14fe"], [])
    assert not view.look(None)


def test_a_view_is_a_value_and_stays(root: Root) -> None:
    view = View(root)
    plug(root.directory, "1-1", STORAGE)
    view.look(None)
    before = view.devices
    unplug(root.directory, "1-1")
    view.look(None)
    assert (list(before), list(view.devices)) == (["1-1"], [])
    with pytest.raises(TypeError):
        before["1-2"] = before["1-1"]  # type: ignore[index]


class History(RuleBasedStateMachine):
    """Devices come, go and change, in any order and number between two looks; events name the places of changes."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.root = Root(self.folder.name)
        self.view = View(self.root)
        self.number = 1
        self.events: set[str] = set()
        self.handled: list[tuple[str, int, int, int]] = []
        self.known: dict[str, UsbDevice] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(place=st.sampled_from(PLACES), descriptors=st.sampled_from([MODEM, STORAGE]))
    def come(self, place: str, descriptors: bytes) -> None:
        self.go(place)
        self.number += 1
        plug(self.root.directory, place, descriptors, number=self.number)
        self.events.add(place)

    @rule(place=st.sampled_from(PLACES))
    def go(self, place: str) -> None:
        if (self.root.directory / BUS / place).exists():
            unplug(self.root.directory, place)
            self.events.add(place)

    @rule(place=st.sampled_from(PLACES), node=st.sampled_from(["ttyUSB0", "usbmisc/cdc-wdm0", "net/wwan0"]))
    def change(self, place: str, node: str) -> None:
        for below in (self.root.directory / BUS / place).glob("*:*"):
            (below / node).mkdir(parents=True, exist_ok=True)
            self.events.add(place)

    @rule(overflow=st.booleans())
    def look(self, overflow: bool) -> None:
        difference = self.view.look(None if overflow else frozenset(self.events))
        self.events.clear()
        for gone in difference.vanished:
            assert self.known.pop(gone.name) == gone
        for new in difference.appeared:
            assert new.name not in self.known
            assert new.presence not in self.handled, "handled twice"
            self.known[new.name] = new
            self.handled.append(new.presence)
        for before, after in difference.changed:
            assert self.known[before.name] == before != after
            assert before.presence == after.presence
            self.known[after.name] = after
        assert self.known == dict(self.view.devices)

    @invariant()
    def equals_a_fresh_look(self) -> None:
        if not self.events:
            assert tuple(self.view.devices.values()) == present(self.root)


History.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnyHistory = History.TestCase
