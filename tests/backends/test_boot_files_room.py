"""Deploying boot files: in which room and order, and what a cut leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise, permutations
from pathlib import Path
from textwrap import dedent

import pytest
from backends.deployments import (
    BOOT,
    KIB,
    MIB,
    OS,
    PI_LEFT,
    PI_NEW,
    PI_OLD,
    Partition,
    held,
    journal,
    put,
    temporary,
    tree,
    untouched,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.backends.boot_files import LOGO, OLD_LOGO, RESERVE, deploy, plan
from hal.backends.boot_partition import FINGERPRINT
from hal.errors import FileFault
from hal.root import Root


@pytest.fixture
def top() -> Iterator[Path]:
    with temporary() as folder:
        yield Path(folder)


# -- room ----------------------------------------------------------------------------------------------------------


def test_refused_with_numbers_before_the_first_write(top: Path) -> None:
    """R14, meta-balena #2998: 1 MiB free, 6 MiB of kernel to write, and small files that would still have fitted."""
    put(top, OS, {"bzImage": b"n" * 6 * MIB, "a.dtb": b"new", "zz": b"new"})
    put(top, BOOT, {"bzImage": b"o" * 5 * MIB, "a.dtb": b"old", ".x.hal-new": b""})
    root = Partition(top, free=MIB)
    before = untouched(root)
    with pytest.raises(FileFault) as error:
        plan(root, source=OS)
    needed = int(error.value.message.split()[1])
    assert 6 * MIB + RESERVE <= needed <= 6 * MIB + RESERVE + 16 * root.cluster
    assert f"{MIB} are free" in error.value.message
    assert f"{BOOT}/bzImage does not fit; nothing was written" in error.value.message
    assert error.value.path == BOOT
    assert untouched(root) == before
    root.room += needed - MIB - 1
    with pytest.raises(FileFault):
        plan(root, source=OS)
    root.room += 1
    deploy(root, plan(root, source=OS))
    assert held(root)["bzImage"] == b"n" * 6 * MIB


def test_the_peak_counts_not_the_sum(top: Path) -> None:
    names = [f"part {number}.dtb" for number in range(12)]
    put(top, OS, dict.fromkeys(names, b"n" * MIB))
    put(top, BOOT, dict.fromkeys(names, b"o" * MIB))
    root = Partition(top, free=MIB + RESERVE + 64 * KIB)
    deploy(root, plan(root, source=OS))
    assert set(held(root).values()) == {b"n" * MIB}


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        # name, new KiB, old KiB
        ([("a", 900, 100), ("z", 100, 1200)], ["z", "a"]),  # what shrinks first
        ([("a", 500, 600), ("z", 10, 20)], ["z", "a"]),  # the smallest temporary file first
        ([("a", 500, 100), ("z", 900, 800)], ["z", "a"]),  # then what frees most
        ([("boot.scr", 1, 900), ("a", 500, 1)], ["a", "boot.scr"]),  # but never what selects before a part
    ],
)
def test_the_order_needs_the_least_room(rows: list[tuple[str, int, int]], order: list[str], top: Path) -> None:
    root = tree(
        top,
        {name: b"n" * new * KIB for name, new, _ in rows},
        {name: b"o" * old * KIB for name, _, old in rows},
    )
    assert written(plan(root, source=OS)) == order


def test_folders_need_room_too(top: Path) -> None:
    """Empty files take no cluster, but their entries do, and each small file takes a whole one."""
    names = [f"deep/er/{number:0100}.dtbo" for number in range(300)]
    root = tree(top, {**dict.fromkeys(names, b""), "a": b"1", "b": b"2"}, {})
    entries = 300 * 32 * 9
    room = plan(root, source=OS).rooms[0]
    assert room.needed >= RESERVE + entries + 2 * os.statvfs(top).f_frsize


SIZES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e", "u-boot.img", "grub.cfg", "x/y z.dtbo"]),
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(0, 40)),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda row: row[0],
)
LAST = {"u-boot.img": 1, "grub.cfg": 2}


