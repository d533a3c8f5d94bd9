"""GRUB's boot sectors with BIOS: one sector decides which core boots, and the one that runs is never overwritten."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hal_x86_grub.tree import GAP, boot_image, core_image, partition_table
from interrupted import MODES, interruptions, run_steps, snapshot

from hal import Device, Root
from hal.backends.bootloader.boot_sectors import at, pointing_at
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
SLUG, STEP = "intel-nuc", "98-boot-sectors"
DISK, BOOT, CORE = "dev/sda", "resin-boot/grub/boot.img", "resin-boot/grub/core.img"
SECTOR = 512
OLD_CODE, OLD_CORE = boot_image(b"old")[:440], core_image(b"old", 40)
GRUB = Path("/usr/lib/grub/i386-pc")


def run(root: Root, **changed: object) -> tuple[str, ...]:
    return run_steps(root, Update(target=Slot.B, **changed), name=STEP)


def put(root: Root, name: str, data: bytes) -> None:
    root.resolve(name).write_bytes(data)


def patch(root: Root, offset: int, data: bytes) -> None:
    with root.resolve(DISK).open("r+b") as file:
        file.seek(offset)
        file.write(data)


def boots(root: Root) -> tuple[bytes, bytes]:
    """What the BIOS runs: the MBR's code as for sector 1, and the core it leads to, as for sector 1."""
    disk = root.resolve(DISK).read_bytes()
    (place,) = struct.unpack_from("<Q", disk, 0x5C)
    first = disk[place * SECTOR :]
    begin, count = struct.unpack_from("<QH", first, 0x1F4)
    assert begin == place + 1, "the core's list leads elsewhere"
    return pointing_at(disk[:440], 1), at(first[: (1 + count) * SECTOR], 1)


