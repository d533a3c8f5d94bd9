"""The table of the GRUB device types: slot values with and without encryption, firmware, and who is asked on a PC."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import hal_x86_grub
import pytest
from hal_x86_grub.device_types import DEVICE_TYPES

from hal.model import BootloaderKind, DeviceType, Filesystem, ImageKind, PartitionTable, UpdatePhase
from hal.stdlib import read_toml

ROWS = {row.slug: row for row in DEVICE_TYPES}
GRUB = {slug: row for slug, row in ROWS.items() if row.bootloader is BootloaderKind.GRUB}
PROJECT = read_toml((Path(__file__).parents[1] / "pyproject.toml").read_text())
ANNOUNCED = PROJECT["project"]["entry-points"]["hal"]

GENERIC_AMD64 = {"generic-amd64", "generic-amd64-av", "generic-amd64-fs", "generic-amd64-xr", "studio-automatedx86-sb"}
CONTRACTS_ONLY = {"up-core", "up-core-plus", "up-squared"}


def test_the_hook_answers_the_table() -> None:
    assert hal_x86_grub.hal_device_types() is DEVICE_TYPES


@pytest.mark.parametrize("slug", GRUB)
def test_slots_are_decimal(slug: str) -> None:
    partitions = GRUB[slug].partitions
    assert partitions is not None
    assert partitions.slot_values() == ("2", "3")
    assert partitions.boot_filesystem is Filesystem.FAT16
    assert (partitions.luks is not None) == (slug in GENERIC_AMD64)


@pytest.mark.parametrize("slug", sorted(GENERIC_AMD64))
def test_encryption_shifts_everything_by_one(slug: str) -> None:
    plain = GRUB[slug].partitions
    assert plain is not None
    luks = plain.luks
    assert luks is not None
    assert luks.slot_values() == ("3", "4")
    assert (luks.efi, luks.boot, luks.boot_filesystem) == (1, 2, Filesystem.EXT4)
    assert [plain.state, plain.data] == [4, 5]
    assert [luks.state, luks.data] == [5, 6]


@pytest.mark.parametrize(
    ("slug", "table"),
    [
        ("intel-nuc", PartitionTable.MSDOS),
        ("surface-go", PartitionTable.MSDOS),
        ("up-board", PartitionTable.MSDOS),
        ("generic-amd64", PartitionTable.GPT),
        ("generic-aarch64", PartitionTable.GPT),
    ],
)
def test_an_extended_partition_takes_a_number(slug: str, table: PartitionTable) -> None:
    partitions = GRUB[slug].partitions
    assert partitions is not None
    assert partitions.table is table
    assert partitions.state == (5 if table is PartitionTable.MSDOS else 4)


@pytest.mark.parametrize("slug", GRUB)
def test_files_follow_from_the_firmware(slug: str) -> None:
    row = GRUB[slug]
    assert ("grub/grubenv" in row.boot_files) == ("bios" in row.firmware)
    assert ("EFI/BOOT/grubenv" in row.boot_files) == ("efi" in row.firmware)
    assert ("EFI/BOOT/bootaa64.efi" in row.boot_files) == (row.arch == "aarch64")
    assert ("EFI/BOOT/bootx64.efi" in row.boot_files) == (row.arch == "amd64")
    assert (row.kernel_image == "Image.gz") == (row.arch == "aarch64")
    assert (row.image is ImageKind.DIRECT) == (not row.install_targets)


@pytest.mark.parametrize("slug", GRUB)
def test_secure_boot_steps_are_those_of_machines_with_the_efi_feature(slug: str) -> None:
    steps = {step.name: step.phase for step in GRUB[slug].update_steps}
    expected = {"99-resin-grub": UpdatePhase.FORWARD, "999-resin-boot-cleaner": UpdatePhase.FORWARD}
    if slug != "up-board":  # boots by EFI, but its machine lacks the feature
        expected |= {"0-signed-update": UpdatePhase.FORWARD, "95-secureboot": UpdatePhase.COMMIT}
    assert steps == expected
    assert all(step.purpose for step in GRUB[slug].update_steps)


def test_the_nuc_has_the_machine_of_another_name() -> None:
    assert {row.slug: row.machine for row in GRUB.values() if row.machine != row.slug} == {"intel-nuc": "genericx86-64"}
    assert {row.slug: row.aliases for row in DEVICE_TYPES if row.aliases} == {"intel-nuc": ("nuc",)}


@pytest.mark.parametrize("slug", sorted(CONTRACTS_ONLY))
def test_of_a_name_in_the_contracts_nothing_else_is_claimed(slug: str) -> None:
    row = ROWS[slug]
    known = DeviceType(slug=slug, name=row.name, arch=row.arch, wifi=row.wifi, notes=row.notes, sources=row.sources)
    assert row == known
    assert any("contracts only" in note for note in row.notes)


@pytest.mark.parametrize("slug", ROWS)
def test_no_board_fan_or_power_is_claimed(slug: str) -> None:
    row = ROWS[slug]
    assert (row.boards, row.fan_profiles, row.fan_default, row.power_levels) == ((), (), None, ())
    assert row.sources


def test_announcement_and_table_agree() -> None:
    slugs = {name.removeprefix("slug:") for name in ANNOUNCED if name.startswith("slug:")}
    assert slugs == {name for row in DEVICE_TYPES for name in row.names()}
    assert set(ANNOUNCED.values()) == {"hal_x86_grub"}


def test_this_plugin_is_asked_on_any_pc() -> None:
    modalias = "dmi:bvnSeaBIOS:bvr1.16.2:bd04/01/2014:svnQEMU:pnStandardPC(Q35+ICH9,2009):"
    assert any(fnmatchcase(modalias, pattern) for pattern in ANNOUNCED)
