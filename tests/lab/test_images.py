"""Disk images of real device types, as a build writes them, boot to their slot A: their own partition table, sizes and
numbers, and nothing put on the disk by the lab but what an OS build deploys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve

from hal.image.asking import image
from hal.image.disk import write
from hal.model import Build, Image, PartKind
from hal.plugins import Catalog
from hal.root import Root
from lab import grub, payload
from lab.device import CHOOSE, STAND_IN
from lab.disk import Disk
from lab.loaders import BalenaKexec, GrubBios, GrubEfi, Loader, UBoot

Files = dict[str, bytes]


def _arm64(_told: Image) -> Files:
    return {"rootfs/boot/Image.gz": payload.arm64_gz("A")}


def _pc(_told: Image) -> Files:
    return {"rootfs/boot/bzImage": payload.x86("A")}


def _efi(told: Image) -> Files:
    loader = grub.image("x86_64-efi", "/EFI/BOOT")
    sources = {part.name.casefold(): part.text for part in told.of(PartKind.BOOT_FILE)}
    return {**_pc(told), sources.get("efi/boot/bootx64.efi", "boot/EFI/BOOT/bootx64.efi"): loader}


def _bios(told: Image) -> Files:
    boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
    core = grub.image("i386-pc", "(hd0,msdos1)/grub", "biosdisk")
    return {**_pc(told), "grub/boot.img": boot, "grub/core.img": core}


def _stage2(told: Image) -> Files:
    """The lab's second stage starts a PC's kernel, under the name it looks for and the one that the row has."""
    kernel = payload.x86("A")
    return {"rootfs/boot/bzImage": kernel, f"rootfs/boot/{told.device_type.kernel_image}": kernel}


def _step(told: Image) -> bytes:
    """The initramfs's own step, which an OS build puts into the balena bootloader."""
    (step,) = (part for part in told.of(PartKind.RENDERED_FILE) if part.name.startswith("initramfs/"))
    return STAND_IN + step.data + CHOOSE


CASES: dict[str, tuple[Callable[[Image], Files], Callable[[Image], Loader], str]] = {
    "raspberrypi4-64": (_arm64, lambda _: UBoot(), "PARTUUID"),
    "generic-amd64": (_efi, lambda _: GrubEfi(), "UUID"),
    "intel-nuc": (_bios, lambda _: GrubBios(), "UUID"),
    "raspberrypi5": (_stage2, lambda told: BalenaKexec(_step(told)), "UUID"),
}


def made(folder: Path, slug: str, deploy: Callable[[Image], Files]) -> tuple[Image, Disk]:
    """The image of this device type, and its disk; sources that no boot in the lab reads are there and empty."""
    told = image(Catalog(), slug, Build())
    files = {
        f"{part.text}/empty" if part.name.endswith("/") else part.text: b"" for part in told.of(PartKind.BOOT_FILE)
    }
    own = {part.name.removeprefix("boot/") for part in told.of(PartKind.RENDERED_FILE, PartKind.BOOT_FILE)}
    files |= {f"boot/{name}": b"" for name in told.device_type.boot_files if name not in own}
    for name, data in {**files, **deploy(told)}.items():
        path = folder / "deploy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    done = write(told, deploy=Root(folder / "deploy"), output=folder / "disk")
    return told, Disk(folder / "disk", done.layout)


@pytest.mark.parametrize("slug", CASES)
def test_an_image_boots_to_its_slot_a(slug: str, tmp_path: Path) -> None:
    deploy, loader, root_by = CASES[slug]
    told, disk = made(tmp_path, slug, deploy)
    row = told.device_type.partitions
    assert row is not None
    assert [disk.number(each) for each in ("boot", "A", "B", "state", "data")] == [
        row.boot,
        row.root_a,
        row.root_b,
        row.state,
        row.data,
    ]
    booted = loader(told).boot(disk)
    assert booted.slot == "A", booted.console
    uuid = disk.partuuid("A") if root_by == "PARTUUID" else disk.uuid("A")
    assert re.search(rf"\broot={root_by}={uuid}( |$)", booted.cmdline or ""), booted.cmdline


def test_a_copy_in_slot_b_boots_once_it_is_chosen(tmp_path: Path) -> None:
    """The same disk with U-Boot's state turned to the other slot, which has file system and partition of its own."""
    told, disk = made(tmp_path, "raspberrypi4-64", _arm64)
    disk.path.unlink()
    done = write(told, deploy=Root(tmp_path / "deploy"), output=tmp_path / "disk", copy_to_b=True)
    disk = Disk(tmp_path / "disk", done.layout)
    disk.write("boot", "resinOS_uEnv.txt", b"resin_root_part=3\nupgrade_available=0\n".ljust(512, b"\n"))
    booted = UBoot().boot(disk)
    assert booted.slot == "A", "the kernel is A's, the root that it is given is B's"
    assert f"root=PARTUUID={disk.partuuid('B')}" in (booted.cmdline or "")


def test_a_disk_without_boot_sectors_does_not_boot_with_bios_and_says_so(tmp_path: Path) -> None:
    told, disk = made(tmp_path, "intel-nuc", _bios)
    disk.path.unlink()
    parts = tuple(each for each in told.parts if each.kind is not PartKind.BOOT_FILE)
    told = evolve(told, parts=parts, device_type=evolve(told.device_type, boot_files=()))
    for name in ("boot.img", "core.img"):
        (tmp_path / "deploy/grub" / name).unlink()
    done = write(told, deploy=Root(tmp_path / "deploy"), output=tmp_path / "disk")
    assert [note.partition(",")[0] for note in done.notes] == ["does not boot with BIOS by itself"]
    assert GrubBios().boot(Disk(tmp_path / "disk", done.layout)).slot is None
