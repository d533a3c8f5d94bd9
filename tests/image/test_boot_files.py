"""The boot files of every device type, asked of the programs that read them: GRUB's, U-Boot's and busybox's own."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest
from attrs import evolve

from hal.backends.bootloader import balena, grub, names, tegra_slots, uboot, uenv
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.rules import ClassicUBoot, L4TLauncher
from hal.errors import HalError, ValueRefused
from hal.image.boot_files import BootFile, BootVariant, render, selection
from hal.image.boot_files.uimage import script_image
from hal.model import Arch, BootloaderKind, DeviceType, SelectionRule, SlotEncoding
from hal.plugins import Catalog

INTERNAL, FLASHER, ENCRYPTED = BootVariant
STATE = {"grubenv", "grub_extraenv", "bootenv", "resinOS_uEnv.txt", "bootcount.env", "extra_uEnv.txt"}
STATE |= {names.COMMITTED}


@cache
def rows() -> dict[str, DeviceType]:
    catalog = Catalog()
    return {row.slug: row for plugin in catalog.index.board_modules() for row in catalog.table(plugin)}


def row(slug: str) -> DeviceType:
    return rows()[slug]


def files(slug: str, variant: BootVariant = INTERNAL, *, development: bool = False) -> dict[str, bytes]:
    rendered = render(row(slug), variant=variant, development=development)
    return {f"{file.where}/{file.name}": file.data for file in rendered}


def everything() -> list[BootFile]:
    """Every file of every variant that renders, each text once."""
    found: dict[tuple[str, bytes], BootFile] = {}
    for each in rows().values():
        for variant in BootVariant:
            for development in (False, True):
                try:
                    rendered = render(each, variant=variant, development=development)
                except HalError:
                    continue
                found |= {(file.name, file.data): file for file in rendered}
    return list(found.values())


def said_by(*words: str | Path, stdin: bytes = b"") -> str:
    """What a program says; it must end with 0."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    )
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.decode()


# -- what renders, and what is missing ---------------------------------------------------------------------------------

MISSING = {
    **dict.fromkeys(
        ("beaglebone-pocket", "beagleplay", "jetson-agx-orin-industrial", "jetson-agx-thor-devkit"), "bootloader"
    ),
    **dict.fromkeys(("forecr-dsb-ornx-lan-orin-nano-4gb", "forecr-dsb-ornx-lan-orin-nx-16gb"), "bootloader"),
    **dict.fromkeys(("raspberrypi4-edatec-sensing", "up-core", "up-core-plus", "up-squared"), "bootloader"),
    **dict.fromkeys(("fincm3", "nebra-hnt", "revpi-connect", "revpi-core-3"), "boot_files"),
}
"""What the table does not know of these device types; every other one renders."""


def test_every_device_type_renders_or_names_what_is_missing() -> None:
    assert set(MISSING) <= set(rows())
    for slug, each in rows().items():
        for call in (render, selection):
            if slug in MISSING:
                with pytest.raises(HalError, match=f"^{slug}: {MISSING[slug]} is not known") as caught:
                    call(each)
                assert caught.value.path == MISSING[slug]
            else:
                assert call(each)


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        (
            "raspberrypi4-64",
            "boot/boot.cmd boot/boot.scr boot/bootcount.env! boot/committed_slot.env! boot/extra_uEnv.txt! "
            "boot/resinOS_uEnv.txt!",
        ),
        ("raspberrypi5", "boot/bootenv! boot/committed_slot.env! boot/slot_selection.txt initramfs/init.d/74-abroot"),
        (
            "raspberrypicm4-ioboard-sb",
            "boot/bootenv! boot/committed_slot.env! boot/slot_selection.txt initramfs/init.d/74-abroot",
        ),
        (
            "generic-amd64",
            "boot/EFI/BOOT/committed_slot.env! boot/EFI/BOOT/grub.cfg boot/EFI/BOOT/grub_extraenv! "
            "boot/EFI/BOOT/grubenv!",
        ),
        (
            "jetson-tx2",
            "boot/bootcount.env! boot/extra_uEnv.txt! boot/resinOS_uEnv.txt! root/boot/extlinux/extlinux.conf",
        ),
        ("jetson-orin-nano-devkit-nvme", "boot/extra_uEnv.txt! root/boot/extlinux/extlinux.conf"),
        ("jetson-xavier", "boot/resinOS_uEnv.txt!"),
        ("beaglebone-black", "boot/bootcount.env! boot/extra_uEnv.txt! boot/resinOS_uEnv.txt!"),
    ],
)
def test_the_files_of_a_device_type(slug: str, expected: str) -> None:
    """`!`: only for a new medium."""
    found = [f"{file.where}/{file.name}{'!' if file.fresh_only else ''}" for file in render(row(slug))]
    assert found == expected.split()