@settings(max_examples=150)
@given(SIZES, st.integers(0, 80))
def test_what_is_planned_fits_and_what_is_refused_could_not(
    rows: list[tuple[str, int, int | None]], spare: int
) -> None:
    """Of every order that the ranks allow, the planned one has the least peak; `deploy` then never meets a full disk.

    The size of the cluster divides the unit, so the peak is known exactly but for the folders and the fingerprint.
    """
    with temporary() as folder:
        unit = os.statvfs(folder).f_frsize
        put(Path(folder), OS, {name: b"n" * new * unit for name, new, _ in rows})
        put(Path(folder), BOOT, {name: b"o" * old * unit for name, _, old in rows if old is not None})
        root = Partition(Path(folder), free=RESERVE + spare * unit)

        def peak(order: tuple[tuple[str, int, int | None], ...]) -> int:
            now = worst = 0
            for _, new, old in order:
                worst = max(worst, now + new)
                now += new - (old or 0)
            return max(worst, now + 1)  # the fingerprint

        allowed = [
            order
            for order in permutations(rows)
            if [LAST.get(row[0], 0) for row in order] == sorted(LAST.get(row[0], 0) for row in order)
        ]
        least = min(map(peak, allowed))
        slack = 4  # the folders: the mount, x, and what is new in them
        try:
            planned = plan(root, source=OS)
        except FileFault:
            assert least + slack > spare
            assert held(root) == {name: b"o" * old * unit for name, _, old in rows if old is not None}
            return
        assert least <= spare
        assert least * unit + RESERVE <= planned.rooms[0].needed <= (least + slack) * unit + RESERVE
        used = root.used()
        deploy(root, planned)
        assert root.fullest - used <= planned.rooms[0].needed - RESERVE
        assert held(root) == {name: b"n" * new * unit for name, new, _ in rows}


def test_room_that_went_away_since_the_plan_is_noticed(top: Path) -> None:
    put(top, OS, {"bzImage": b"n" * MIB})
    put(top, BOOT, {"bzImage": b"o" * MIB})
    root = Partition(top, free=2 * MIB)
    planned = plan(root, source=OS)
    root.room -= MIB
    before = untouched(root)
    with pytest.raises(FileFault, match="bytes are needed"):
        deploy(root, planned)
    assert untouched(root) == before


def test_stale_temporaries_go_first_and_count_as_free(top: Path) -> None:
    stale = (".kernel8.img.hal-new", "overlays/.x.dtbo.hal-new", journal("config.json", b"z", ending="tmp"))
    old = {**dict.fromkeys(stale, b"s" * MIB), "kernel8.img": b"o" * KIB, ".hidden": b"of somebody", ".hal-new": b""}
    put(top, OS, {"kernel8.img": b"n" * 3 * MIB})
    put(top, BOOT, old)
    root = Partition(top, free=MIB)
    planned = plan(root, source=OS)
    assert sorted(planned.stale) == sorted(f"{BOOT}/{name}" for name in stale)
    assert planned.rooms[0].freed == 3 * MIB
    deploy(root, planned)
    assert held(root) == {"kernel8.img": b"n" * 3 * MIB, ".hidden": b"of somebody", ".hal-new": b""}


# -- order and cuts ------------------------------------------------------------------------------------------------


def test_what_selects_comes_last_and_pairs_stay_together(top: Path) -> None:
    names = (
        *("grub/grub.cfg", "EFI/BOOT/grub.cfg", "EFI/BOOT/grub.cfg.sig", "EFI/BOOT/bootx64.efi", "boot.scr"),
        *("boot.img", "boot.sig", "kernel8.img", "kernel_2712.img", "MLO", "u-boot.img", "start.elf", "fixup.dat"),
        *("start4x.elf", "fixup4x.dat", "bcm2711.dtb", "overlays/uart.dtbo", "bzImage", "bzImage.sig", "config.txt"),
    )
    root = tree(top, {name: name.encode() * 999 * (len(name) % 7) for name in names}, {})
    order = written(plan(root, source=OS))
    parts, loaders, first, last = order[:3], order[3:12], order[12:16], order[16:]
    assert set(parts) == {"bcm2711.dtb", "overlays/uart.dtbo", "config.txt"}
    assert set(first) == {"boot.img", "boot.sig", "kernel8.img", "kernel_2712.img"}
    assert set(last) == {"grub/grub.cfg", "EFI/BOOT/grub.cfg", "EFI/BOOT/grub.cfg.sig", "boot.scr"}
    assert {"MLO", "u-boot.img", "EFI/BOOT/bootx64.efi"} <= set(loaders)
    for one, other in (
        ("EFI/BOOT/grub.cfg", "EFI/BOOT/grub.cfg.sig"),
        ("boot.img", "boot.sig"),
        ("bzImage", "bzImage.sig"),
        ("start.elf", "fixup.dat"),
        ("start4x.elf", "fixup4x.dat"),
    ):
        assert abs(order.index(one) - order.index(other)) == 1


