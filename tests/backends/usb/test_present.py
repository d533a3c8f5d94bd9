"""The view of USB devices: what sysfs lists, nothing more, and no error for what vanishes or is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.usb.sysfs import BUS, HUB, configuration, device, interface, plug, unplug
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.usb.descriptors import configurations
from hal.backends.usb.present import look, present
from hal.root import Root

BULK, INTERRUPT = 2, 3
STICK = device(
    0x12D1,
    0x1506,
    configuration(
        1,
        interface(0, (0xFF, 3, 0x10), [(0x82, INTERRUPT), (0x81, BULK), (0x01, BULK)]),
        interface(1, (0xFF, 3, 0x12), [(0x83, BULK), (0x02, BULK)]),
        interface(2, (0xFF, 3, 0x16), [(0x85, INTERRUPT)]),
        interface(2, (0xFF, 3, 0x16), [(0x85, INTERRUPT), (0x84, BULK), (0x03, BULK)], alternate=1),
        interface(3, (8, 6, 0x50), [(0x86, BULK), (0x04, BULK)]),
    ),
)
CARD = device(
    0x12D1,
    0x15C1,
    configuration(1, interface(0, (0xFF, 3, 0x12))),
    configuration(2, interface(0, (2, 6, 0)), interface(1, (0x0A, 0, 0))),
    configuration(3, interface(0, (2, 0x0E, 0)), interface(1, (0x0A, 0, 2))),
)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_machine_without_usb_has_none(root: Root) -> None:
    assert present(root) == ()


def test_a_device_is_shown_with_its_interfaces_drivers_and_nodes(root: Root) -> None:
    plug(
        root.directory,
        "1-1.2",
        STICK,
        drivers={0: "option", 1: "option", 2: "huawei_cdc_ncm", 3: "usb-storage"},
        nodes={
            0: ("ttyUSB0",),
            1: ("ttyUSB1",),
            2: ("net/wwan0", "usbmisc/cdc-wdm0"),
            3: ("host0/target0:0:0/0:0:0:0/block/sr0", "host0/target0:0:0/0:0:0:0/scsi_generic/sg0"),
        },
        strings={"manufacturer": "HUAWEI_MOBILE"},
    )
    (found,) = present(root)
    assert (found.name, found.identity, found.revision, found.manufacturer, found.serial) == (
        "1-1.2", "12d1:1506", 0x0102, "HUAWEI_MOBILE", "",
    )  # fmt: skip
    assert [(each.number, each.driver, each.nodes, each.network) for each in found.interfaces] == [
        (0, "option", ("ttyUSB0",), ()),
        (1, "option", ("ttyUSB1",), ()),
        (2, "huawei_cdc_ncm", ("cdc-wdm0",), ("wwan0",)),
        (3, "usb-storage", ("sg0", "sr0"), ()),
    ]
    assert found.interfaces[1].modalias == "usb:v12D1p1506d0102dc00dsc00dp00icFFisc03ip12in01"
    assert found.ready


def test_every_configuration_is_told_and_every_alternate_setting() -> None:
    (only,) = configurations(STICK)
    assert [(each.number, each.alternate, len(each.endpoints)) for each in only.functions] == [
        (0, 0, 3), (1, 0, 2), (2, 0, 1), (2, 1, 3), (3, 0, 2),
    ]  # fmt: skip
    assert [end.kind for end in only.functions[0].endpoints] == ["interrupt", "bulk", "bulk"]
    assert [end.is_in for end in only.functions[1].endpoints] == [True, False]
    assert [each.value for each in configurations(CARD)] == [1, 2, 3]


def test_a_device_without_a_configuration_is_there(root: Root) -> None:
    plug(root.directory, "1-1", CARD, chosen=None)
    (found,) = present(root)
    assert (found.configuration, found.interfaces, found.ready) == (None, (), False)


def test_hubs_of_the_board_and_interfaces_are_no_devices(root: Root) -> None:
    plug(root.directory, "1-1", CARD, chosen=2)
    (root.directory / BUS / "usb1").mkdir()
    assert [each.name for each in present(root)] == ["1-1"]


def test_it_is_ready_once_every_interface_is_listed(root: Root) -> None:
    plug(root.directory, "1-1", CARD, chosen=3)
    (root.directory / BUS / "1-1:3.1").unlink()
    assert present(root)[0].ready
    for file in (root.directory / HUB / "1-1/1-1:3.1").iterdir():
        file.unlink()
    assert not present(root)[0].ready


def test_what_is_pulled_out_is_gone_and_comes_back_as_another_presence(root: Root) -> None:
    plug(root.directory, "1-1", STICK, number=5)
    before = look(root, "1-1")
    unplug(root.directory, "1-1")
    assert look(root, "1-1") is None
    plug(root.directory, "1-1", STICK, number=6)
    after = look(root, "1-1")
    assert before is not None
    assert after is not None
    assert before.presence != after.presence


@pytest.mark.parametrize("name", ["idVendor", "devnum", "descriptors", "bcdDevice", "bConfigurationValue"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"zz\n", None])
def test_attributes_that_vanish_or_are_damaged_end_nothing(root: Root, name: str, content: bytes | None) -> None:
    plug(root.directory, "1-1", STICK)
    plug(root.directory, "1-2", CARD, chosen=2, number=6)
    file = root.directory / HUB / "1-1" / name
    file.unlink() if content is None else file.write_bytes(content)
    assert "1-2" in [each.name for each in present(root)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_to_where_they_make_sense(data: bytes) -> None:
    for found in configurations(data):
        assert 0 <= found.value <= 255


@given(st.integers(0, len(CARD)))
def test_a_cut_anywhere_leaves_what_was_before(cut: int) -> None:
    whole, found = configurations(CARD), configurations(CARD[:cut])
    assert [each.value for each in found] == [each.value for each in whole[: len(found)]]