@pytest.mark.parametrize(
    ("variant", "slug", "expected"),
    [
        (FLASHER, "intel-nuc", "EFI/BOOT/grub.cfg EFI/BOOT/grub_extraenv! grub/grub.cfg grub/grub_extraenv!"),
        (FLASHER, "jetson-tx2", "extlinux/extlinux.conf extra_uEnv.txt!"),
        (FLASHER, "raspberrypicm4-ioboard-sb", "slot_selection.txt init.d/74-abroot"),
        (ENCRYPTED, "generic-amd64", "EFI/BOOT/committed_slot.env! EFI/BOOT/grub.cfg EFI/BOOT/grubenv!"),
    ],
)
def test_the_files_of_a_variant(variant: BootVariant, slug: str, expected: str) -> None:
    found = [f"{file.name}{'!' if file.fresh_only else ''}" for file in render(row(slug), variant=variant)]
    assert found == expected.split()


@pytest.mark.parametrize(
    ("variant", "slug", "message"),
    [
        (FLASHER, "raspberrypi4-64", "has no flasher"),
        (FLASHER, "beagleboard-xm", "image is not known"),
        (ENCRYPTED, "intel-nuc", "partitions.luks is not known"),
        (ENCRYPTED, "raspberrypicm4-ioboard-sb", "partitions.luks is not known"),
    ],
)
def test_a_variant_that_a_device_type_lacks_is_refused(variant: BootVariant, slug: str, message: str) -> None:
    with pytest.raises(HalError, match=f"^{slug}: {message}"):
        render(row(slug), variant=variant)


def test_what_is_needed_is_named() -> None:
    pi, nuc = row("raspberrypi4-64"), row("intel-nuc")
    assert pi.partitions is not None
    assert nuc.partitions is not None
    for each, fact in (
        (evolve(pi, partitions=None), "partitions"),
        (evolve(pi, kernel_image=None), "kernel_image"),
        (evolve(pi, kernel_image="vmlinux"), "kernel_image"),
        (evolve(pi, arch=None), "arch"),
        (evolve(pi, arch=Arch.AMD64), "arch"),
        (evolve(pi, partitions=evolve(pi.partitions, slot_encoding=SlotEncoding.DECIMAL)), "partitions.slot_encoding"),
        (evolve(nuc, partitions=evolve(nuc.partitions, slot_encoding=SlotEncoding.HEX)), "partitions.slot_encoding"),
        (evolve(nuc, boot_files=("EFI/BOOT/bootx64.efi",)), "boot_files"),
        (evolve(row("raspberrypi5"), kernel_image=""), "kernel_image"),
        (evolve(row("jetson-agx-orin-devkit"), kernel_image=None), "kernel_image"),
    ):
        with pytest.raises(HalError) as caught:
            render(each)
        assert caught.value.path == fact


def test_selection_is_said_where_it_happens() -> None:
    """The files carry the mark exactly where they select, and nothing that an update deploys is state."""
    for slug in set(rows()) - set(MISSING):
        rendered = render(row(slug))
        marked = {file.name for file in rendered if names.MENDED_MARK in file.data}
        assert bool(marked) == (selection(row(slug)) is SelectionRule.MENDED), slug
        for file in rendered:
            assert file.fresh_only == (file.name.rpartition("/")[2] in STATE), file.name
            assert file.name
            assert not file.name.startswith("/")
    assert names.MENDED_MARK not in files("intel-nuc", FLASHER)["boot/grub/grub.cfg"]


def test_nothing_is_left_to_fill_in() -> None:
    for file in everything():
        assert b"@{" not in file.data, file.name


# -- GRUB --------------------------------------------------------------------------------------------------------------


def test_grub_accepts_every_configuration(tmp_path: Path) -> None:
    configurations = [file for file in everything() if file.name.endswith("grub.cfg")]
    assert len(configurations) >= 20  # as many different ones
    for file in configurations:
        (tmp_path / "grub.cfg").write_bytes(file.data)
        said_by("grub-script-check", tmp_path / "grub.cfg")


