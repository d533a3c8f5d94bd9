"""The power is cut before every single write, then again during the recovery, and the device must find its way.

A cut leaves what was written. It may also leave the write that it hit half done: the first sector of an overwrite, a
temporary file beside a replacement. Whatever is left, the device boots, settles, and keeps what was committed.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from rollback.simulated import BOARDS, Device, Make, PowerCut, power_cuts

from hal.model import BootloaderKind, Phase, Slot
from hal.rollback import crumbs

ENDINGS = ("good", "broken", "unhealthy")
MOST_WRITES = 200
SEED = 20240607
RANDOM_RUNS = 504


def begin(device: Device, ending: str) -> Device:
    """Slot A has settled once, and an update went there and back before, so that every file is there."""
    device.live()
    device.broken = {Slot.B} if ending == "broken" else set()
    device.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    return device


def go(device: Device, cuts: list[int], *, torn: bool) -> bool:
    """An update and what follows, with these cuts; returns whether the pointer had moved when the first cut came."""
    with power_cuts(device, cuts, torn=torn):
        moved, first = True, True
        try:
            device.update()
        except PowerCut:
            first = False
            moved = pointer(device) is Slot.B
        device.live()
        if first and cuts:
            assert len(device.root.cuts) < len(cuts) or device.root.count < device.root.cuts[0]
    return moved


def said(error: AssertionError) -> str:
    return " ".join(str(error).split())[:400]


def pointer(device: Device) -> Slot | None:
    """The slot that boots next."""
    return device.status.next_boot.slot


def assert_never_bare(device: Device) -> None:
    """Pitfall 42: never the new slot named, nothing pending, and no commit that says so."""
    if device.status.active is Slot.B and not device.status.pending:
        assert device.events()[-1:] == ["committed"] or device.phase is Phase.COMMITTING


def writes(device: Device, where: Path, ending: str) -> int:
    """How many writes a whole life has, from the update until the device settled."""
    it = device.copy(where)
    begin(it, ending)
    it.root.log.clear()
    it.update()
    it.live()
    number = len(it.root.log)
    shutil.rmtree(where)
    assert 0 < number < MOST_WRITES
    return number


@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", tuple(BOARDS))
def test_one_cut_at_every_write(name: str, ending: str, torn: bool, device: Make, tmp_path: Path) -> None:
    """Where the pointer had not moved, the device stays; else it ends as if nothing had happened."""
    made = device(name)
    start = begin(made, ending)
    bad = []
    for cut in range(1, writes(made, tmp_path / "count", ending) + 1):
        it = start.copy(tmp_path / "cut")
        try:
            moved = go(it, [cut], torn=torn)
            good = ending == "good" and moved
            # The text of Cboot asks for the new slot before the metadata do, and what was asked for is done.
            completed = ending == "good" and name == "cboot" and "committed" in it.events()
            it.assert_settled(Slot.B if good or completed else Slot.A)
            assert_never_bare(it)
            if ending == "good":
                assert "fell-back" not in it.events()
                assert "rolled-back" not in it.events()
            for service in ("altboot", "health"):
                assert getattr(it.rollback, service)().done == ()
        except AssertionError as error:
            bad.append(f"cut before write {cut}, {it.root.log[cut - 1 : cut]}: {said(error)}")
        shutil.rmtree(it.root.directory)
    assert bad == []


@pytest.mark.parametrize("name", tuple(BOARDS))
def test_after_any_cut_the_next_update_works(name: str, device: Make, tmp_path: Path) -> None:
    start = begin(device(name), "good")
    for cut in range(1, writes(start, tmp_path / "count", "good") + 1, 2):
        it = start.copy(tmp_path / "cut")
        go(it, [cut], torn=False)
        was = it.slot
        it.update()
        it.live()
        it.assert_settled(was.other)
        shutil.rmtree(it.root.directory)


@pytest.mark.parametrize("name", tuple(BOARDS))
def test_many_cuts_at_random(name: str, device: Make, tmp_path: Path) -> None:
    """Up to three cuts, each counted from the one before, so that recoveries are cut too. What is asserted always
    holds; where a healthy slot ends depends on its bootloader's tries."""
    numbers = random.Random(f"{SEED} {name}")
    base = device(name)
    starts = {ending: begin(base.copy(tmp_path / f"start-{ending}"), ending) for ending in ENDINGS}
    most = {ending: writes(base, tmp_path / "count", ending) for ending in ENDINGS}
    bad = []
    for run in range(-(-RANDOM_RUNS // len(BOARDS))):
        ending = numbers.choice(ENDINGS)
        cuts = [numbers.randint(1, most[ending])]
        cuts += [numbers.randint(1, max(2, most[ending] // 2)) for _ in range(numbers.choice((1, 2, 2)))]
        torn = numbers.random() < 0.5
        it = starts[ending].copy(tmp_path / "cut")
        try:
            go(it, cuts, torn=torn)
            it.assert_settled(Slot.A if ending != "good" else None)
            assert_never_bare(it)
            if "committed" in it.events():
                assert it.slot is Slot.B
            with_tries = it.status.boot_limit > len(cuts)
            if ending == "good" and with_tries:
                assert not {"fell-back", "rolled-back"} & set(it.events())
        except AssertionError as error:
            bad.append(f"run {run}, {ending}, cuts {cuts}, torn {torn}: {said(error)}")
        shutil.rmtree(it.root.directory)
    assert bad == []


@pytest.mark.parametrize("name", tuple(BOARDS))
def test_what_is_committed_stays_whatever_is_cut_afterwards(name: str, device: Make, tmp_path: Path) -> None:
    """Cuts within the commit: once the bootloader has it, the new slot stays, and the commit is finished."""
    start = begin(device(name), "good")
    start.update()
    start.boot()
    start.rollback.altboot()
    cut = 0
    while True:
        cut += 1
        it = start.copy(tmp_path / "cut")
        done = True
        with power_cuts(it, [cut]):
            try:
                it.rollback.health()
            except PowerCut:
                done = False
        kept = not it.status.pending
        crash = [it.boot() for _ in range(2)] if kept else []  # and nothing of user space runs meanwhile
        assert set(crash) <= {Slot.B}
        it.live()
        it.assert_settled(Slot.B)
        assert it.events()[-1] == "committed"
        shutil.rmtree(it.root.directory)
        if done:
            return
        assert cut < MOST_WRITES


@pytest.mark.parametrize("name", tuple(BOARDS))
def test_a_fallback_is_finished_before_its_guards_go(name: str, device: Make, tmp_path: Path) -> None:
    """Pitfall 4: the pointer names the running slot and no boot is counted before any breadcrumb is removed."""
    it = begin(device(name), "broken")
    it.update()
    it.broken = set()
    it.root.log.clear()
    it.live()
    it.root.log.clear()
    it.update()
    it.broken = {it.slot.other}
    it.root.log.clear()
    it.live()
    log = it.root.log
    removed = [i for i, line in enumerate(log) if line.startswith("remove") and line.split()[1] in crumbs.GUARDS]
    files = {*it.bootloader.writes}
    told = [i for i, line in enumerate(log) if line.split()[1] in files or line.startswith("run ")]
    assert removed
    assert told
    if it.row.bootloader is not BootloaderKind.CBOOT:
        assert max(told) < min(removed), log


def test_the_harness_finds_a_fault(device: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of balenaOS's own hooks, breadcrumbs before the pointer, is found to be bad."""
    from hal.rollback.machine import Rollback

    end = Rollback._end
    original = Rollback.recover

    def crumbs_first(self, work, boot, record, trace=None):  # type: ignore[no-untyped-def]
        end(self, work)
        original(self, work, boot, record, trace)

    monkeypatch.setattr(Rollback, "recover", crumbs_first)
    monkeypatch.setattr(Rollback, "_recover_from_fallback", lambda self, w, b, r: self.recover(w, b, r))
    start = begin(device("u-boot classic"), "broken")
    bad = 0
    for cut in range(1, 60):
        it = start.copy(tmp_path / "cut")
        try:
            go(it, [cut], torn=False)
            it.assert_settled(Slot.A)
        except AssertionError:
            bad += 1
        shutil.rmtree(it.root.directory)
    assert bad > 0
