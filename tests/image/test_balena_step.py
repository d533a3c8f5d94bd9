"""The step of the balena bootloader in a real busybox, on a folder that stands for the boot partition and the slots.

What only a kernel has is a function here: the list of block devices, mounting, and a disk that refuses or lies.
"""

from __future__ import annotations

import subprocess
from itertools import product
from pathlib import Path
from random import Random

import pytest
from attrs import frozen

from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.rules import Mended, Seen
from hal.image.boot_files import Place, render
from hal.plugins import Catalog

RULE = Mended(values=("A", "B"), tries=3)
UUID = {"A": "ba1eadef-aaaa", "B": "ba1eadef-bbbb"}
ABI = {name: name * 64 for name in "1234"}

WORLD = """
lsblk() {
    case "$2" in
        uuid,label) printf '%s\\n' "ba1eadef-0000 resin-boot" "$UUIDS" ;;
        kname,label) printf '%s\\n' "vda1 resin-boot" "vda2 resin-rootA" "vda3 balena-rootB" "vda6 resin-data" ;;
    esac
}
mount() {
    [ "$1 $2 $3 $4" = "-t ext4 -o ro,noload" ] || exit 9
    rmdir "$6" && ln -s "$WORK/${5##*/}" "$6"
}
umount() { rm "$1" && mkdir "$1"; }
dd() {
    case "$*" in
        *of="$BOOTENV_FILE"*)
            echo "$*" >>"$WORK/written"
            case "$DISK" in
                refuses) return 1 ;;
                lies) return 0 ;;
            esac
            ;;
    esac
    command dd "$@"
}
"""
RUN = """
abroot_run
echo "ANSWER $bootparam_root $ROOT_PART $IS_ROLLBACK"
"""


@frozen
class Answer:
    """What the step left and said, `bootenv` afterwards, and which writes went to it."""

    root: str
    slot: str
    rollback: bool
    said: str
    bootenv: bytes
    writes: list[str]

    def value(self, name: str) -> str | None:
        return EnvBlock(self.bootenv, path="bootenv").get(name)