@pytest.mark.parametrize(
    ("slug", "development", "variant", "timeout", "line"),
    [
        ("generic-amd64-av", False, INTERNAL, 0,
         "linux /boot/bzImage ${hal_argument} rootwait console=null quiet splash vt.global_cursor_default=0"
         " consoleblank=0"
         " modprobe.blacklist=nouveau,nvidiafb ${extra_os_cmdline} ${extra_os_firmware_class_path}"),
        ("generic-amd64", True, INTERNAL, 3,
         "linux /boot/bzImage ${hal_argument} rootwait console=ttyS0,115200n8 ${extra_os_cmdline} "
         "${extra_os_firmware_class_path}"),
        ("generic-aarch64", True, INTERNAL, 3,
         "linux /boot/Image.gz ${hal_argument} rootwait console=ttyAMA0,115200n8 ${extra_os_cmdline} "
         "${extra_os_firmware_class_path}"),
        ("intel-nuc", True, FLASHER, 3,
         "linux /boot/bzImage root=LABEL=flash-rootA flasher rootwait console=ttyS0,115200n8 ${extra_os_cmdline} "
         "${extra_os_firmware_class_path}"),
        ("generic-amd64", False, ENCRYPTED, 0,
         "linux /bzImage balena_stage2 root=LABEL=resin-root${hal_slot} rootwait module.sig_enforce lockdown=integrity "
         "console=null quiet splash vt.global_cursor_default=0 consoleblank=0"),
    ],
)  # fmt: skip
def test_grub_starts_the_kernel_with_these_arguments(
    slug: str, development: bool, variant: BootVariant, timeout: int, line: str
) -> None:
    text = files(slug, variant, development=development)["boot/EFI/BOOT/grub.cfg"].decode()
    assert next(each.strip() for each in text.splitlines() if each.strip().startswith("linux ")) == line
    assert f"\ntimeout={timeout}\n" in text
    assert "source" not in text, "a user's file is never run as a script"


def test_a_change_of_an_encrypted_disk_uses_its_own_numbers() -> None:
    found = files("generic-amd64", ENCRYPTED)
    assert EnvBlock(found["boot/EFI/BOOT/grubenv"], path="grubenv").get("resin_root_part") == "3"
    assert b'"x${resin_root_part}" = "x4"' in found["boot/EFI/BOOT/grub.cfg"]
    assert b"extra_os_cmdline" not in found["boot/EFI/BOOT/grub.cfg"]


@pytest.mark.parametrize(
    ("slug", "name", "size", "listed"),
    [
        ("intel-nuc", "grub/grubenv", 1024, "bootcount=0\nresin_root_part=2\nupgrade_available=0\n"),
        ("intel-nuc", "grub/committed_slot.env", 512, "committed_slot=2\n"),
        ("intel-nuc", "EFI/BOOT/grub_extraenv", 1024, ""),
        ("raspberrypi5", "bootenv", 1024, "bootcount=0\nresin_root_part=A\nupgrade_available=0\n"),
        ("raspberrypi5", "committed_slot.env", 512, "committed_slot=A\n"),
        ("raspberrypi4-64", "committed_slot.env", 512, "committed_slot=2\n"),
    ],
)
def test_grub_reads_the_blocks_and_has_room_in_them(
    slug: str, name: str, size: int, listed: str, tmp_path: Path
) -> None:
    data = files(slug)[f"boot/{name}"]
    (tmp_path / "block").write_bytes(data)
    assert len(data) == size
    assert said_by("grub-editenv", tmp_path / "block", "list") == listed
    if "=" in listed:
        words = [line.partition("=")[0] for line in listed.splitlines()]
        assert EnvBlock(data, path=name).in_first_sector(*words)
    said_by("grub-editenv", tmp_path / "block", "set", "further=value")
    assert len((tmp_path / "block").read_bytes()) == size


# -- U-Boot ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slug", "arch"), [("raspberrypi3", "arm"), ("raspberrypi4-64", "arm64")])
def test_the_script_image_is_what_mkimage_makes(slug: str, arch: str, tmp_path: Path) -> None:
    found = files(slug)
    text, ours, theirs = tmp_path / "boot.cmd", tmp_path / "boot.scr", tmp_path / "mkimage.scr"
    text.write_bytes(found["boot/boot.cmd"])
    ours.write_bytes(found["boot/boot.scr"])
    make = ("mkimage", "-A", arch, "-T", "script", "-C", "none", "-n", "Boot script", "-d", text, theirs)
    said_by("env", "SOURCE_DATE_EPOCH=0", *make)
    assert ours.read_bytes() == theirs.read_bytes()
    assert "Image Name:   Boot script" in said_by("mkimage", "-l", ours)
    assert "Linux Script" in said_by("dumpimage", "-l", ours)
    said_by("dumpimage", "-T", "script", "-p", "0", "-o", tmp_path / "back", ours)
    assert (tmp_path / "back").read_bytes()[8:] == text.read_bytes()


