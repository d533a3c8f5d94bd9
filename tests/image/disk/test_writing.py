"""What is on a disk: the image's own files, what the OS build deployed, and nothing that only looks like it."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
from pathlib import Path
from subprocess import run

import pytest
from image.disk.deployed import KERNEL, asked, deploy, part, plain
from image.disk.reading import names, sound, stat
from lab.disk import Disk

from hal.backends.bootloader.boot_sectors import at, pointing_at
from hal.image.disk import DEFAULT_EPOCH, Written, write
from hal.image.joining import HOMES
from hal.model import PartKind
from hal.root import Root

GRUB = Path("/usr/lib/grub/i386-pc")
RULES = HOMES[PartKind.UDEV_RULE].removeprefix("root/")
PARTS = (
    part(PartKind.FILE, "etc/acme.conf", "acme\n"),
    part(PartKind.FILE, "usr/bin/acme", "#!/bin/sh\n"),
    part(PartKind.UDEV_RULE, "70-acme.rules", 'SUBSYSTEM=="tty"\n'),
    part(PartKind.MODULE, "acme_gpio"),
    part(PartKind.MODULE_OPTIONS, "acme_gpio", "lines=8"),
    part(PartKind.SPLASH, "splash/balena-logo.png", b"\x89PNG\0"),
)


def made(tmp_path: Path, told: object, root: Root, **how: object) -> tuple[Disk, Written]:
    """A disk that every checker is content with."""
    done = write(told, deploy=root, output=tmp_path / "disk", **how)  # type: ignore[arg-type]
    sound(tmp_path / "disk", done.layout)
    return Disk(tmp_path / "disk", done.layout), done


@pytest.mark.parametrize("slug", ["raspberrypi4-64", "raspberrypi5", "generic-amd64", "beaglebone-black"])
def test_everything_is_where_it_belongs(slug: str, tmp_path: Path) -> None:
    told = asked(slug)
    root = deploy(tmp_path / "deploy", told, root={"etc/os-release": b"ID=balena-os\n"})
    disk, _ = made(tmp_path, told, root)
    for each in told.of(PartKind.RENDERED_FILE):
        where, _, name = each.name.partition("/")
        if where != "initramfs":
            assert disk.read({"boot": "boot", "root": "A"}[where], name) == each.data
    for each in told.of(PartKind.BOOT_FILE):
        name = each.name + ("one" if each.name.endswith("/") else "")
        assert disk.read("boot", name) == f"source {each.text}\n".encode()
    assert disk.read("boot", "balena-image") == b""
    assert disk.read("boot", "balena-image-flasher") is None
    assert json.loads(disk.read("boot", "config.json") or b"") == {"deviceType": slug, "persistentLogging": False}
    assert json.loads(disk.read("boot", "device-type.json") or b"")["slug"] == slug
    assert disk.read("A", f"boot/{told.device_type.kernel_image}") == KERNEL
    assert disk.read("A", "etc/os-release") == b"ID=balena-os\n"
    assert disk.read("B", "etc/os-release") is None
    fresh = [each for each in told.of(PartKind.RENDERED_FILE) if each.fresh_only]
    assert fresh, "a new medium has the files that hold state"


def test_nothing_else_is_on_the_boot_partition(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    disk, _ = made(tmp_path, told, deploy(tmp_path / "deploy", told))
    rendered = {each.name.removeprefix("boot/") for each in told.of(PartKind.RENDERED_FILE)}
    assert names(disk) == rendered | {"balena-image", "config.json", "device-type.json", "config.txt", "cmdline.txt"}


def test_development_mode_is_in_config_json(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", os_development=True)
    disk, _ = made(tmp_path, told, deploy(tmp_path / "deploy", told))
    assert json.loads(disk.read("boot", "config.json") or b"")["developmentMode"] is True


def test_the_raspberry_pis_firmware_files_say_what_the_image_says(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", part(PartKind.CONFIG_TXT, "[pi4] arm_boost=1"))
    disk, _ = made(tmp_path, told, deploy(tmp_path / "deploy", told))
    lines = (disk.read("boot", "config.txt") or b"").decode().splitlines()
    for each in told.of(PartKind.CONFIG_TXT):
        section, _, line = each.name.rpartition("] ")
        where = lines.index(line)
        heads = [text for text in lines[:where] if text.startswith("[")]
        assert (heads or [""])[-1] == (f"{section}]" if section else "")
    arguments = (disk.read("boot", "cmdline.txt") or b"").decode()
    assert arguments == " ".join(told.names(PartKind.KERNEL_ARGUMENT)) + "\n"


def test_the_files_of_the_image_lie_over_those_of_the_root(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", *PARTS)
    root = deploy(tmp_path / "deploy", told, root={"etc/acme.conf": b"of the package\n", "etc/other": b"stays\n"})
    disk, _ = made(tmp_path, told, root, copy_to_b=True)
    for slot in ("A", "B"):
        assert disk.read(slot, "etc/acme.conf") == b"acme\n"
        assert disk.read(slot, "etc/other") == b"stays\n"
        assert disk.read(slot, f"{RULES}70-acme.rules") == b'SUBSYSTEM=="tty"\n'
        assert disk.read(slot, "etc/modules-load.d/hal.conf") == b"acme_gpio\n"
        assert disk.read(slot, "etc/modprobe.d/hal.conf") == b"options acme_gpio lines=8\n"
        assert stat(disk, slot, "usr/bin/acme")["Mode"] == "0755"
        assert stat(disk, slot, "etc/acme.conf")["Mode"] == "0644"
    assert disk.read("boot", "splash/balena-logo.png") == b"\x89PNG\0"
    assert disk.uuid("A") != disk.uuid("B")


def test_a_file_goes_where_the_links_of_the_root_lead(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", part(PartKind.FILE, "lib/firmware/acme.bin", b"\0acme"))
    root = deploy(tmp_path / "deploy", told, root={"usr/lib/os-release": b"x"})
    (tmp_path / "deploy/rootfs/lib").symlink_to("/usr/lib")
    disk, _ = made(tmp_path, told, root)
    assert disk.read("A", "usr/lib/firmware/acme.bin") == b"\0acme"
    assert stat(disk, "A", "lib")["Type"] == "symlink"


# -- forms of the root file system -------------------------------------------------------------------------------------


def test_a_tree_keeps_modes_links_and_odd_names(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, root={"etc/one": b"1" * 3000, 'a b/"quoted" $x': b"q", "b/ünï": b"u"})
    top = tmp_path / "deploy/rootfs"
    (top / "etc/secret").write_bytes(b"s")
    (top / "etc/secret").chmod(0o4600)
    os.link(top / "etc/one", top / "etc/same")
    os.link(top / "etc/one", top / "a b/third")
    (top / "long").symlink_to("x" * 200)
    (top / "dangling").symlink_to("nowhere")
    (top / "empty").mkdir(mode=0o700)
    os.mkfifo(top / "pipe")
    disk, _ = made(tmp_path, told, root)
    assert disk.read("A", "etc/same") == disk.read("A", "a b/third") == b"1" * 3000
    assert stat(disk, "A", "etc/one")["Links"] == "3"
    assert disk.read("A", "b/ünï") == b"u"
    assert disk.read("A", 'a b/""quoted"" $x') == b"q"
    assert stat(disk, "A", "etc/secret")["Mode"] == "04600"
    assert stat(disk, "A", "etc/secret")["User"] == "0"
    assert stat(disk, "A", "empty")["Mode"] == "0700"
    assert stat(disk, "A", "dangling")["Type"] == "symlink"
    assert stat(disk, "A", "pipe")["Type"] == "FIFO"
    assert disk.read("A", "long") == b"x" * 200
    assert stat(disk, "A", "etc/one")["times"].split() == [f"{DEFAULT_EPOCH:08x}"]


@pytest.mark.parametrize("packed", ["", "gz", "xz", "bz2"])
def test_an_archive_keeps_owners_modes_and_nodes(packed: str, tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told, tree=False)
    name = "rootfs.tar" + (f".{packed}" if packed else "")
    with tarfile.open(tmp_path / "deploy" / name, f"w:{packed}") as archive:
        for path, kind, more in (
            (".", tarfile.DIRTYPE, {}),
            ("./boot/Image.gz", tarfile.REGTYPE, {"data": KERNEL}),
            ("./home/user", tarfile.DIRTYPE, {"mode": 0o750, "uid": 1000, "gid": 100000}),
            ("./home/user/file", tarfile.REGTYPE, {"data": b"mine", "mode": 0o640, "uid": 1000, "gid": 100000}),
            ("./dev/console", tarfile.CHRTYPE, {"devmajor": 5, "devminor": 1, "mode": 0o600}),
            ("./dev/sda", tarfile.BLKTYPE, {"devmajor": 8, "devminor": 300}),
            ("./bin/sh", tarfile.SYMTYPE, {"linkname": "busybox"}),
            ("./bin/busybox", tarfile.REGTYPE, {"data": b"#!", "mode": 0o4755}),
            ("./bin/ls", tarfile.LNKTYPE, {"linkname": "./bin/busybox"}),
        ):
            member = tarfile.TarInfo(path)
            data = more.pop("data", b"")
            member.type, member.size, member.mtime = kind, len(data), 1
            for key, value in more.items():
                setattr(member, key, value)
            if path == "./bin/busybox":
                member.pax_headers = {"SCHILY.xattr.security.capability": "\x01\x00\x02"}
            archive.addfile(member, io.BytesIO(data))
    disk, _ = made(tmp_path, told, root)
    assert disk.read("A", "home/user/file") == b"mine"
    owner = stat(disk, "A", "home/user/file")
    assert (owner["User"], owner["Group"], owner["Mode"]) == ("1000", "100000", "0640")
    assert stat(disk, "A", "home/user")["Mode"] == "0750"
    assert stat(disk, "A", "dev/console")["Device major/minor number"] == "05:01"
    assert stat(disk, "A", "dev/sda")["Device major/minor number"] == "08:300"
    assert stat(disk, "A", "bin/ls")["Links"] == "2"
    assert stat(disk, "A", "bin/busybox")["Mode"] == "04755"
    device = f"{disk.path}?offset={disk.span('A')[0]}"
    shown = run(["debugfs", "-R", "ea_list bin/busybox", device], check=True, capture_output=True, text=True).stdout
    assert "security.capability" in shown


def test_a_finished_root_is_taken_as_it_is(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64", *PARTS)
    root = deploy(tmp_path / "deploy", told, tree=False)
    (tmp_path / "tree/boot").mkdir(parents=True)
    (tmp_path / "tree/boot/Image.gz").write_bytes(KERNEL)
    words = [
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-d",
        tmp_path / "tree",
        "-L",
        "other",
        tmp_path / "deploy/rootfs.ext4",
        "64m",
    ]
    run(words, check=True)
    disk, done = made(tmp_path, told, root, copy_to_b=True)
    assert disk.read("A", "boot/Image.gz") == disk.read("B", "boot/Image.gz") == KERNEL
    assert disk.read("A", "etc/acme.conf") is None
    assert done.notes == ("rootfs.ext4 is taken as it is: 5 files of the image's root are not put into it",)


def test_the_data_partition_is_the_deployed_one(tmp_path: Path) -> None:
    told = plain("raspberrypi4-64")
    root = deploy(tmp_path / "deploy", told)
    (tmp_path / "data/docker").mkdir(parents=True)
    (tmp_path / "data/docker/image").write_bytes(b"supervisor")
    words = ["mke2fs", "-q", "-t", "ext4", "-d", tmp_path / "data", tmp_path / "deploy/resin-data.img", "41m"]
    run(words, check=True)
    disk, _ = made(tmp_path, told, root)
    assert disk.read("data", "docker/image") == b"supervisor"
    assert disk.span("data")[1] == (44 + 4) * 1024 * 1024, "as large as it is, aligned, and what is left behind it"


# -- forms of the disk -------------------------------------------------------------------------------------------------


def test_a_flasher_has_its_own_names_and_no_state(tmp_path: Path) -> None:
    told = plain("generic-amd64", flasher=True)
    root = deploy(tmp_path / "deploy", told, root={"opt/balena-image.img": b"image" * 2_000_000})
    disk, done = made(tmp_path, told, root)
    assert [each.label for each in done.layout.volumes] == [
        "flash-boot",
        "flash-rootA",
        "flash-rootB",
        "flash-state",
        "flash-data",
    ]
    assert [disk.span(each)[1] >> 20 for each in ("B", "state")] == [4, 4]
    assert disk.volume("state").filesystem is None
    assert disk.read("A", "opt/balena-image.img") == b"image" * 2_000_000
    assert disk.read("boot", "balena-image-flasher") == b""
    assert disk.read("boot", "balena-image") is None


def test_boot_sectors_lie_before_the_first_partition(tmp_path: Path) -> None:
    told = plain("intel-nuc")
    root = deploy(tmp_path / "deploy", told)
    disk, done = made(tmp_path, told, root)
    assert [note.partition(":")[0] for note in done.notes] == ["does not boot with BIOS by itself, with EFI only"]
    before = disk.path.read_bytes()[440:512]
    disk.path.unlink()
    grub = tmp_path / "deploy/grub"
    grub.mkdir()
    (grub / "boot.img").write_bytes((GRUB / "boot.img").read_bytes())
    run(["grub-mkimage", "-O", "i386-pc", "-p", "/grub", "-o", grub / "core.img", "biosdisk", "part_msdos"], check=True)
    disk, done = made(tmp_path, told, root)
    core = (grub / "core.img").read_bytes()
    start = disk.path.read_bytes()[: 512 + len(core)]
    assert start[:440] == pointing_at((GRUB / "boot.img").read_bytes(), 1)[:440]
    assert start[512:] == at(core, 1)
    assert start[440:512] == before, "the disk's signature and the table stay"
    assert struct.unpack_from("<I", start, 440) == (int(done.layout.disk_id, 16),)
    assert done.notes == ()


def test_a_disk_with_large_roots_is_small_and_quick(tmp_path: Path) -> None:
    told = plain("raspberrypi5")
    disk, done = made(tmp_path, told, deploy(tmp_path / "deploy", told))
    assert done.layout.size > 1500 << 20
    assert disk.path.stat().st_blocks * 512 < 100 << 20
    assert disk.path.stat().st_mode & 0o777 == 0o644
