"""R40: which versions of a driver's firmware an image keeps, on the names of real releases of linux-firmware."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.image.firmware import COMMON, PC, Wanted, clean


def of(*chips: tuple[str, str]) -> tuple[str, ...]:
    return tuple(f"iwlwifi-{chip}-{version}.ucode" for chip, versions in chips for version in versions.split())


ISSUE = (
    "LICENCE.iwlwifi_firmware",
    *of(
        ("6000", "4"),
        ("6000g2a", "5 6"),
        ("7260", "7 8 9 10 12 13 16 17"),
        ("7265", "8 9 10 12 13 16 17"),
        ("7265D", "10 12 13 16 17 21 22 27 29"),
        ("8000C", "13 16 21 22 27 31 34 36"),
        ("8265", "21 22 27 31 34 36"),
        ("9000-pu-b0-jf-b0", "33 34 38 41"),
        ("9260-th-b0-jf-b0", "33 34 38 41"),
    ),
    "rt2870.bin",
)
"""linux-firmware in the spring of 2019: that of the issue."""

BOOKWORM = (
    *of(
        ("100", "5"), ("1000", "5"), ("105", "6"), ("135", "6"), ("2000", "6"), ("2030", "6"), ("3160", "17"),
        ("3168", "29"), ("3945", "2"), ("4965", "2"), ("5000", "5"), ("5150", "2"), ("6000", "4"), ("6000g2a", "6"),
        ("6000g2b", "6"), ("6050", "5"), ("7260", "17"), ("7265", "17"), ("7265D", "29"), ("8000C", "36"),
        ("8265", "36"), ("9000-pu-b0-jf-b0", "34 38 46"), ("9260-th-b0-jf-b0", "34 38 46"),
        ("Qu-b0-hr-b0", "50 59 72"), ("QuZ-a0-jf-b0", "50 59 72"), ("cc-a0", "50 59 72"), ("so-a0-gf-a0", "72"),
        ("so-a0-gf4-a0", "72"), ("ty-a0-gf-a0", "59 66 72"),
    ),
    "iwlwifi-so-a0-gf-a0.pnvm",
    "iwlwifi-so-a0-gf4-a0.pnvm",
    "iwlwifi-ty-a0-gf-a0.pnvm",
)  # fmt: skip
"""Debian 12's firmware-iwlwifi 20230210-5."""


def test_r40_versions_are_numbers_and_chips_may_have_dashes() -> None:
    """7, 8 and 9 are older than 17; 9000-pu-b0-jf-b0 is one chip, and 41 its version."""
    done = clean(ISSUE, (*COMMON, Wanted(chip="9000-pu-b0-jf-b0", lowest=38)))
    assert done.kept == (
        "LICENCE.iwlwifi_firmware",
        *of(
            ("6000", "4"), ("6000g2a", "5 6"), ("7260", "17"), ("7265", "17"), ("7265D", "29"), ("8000C", "34 36"),
            ("8265", "34 36"), ("9000-pu-b0-jf-b0", "38 41"), ("9260-th-b0-jf-b0", "33 34 38 41"),
        ),
        "rt2870.bin",
    )  # fmt: skip
    assert set(done.kept) | set(done.removed) == set(ISSUE)
    assert done.reasons["iwlwifi-7260-9.ucode"] == "7260: 9 is older than 17"
    assert done.reasons["iwlwifi-8000C-36.ucode"] == "8000C: 36 is wanted"


def test_r40_on_a_release_of_today() -> None:
    done = clean(BOOKWORM, PC)
    assert done.removed == of(("9000-pu-b0-jf-b0", "34 38"), ("9260-th-b0-jf-b0", "34 38"))


def test_a_chip_is_not_taken_for_one_that_begins_alike() -> None:
    names = of(("7265", "10"), ("7265D", "10 29"), ("6000", "4"), ("6000g2a", "4 6"))
    done = clean(names, (Wanted(chip="7265D", lowest=29), Wanted(chip="6000g2a", lowest=6)))
    assert done.removed == of(("7265D", "10"), ("6000g2a", "4"))


def test_with_the_newest_version_that_the_kernel_knows_one_file_is_enough() -> None:
    """iwlwifi goes down from the newest it knows, and takes the first that is there."""
    row = Wanted(chip="cc-a0", lowest=50, highest=66)
    done = clean(BOOKWORM, (row,))
    assert done.removed == of(("cc-a0", "50 72"))
    assert done.reasons["iwlwifi-cc-a0-72.ucode"].endswith("the newest that the kernel knows")
    assert done.reasons["iwlwifi-cc-a0-50.ucode"] == "cc-a0: 59 is newer than 50"


@pytest.mark.parametrize(("lowest", "highest", "reason"), [(90, None, "older than 90"), (10, 20, "newer than 20")])
def test_nothing_is_removed_where_nothing_would_be_left(lowest: int, highest: int | None, reason: str) -> None:
    done = clean(of(("cc-a0", "50 59 72")), (Wanted(chip="cc-a0", lowest=lowest, highest=highest),))
    assert done.kept == of(("cc-a0", "72"))
    assert reason in done.reasons["iwlwifi-cc-a0-72.ucode"]


def test_packed_files_and_files_in_folders() -> None:
    names = ("iwlwifi-7260-9.ucode.xz", "intel/iwlwifi/iwlwifi-7260-17.ucode", "iwlwifi-7260-16.ucode.zst")
    assert clean(names, COMMON).kept == names[1:2]


def test_what_has_no_version_is_kept() -> None:
    names = ("iwlwifi-7260.ucode", "iwlwifi-7260-c101.ucode", "iwlwifi-7260-9.ucode.txt", "iwlwifi--9.ucode", "7260-9")
    assert clean(names, COMMON).kept == names


def test_what_a_kept_link_leads_to_is_kept() -> None:
    links = {"old.ucode": "middle", "middle": "iwlwifi-7260-9.ucode", "round": "round", "iwlwifi-7260-8.ucode": "gone"}
    done = clean((*links, *of(("7260", "9 10 17"))), COMMON, links)
    assert done.removed == ("iwlwifi-7260-8.ucode", "iwlwifi-7260-10.ucode")
    assert done.reasons["iwlwifi-7260-9.ucode"] == "old.ucode leads to it"


NAMES = st.lists(
    st.builds("iwlwifi-{}-{}.ucode".format, st.sampled_from(["7260", "7265", "cc-a0"]), st.integers(0, 99))
)


@given(NAMES, st.integers(0, 99), st.none() | st.integers(0, 99))
def test_it_is_a_decision_for_every_name_and_a_second_cleaning_removes_nothing(
    names: list[str], lowest: int, highest: int | None
) -> None:
    rows = (Wanted(chip="7260", lowest=lowest, highest=highest), Wanted(chip="cc-a0", lowest=lowest))
    done = clean(names, rows)
    assert sorted({*done.kept, *done.removed}) == sorted(set(names))
    assert not set(done.kept) & set(done.removed)
    assert clean(done.kept, rows).removed == ()
    for chip in {name.rpartition("-")[0] for name in names}:
        assert any(name.startswith(chip) for name in done.kept)
