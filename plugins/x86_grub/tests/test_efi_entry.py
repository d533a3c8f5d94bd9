"""The firmware's boot entry: exactly one of balenaOS, never none, and none touched on an encrypted disk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from interrupted import interruptions, run_steps, snapshot

from hal import Root
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
SLUG, STEP = "generic-amd64", "999"
ENTRIES, KERNEL = "var/lib/hal-tree/efi-entries", "mnt/boot/vmlinuz"
OTHER = "Boot0001* UEFI OS\tHD(7,GPT,0,0x1,0x2)/File(\\EFI\\X.EFI)"
UUID = "5a7c2f1e-93d0-4b7e-8f11-0d6c2b9a4e01"
X64 = "\\EFI\\BOOT\\bootx64.efi"


def entry(number: str, label: str = "balenaOS", *, uuid: str = UUID, part: str = "1", loader: str = X64) -> str:
    return f"Boot{number}* {label}\tHD({part},GPT,{uuid},0x2000,0x14000)/File({loader})"


GOOD = entry("000A")


def run(root: Root, **changed: object) -> tuple[str, ...]:
    return run_steps(root, Update(target=Slot.B, **changed), name=STEP)


def put(root: Root, *lines: str) -> None:
    root.resolve(ENTRIES).write_text("".join(f"{line}\n" for line in lines))


def lines(root: Root) -> list[str]:
    return root.read_text(ENTRIES).splitlines()


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ([OTHER], [OTHER, GOOD], 1),
        ([], [GOOD], 1),
        ([GOOD], [GOOD], 0),
        ([entry("001F")], [entry("001F")], 0),
        ([entry("0002", loader=X64.upper())], [entry("0002", loader=X64.upper())], 0),
        ([entry("0002", uuid=UUID.upper())], [entry("0002", uuid=UUID.upper())], 0),
        ([entry("0002"), entry("00AB"), OTHER], [entry("0002"), OTHER], 1),
        ([entry("000B", "resinOS"), OTHER], [OTHER, GOOD], 2),
        ([entry("0002"), entry("0003", "resinOS")], [entry("0002")], 1),
        ([entry("0002", part="2")], [GOOD], 2),
        ([entry("0002", uuid="0000")], [GOOD], 2),
        ([entry("0002", loader="\\EFI\\grubx64.efi")], [GOOD], 2),
        (["Boot0002* balenaOS"], [GOOD], 2),
        ([entry("0002", "balenaOS installer")], [entry("0002", "balenaOS installer"), GOOD], 1),
    ],
)
def test_one_entry_is_left(before: list[str], after: list[str], changes: int, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, *before)
    planned = run(root, dry_run=True)
    assert lines(root) == before
    told = run(root)
    assert (len(told), lines(root)) == (changes, after)
    assert [sentence.replace("would be", "was") for sentence in planned] == list(told)
    assert run(root) == ()


def test_the_signature_of_an_mbr_disk_counts(hal_tree: Tree) -> None:
    root = hal_tree("surface-go")
    root.resolve(f"dev/disk/by-partuuid/{UUID}", follow=False).rename(
        root.resolve("dev/disk/by-partuuid") / "0c1d2e3f-01"
    )
    put(root, "Boot0002* balenaOS\tHD(1,MBR,0xc1d2e3f,0x2000,0x14000)/File(\\EFI\\BOOT\\bootx64.efi)")
    assert run(root) == ()


def test_arm_starts_its_own_loader(hal_tree: Tree) -> None:
    root = hal_tree("generic-aarch64")
    put(root, GOOD)
    run(root)
    assert lines(root) == [entry("000B", loader="\\EFI\\BOOT\\bootaa64.efi")]


def test_pitfall_34_the_entry_names_the_partition_that_there_is_and_the_disk_is_not_written(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, entry("000A", "resinOS"), entry("00AB"))
    for name in ("dev/disk/by-state/resin-boot", f"dev/disk/by-partuuid/{UUID}"):
        root.resolve(name, follow=False).unlink()
        root.resolve(name, follow=False).symlink_to("/dev/sda3")
    number = root.resolve("sys/class/block/sda3/partition")
    number.parent.mkdir()
    number.write_text("3\n")
    root.resolve("dev/sda").write_bytes(b"\x77" * 1024)
    before = snapshot(root)
    run(root)
    assert lines(root) == [entry("000B", part="3")]
    after = snapshot(root)
    assert {name for name in after if before.get(name) != after[name]} == {ENTRIES}
    assert run(root) == ()


@pytest.mark.parametrize("how", ["mapper", "efi partition", "no efi", "no program", "recovering", "other board"])
def test_nothing_is_touched(how: str, hal_tree: Tree) -> None:
    root = hal_tree("up-board" if how == "other board" else SLUG)
    link = root.resolve("dev/disk/by-state/resin-boot", follow=False)
    if how == "mapper":
        link.unlink()
        link.symlink_to("/dev/mapper/resin-boot")
    elif how == "efi partition":
        link.with_name("balena-efi").symlink_to("/dev/sda1")
    elif how == "no efi":
        (root.directory / "sys/firmware/efi").rename(root.directory / "sys/firmware/other")
    elif how == "no program":
        root.resolve("usr/sbin/efibootmgr").unlink()
    before = snapshot(root)
    assert run(root, recovering=how == "recovering") == ()
    assert snapshot(root) == before


def test_an_entry_that_was_not_created_keeps_the_old_ones(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, entry("0002", "resinOS"))
    path = root.resolve("usr/sbin/efibootmgr")
    path.write_text(path.read_text().replace("    -c)\n", "    -c)\n        exit 0\n"))
    with pytest.raises(HalError, match="created no entry"):
        run(root)
    assert lines(root) == [entry("0002", "resinOS")]


@pytest.mark.parametrize("mode", ["fault", "before"])
def test_at_no_time_is_there_none(mode: str, hal_tree: Tree) -> None:
    base = hal_tree(SLUG)
    put(base, entry("0002", "resinOS"), entry("000B", "balenaOS", part="9"))
    for root in interruptions(base, mode, name=STEP):
        assert any("OS\tHD(" in line for line in lines(root))
        run(root)
        assert lines(root) == [GOOD]


@pytest.mark.parametrize(
    ("configuration", "in_root", "removed"),
    [
        ("search --set root --fs-uuid ${root_uuid}\n", True, True),
        ("search --set=root --label resin-rootA\n", True, True),
        ("search --no-floppy --set root\n", True, True),
        ("search --set root\n", False, False),
        ("linux /vmlinuz\n", True, False),
        (None, True, False),
    ],
)
def test_an_old_kernel_goes_where_grub_reads_another(
    configuration: str | None, in_root: bool, removed: bool, hal_tree: Tree
) -> None:
    root = hal_tree("up-board")
    for name, text in (
        (KERNEL, "old"),
        ("boot/bzImage", "new" if in_root else None),
        ("mnt/boot/EFI/BOOT/grub.cfg", configuration),
    ):
        if text is not None:
            path = root.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    assert run(root) == ((f"{KERNEL} was removed",) if removed else ())
    assert root.exists(KERNEL) is not removed