class PowerCut(BaseException):
    """Nothing handles this."""


class Cut(Root):
    """Loses power at a moment: before a write or removal, or with half a temporary file."""

    def __init__(self, top: Path, moment: int) -> None:
        super().__init__(top)
        self.left = moment

    def tick(self) -> None:
        if self.left == 0:
            raise PowerCut
        self.left -= 1

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        self.tick()
        if self.left == 0:
            folder, _, base = name.rpartition("/")
            (self.directory / folder / f".{base}.hal-new").write_bytes(data[: len(data) // 2])
            raise PowerCut
        self.left -= 1
        super().replace(name, data, mode=mode)

    def remove(self, name: str) -> bool:
        self.tick()
        return super().remove(name)


WISH = b'{"wish": 1}'
CUT_OLD = {
    **{name: data for name, data in PI_OLD.items() if name != LOGO},
    OLD_LOGO: b"drawn by the user",
    journal("config.json", WISH): WISH,
    journal("boot.scr", b"older"): b"older",
    ".start4.elf.hal-new": b"half",
}
CUT_LEFT = {**PI_LEFT, LOGO: b"drawn by the user", "config.json": WISH}


def moments() -> int:
    with temporary() as folder:
        tree(Path(folder), PI_NEW, CUT_OLD)
        root = Cut(Path(folder), 10_000)
        deploy(root, plan(root, source=OS))
        return 10_000 - root.left


def test_a_cut_at_any_moment_leaves_old_or_new_and_a_second_run_completes() -> None:
    ranks = [
        {"bcm2711-rpi-4-b.dtb", "overlays/deep/er/x.dtbo", "overlays/a wide name (of an overlay).dtbo"},
        {"start4.elf", "fixup4.dat"},
        {"kernel8.img"},
        {"boot.scr"},
    ]
    count = moments()
    assert count > 20
    for moment in range(count):
        with temporary() as folder:
            top = Path(folder)
            tree(top, PI_NEW, CUT_OLD)
            put(top, BOOT, {FINGERPRINT: b"old"})
            root = Cut(top, moment)
            with pytest.raises(PowerCut):
                deploy(root, plan(root, source=OS))
            now = held(root)
            for name in {**CUT_OLD, **CUT_LEFT}:
                if name.rpartition("/")[2].startswith("."):
                    continue
                legal = {data.get(name) for data in (CUT_OLD, CUT_LEFT)}
                assert now.get(name) in legal, f"{name} at moment {moment}"
            assert LOGO in now or OLD_LOGO in now
            fresh = [[now.get(name) == CUT_LEFT[name] for name in names] for names in ranks]
            for earlier, later in pairwise(fresh):
                assert all(earlier) or not any(later), f"order at moment {moment}"
            listed = root.read_bytes(f"{BOOT}/{FINGERPRINT}")
            assert listed == b"old" or now == CUT_LEFT
            after = Root(top)
            deploy(after, plan(after, source=OS))
            assert held(after) == CUT_LEFT
            assert plan(after, source=OS).fingerprints == ()


def test_a_failing_write_keeps_the_old_file_and_a_second_run_completes(top: Path) -> None:
    """The real refusal of a file system: a limit to the size of files, which the largest file meets."""
    root = tree(top, {**PI_NEW, "kernel8.img": b"n" * 300 * KIB}, PI_OLD)
    code = """
        import resource, sys
        from hal.backends.boot_files import deploy, plan
        from hal.errors import HalError
        from hal.root import Root
        root = Root(sys.argv[1])
        planned = plan(root, source="resin-boot")
        resource.setrlimit(resource.RLIMIT_FSIZE, (200 * 1024, -1))
        try:
            deploy(root, planned)
        except HalError as error:
            print(error.path)
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), str(top)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == f"{BOOT}/kernel8.img"
    now = held(root)
    assert now["kernel8.img"] == PI_OLD["kernel8.img"]
    assert now["boot.scr"] == PI_OLD["boot.scr"], "what selects was not reached"
    assert not [name for name in now if name.endswith(".hal-new")]
    deploy(root, plan(root, source=OS))
    assert held(root) == {**PI_LEFT, "kernel8.img": b"n" * 300 * KIB}