def test_the_new_core_goes_where_the_running_one_is_not(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    before = root.resolve(DISK).read_bytes()
    assert len(run(root)) == 2
    after = root.resolve(DISK).read_bytes()
    assert after[440:SECTOR] == before[440:SECTOR], "signature and partition table"
    assert after[SECTOR : SECTOR + len(OLD_CORE)] == OLD_CORE
    code, core = boots(root)
    assert code == root.read_bytes(BOOT)[:440]
    assert core.startswith(root.read_bytes(CORE))
    assert run(root) == ()
    assert root.resolve(DISK).read_bytes() == after


def test_the_next_update_comes_back_to_sector_1(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    run(root)
    put(root, CORE, core_image(b"third", 50))
    assert run(root)[0].endswith("at sector 1")
    assert boots(root)[1].startswith(core_image(b"third", 50))
    assert run(root) == ()


def test_only_the_code_differs(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, CORE, OLD_CORE)
    assert run(root) == ("GRUB's boot.img was written to sda, to load sector 1",)


def test_what_balena_s_own_hook_does_later_boots_too(hal_tree: Tree) -> None:
    """It writes boot.img, for sector 1, and core.img there where they differ; then this step changes nothing for it."""
    root = hal_tree(SLUG)
    run(root)
    patch(root, 0, boot_image(b"old")[:446])
    assert boots(root) == (OLD_CODE, OLD_CORE.ljust(40 * SECTOR, b"\0"))
    put(root, BOOT, boot_image(b"old"))
    put(root, CORE, OLD_CORE)
    assert run(root) == ()


def test_a_disk_without_grub_gets_both_at_their_usual_place(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    patch(root, 0, bytes(440))
    assert run(root)[0].endswith("at sector 1")
    assert boots(root)[1].startswith(root.read_bytes(CORE))


def test_a_dry_run_writes_nothing(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    before = snapshot(root)
    planned = run(root, dry_run=True)
    assert snapshot(root) == before
    assert [sentence.replace("would be", "was") for sentence in planned] == list(run(root))


def test_nothing_is_done_with_efi(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    (root.directory / "sys/firmware/efi").mkdir(parents=True)
    before = snapshot(root)
    assert run(root) == ()
    assert snapshot(root) == before


def table(*entries: tuple[int, int, int]) -> bytes:
    """A partition table of (type, first sector, length)."""
    packed = b"".join(struct.pack("<B3xB3xII", 0, kind, first, length) for kind, first, length in entries)
    return packed.ljust(64, b"\0") + b"\x55\xaa"


@pytest.mark.parametrize(
    ("offset", "data", "told"),
    [
        (510, b"\0\0", "no partition table"),
        (446, table(), "table is empty"),
        (446, table((0, 100, 100), (0x83, 90, 0)), "table is empty"),
        (446, table((0xEE, 1, 0xFFFFFFFF)), "has a GPT"),
        (446, table((0xEE, 1, 2047), (0x83, 2048, 9999)), "has a GPT"),
        (512, b"EFI PART", "has a GPT"),
        (446, table((0x83, 512, 100), (0x83, 46, 100)), "partitions begin at 46"),
        (446, table((0x83, 63, 100)), "no room for 45 sectors"),
        (446, table((0x83, 1, 100)), "no room"),
    ],
)
def test_a_disk_without_a_safe_place_is_refused(offset: int, data: bytes, told: str, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    patch(root, offset, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run(root)
    assert snapshot(root) == before


NEW = core_image(b"new", 45)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (BOOT, b"", "not GRUB's boot.img"),
        (BOOT, boot_image(b"x")[:511], "not GRUB's boot.img"),
        (BOOT, boot_image(b"x")[:510] + b"\0\0", "not GRUB's boot.img"),
        (BOOT, pointing_at(boot_image(b"x"), 9), "not GRUB's boot.img"),
        (BOOT, None, "no such file"),
        (CORE, b"", "are not GRUB's core.img"),
        (CORE, NEW[:512], "are not GRUB's core.img"),
        (CORE, NEW[:-512], "are not GRUB's core.img"),
        (CORE, NEW + bytes(512), "are not GRUB's core.img"),
        (CORE, at(NEW, 77), "are not GRUB's core.img"),
        (CORE, core_image(b"big", 300), "no room for 300 sectors"),
        (CORE, None, "no such file"),
        ("dev/disk/by-state/resin-boot", None, "disk that this OS runs from is not known"),
        ("sys/class/block/sda1/partition", None, "is no partition"),
    ],
)
def test_inputs_that_do_not_match_are_refused(name: str, data: bytes | None, told: str, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    if data is None:
        root.resolve(name, follow=False).unlink()
    else:
        put(root, name, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run(root)
    assert snapshot(root) == before


def test_larger_sectors_are_refused(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    (root.directory / "sys/block/sda/queue").mkdir(parents=True)
    put(root, "sys/block/sda/queue/logical_block_size", b"512\n")
    run(root, dry_run=True)
    put(root, "sys/block/sda/queue/logical_block_size", b"4096\n")
    with pytest.raises(HalError, match="sectors of 4096 bytes"):
        run(root)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("turn", [1, 2])
def test_every_interruption_boots_the_old_pair_or_the_new(mode: str, turn: int, hal_tree: Tree) -> None:
    base = hal_tree(SLUG)
    if turn == 2:
        run(base)
        put(base, BOOT, boot_image(b"third"))
        put(base, CORE, core_image(b"third", 50))
    old = boots(base)
    new = (base.read_bytes(BOOT)[:440], base.read_bytes(CORE))
    found = set()
    for root in interruptions(base, mode, name=STEP):
        code, core = boots(root)
        assert (code, core) == old or (code == new[0] and core.startswith(new[1]))
        found.add(code)
        run(root)
        code, core = boots(root)
        assert code == new[0]
        assert core.startswith(new[1])
        assert run(root) == ()
    assert old[0] in found


@pytest.mark.parametrize("slug", ["surface-go", "generic-amd64", "up-board"])
def test_images_that_boot_with_efi_alone_have_no_such_step(slug: str, hal_tree: Tree) -> None:
    assert STEP not in [step.name for step in Device.open(hal_tree(slug)).update_steps]


# -- the real GRUB -----------------------------------------------------------------------------------------------------


def real_core(folder: Path, word: str) -> bytes:
    """A core.img of GRUB's own making that says its name on the serial line and halts."""
    (folder / "early.cfg").write_text(f"serial --unit=0\nterminal_output serial\necho {word}\nhalt\n")
    modules = ["biosdisk", "part_msdos", "fat", "serial", "terminal", "echo", "halt"]
    made = folder / f"{word}.img"
    words = ["grub-mkimage", "-O", "i386-pc", "-o", made, "-p", "/grub", "-c", folder / "early.cfg", *modules]
    subprocess.run(words, check=True, timeout=120)
    return made.read_bytes()


def says(disk: Path, log: Path) -> str:
    """What a PC with BIOS prints that boots from this disk, until it halts."""
    words = ["qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display", "none", "-monitor", "none", "-no-reboot"]
    words += ["-serial", f"file:{log}", "-drive", f"file={disk},format=raw,if=ide", "-net", "none"]
    subprocess.run(words, check=True, timeout=300, stdin=subprocess.DEVNULL)
    return log.read_text(errors="replace")


def test_real_grub_boots_from_both_places(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree(SLUG)
    put(root, BOOT, (GRUB / "boot.img").read_bytes())
    disk = root.resolve(DISK)
    disk.write_bytes(bytes(446) + partition_table(GAP) + bytes((GAP + 8192 - 1) * SECTOR))
    for number, (word, place) in enumerate((("CORE-ONE", 1), ("CORE-TWO", GAP // 2), ("CORE-THREE", 1))):
        put(root, CORE, real_core(tmp_path, word))
        assert run(root)[0].endswith(f"at sector {place}")
        copy = shutil.copy(disk, tmp_path / f"disk-{number}")
        assert word in says(Path(copy), tmp_path / f"log-{number}")
