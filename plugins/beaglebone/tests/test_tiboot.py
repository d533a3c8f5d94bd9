"""BeagleBone AI-64: the loader in the eMMC's boot partition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from interrupted import MODES, interruptions, run_steps, snapshot

from hal import Device, Root
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
SLUG = "beaglebone-ai64"
BOOT0, GUARD, SOURCE = "dev/mmcblk0boot0", "sys/block/mmcblk0boot0/force_ro", "resin-boot/tiboot3.bin"
STATE = "var/lib/hal-tree/extcsd"
SET = "RST_N_FUNCTION=0x01\nBOOT_BUS_CONDITIONS=0x02\nPARTITION_CONFIG=0x48\n"


def edit(root: Root, name: str, data: bytes) -> None:
    root.resolve(name).write_bytes(data)


def test_the_loader_is_written_and_the_rest_of_the_partition_kept(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    new = root.read_bytes(SOURCE)
    edit(root, BOOT0, root.read_bytes(BOOT0)[: len(new)] + b"\x77" * (65536 - len(new)))
    told = run_steps(root)
    assert [sentence.split(" was ")[0] for sentence in told] == [
        SOURCE,
        "mmcblk0boot0",
        "the boot bus of mmcblk0",
        "reset by pin of mmcblk0",
    ]
    assert root.read_bytes(BOOT0) == new + b"\x77" * (65536 - len(new))
    assert root.read_value(GUARD) == "1"
    assert root.read_text(STATE) == SET


def test_running_it_again_writes_nothing(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    run_steps(root)
    before = snapshot(root)
    assert run_steps(root) == ()
    assert snapshot(root) == before


def test_a_dry_run_tells_the_same_and_writes_nothing(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    before = snapshot(root)
    planned = run_steps(root, Update(target=Slot.B, dry_run=True))
    assert snapshot(root) == before
    assert [sentence.replace("would be", "was") for sentence in planned] == list(run_steps(root))


def test_the_other_os_s_loader_is_taken_from_its_folder(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    folder = root.directory / "mnt/sysroot/inactive/current/resin-boot"
    folder.mkdir(parents=True)
    (folder / "tiboot3.bin").write_bytes(b"other" * 1000)
    run_steps(root, Update(target=Slot.A, recovering=True, source="mnt/sysroot/inactive/current"))
    assert root.read_bytes(BOOT0).startswith(b"other" * 1000)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (SOURCE, b"", "empty"),
        (SOURCE, b"\0" * 5000, "blank"),
        (SOURCE, b"\xff" * 5000, "blank"),
        (SOURCE, b"ab" * 40000, "80000 bytes"),
        (SOURCE, None, "no such file"),
        (BOOT0, None, "no such file"),
        (GUARD, None, "no such file"),
        (GUARD, b"maybe\n", "'maybe'"),
        (STATE, b"BOOT_BUS_CONDITIONS=0x00\n", "tells no PARTITION_CONFIG"),
        ("usr/bin/mmc", None, "mmc: no such program"),
    ],
)
def test_refused_before_anything_is_written(name: str, data: bytes | None, told: str, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    if data is None:
        root.resolve(name).unlink()
    else:
        edit(root, name, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run_steps(root)
    assert snapshot(root) == before


def test_an_emmc_that_does_not_take_the_setting_is_an_error(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    path = root.resolve("usr/bin/mmc")
    path.write_text(path.read_text().replace("PARTITION_CONFIG 0x48", "PARTITION_CONFIG 0x50"))
    with pytest.raises(HalError, match="PARTITION_CONFIG is 0x50"):
        run_steps(root)
    assert root.read_value(GUARD) == "1"


def test_what_is_not_ours_in_the_register_is_no_difference(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    run_steps(root)
    edit(root, STATE, SET.replace("0x48", "0xcb").encode())  # access bits and the reserved one
    assert run_steps(root) == ()


def test_a_pin_reset_that_is_refused_is_left_alone(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    path = root.resolve("usr/bin/mmc")
    path.write_text(path.read_text().replace('"hwreset enable") put', '"hwreset enable") exit 1; put'))
    run_steps(root)
    assert "PARTITION_CONFIG=0x48" in root.read_text(STATE)


def test_a_guard_left_off_is_put_on_again(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    run_steps(root)
    edit(root, GUARD, b"0\n")
    assert run_steps(root) == ("mmcblk0boot0 was made read-only again",)
    assert root.read_value(GUARD) == "1"


@pytest.mark.parametrize("mode", MODES)
def test_every_interruption_is_mended_by_the_next_run(mode: str, hal_tree: Tree) -> None:
    base = hal_tree(SLUG)
    old, new = base.read_bytes(BOOT0), base.read_bytes(SOURCE)
    enabled = 0
    for root in interruptions(base, mode):
        held = root.read_bytes(BOOT0)
        if mode != "torn":
            assert held in (old, new + old[len(new) :])
        if "PARTITION_CONFIG=0x48" in root.read_text(STATE):
            enabled += 1
            assert held.startswith(new), "enabled before it was whole"
        run_steps(root)
        assert root.read_bytes(BOOT0) == new + old[len(new) :]
        assert (root.read_value(GUARD), root.read_text(STATE)) == ("1", SET)
        assert run_steps(root) == ()
    assert enabled


def test_a_fault_leaves_no_guard_off(hal_tree: Tree) -> None:
    """Of the writes only putting the guard on again may leave it off, where that very write fails."""
    states = [root.read_value(GUARD) for root in interruptions(hal_tree(SLUG), "fault")]
    assert states.count("0") == 1


def test_other_boards_have_no_such_step(hal_tree: Tree) -> None:
    assert Device.open(hal_tree("beaglebone-black")).update_steps == ()
