"""Real bootloaders in QEMU with balenaOS's classic logic (`classic/`): they count, fall back and stay as documented.

Boots with a pending update, by loader: U-Boot tries the new slot 3 times, GRUB once, the balena bootloader twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lab import payload, uboot
from lab.console import Machine, QemuError, drive
from lab.disk import Disk, DiskError
from lab.loaders import BalenaKexec, Booted, GrubBios, GrubEfi, Loader, UBoot

CLASSIC = Path(__file__).with_name("classic")
PC_ROOTS = {f"slot_{slot.lower()}": {"boot/bzImage": payload.x86(slot)} for slot in ("A", "B")}
# One slot as the Raspberry Pi has it, one as it is elsewhere.
ARM_ROOTS = {"slot_a": {"boot/Image": payload.arm64("A")}, "slot_b": {"boot/Image.gz": payload.arm64_gz("B")}}


def block(**values: object) -> bytes:
    """A GRUB environment block."""
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    return f"# GRUB Environment Block\n{lines}".encode().ljust(1024, b"#")


def uboot_disk(path: Path, root: str, pending: int, **how: object) -> Disk:
    chosen = {"A": 2, "B": 3}[root]
    boot = {
        "boot.scr": uboot.script((CLASSIC / "boot.cmd").read_text()),
        "resinOS_uEnv.txt": f"resin_root_part={chosen}\nupgrade_available={pending}\n".encode(),
        "extra_uEnv.txt": b"extra_os_cmdline=isolcpus=2\n",
    }
    return Disk.build(path, boot=boot, **ARM_ROOTS, **how)


def grub_disk(path: Path, loader: GrubBios | GrubEfi, root: str, pending: int, **how: object) -> Disk:
    files = {
        "grub.cfg": (CLASSIC / "grub.cfg").read_bytes(),
        "grubenv": block(bootcount=0, resin_root_part={"A": 2, "B": 3}[root], upgrade_available=pending),
        "grub_extraenv": b'extra_os_cmdline="isolcpus=2"\n',
    }
    disk = Disk.build(path, boot={f"{loader.folder}/{name}": data for name, data in files.items()}, **PC_ROOTS, **how)
    loader.install(disk)
    return disk


def kexec_disk(path: Path, root: str, pending: int, **how: object) -> Disk:
    boot = {"bootenv": block(resin_root_part=root, bootcount=0, upgrade_available=pending)}
    return Disk.build(path, boot=boot, **PC_ROOTS, **how)


def slots(loader: Loader, disk: Disk, boots: int) -> list[str | None]:
    """The slots of so many boots of this disk; of each the kernel's command line names the root it was read from."""
    found = []
    for _ in range(boots):
        booted = loader.boot(disk)
        if booted.slot:
            uuid = disk.partuuid(booted.slot) if isinstance(loader, UBoot) else disk.uuid(booted.slot)
            assert re.search(rf"\broot=(PART)?UUID={uuid}( |$)", booted.cmdline), booted.console
        found.append(booted.slot)
    return found


# -- the classic logic ---------------------------------------------------------------------------------------------

ABROOT = BalenaKexec((CLASSIC / "abroot").read_bytes())
MAKERS: Mapping[str, tuple[Loader, Callable[..., Disk], str]] = {
    "U-Boot": (UBoot(), uboot_disk, "bootcount.env"),
    "GRUB BIOS": (GrubBios(), lambda *words, **how: grub_disk(words[0], GrubBios(), *words[1:], **how), "grub/grubenv"),
    "GRUB EFI": (
        GrubEfi(),
        lambda *words, **how: grub_disk(words[0], GrubEfi(), *words[1:], **how),
        "EFI/BOOT/grubenv",
    ),
    "kexec": (ABROOT, kexec_disk, "bootenv"),
}
BOOTS = [
    ("U-Boot", "B", 1, {}, ["B", "B", "B", "A", "A"], b"bootcount=5\n\0"),
    ("U-Boot", "A", 1, {"boot_filesystem": "fat32", "table": "gpt"}, ["A", "A", "A", "B"], b"bootcount=4\n\0"),
    ("U-Boot", "B", 0, {}, ["B", "B"], None),
    ("U-Boot", "A", 0, {}, ["A", "A"], None),
    ("GRUB BIOS", "B", 1, {}, ["B", "A", "A"], b"bootcount=2\n"),
    ("GRUB BIOS", "A", 1, {"boot_filesystem": "fat32"}, ["A", "B"], b"bootcount=2\n"),
    ("GRUB BIOS", "B", 0, {}, ["B", "B"], b"bootcount=0\n"),
    ("GRUB EFI", "B", 1, {}, ["B", "A"], b"bootcount=2\n"),
    ("GRUB EFI", "B", 0, {"boot_filesystem": "fat32", "table": "gpt"}, ["B"], b"bootcount=0\n"),
    ("kexec", "B", 1, {}, ["B", "B", "A"], b"bootcount=3\n"),
    ("kexec", "B", 0, {"boot_filesystem": "ext4", "table": "gpt"}, ["B"], b"bootcount=0\n"),
]