@pytest.mark.parametrize(("script", "name", "time"), [(b"", "", 0), (b"a", "x" * 32, 1), (b"echo\n" * 999, "é", 2**31)])
def test_script_images_of_any_size(script: bytes, name: str, time: int, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(script)
    image = script_image(script, arch=Arch.ARMV7HF, name=name, time=time)
    if script:  # mkimage has no use for an empty one
        make = (
            "mkimage",
            "-A",
            "arm",
            "-T",
            "script",
            "-C",
            "none",
            "-n",
            name,
            "-d",
            tmp_path / "text",
            tmp_path / "made",
        )
        said_by("env", f"SOURCE_DATE_EPOCH={time}", *make)
        assert (tmp_path / "made").read_bytes() == image
    (tmp_path / "image").write_bytes(image)
    assert "Linux Script" in said_by("mkimage", "-l", tmp_path / "image")
    (tmp_path / "image").write_bytes(image[:40] + b"\xff" + image[41:])
    assert "Script" not in said_by("mkimage", "-l", tmp_path / "image"), "a header with a wrong checksum is none"


def test_a_name_that_is_too_long_for_an_image() -> None:
    with pytest.raises(HalError, match="longer than 32 bytes"):
        script_image(b"", arch=Arch.AARCH64, name="x" * 33)


def test_the_state_files_of_u_boot() -> None:
    found = files("raspberrypi4-64")
    assert found["boot/bootcount.env"] == b"bootcount=0\n\0"
    assert found["boot/extra_uEnv.txt"] == b""
    assert found["boot/resinOS_uEnv.txt"] == b"resin_root_part=2\nupgrade_available=0\n".ljust(512, b"\n")
    committed = uenv.import_text(found["boot/committed_slot.env"])
    assert (committed.values, committed.complete) == ({"committed_slot": "2"}, True)
    for slug, value in (("jetson-tx2", "19"), ("jetson-nano", "d"), ("jetson-xavier-nx-devkit", "a")):
        expected = f"{int(value, 16):x}"
        a, _ = row(slug).partitions.slot_values()  # type: ignore[union-attr]
        assert files(slug)["boot/resinOS_uEnv.txt"].startswith(f"resin_root_part={a}\n".encode()), expected


def test_the_script_starts_each_kind_of_kernel_and_imports_only_names() -> None:
    for slug, command in (("raspberrypi3", "bootz"), ("raspberrypi4-64", "booti")):
        text = files(slug)["boot/boot.cmd"].decode()
        assert f"{command} ${{kernel_addr_r}} - ${{fdt_addr}}" in text
        imports = [line.split() for line in text.splitlines() if "env import" in line]
        assert len(imports) == 5
        assert all(len(words) > 5 for words in imports), "an import without names takes whatever the file holds"
        for words in imports:
            if "extra_os_cmdline" in words:
                assert not {"resin_root_part", "upgrade_available", "bootcount", "bootargs"} & set(words)


MEDIUM = "${devtype} ${devnum}"
ACCESSES = ("load ", "size ", "fatwrite ", "fsuuid ", "part uuid ", "test -e ", "env import -t ")


def test_pitfall_17_the_script_reads_and_writes_its_own_medium_alone() -> None:
    for slug in ("raspberrypi3", "raspberrypi4-64"):
        text = files(slug)["boot/boot.cmd"].decode()
        used = [line.strip().removeprefix("if ") for line in text.splitlines() if not line.startswith("#")]
        used = [line for line in used if line.startswith(ACCESSES)]
        assert len(used) > 12
        assert [line for line in used if MEDIUM not in line and not line.startswith("env import -t ${")] == []
        assert not {"usb", "mmc", "nvme"} & set(re.findall(r"[a-z]+", text)), "no other medium is named or looked for"
        assert not re.search(r"setenv (devtype|devnum)\b|\bfor (devtype|devnum) in", text)


# -- extlinux ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "development", "variant", "name", "text"),
    [
        (
            "jetson-agx-orin-devkit", False, INTERNAL, "root/boot/extlinux/extlinux.conf",
            """\
                  LINUX /boot/Image
                  FDT default
                  OVERLAYS /boot/devicetree/tegra234-p3737-0000+p3701-0000-dynamic.dtbo
                  APPEND ${cbootargs} console=null quiet splash vt.global_cursor_default=0 consoleblank=0 rootdelay=1 \
roottimeout=60 sdhci_tegra.en_boot_part_access=1 rootwait video=efifb:off
            """,
        ),
        (
            "jetson-agx-orin-devkit", True, INTERNAL, "root/boot/extlinux/extlinux.conf",
            """\
                  LINUX /boot/Image
                  FDT default
                  OVERLAYS /boot/devicetree/tegra234-p3737-0000+p3701-0000-dynamic.dtbo
                  APPEND ${cbootargs} mminit_loglevel=4 console=tty0 console=ttyTCU0,115200 rootdelay=1 \
roottimeout=60 sdhci_tegra.en_boot_part_access=1 rootwait video=efifb:off
            """,
        ),
        (
            "jetson-nano", False, INTERNAL, "root/boot/extlinux/extlinux.conf",
            """\
                  LINUX /boot/Image
                  FDT default
                  APPEND ${cbootargs} ${resin_kernel_root} ro rootwait ${os_cmdline} sdhci_tegra.en_boot_part_access=1
            """,
        ),
        (
            "jetson-tx2", False, FLASHER, "boot/extlinux/extlinux.conf",
            """\
                  LINUX /Image
                  APPEND ${cbootargs} root=LABEL=flash-rootA ro rootwait flasher ${os_cmdline} \
sdhci_tegra.en_boot_part_access=1
            """,
        ),
    ],
)  # fmt: skip
def test_extlinux(slug: str, development: bool, variant: BootVariant, name: str, text: str) -> None:
    written = files(slug, variant, development=development)[name].decode()
    head = "DEFAULT primary\nTIMEOUT 10\nMENU TITLE Boot Options\nLABEL primary\n      MENU LABEL primary Image\n"
    lines = [f"      {line.strip()}" for line in dedent(text).strip().splitlines()]
    assert written == head + "\n".join(lines) + "\n"


