"""What must hold of the Raspberry Pi table, and the traps of this family."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import hal_raspberrypi
import pytest
from hal_raspberrypi.device_types import DEVICE_TYPES

from hal.identify import Hardware, fit
from hal.model import Arch, BootloaderKind, DeviceType, Filesystem, ImageKind, PartitionTable
from hal.stdlib import read_toml

HERE = Path(__file__).resolve()
ANNOUNCED = read_toml((HERE.parents[1] / "pyproject.toml").read_text())["project"]["entry-points"]["hal"]
ROWS = {row.slug: row for row in DEVICE_TYPES}
WITH_IMAGE = [row for row in DEVICE_TYPES if row.image is not None]
PI4_CLASS = {
    "raspberrypi4-64",
    "raspberrypi400-64",
    "raspberrypicm4-ioboard",
    "raspberrypicm4-ioboard-sb",
    "raspberrypi4-unipi-neuron",
    "raspberrypi4-superhub",
    "rt-rpi-300",
    "revpi-connect-s",
    "revpi-connect-4",
}


def made_for(*compatible: str, model: str | None = None) -> dict[str, str]:
    """Slug and board of every row made for the board that stands first, the best fits only."""
    hardware = Hardware(compatible=compatible, model=model)
    fits = {row.slug: found for row in DEVICE_TYPES if (found := fit(row.boards, hardware)) and found.position == 0}
    best = min((found.rank for found in fits.values()), default=None)
    return {slug: found.board.name for slug, found in fits.items() if found.rank == best}


def by_slug(row: DeviceType) -> str:
    return row.slug


def test_the_hook_answers_with_the_table() -> None:
    assert hal_raspberrypi.hal_device_types() is DEVICE_TYPES


def test_announced_are_the_slugs_and_aliases_of_the_table() -> None:
    names = [name for row in DEVICE_TYPES for name in row.names()]
    assert sorted(names) == sorted(key.removeprefix("slug:") for key in ANNOUNCED if key.startswith("slug:"))
    assert set(ANNOUNCED.values()) == {"hal_raspberrypi"}


def test_every_board_is_announced_by_a_pattern() -> None:
    patterns = [key for key in ANNOUNCED if key.startswith("of:")]
    for name in {name for row in DEVICE_TYPES for board in row.boards for name in board.compatible}:
        assert any(fnmatchcase(f"of:N*T*C{name}", pattern) for pattern in patterns), name
        assert not name.startswith("brcm,"), name


def test_boards_that_share_a_name_have_models_that_tell_them_apart() -> None:
    boards = {board.name: board for row in DEVICE_TYPES for board in row.boards}.values()
    counts = Counter(name for board in boards for name in board.compatible)
    shared = {name for name, count in counts.items() if count > 1}
    assert shared == {"raspberrypi,3-model-b-plus"}
    models = [model for board in boards if shared & set(board.compatible) for model in board.models]
    assert not [(a, b) for a in models for b in models if a is not b and a.startswith(b)]


@pytest.mark.parametrize(
    ("compatible", "slugs"),
    [
        (("raspberrypi,model-b-i2c0", "brcm,bcm2835"), {"raspberry-pi"}),
        (("raspberrypi,3-model-b", "brcm,bcm2837"), {"raspberrypi3", "raspberrypi3-64"}),
        (
            ("raspberrypi,3-compute-module-lite", "brcm,bcm2837"),
            {"raspberrypi3", "fincm3", "npe-x500-m3", "revpi-core-3", "revpi-connect"},
        ),
        (("raspberrypi,4-model-b", "brcm,bcm2711"), {"raspberrypi4-64", "raspberrypi4-unipi-neuron"}),
        (
            ("raspberrypi,4-compute-module", "brcm,bcm2711"),
            {"raspberrypicm4-ioboard", "raspberrypicm4-ioboard-sb", "revpi-connect-4"},
        ),
        (("raspberrypi,4-compute-module-s", "brcm,bcm2711"), {"revpi-connect-s"}),
        (("raspberrypi,500", "brcm,bcm2712"), {"raspberrypi5"}),
        (("kunbus,revpi-connect4", "raspberrypi,4-compute-module", "brcm,bcm2711"), {"revpi-connect-4"}),
        (("kunbus,revpi-connect", "raspberrypi,3-compute-module"), {"revpi-connect", "revpi-connect-s"}),
        (("raspberrypi,model-zero-3", "brcm,bcm2711"), set()),
    ],
)
def test_a_board_leads_to_every_device_type_made_for_it(compatible: tuple[str, ...], slugs: set[str]) -> None:
    assert set(made_for(*compatible)) == slugs


@pytest.mark.parametrize(
    ("compatible", "model", "board"),
    [
        ("raspberrypi,3-model-b-plus", "Raspberry Pi 3 Model B Plus Rev 1.3", "Raspberry Pi 3 Model B+"),
        ("raspberrypi,3-model-b-plus", "Raspberry Pi 3 Model B+", "Raspberry Pi 3 Model B+"),
        ("raspberrypi,3-model-b-plus", "Raspberry Pi 3 Model A Plus Rev 1.0", "Raspberry Pi 3 Model A+"),
        ("raspberrypi,3-model-a-plus", "Raspberry Pi 3 Model A+", "Raspberry Pi 3 Model A+"),
        ("raspberrypi,5-model-b", "Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi 5 Model B"),
        ("raspberrypi,500", "Raspberry Pi 500 Rev 1.0", "Raspberry Pi 500"),
    ],
)
def test_the_firmware_s_model_tells_boards_apart(compatible: str, model: str, board: str) -> None:
    assert set(made_for(compatible, model=model).values()) == {board}


@pytest.mark.parametrize("row", [row for row in DEVICE_TYPES if row.partitions], ids=by_slug)
def test_the_bootloader_decides_how_a_slot_is_written(row: DeviceType) -> None:
    assert row.partitions is not None
    balena = row.bootloader is BootloaderKind.BALENA
    assert row.partitions.slot_values() == (("A", "B") if balena else ("2", "3"))


def test_the_balena_bootloader_is_on_two_device_types() -> None:
    assert {row.slug for row in DEVICE_TYPES if row.bootloader is BootloaderKind.BALENA} == {
        "raspberrypi5",
        "raspberrypicm4-ioboard-sb",
    }


def test_secure_boot_has_one_layout_and_it_is_encrypted() -> None:
    layout = ROWS["raspberrypicm4-ioboard-sb"].partitions
    assert layout is not None
    assert (layout.boot, layout.root_a, layout.root_b, layout.state, layout.data) == (2, 3, 4, 5, 6)
    assert (layout.table, layout.boot_filesystem) == (PartitionTable.GPT, Filesystem.EXT4)
    assert layout.luks is None
    assert [row.slug for row in WITH_IMAGE if row.image is ImageKind.FLASHER] == ["raspberrypicm4-ioboard-sb"]


@pytest.mark.parametrize("row", [row for row in DEVICE_TYPES if row.update_steps], ids=by_slug)
def test_update_steps_fit_the_bootloader_and_are_in_order(row: DeviceType) -> None:
    names = [step.name for step in row.update_steps]
    balena = row.bootloader is BootloaderKind.BALENA
    assert names == sorted(names)
    assert ("99-balena-bootloader" in names, "99-resin-uboot" in names) == (balena, not balena)
    assert ("999-resin-boot-cleaner" in names) is not balena
    assert ("98-pieeprom" in names) is (row.slug in PI4_CLASS)
    assert all(step.purpose for step in row.update_steps)


@pytest.mark.parametrize("row", WITH_IMAGE, ids=by_slug)
def test_the_cm4_section_ends_config_txt_on_the_pi_4_class(row: DeviceType) -> None:
    sections = [number for number, line in enumerate(row.config_txt) if line.startswith("[")]
    assert len(sections) == (row.slug in PI4_CLASS)
    assert not sections or row.config_txt[sections[0] :] == ("[cm4]", "otg_mode=1")


@pytest.mark.parametrize("row", [row for row in DEVICE_TYPES if row.config_txt], ids=by_slug)
def test_config_txt_turns_spi_one_way_only(row: DeviceType) -> None:
    spi = [line for line in row.config_txt if line.startswith("dtparam=spi=")]
    assert spi == [f"dtparam=spi={'off' if row.slug == 'raspberrypi4-superhub' else 'on'}"]


@pytest.mark.parametrize("row", WITH_IMAGE, ids=by_slug)
def test_the_kernel_fits_the_architecture(row: DeviceType) -> None:
    assert row.kernel_image == ("Image.gz" if row.arch is Arch.AARCH64 else "zImage")


@pytest.mark.parametrize("row", DEVICE_TYPES, ids=by_slug)
def test_a_clock_whose_overlay_the_image_loads_is_in_config_txt(row: DeviceType) -> None:
    for line in row.config_txt:
        if line.startswith("dtoverlay=i2c-rtc"):
            assert [clock.overlay for clock in row.clocks] == [line.removeprefix("dtoverlay=")]


def test_rows_without_an_image_say_where_their_name_comes_from() -> None:
    without = [row for row in DEVICE_TYPES if row.image is None]
    assert {row.slug for row in without} == {
        "fincm3",
        "nebra-hnt",
        "revpi-connect",
        "revpi-core-3",
        "raspberrypi4-edatec-sensing",
    }
    assert all(row.notes and row.kernel_version is None and row.sizes is None for row in without)


def test_no_row_promises_fan_profiles_or_power_levels() -> None:
    assert not [row.slug for row in DEVICE_TYPES if row.fan_profiles or row.fan_default or row.power_levels]