@pytest.mark.parametrize(("name", "root", "pending", "how", "expected", "counted"), BOOTS)
def test_a_pending_update_counts_and_falls_back_and_a_committed_slot_stays(
    tmp_path: Path,
    name: str,
    root: str,
    pending: int,
    how: Mapping[str, object],
    expected: list[str],
    counted: bytes | None,
) -> None:
    loader, make, state = MAKERS[name]
    disk = make(tmp_path / "disk", root, pending, **how)
    assert slots(loader, disk, len(expected)) == expected
    left = disk.read("boot", state)
    if counted is None or name == "U-Boot":
        assert left == counted
    else:
        assert len(left) == 1024
        assert [line for line in left.splitlines(keepends=True) if line.startswith(b"bootcount=")] == [counted]


@pytest.mark.parametrize("name", ["U-Boot", "GRUB BIOS"])
def test_the_users_arguments_reach_the_kernel(tmp_path: Path, name: str) -> None:
    loader, make, _ = MAKERS[name]
    assert "isolcpus=2" in loader.boot(make(tmp_path / "disk", "A", 0)).cmdline.split()


def test_asking_a_copy_leaves_the_disk_as_it_was(tmp_path: Path) -> None:
    disk = grub_disk(tmp_path / "disk", GrubBios(), "B", 1)
    before = disk.path.read_bytes()
    for number in range(2):
        assert GrubBios().boot(disk.copy(tmp_path / f"copy-{number}")).slot == "B"
    assert disk.path.read_bytes() == before


# -- boots that lead nowhere ---------------------------------------------------------------------------------------


def test_uboot_at_its_prompt_is_no_slot(tmp_path: Path) -> None:
    disk = uboot_disk(tmp_path / "disk", "A", 0)
    disk.remove("A", "boot/Image")
    assert _nowhere(UBoot().boot(disk)) == "prompt"
    disk.remove("boot", "boot.scr")
    assert _nowhere(UBoot().boot(disk)) == "prompt"


@pytest.mark.parametrize(
    ("missing", "said"),
    [(("A", "boot/bzImage"), "bzImage' not found"), (("boot", "grub/grub.cfg"), "grub> ")],
)
def test_grub_that_asks_a_person_is_no_slot(tmp_path: Path, missing: tuple[str, str], said: str) -> None:
    disk = grub_disk(tmp_path / "disk", GrubBios(), "A", 0)
    disk.remove(*missing)
    booted = GrubBios().boot(disk)
    assert _nowhere(booted) == "prompt"
    assert said in booted.console


def test_a_disk_that_the_bios_does_not_boot_is_no_slot(tmp_path: Path) -> None:
    disk = Disk.build(tmp_path / "disk")
    with disk.path.open("r+b") as image:
        image.write(bytes(512))
    booted = GrubBios().boot(disk)
    assert _nowhere(booted) == "prompt"
    assert "No bootable device" in booted.console


def test_a_second_stage_without_a_root_is_no_slot(tmp_path: Path) -> None:
    booted = BalenaKexec(b"ROOT_PART=C\n").boot(kexec_disk(tmp_path / "disk", "A", 0))
    assert _nowhere(booted) == "prompt"
    assert "LAB-STUCK no root 'C'" in booted.console