LAUNCHER_KNOWS = {
    *("DEFAULT", "TIMEOUT", "MENU TITLE", "LABEL", "MENU LABEL"),
    *("LINUX", "INITRD", "FDT", "APPEND", "OVERLAYS"),
}
"""At a word it does not know, L4TLauncher appends the root's arguments once more."""


def test_pitfall_18_extlinux_gives_l4tlauncher_nothing_to_misread() -> None:
    """A user's `overlay_files` has no effect where the line OVERLAYS is missing; a word in a comment counts."""
    seen = 0
    for each in rows().values():
        if each.bootloader is not BootloaderKind.L4TLAUNCHER:
            continue
        lines = files(each.slug)["root/boot/extlinux/extlinux.conf"].decode().splitlines()
        words = [re.match(r" *((?:MENU )?[A-Z]+)\b", line) for line in lines]
        found = [word[1] if word else "" for word in words]
        assert set(found) <= LAUNCHER_KNOWS, each.slug
        assert [found.count(word) for word in ("LINUX", "FDT", "OVERLAYS", "APPEND")] == [1, 1, 1, 1], each.slug
        assert not any("#" in line or "root=" in line or len(line) > 512 for line in lines), each.slug
        seen += 1
    assert seen > 6


# -- the balena bootloader ---------------------------------------------------------------------------------------------


def test_the_step_is_a_script_that_busybox_reads(tmp_path: Path) -> None:
    (tmp_path / "step").write_bytes(files("raspberrypi5")["initramfs/init.d/74-abroot"])
    said_by("busybox", "sh", "-n", tmp_path / "step")
    assert b"boot/Image.gz" in (tmp_path / "step").read_bytes()


def test_a_refused_variant_says_what_there_is() -> None:
    with pytest.raises(ValueRefused) as caught:
        render(row("raspberrypi4-64"), variant=FLASHER)
    assert caught.value.allowed == (INTERNAL,)


# -- the pages ---------------------------------------------------------------------------------------------------------


def test_pitfall_45_the_page_says_how_often_a_new_slot_is_tried() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/boot-files.md").read_text()
    for start, tries in (
        ("GRUB", grub.TRIES),
        ("U-Boot with `boot.scr`", uboot.TRIES),
        ("Balena bootloader", balena.TRIES),
        ("U-Boot without `boot.scr`", ClassicUBoot.tries),
        ("L4TLauncher", L4TLauncher.tries),
        ("Cboot", tegra_slots.TRIES),
    ):
        (row,) = re.findall(rf"^\| {re.escape(start)}.*\| (?:its own: )?(\d+) \|$", page, re.MULTILINE)
        assert int(row) == tries, start
