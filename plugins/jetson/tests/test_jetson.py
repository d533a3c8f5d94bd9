"""The table of the L4T 32.x Jetsons: slot values, shared boards, and what a device tree narrows to."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import hal_jetson
import pytest
from hal_jetson import boards
from hal_jetson.device_types import DEVICE_TYPES

from hal.model import Board, BootloaderKind, ImageKind
from hal.stdlib import read_toml

ROWS = {row.slug: row for row in DEVICE_TYPES}
BOARDS = [value for value in vars(boards).values() if isinstance(value, Board)]
PROJECT = read_toml((Path(__file__).parents[1] / "pyproject.toml").read_text())
ANNOUNCED = PROJECT["project"]["entry-points"]["hal"]

ON_QUILL = {"jetson-tx2", "blackboard-tx2", "astro-tx2", "orbitty-tx2", "spacely-tx2", "n510-tx2"}
NX_SD = {"jetson-xavier-nx-devkit", "jetson-xavier-nx-devkit-seeed-2mic-hat"}
NX_EMMC = {"jetson-xavier-nx-devkit-emmc"}


def test_the_hook_answers_the_table() -> None:
    assert hal_jetson.hal_device_types() is DEVICE_TYPES


@pytest.mark.parametrize(
    ("slug", "boot", "values"),
    [
        ("jetson-tx1", 11, ("c", "d")),
        ("jetson-tx2", 24, ("19", "1a")),
        ("n310-tx2", 24, ("19", "1a")),
        ("jetson-tx2-nx-devkit", 24, ("19", "1a")),
        ("jetson-nano", 12, ("d", "e")),
        ("floyd-nano", 12, ("d", "e")),
        ("jetson-nano-2gb-devkit", 14, ("f", "10")),
        ("jetson-xavier", 37, ("26", "27")),
        ("jetson-xavier-nx-devkit", 9, ("a", "b")),
        ("cnx100-xavier-nx", 9, ("a", "b")),
    ],
)
def test_slots_are_lower_case_hex(slug: str, boot: int, values: tuple[str, str]) -> None:
    partitions = ROWS[slug].partitions
    assert partitions is not None
    assert partitions.boot == boot
    assert partitions.slot_values() == values


def exactly(name: str) -> set[str]:
    """The device types made for a board whose device tree begins with this name."""
    return {row.slug for row in DEVICE_TYPES if any(name in board.compatible for board in row.boards)}


@pytest.mark.parametrize(
    ("first", "slugs"),
    [
        ("nvidia,p2371-2180", {"jetson-tx1"}),  # tegra210-p2371-2180.dtb
        ("nvidia,quill", ON_QUILL),
        ("nvidia,p2771-0000", {"jetson-tx2", "blackboard-tx2"}),
        ("nvidia,lightning", {"n310-tx2", "jetson-tx2"}),
        ("nvidia,p3509-0000+p3636-0001", {"jetson-tx2-nx-devkit"}),
        ("nvidia,p3450-0000", {"jetson-nano"}),  # tegra210-p3450-0000.dtb
        ("nvidia,p3449-0000-b00+p3448-0000-b00", {"jetson-nano"}),
        ("nvidia,p3449-0000-b00+p3448-0002-b00", {"jetson-nano-emmc", "jn30b-nano"}),
        ("nvidia,p3450-0002", {"jetson-nano", "jetson-nano-emmc"}),
        ("nvidia,jetson-nano", {"jetson-nano", "jetson-nano-emmc"}),
        ("nvidia,p3542-0000+p3448-0003", {"jetson-nano-2gb-devkit"}),
        ("nvidia,p3541-0000", {"jetson-nano-2gb-devkit"}),
        ("nvidia,galen", {"jetson-xavier"}),
        ("nvidia,jetson-xavier", {"jetson-xavier"}),
        ("nvidia,p2972-0000", {"jetson-xavier"}),
        ("nvidia,p3449-0000+p3668-0000", NX_SD | NX_EMMC | {"cnx100-xavier-nx"}),
        ("nvidia,p3509-0000+p3668-0000", NX_SD),
        ("nvidia,p3509-0000+p3668-0001", NX_EMMC),
        ("nvidia,p2597-0000+p3310-1000", set()),  # stands behind nvidia,quill only
        ("nvidia,tegra186", set()),
        ("nvidia,tegra194", set()),
        ("nvidia,tegra210", set()),
    ],
)
def test_what_a_device_tree_narrows_to(first: str, slugs: set[str]) -> None:
    assert exactly(first) == slugs


def test_no_name_stands_in_two_boards() -> None:
    names = [name for board in BOARDS for name in board.compatible]
    assert sorted(names) == sorted(set(names))


def test_every_board_is_listed() -> None:
    listed = [board for row in DEVICE_TYPES for board in row.boards]
    assert [board.name for board in BOARDS if board not in listed] == []


def test_announcement_and_table_agree() -> None:
    slugs = {name.removeprefix("slug:") for name in ANNOUNCED if name.startswith("slug:")}
    assert slugs == {name for row in DEVICE_TYPES for name in row.names()}
    assert set(ANNOUNCED.values()) == {"hal_jetson"}


@pytest.mark.parametrize(
    ("soc", "asked"),
    [
        ("nvidia,tegra186", True),
        ("nvidia,tegra194", True),
        ("nvidia,tegra210", True),
        ("nvidia,tegra234", False),  # hal-jetson-orin
        ("nvidia,tegra124", False),
    ],
)
def test_which_systems_on_chip_this_plugin_is_asked_for(soc: str, asked: bool) -> None:
    assert any(fnmatchcase(f"of:N*T*C{soc}", pattern) for pattern in ANNOUNCED) == asked


@pytest.mark.parametrize("slug", ROWS)
def test_a_row_holds_together(slug: str) -> None:
    row = ROWS[slug]
    steps = [step.name for step in row.update_steps]
    assert steps == sorted(steps), "firmware is written before the root is switched"
    assert steps[-1] == "99-resin-uboot"
    assert all(step.purpose for step in row.update_steps)
    assert bool(row.install_targets) == (row.image is ImageKind.FLASHER)
    assert ("bootcount.env" in row.boot_files) == (row.bootloader is BootloaderKind.U_BOOT)
    assert row.bootloader is (BootloaderKind.CBOOT if "xavier" in slug else BootloaderKind.U_BOOT)
    assert (row.fan_profiles, row.fan_default, row.power_levels) == ((), None, ())
    assert any("No fan profiles" in note for note in row.notes)
    assert row.sources