def test_a_machine_that_resets_is_no_slot(tmp_path: Path) -> None:
    disk = Disk.build(tmp_path / "disk", boot={"boot.scr": uboot.script("reset\n")})
    assert _nowhere(UBoot().boot(disk)) == "reset"


def test_a_loader_that_hangs_is_no_slot_and_is_ended(tmp_path: Path) -> None:
    disk = Disk.build(tmp_path / "disk", boot={"boot.scr": uboot.script("while true; do true; done\n")})
    assert _nowhere(UBoot().boot(disk, timeout_seconds=3)) == "deadline"
    # QEMU locks its disk: a second one starts only if the first is gone.
    assert _nowhere(UBoot().boot(disk, timeout_seconds=0)) == "deadline"


def _nowhere(booted: Booted) -> str:
    assert (booted.slot, booted.cmdline) == (None, None), booted.console
    return booted.ended


# -- the machine ---------------------------------------------------------------------------------------------------


def test_qemu_dies_with_its_block() -> None:
    with Machine(uboot.MACHINE, timeout_seconds=60) as machine:
        machine.send(uboot.STOP_AUTOBOOT)
        assert machine.until(uboot.PROMPT) == 0
        os.kill(machine.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(machine.pid, 0)


def test_a_qemu_that_fails_is_no_answer_about_the_guest(tmp_path: Path) -> None:
    disk = uboot_disk(tmp_path / "disk", "A", 0)
    with Machine([*uboot.MACHINE, *drive(disk, "virtio-blk-device")], timeout_seconds=60) as machine:
        machine.send(uboot.STOP_AUTOBOOT)
        machine.until(uboot.PROMPT)
        with pytest.raises(QemuError, match=r"Failed to get \"write\" lock"):
            UBoot().boot(disk)


def test_grub_for_bios_refuses_a_gpt(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="gpt"):
        GrubBios().install(Disk.build(tmp_path / "disk", table="gpt"))


# -- many commands, one U-Boot ---------------------------------------------------------------------------------------

IMPORTS = [
    (b"a=1\nb=2\n", ("1", "2")),
    (b"a=1\nb=2", ("1", "2")),
    (b"a=1\nb=2\n\n\n\n\n", ("1", "2")),
    (b"a=1\n####\nb=2\n", ("1", "2")),
    (b"a=1\na=3\n", ("3", None)),
    (b"a=1\n\0b=2\n", ("1", None)),
    (b"  a=1\n#b=2\n", ("1", None)),
    (b"a=\\x\nb=1\\\n2\n", ("x", "1\n2")),
]


def test_one_uboot_answers_many_commands() -> None:
    places = [uboot.RAM + (number + 1) * 0x10_0000 for number in range(len(IMPORTS))]
    commands = []
    for place, (data, _) in zip(places, IMPORTS, strict=True):
        commands += ["env delete a b", f"env import -t {place:x} {len(data):x}", "env print a", "env print b"]
    said = UBoot().answers(commands, memory=dict(zip(places, (data for data, _ in IMPORTS), strict=True)))
    assert len(said) == len(commands)
    found = [(said[at + 2], said[at + 3]) for at in range(0, len(said), 4)]
    absent = '## Error: "b" not defined'
    assert found == [(f"a={a}", absent if b is None else f"b={b}") for _, (a, b) in IMPORTS]


def test_uboot_reads_and_writes_the_disk_it_is_given(tmp_path: Path) -> None:
    disk = Disk.build(tmp_path / "disk", boot={"a.txt": b"one"})
    commands = [
        "virtio scan",
        "load virtio 0:1 40400000 a.txt",
        "echo $filesize",
        "fatwrite virtio 0:1 40400000 b.txt 3",
    ]
    said = UBoot().answers(commands, disk=disk)
    assert said[2] == "3"
    assert disk.read("boot", "b.txt") == b"one"


def test_a_command_that_does_not_come_back_ends_at_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        UBoot().answers(["while true; do true; done"], timeout_seconds=3)