class Bench:
    """The folder; `ask` runs the step once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _, row = Catalog().device_type("raspberrypi5")
        step = next(file for file in render(row) if file.where is Place.INITRAMFS).data.decode()
        assert step.count("/run/abroot-") > 5
        step = step.replace("/run/abroot-", f"{folder}/run-").replace("/proc/sys/vm/drop_caches", f"{folder}/drop")
        (folder / "step").write_text(WORLD + step + RUN)
        (folder / "boot").mkdir()
        for slot in ("vda2", "vda3"):
            (folder / slot / "boot").mkdir(parents=True)

    def ask(
        self,
        bootenv: bytes,
        *,
        committed: str | None = None,
        kernels: tuple[bool, bool] = (True, True),
        disk: str = "works",
        uuids: str = f"{UUID['A']} resin-rootA\n{UUID['B']} balena-rootB",
        shell: tuple[str, ...] = ("busybox", "sh"),
    ) -> Answer:
        path = self.folder / "boot/bootenv"
        path.write_bytes(bootenv)
        (self.folder / "written").write_text("")
        values = {} if committed is None else {"committed_slot": committed}
        (self.folder / "boot/committed_slot.env").write_bytes(EnvBlock.new(values, path="committed", size=512).data)
        for slot, there in zip(("vda2", "vda3"), kernels, strict=True):
            (self.folder / slot / "boot/Image.gz").write_bytes(b"kernel" if there else b"")
        world = {"BOOTENV_FILE": str(path), "BOOT_DEV": "/dev/vda", "WORK": str(self.folder), "DISK": disk}
        done = subprocess.run(
            [*shell, self.folder / "step"],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "UUIDS": uuids, **world},
        )
        assert done.returncode == 0, done.stderr
        *said, answer = done.stdout.splitlines()
        _, root, slot, rollback = answer.split(" ")
        writes = (self.folder / "written").read_text().splitlines()
        return Answer(root, slot, rollback == "1", "\n".join(said), path.read_bytes(), writes)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def block(**values: str | None) -> bytes:
    return EnvBlock.new({name: value for name, value in values.items() if value is not None}, path="bootenv").data


def test_the_step_decides_as_the_rule(bench: Bench) -> None:
    roots, upgrades = ("A", "B", "A ", "B ", "a", "AB", "", "2", None), ("1", "1 ", "0", "x", "1  ", None)
    counts = (None, "0", "1", "2", "3", "0 ", "2 ", "00", "01", "02", "10", "99", "100", "-1", "x", "")
    kernels, disks = tuple(product((True, False), repeat=2)), ("works", "works", "works", "refuses", "lies")
    every = list(product(roots, upgrades, counts, (None, "A", "B", "B ", "x"), kernels, disks))
    pending = [case for case in every if case[0] in ("A", "B") and case[1] == "1"]
    random = Random(74)
    for root, upgrade, count, committed, held, disk in [*random.sample(every, 40), *random.sample(pending, 60)]:
        seen = Seen(
            root=root, upgrade=upgrade, count=count, committed=committed, kernels=held, storable=disk == "works"
        )
        before = block(bootcount=count, resin_root_part=root, upgrade_available=upgrade)
        wanted = RULE.decide(seen)
        answer = bench.ask(before, committed=committed, kernels=held, disk=disk)
        if wanted.slot is None:
            assert answer.said.endswith("; neither slot shows a kernel"), seen
        else:
            assert answer.slot == wanted.slot, (seen, answer.said)
            assert answer.said == f"slot selection: {wanted.slot}: {wanted.reason}", seen
        assert answer.value("bootcount") == wanted.count, seen
        assert answer.root == f"UUID={UUID[answer.slot]}"
        assert answer.rollback == (root is not None and root.removesuffix(" ") in UUID and answer.slot != root[0])
        assert len(answer.bootenv) == 1024
        assert all(" seek=0 count=1 conv=notrunc,fsync" in write for write in answer.writes), "one sector, in place"


@pytest.mark.parametrize("damaged", [b"", b"\0" * 1024, b"\xff" * 1024, b"resin_root_part=B\n", b"# GRUB Env"])
@pytest.mark.parametrize(("committed", "slot"), [("B", "B"), ("A", "A"), (None, "A")])
def test_a_destroyed_state_file_boots_the_committed_slot(
    damaged: bytes, committed: str | None, slot: str, bench: Bench
) -> None:
    answer = bench.ask(damaged, committed=committed)
    assert (answer.slot, answer.rollback, answer.bootenv) == (slot, False, damaged)


@pytest.mark.parametrize("count", ["0", "3", "x", None])
@pytest.mark.parametrize("root", ["", None, "a", "AB"])
def test_pitfall_3_what_is_no_letter_is_no_slot_and_no_count_turns_it(
    root: str | None, count: str | None, bench: Bench
) -> None:
    for committed, slot in ((None, "A"), ("A", "A"), ("B", "B")):
        before = block(resin_root_part=root, bootcount=count, upgrade_available="1")
        answer = bench.ask(before, committed=committed)
        assert (answer.slot, answer.root, answer.rollback) == (slot, f"UUID={UUID[slot]}", False), "one UUID, not two"
        assert answer.bootenv == before


@pytest.mark.parametrize("count", [None, "x", "2", "3"])
def test_pitfall_14_a_shell_that_knows_posix_alone_decides_alike(count: str | None, bench: Bench) -> None:
    """With `-u` a variable that was never set is an error, too."""
    pending = block(resin_root_part="B", bootcount=count, upgrade_available="1")
    wanted, answer = bench.ask(pending), bench.ask(pending, shell=("dash", "-u"))
    assert (answer.slot, answer.said, answer.bootenv) == (wanted.slot, wanted.said, wanted.bootenv)
    assert bench.ask(block(), shell=("dash", "-u")).slot == "A"


def test_a_count_that_would_move_what_lies_behind_it_is_not_stored(bench: Bench) -> None:
    """Behind the first sector something would shift: two sectors cannot change together."""
    before = block(resin_root_part="B", bootcount="0 ", upgrade_available="1", far="f" * 600)
    answer = bench.ask(before)
    assert (answer.slot, answer.bootenv, answer.writes) == ("A", before, [])
    assert answer.said == "slot selection: A: the boot count cannot be stored, so B is not tried"


FULL = {"kernel_override_abi": ABI["1"], "kernel_override_abi_committed_B": ABI["3"]}


@pytest.mark.parametrize(
    ("count", "committed_a", "expected"),
    [("3", ABI["2"], ABI["2"]), ("3", None, None), ("2", ABI["2"], ABI["1"]), ("0", None, ABI["1"])],
)
def test_falling_back_restores_the_kernel_override_of_that_slot(
    count: str, committed_a: str | None, expected: str | None, bench: Bench
) -> None:
    state = {"resin_root_part": "B", "bootcount": count, "upgrade_available": "1"}
    answer = bench.ask(block(**state, **FULL, far="f" * 300, kernel_override_abi_committed_A=committed_a))
    assert answer.value("kernel_override_abi") == expected
    assert answer.value("kernel_override_abi_committed_A") == committed_a
    assert answer.value("kernel_override_abi_committed_B") == ABI["3"]
    assert answer.value("far") == "f" * 300
    assert (answer.value("resin_root_part"), len(answer.bootenv)) == ("B", 1024)


@pytest.mark.parametrize("disk", ["refuses", "lies"])
def test_an_override_that_cannot_be_stored_does_not_stop_the_boot(disk: str, bench: Bench) -> None:
    before = block(resin_root_part="B", bootcount="3", upgrade_available="1", **FULL)
    answer = bench.ask(before, disk=disk)
    assert (answer.slot, answer.rollback, answer.bootenv) == ("A", True, before)
    assert "the kernel override could not be stored" in answer.said


def test_a_root_without_a_uuid_is_named_by_its_label(bench: Bench) -> None:
    answer = bench.ask(block(resin_root_part="B"), uuids="")
    assert answer.root == "LABEL=resin-rootB"


@pytest.mark.parametrize(
    ("stage2", "flasher", "file", "expected"),
    [
        ("true", "", "boot/bootenv", 0),
        ("", "", "boot/bootenv", 1),
        ("true", "true", "boot/bootenv", 1),
        ("true", "", "", 1),
    ],
)
def test_where_the_step_is_on(stage2: str, flasher: str, file: str, expected: int, bench: Bench) -> None:
    (bench.folder / "boot/bootenv").write_bytes(block())
    text = (
        (bench.folder / "step")
        .read_text()
        .replace(RUN, "\nabroot_enabled\n")
        .replace('-b "$BOOT_DEV"', '-e "$BOOT_DEV"')
    )
    world = {"bootparam_balena_stage2": stage2, "bootparam_flasher": flasher, "BOOT_DEV": str(bench.folder)}
    env = {
        "PATH": "/usr/bin:/bin",
        "WORK": str(bench.folder),
        "BOOTENV_FILE": str(bench.folder / file) if file else "",
        **world,
    }
    assert subprocess.run(["busybox", "sh", "-c", text], env=env, timeout=60).returncode == expected
