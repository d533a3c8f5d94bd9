"""The programs that own the formats agree with ours on generated files, valid and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.oracle import SEED, compare_grub, compare_uboot

ENVIRONMENTS = (1_000, 100_000)
"""Of each format, bounded and full."""
Figures = Callable[..., None]


def test_grub_editenv_lists_and_changes_blocks_as_we_do(tmp_path: Path, full: bool, figures: Figures) -> None:
    number = ENVIRONMENTS[full]
    bad, told = compare_grub(tmp_path, number)
    assert told["list"] + told["refused list"] == number
    assert min(told.values()) > number / 50, f"every kind of question is really asked: {told}"
    assert not bad, f"{len(bad)} of {number}, first: {bad[0]}"
    figures("formats-grub-editenv", environments=number, disagreements=len(bad), seed=SEED)


def test_fw_printenv_reads_images_as_we_do(tmp_path: Path, full: bool, figures: Figures) -> None:
    number = ENVIRONMENTS[full]
    bad, told = compare_uboot(tmp_path, number)
    assert sum(told.values()) == number
    assert min(told.values()) > number / 10, told
    assert not bad, f"{len(bad)} of {number}, first: {bad[0]}"
    figures("formats-fw-printenv", environments=number, disagreements=len(bad), seed=SEED)
