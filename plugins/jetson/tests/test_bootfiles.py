"""Jetson TX1, TX2 and Nano: firmware partitions and the boot blob."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hal_jetson.bootfiles import ODMDATA
from hal_jetson.tree import PARTS, blob
from interrupted import MODES, interruptions, run_steps, snapshot

from hal import Device, Root
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
BOOT0, GUARD, QSPI = "dev/mmcblk0boot0", "sys/block/mmcblk0boot0/force_ro", "dev/mtdblock0"
FOLDER = "opt/tegra-binaries"
BLOB, SPECIFICATION = f"{FOLDER}/boot0.img", f"{FOLDER}/partition_specification186.txt"
TX2, TX1, NANO, NANO_EMMC = "jetson-tx2", "jetson-tx1", "jetson-nano", "jetson-nano-emmc"


def put(root: Root, name: str, data: bytes) -> None:
    root.resolve(name).write_bytes(data)


def holds(root: Root, name: str) -> bool:
    """Whether a partition starts with the file that belongs there, and is unchanged behind it."""
    wanted = root.read_bytes(f"{FOLDER}/{name}.bin")
    held = root.read_bytes(f"dev/disk/by-state/{name}")
    return held.startswith(wanted) and set(held[len(wanted) :]) == {0xFF}


@pytest.mark.parametrize(
    ("slug", "device", "odmdata"),
    [
        (TX2, BOOT0, 0x06),
        ("jetson-tx2-nx-devkit", BOOT0, 0x06),
        (TX1, BOOT0, 0x07),
        (NANO_EMMC, BOOT0, 0x07),
        (NANO, QSPI, 0x07),
    ],
)
def test_all_is_written_once(slug: str, device: str, odmdata: int, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    before = snapshot(root)
    planned = run_steps(root, Update(target=Slot.B, dry_run=True))
    assert snapshot(root) == before
    told = run_steps(root)
    assert [sentence.replace("would be", "was") for sentence in planned] == list(told)
    assert len(told) == len(PARTS) + 1
    assert all(holds(root, name) for name in PARTS)
    assert root.read_bytes(device) == blob(b"new", odmdata)
    after = snapshot(root)
    assert run_steps(root) == ()
    assert snapshot(root) == after
    assert device == QSPI or root.read_value(GUARD) == "1"


def test_only_what_differs_is_written(hal_tree: Tree) -> None:
    root = hal_tree(TX2)
    run_steps(root)
    put(root, f"{FOLDER}/secure-os.bin", b"newer")
    assert run_steps(root) == (f"{FOLDER}/secure-os.bin was written to secure-os",)


@pytest.mark.parametrize("byte", range(8))
def test_the_board_s_odmdata_is_kept(byte: int, hal_tree: Tree) -> None:
    root = hal_tree(TX2)
    put(root, BOOT0, blob(b"old", byte))
    run_steps(root)
    held = root.read_bytes(BOOT0)
    assert [held[offset] for offset in ODMDATA] == [byte] * 3
    assert held == blob(b"new", byte)


def odd(data: bytes, offset: int, byte: int) -> bytes:
    return data[:offset] + bytes([byte]) + data[offset + 1 :]


OLD, NEW = blob(b"old", 6), blob(b"new", 7)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        *((BOOT0, odd(OLD, offset, 7), "mmcblk0boot0: ODMDATA is") for offset in ODMDATA),
        *((BLOB, odd(NEW, offset, 6), "boot0.img: ODMDATA is") for offset in ODMDATA),
        (BOOT0, blob(b"old", 0xFF), "0xff, 0xff, 0xff"),
        (BOOT0, OLD[:18043], "too few to hold ODMDATA"),
        (BLOB, NEW[:18043], "too few to hold ODMDATA"),
        (BLOB, NEW + b"x", "holds only"),
        (BLOB, None, "no such file"),
        (BOOT0, None, "no such file"),
        (GUARD, None, "no such file"),
        (f"{FOLDER}/secure-os.bin", b"x" * 4097, "secure-os holds only 4096"),
        (f"{FOLDER}/secure-os.bin", b"", "empty"),
        (f"{FOLDER}/secure-os.bin", None, "no such file"),
        ("dev/disk/by-state/secure-os", None, "not laid out for this OS"),
        (SPECIFICATION, None, "found none"),
        (SPECIFICATION, b"", "lists no partition"),
        (SPECIFICATION, b"secure-os\n", "is not NAME:FILE"),
        (SPECIFICATION, b"secure-os:secure-os.bin:1\n:x:1\n", "is not NAME:FILE"),
        (SPECIFICATION, b"secure-os:../secure-os.bin:1\n", "is not NAME:FILE"),
        (SPECIFICATION, b"..:secure-os.bin:1\n", "is not NAME:FILE"),
        (SPECIFICATION, b"resin-data:secure-os.bin:1\n", "partition of the OS itself"),
        (SPECIFICATION, b"\xff\xfe", "not UTF-8"),
    ],
)
def test_refused_before_anything_is_written(name: str, data: bytes | None, told: str, hal_tree: Tree) -> None:
    root = hal_tree(TX2)
    if data is None:
        root.resolve(name, follow=False).unlink()
    else:
        put(root, name, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run_steps(root)
    assert snapshot(root) == before


def test_two_specifications_are_refused(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    (root.directory / FOLDER / "partition_specification210-2gb.txt").write_text("secure-os:secure-os.bin:1\n")
    with pytest.raises(HalError, match="one partition specification is expected"):
        run_steps(root)


def test_a_nano_may_lack_a_partition(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    root.resolve("dev/disk/by-state/secure-os", follow=False).unlink()
    assert len(run_steps(root)) == len(PARTS)


def test_flash_blocks_that_fit_are_not_written_again(hal_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal_jetson.bootfiles.BLOCK", 4096)
    root = hal_tree(NANO)
    run_steps(root)
    wanted = root.read_bytes(QSPI)
    put(root, QSPI, odd(wanted, 5000, 0x55))
    offsets = []
    patch = Root.patch
    monkeypatch.setattr(
        Root, "patch", lambda root, name, offset, data: (offsets.append(offset), patch(root, name, offset, data))
    )
    assert len(run_steps(root)) == 1
    assert root.read_bytes(QSPI) == wanted
    assert offsets == list(range(0, len(wanted), 4096)), "each is asked for, Root writes the one that differs"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("slug", [TX2, NANO])
def test_every_interruption_is_mended_by_the_next_run(slug: str, mode: str, hal_tree: Tree) -> None:
    base = hal_tree(slug)
    seen = 0
    for root in interruptions(base, mode):
        if slug == TX2:
            held = root.read_bytes(BOOT0)
            assert [held[offset] for offset in ODMDATA] == [6] * 3
            assert mode == "torn" or held in (blob(b"old", 6), blob(b"new", 6))
        run_steps(root)
        assert all(holds(root, name) for name in PARTS)
        assert root.read_bytes(BOOT0 if slug == TX2 else QSPI) == blob(b"new", 6 if slug == TX2 else 7)
        assert slug == NANO or root.read_value(GUARD) == "1"
        assert run_steps(root) == ()
        seen += 1
    assert seen > len(PARTS)


@pytest.mark.parametrize("slug", ["jetson-xavier", "jetson-xavier-nx-devkit"])
def test_xavier_has_no_such_step(slug: str, hal_tree: Tree) -> None:
    assert Device.open(hal_tree(slug)).update_steps == ()
