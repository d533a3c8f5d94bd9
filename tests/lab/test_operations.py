"""Every crash state of every bootloader operation, on each file system a boot partition may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.disk import Filesystem
from lab.operations import BOARDS, cases, judged, record, summary

EXT4_BOUND = {False: 16, True: 256}
"""States of one epoch that are looked into on ext4: each one takes debugfs and e2fsck some 100 ms."""


@pytest.mark.parametrize("filesystem", ["fat16", "fat32", "ext4"])
@pytest.mark.parametrize("board", BOARDS)
def test_every_state_boots_the_old_or_the_new_slot(
    board: str, filesystem: Filesystem, tmp_path: Path, full: bool, figures: Callable[..., None]
) -> None:
    ext4 = filesystem == "ext4"
    bound = EXT4_BOUND[full] if ext4 else 4096
    verdicts = [judged(*each, ext4=ext4, bound=bound) for each in record(tmp_path, list(cases(board)), filesystem)]
    found = summary(verdicts)
    figures(f"operations-{board}-{filesystem}", varies=["states"], **found)
    assert found["bad"] == 0, found["kinds"]
