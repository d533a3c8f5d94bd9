"""The rendered boot files in real GRUB and real U-Boot: slot, reason and count are those of the rule.

Each case is one boot. The great sweep is in the lab; this is the table of what must never change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from lab import payload
from lab.disk import Disk
from lab.loaders import Booted, GrubBios, UBoot

from hal.backends.bootloader import uenv
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.rules import Mended, Seen
from hal.image.boot_files import Place, render
from hal.plugins import Catalog

GRUB = Mended(values=("2", "3"), tries=2)
U_BOOT = Mended(values=("2", "3"), tries=3, count_pattern="[0-9a-f]")

# root, upgrade_available, bootcount, committed, kernels
CASES = [
    ("3", "0", "0", "3", "AB"),
    ("2", "0", "2", "2", "AB"),
    ("3", None, "9", "2", "AB"),
    ("3", "1", None, "2", "AB"),
    ("3", "1", "0", "2", "AB"),
    ("2 ", "1 ", "0 ", "3", "AB"),
    ("3", "1", "1", "2", "AB"),
    ("3", "1", "2", "2", "AB"),
    ("2", "1", "3", "3", "AB"),
    ("3", "1", "x'", "2", "AB"),
    ("3", "1", "10", "2", "AB"),
    ("3", "1", "a", "2", "AB"),  # pitfall 15: hexadecimal for U-Boot, and no count for GRUB
    (None, "1", "0", "3", "AB"),
    (None, None, None, None, "AB"),
    ("'; reset; '", "1", "0", "3 ", "AB"),
    ('"', "0", "0", "$x", "AB"),
    ("3", "1", "0", "2", "A"),
    ("3", "1", "3", "2", "B"),
    ("2", "0", "0", "2", "B"),
    ("3", "1", "1", "2", ""),
]


@cache
def boot_partition(slug: str) -> Mapping[str, bytes]:
    _, row = Catalog().device_type(slug)
    return {file.name: file.data for file in render(row) if file.where is Place.BOOT}


def block(size: int = 1024, **values: str | None) -> bytes:
    return EnvBlock.new({k: v for k, v in values.items() if v is not None}, path="block", size=size).data


def text(**values: str | None) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in values.items() if value is not None).encode()


def said(booted: Booted) -> str:
    """The first line about the selection, without what draws on a screen."""
    plain = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|c)", "", booted.console)
    return next(line.strip() for line in plain.splitlines() if "slot selection: " in line)


def grub_disk(path: Path, files: Mapping[str, bytes], kernels: str) -> Disk:
    slots = {slot: {"boot/bzImage": payload.x86(slot)} if slot in kernels else {} for slot in ("A", "B")}
    disk = Disk.build(path, boot={**boot_partition("intel-nuc"), **files}, slot_a=slots["A"], slot_b=slots["B"])
    GrubBios().install(disk)
    return disk


def u_boot_disk(path: Path, files: Mapping[str, bytes], kernels: str, *, without: str = "") -> Disk:
    slots = {slot: {"boot/Image.gz": payload.arm64_gz(slot)} if slot in kernels else {} for slot in ("A", "B")}
    boot = {k: v for k, v in {**boot_partition("raspberrypi4-64"), **files}.items() if k != without}
    return Disk.build(path, boot=boot, slot_a=slots["A"], slot_b=slots["B"])


def check(rule: Mended, seen: Seen, booted: Booted, count: str | None) -> None:
    wanted = rule.decide(seen)
    assert said(booted) == f"slot selection: {wanted.slot or 'none'}: {wanted.reason}"
    assert booted.slot == wanted.slot
    assert count == wanted.count


@pytest.mark.parametrize(("root", "upgrade", "count", "committed", "kernels"), CASES)
def test_grub(
    root: str | None, upgrade: str | None, count: str | None, committed: str | None, kernels: str, tmp_path: Path
) -> None:
    files = {
        "grub/grubenv": block(bootcount=count, resin_root_part=root, upgrade_available=upgrade),
        "grub/committed_slot.env": block(512, committed_slot=committed),
    }
    disk = grub_disk(tmp_path / "disk", files, kernels)
    seen = Seen(root=root, upgrade=upgrade, count=count, committed=committed, kernels=("A" in kernels, "B" in kernels))
    booted = GrubBios().boot(disk)
    after = disk.read("boot", "grub/grubenv")
    assert after is not None
    assert len(after) == 1024
    check(GRUB, seen, booted, EnvBlock(after, path="grubenv").get("bootcount"))
    if booted.cmdline is not None:
        assert f"root=UUID={disk.uuid('A' if booted.slot == 'A' else 'B')}" in booted.cmdline


@pytest.mark.parametrize(("root", "upgrade", "count", "committed", "kernels"), CASES)
def test_u_boot(
    root: str | None, upgrade: str | None, count: str | None, committed: str | None, kernels: str, tmp_path: Path
) -> None:
    files = {
        "resinOS_uEnv.txt": text(resin_root_part=root, upgrade_available=upgrade).ljust(512, b"\n"),
        "bootcount.env": text(bootcount=count) + b"\0",
        "committed_slot.env": block(512, committed_slot=committed),
        "extra_uEnv.txt": text(extra_os_cmdline="a='b c'", resin_root_part="3", upgrade_available="1", bootargs="no"),
    }
    disk = u_boot_disk(tmp_path / "disk", files, kernels)
    seen = Seen(root=root, upgrade=upgrade, count=count, committed=committed, kernels=("A" in kernels, "B" in kernels))
    booted = UBoot().boot(disk)
    after = disk.read("boot", "bootcount.env")
    assert after is not None
    check(U_BOOT, seen, booted, uenv.import_text(after).values.get("bootcount"))
    if booted.cmdline is not None:
        assert re.fullmatch(r" root=PARTUUID=1ab0d15c-0[23] rootwait  a=b c ", booted.cmdline), "no fsuuid here: R9"


@pytest.mark.parametrize("damaged", [b"", b"\0" * 1024, b"\xff" * 1024])
def test_a_destroyed_state_file_boots_the_committed_slot(damaged: bytes, tmp_path: Path) -> None:
    grub = {"grub/grubenv": damaged, "grub/committed_slot.env": block(512, committed_slot="3")}
    booted = GrubBios().boot(grub_disk(tmp_path / "grub", grub, "AB"))
    assert (booted.slot, said(booted)[:17]) == ("B", "slot selection: B")
    u_boot = {"resinOS_uEnv.txt": damaged, "committed_slot.env": block(512, committed_slot="3")}
    booted = UBoot().boot(u_boot_disk(tmp_path / "u-boot", u_boot, "AB"))
    assert (booted.slot, said(booted)[:17]) == ("B", "slot selection: B")


def test_a_count_that_cannot_be_stored_is_no_try(tmp_path: Path) -> None:
    """GRUB: the block's second sector is gone, so it has no room. U-Boot: no file yet, and no cluster free."""
    pending = block(bootcount="0", resin_root_part="3", upgrade_available="1")
    booted = GrubBios().boot(grub_disk(tmp_path / "grub", {"grub/grubenv": pending[:512] + bytes(512)}, "AB"))
    reason = "the boot count cannot be stored, so B is not tried"
    assert (booted.slot, said(booted)) == ("A", f"slot selection: A: {reason}")

    files = {"resinOS_uEnv.txt": text(resin_root_part="3", upgrade_available="1").ljust(512, b"\n")}
    free = Disk.build(tmp_path / "free").span("boot")[1]
    disk = u_boot_disk(tmp_path / "u-boot", files, "AB", without="bootcount.env")
    _fill(disk, free)
    booted = UBoot().boot(disk)
    assert (booted.slot, said(booted)) == ("A", f"slot selection: A: {reason}")


