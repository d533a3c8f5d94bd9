"""What must hold of the BeagleBone table, and the traps of this family."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import hal_beaglebone
import pytest
from hal_beaglebone.device_types import DEVICE_TYPES

from hal.identify import Hardware, fit
from hal.model import DeviceType, Unsupported
from hal.stdlib import read_toml

HERE = Path(__file__).resolve()
ANNOUNCED = read_toml((HERE.parents[1] / "pyproject.toml").read_text())["project"]["entry-points"]["hal"]
BONE = ("ti,am335x-bone", "ti,am33xx")


def made_for(*compatible: str) -> set[str]:
    """Slugs of the rows made for the board that stands first."""
    hardware = Hardware(compatible=compatible)
    return {row.slug for row in DEVICE_TYPES if (found := fit(row.boards, hardware)) and found.position == 0}


def by_slug(row: DeviceType) -> str:
    return row.slug


def test_the_hook_answers_with_the_table() -> None:
    assert hal_beaglebone.hal_device_types() is DEVICE_TYPES


def test_no_fan_is_said_and_not_pretended() -> None:
    assert isinstance(hal_beaglebone.hal_fan(), Unsupported)
    assert not [row.slug for row in DEVICE_TYPES if row.fan_profiles or row.fan_default or row.power_levels]


def test_announced_are_the_slugs_and_aliases_of_the_table() -> None:
    names = [name for row in DEVICE_TYPES for name in row.names()]
    assert sorted(names) == sorted(key.removeprefix("slug:") for key in ANNOUNCED if key.startswith("slug:"))
    assert set(ANNOUNCED.values()) == {"hal_beaglebone"}


def test_every_board_is_announced_by_a_pattern_and_named_once() -> None:
    patterns = [key for key in ANNOUNCED if key.startswith("of:")]
    boards = {board.name: board for row in DEVICE_TYPES for board in row.boards}.values()
    counts = Counter(name for board in boards for name in board.compatible)
    assert set(counts.values()) == {1}
    for name in counts:
        assert any(fnmatchcase(f"of:N*T*C{name}", pattern) for pattern in patterns), name


@pytest.mark.parametrize(
    ("compatible", "slugs"),
    [
        (("ti,am335x-bone-black", *BONE), {"beaglebone-black"}),
        (("ti,am335x-bone-green", "ti,am335x-bone-black", *BONE), {"beaglebone-green"}),
        (
            ("ti,am335x-bone-green-wireless", "ti,am335x-bone-green", "ti,am335x-bone-black", *BONE),
            {"beaglebone-green-wifi"},
        ),
        (("beagle,am335x-bone-black", "ti,am33xx"), {"beaglebone-black"}),
        (("seeed,am335x-bone-green-wireless", "ti,am33xx"), {"beaglebone-green-wifi"}),
        (("beagle,j721e-beagleboneai64", "ti,j721e"), {"beaglebone-ai64"}),
        # Boards of no device type, though some call a supported one their relative.
        (("ti,am335x-bone-black-wireless", "ti,am335x-bone-black", *BONE), set()),
        (("sancloud,am335x-boneenhanced", "ti,am335x-bone-black", *BONE), set()),
        (("ti,am335x-bone-blue", "ti,am33xx"), set()),
        (("beagle,am335x-bone-blue", "ti,am33xx"), set()),
        (BONE, set()),
        (("ti,am572x-beagle-x15", "ti,am5728", "ti,dra742", "ti,dra74", "ti,dra7"), set()),
    ],
)
def test_only_a_board_s_own_name_leads_to_its_device_type(compatible: tuple[str, ...], slugs: set[str]) -> None:
    assert made_for(*compatible) == slugs


@pytest.mark.parametrize("row", [row for row in DEVICE_TYPES if row.partitions], ids=by_slug)
def test_slots_are_partitions_two_and_three(row: DeviceType) -> None:
    assert row.partitions is not None
    assert row.partitions.slot_values() == ("2", "3")


def test_only_the_ai64_writes_an_emmc_boot_partition_and_before_the_slot_is_switched() -> None:
    steps = {row.slug: [step.name for step in row.update_steps] for row in DEVICE_TYPES if len(row.update_steps) > 1}
    assert steps == {"beaglebone-ai64": ["99-flash-bootloader-beaglebone-ai64", "99-resin-uboot"]}
    assert sorted(steps["beaglebone-ai64"]) == steps["beaglebone-ai64"]


def test_boards_flash_to_the_emmc_that_their_kernel_numbers_so() -> None:
    targets = {row.slug: row.install_targets for row in DEVICE_TYPES if row.image is not None}
    assert targets.pop("beaglebone-ai64") == ("mmcblk0",)
    assert set(targets.values()) == {("mmcblk1",)}


def test_rows_known_from_contracts_only_claim_no_bootloader() -> None:
    for slug in ("beaglebone-pocket", "beagleplay"):
        row = next(row for row in DEVICE_TYPES if row.slug == slug)
        assert row.bootloader is row.partitions is row.repository is None
        assert row.notes
        assert row.boards
