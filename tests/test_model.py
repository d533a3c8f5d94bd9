"""The data model: frozen, keyword-only, checked where a mistake would travel far; and the values bootloaders read."""

from __future__ import annotations

import ast
import re
from enum import Enum
from pathlib import Path

import attrs
import pytest

from hal import model
from hal.document import plain
from hal.model import (
    SLUG,
    Board,
    BootloaderKind,
    DeviceType,
    ModemState,
    Partitions,
    PartitionTable,
    SlotEncoding,
    UsbIdentity,
)
from hal.plugins import Catalog

NAMES = model.names()
CLASSES = [value for value in NAMES.values() if isinstance(value, type) and attrs.has(value)]
ENUMS = [value for value in NAMES.values() if isinstance(value, type) and issubclass(value, Enum)]


# -- shape -----------------------------------------------------------------------------------------------------------


def test_there_is_something_to_check() -> None:
    assert len(CLASSES) >= 25
    assert len(ENUMS) >= 10


def test_every_name_is_there_for_readers_and_for_programs() -> None:
    """Names are loaded on first use, so a name in the list for type checkers could be missing when it is asked for."""
    listed = {
        alias.asname: node.module
        for node in ast.walk(ast.parse(Path(model.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hal.model.")
        for alias in node.names
    }
    assert set(listed) == set(NAMES)
    assert {name: f"hal.model.{file}" for name, file in model._FILE.items()} == listed
    assert all(getattr(model, name) is value for name, value in NAMES.items())
    for name in ("NoSuchName", "_slug", "device_types"):
        with pytest.raises(AttributeError, match=name):
            getattr(model, name)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_is_frozen_keyword_only_and_documented(kind: type) -> None:
    assert kind.__doc__
    assert kind.__setattr__ is not object.__setattr__
    fields = attrs.fields(kind)
    assert all(field.kw_only for field in fields)
    with pytest.raises(TypeError):
        kind("positional")
    missing = object.__new__(kind)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(missing, fields[0].name, "x")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_default_is_shared_or_invented(kind: type) -> None:
    """A default is absence, a plain constant of the kernel's or the build's, or an immutable value; never a list."""
    for field in attrs.fields(kind):
        if field.default is not attrs.NOTHING:
            hash(field.default)
    if kind is DeviceType:
        assert {f.name for f in attrs.fields(kind) if f.default not in (None, (), attrs.NOTHING)} == set()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_number_has_its_unit_in_its_name(kind: type) -> None:
    counted = {"boot_count", "boot_limit", "checks", "crashes", "interruptions", "rounds", "times", "endpoints"}
    usb = {
        "address",
        "alternate",
        "bus",
        "configuration",
        "endpoint",
        "endpoint_in",
        "endpoint_out",
        "identity",
        "index",
        "interface",
        "number",
        "products",
        "request",
        "request_type",
        "revision",
        "target_class",
        "targets",
        "triple",
        "triples",
        "value",
    }
    numbered = {
        "partition",
        "boot",
        "root_a",
        "root_b",
        "state",
        "data",
        "efi",
        "rtc",
        "i2c_address",
        "i2c_bus",
        "id",
        "rank",
        "line",
    }
    unitless = {"baud", "rpm", "seconds", *counted, *numbered, *usb}
    units = (
        "_kib",
        "_bytes",
        "_pixels",
        "_percent",
        "_millicelsius",
        "_microvolts",
        "_watt",
        "_khz",
        "_seconds",
        "_id",
        "_dbm",
        "_db",
    )
    for field in attrs.fields(kind):
        if re.search(r"\b(int|float)\b", str(field.type)) and field.name not in unitless:
            assert field.name.endswith(units), f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_every_enum_is_its_text(kind: type[Enum]) -> None:
    assert kind.__doc__
    for member in kind:
        assert str(member) == member.value == plain(member)
        assert kind(member.value) is member
    with pytest.raises(ValueError, match="no-such-value"):
        kind("no-such-value")


# -- slugs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slug",
    [
        "raspberrypi4-64",
        "raspberry-pi",
        "jetson-agx-orin-devkit-64gb",
        "up-board",
        "x",
        "0",
        "a1-b2-c3",
        "rt-rpi-300",
        "a.b",
    ],
)
def test_what_a_slug_looks_like(slug: str) -> None:
    assert DeviceType(slug=slug, name="").slug == slug
    assert DeviceType(slug="x", name="", aliases=(slug, "other")).names() == ("x", slug, "other")


@pytest.mark.parametrize(
    "slug",
    [
        "",
        " ",
        "Raspberry",
        "a_b",
        "a b",
        "-a",
        "a-",
        "a--b",
        "a\n",
        "\na",
        "a/b",
        "../a",
        "a:b",
        "é",
        "a\0",
        "٣",
        None,
        3,
        b"a",
    ],
    ids=ascii,
)
def test_what_no_slug_looks_like(slug: object) -> None:
    with pytest.raises(ValueError, match="lower-case words joined by '-'"):
        DeviceType(slug=slug, name="")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lower-case words joined by '-'"):
        DeviceType(slug="x", name="", aliases=("y", slug))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aliases", "nuc"),
        ("aliases", ["nuc"]),
        ("aliases", None),
        ("boards", Board(name="no comma behind it")),
        ("boards", [Board(name="a list")]),
        ("boards", ("text",)),
        ("boards", (None,)),
        ("boards", None),
    ],
)
def test_a_forgotten_comma_is_found_where_it_is_made(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{field} .*: a tuple of"):
        DeviceType(slug="x", name="", **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["compatible", "models", "dmi"])
@pytest.mark.parametrize("value", ["acme,gateway", ["acme,gateway"], None, (None,), ("acme", 3), ("",), ("acme", "")])
def test_names_of_a_board_are_a_tuple_of_texts(field: str, value: object) -> None:
    """An empty model would be a prefix of every model there is."""
    with pytest.raises(ValueError, match=f"{field} .*: a tuple of texts"):
        Board(name="x", **{field: value})  # type: ignore[arg-type]


def test_every_installed_slug_and_alias_is_one() -> None:
    for slug in Catalog().index.slugs():
        assert SLUG.fullmatch(slug), slug


# -- slots: what resin_root_part holds -------------------------------------------------------------------------------


def partitions(root_a: int, root_b: int, encoding: SlotEncoding) -> Partitions:
    return Partitions(table=PartitionTable.GPT, boot=root_a - 1, root_a=root_a, root_b=root_b, slot_encoding=encoding)


@pytest.mark.parametrize(
    ("root_a", "root_b", "encoding", "values"),
    [
        (2, 3, SlotEncoding.HEX, ("2", "3")),
        (25, 26, SlotEncoding.HEX, ("19", "1a")),
        (13, 14, SlotEncoding.HEX, ("d", "e")),
        (38, 39, SlotEncoding.HEX, ("26", "27")),
        (10, 11, SlotEncoding.HEX, ("a", "b")),
        (15, 16, SlotEncoding.HEX, ("f", "10")),
        (7, 8, SlotEncoding.DECIMAL, ("7", "8")),
        (9, 10, SlotEncoding.DECIMAL, ("9", "10")),
        (2, 3, SlotEncoding.DECIMAL, ("2", "3")),
        (3, 4, SlotEncoding.DECIMAL, ("3", "4")),
        (2, 3, SlotEncoding.LETTER, ("A", "B")),
        (10, 11, SlotEncoding.LETTER, ("A", "B")),
    ],
)
def test_slot_values(root_a: int, root_b: int, encoding: SlotEncoding, values: tuple[str, str]) -> None:
    assert partitions(root_a, root_b, encoding).slot_values() == values


@pytest.mark.parametrize(
    ("slug", "bootloader", "values"),
    [
        ("raspberrypi4-64", BootloaderKind.U_BOOT, ("2", "3")),
        ("raspberrypi5", BootloaderKind.BALENA, ("A", "B")),
        ("raspberrypicm4-ioboard-sb", BootloaderKind.BALENA, ("A", "B")),
        ("beaglebone-black", BootloaderKind.U_BOOT, ("2", "3")),
        ("jetson-tx1", BootloaderKind.U_BOOT, ("c", "d")),
        ("jetson-tx2", BootloaderKind.U_BOOT, ("19", "1a")),
        ("jetson-nano", BootloaderKind.U_BOOT, ("d", "e")),
        ("jetson-nano-2gb-devkit", BootloaderKind.U_BOOT, ("f", "10")),
        ("jetson-xavier", BootloaderKind.CBOOT, ("26", "27")),
        ("jetson-xavier-nx-devkit", BootloaderKind.CBOOT, ("a", "b")),
        ("jetson-agx-orin-devkit", BootloaderKind.L4TLAUNCHER, ("7", "8")),
        ("jetson-orin-nx-xavier-nx-devkit", BootloaderKind.L4TLAUNCHER, ("7", "8")),
        ("jetson-agx-orin-devkit-64gb", BootloaderKind.L4TLAUNCHER, ("f", "10")),
        ("jetson-orin-nano-devkit-nvme", BootloaderKind.L4TLAUNCHER, ("f", "10")),
        ("jetson-orin-nx-seeed-j4012", BootloaderKind.L4TLAUNCHER, ("f", "10")),
        ("generic-amd64", BootloaderKind.GRUB, ("2", "3")),
        ("generic-aarch64", BootloaderKind.GRUB, ("2", "3")),
        ("intel-nuc", BootloaderKind.GRUB, ("2", "3")),
    ],
)
def test_what_each_family_writes(slug: str, bootloader: BootloaderKind, values: tuple[str, str]) -> None:
    """The table of the bootloader fact sheet, section 1.2, against the rows of the installed plugins."""
    _, row = Catalog().device_type(slug)
    assert row.partitions is not None
    assert (row.bootloader, row.partitions.slot_values()) == (bootloader, values)


def test_encryption_moves_the_slots_of_generic_amd64() -> None:
    _, row = Catalog().device_type("generic-amd64")
    assert row.partitions is not None
    assert row.partitions.luks is not None
    assert row.partitions.luks.slot_values() == ("3", "4")
    assert (row.partitions.luks.efi, row.partitions.luks.boot) == (1, 2)


def test_hexadecimal_and_letters_are_told_apart_by_case_alone() -> None:
    """Xavier NX writes `a`, a Raspberry Pi 5 writes `A`; nothing may fold case on the way."""
    cboot = partitions(10, 11, SlotEncoding.HEX).slot_values()
    letters = partitions(10, 11, SlotEncoding.LETTER).slot_values()
    assert set(cboot).isdisjoint(letters)
    assert tuple(value.upper() for value in cboot) == letters


# -- modaliases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "product", "modalias"),
    [(0x12D1, 0x14FE, "usb:v12D1p14FE*"), (0, 0, "usb:v0000p0000*"), (0xFFFF, 0xABC, "usb:vFFFFp0ABC*")],
)
def test_a_usb_identity_is_written_as_the_kernel_does(vendor: int, product: int, modalias: str) -> None:
    identity = UsbIdentity(vendor_id=vendor, product_id=product, state=ModemState.STORAGE)
    assert identity.modalias() == modalias


def test_equal_facts_are_equal_and_can_be_keys() -> None:
    assert len({Board(name="a", compatible=("x,y",)), Board(name="a", compatible=("x,y",)), Board(name="b")}) == 2
    assert {DeviceType(slug="x", name=""), DeviceType(slug="x", name="", notes=("n",))} != {
        DeviceType(slug="x", name="")
    }