def _fill(disk: Disk, size: int) -> None:
    """Files of ever smaller sizes until no cluster of the boot partition is free."""
    from lab.disk import DiskError

    number = 0
    while size >= 512:
        try:
            disk.write("boot", f"f{number}", b"x" * size)
            number += 1
        except DiskError:
            size //= 2


def test_a_kernel_that_does_not_load_gives_way_to_the_other(tmp_path: Path) -> None:
    disk = grub_disk(tmp_path / "grub", {}, "AB")
    disk.write("A", "boot/bzImage", b"no kernel" * 99)
    assert GrubBios().boot(disk).slot == "B"
    disk = u_boot_disk(tmp_path / "u-boot", {}, "AB")
    disk.write("A", "boot/Image.gz", b"no kernel" * 99)
    assert UBoot().boot(disk).slot == "B"


def test_a_users_file_for_grub_is_read_and_never_run(tmp_path: Path) -> None:
    extra = block(extra_os_cmdline='"a b=c"', resin_root_part="3", extra_os_firmware_class_path="x; reboot")
    booted = GrubBios().boot(grub_disk(tmp_path / "grub", {"grub/grub_extraenv": extra}, "AB"))
    assert booted.slot == "A"
    assert booted.cmdline is not None
    assert booted.cmdline.endswith(" consoleblank=0 a b=c x; reboot")


def test_a_medium_that_installs_is_started_as_such(tmp_path: Path) -> None:
    pending = text(resin_root_part="3", upgrade_available="1")
    files = {"balena-image-flasher": b"", "resinOS_uEnv.txt": pending}
    disk = u_boot_disk(tmp_path / "u-boot", files, "AB")
    booted = UBoot().boot(disk)
    assert (booted.slot, booted.cmdline) == ("A", " root=PARTUUID=1ab0d15c-02 rootwait flasher  ")
    assert disk.read("boot", "bootcount.env") == b"bootcount=0\n\0"
