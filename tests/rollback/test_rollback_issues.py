"""What went wrong with updates for users of other projects, as cases here: R8, R10 to R13, R17 and R32 of the list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rollback.simulated import BOARDS, METADATA, Device, Make, PowerCut, content, power_cuts

from hal.backends.bootloader import tegra_slots
from hal.device import Device as OpenDevice
from hal.errors import HalError, ValueRefused
from hal.model import Outcome, Phase, Slot, Update, UpdatePhase, UpdateStep
from hal.root import Root

Tree = Callable[[str], Root]
EVERY = tuple(BOARDS)


# -- R8: state files of two bootloaders (meta-balena PR 1138) --------------------------------------------------------


@pytest.mark.parametrize("ending", ["good", "broken", "unhealthy"])
@pytest.mark.parametrize("name", ["grub classic", "grub mended", "balena mended"])
def test_r8_a_foreign_state_file_changes_no_decision(name: str, ending: str, device: Make) -> None:
    it = device(name)
    foreign = it.root.directory / "mnt/boot/resinOS_uEnv.txt"
    foreign.write_text("resin_root_part=2\nupgrade_available=1\n")
    it.live()
    assert any("resinOS_uEnv.txt is of " in note for note in it.rollback.status().notes)
    it.update()
    it.broken = {Slot.B} if ending == "broken" else set()
    it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    it.live()
    it.assert_settled(Slot.B if ending == "good" else Slot.A)
    assert foreign.read_text() == "resin_root_part=2\nupgrade_available=1\n"


def test_r8_only_a_foreign_state_file_is_refused(device: Make) -> None:
    it = device("u-boot classic")
    (it.root.directory / "mnt/boot/grub").mkdir()
    shutil.copy(it.root.directory / "mnt/boot/config.json", it.root.directory / "mnt/boot/grub/grubenv")
    before = content(it.root.directory)
    with pytest.raises(HalError, match="no trace"):
        it.update()
    after = content(it.root.directory)
    assert {name for name in after if before.get(name) != after[name]} <= {
        str(it.root.directory / "sysroots/B/release")
    }


# -- R10: power cycles of a slot that is committed (rauc 490) --------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_r10_power_cycles_on_a_committed_slot(name: str, device: Make) -> None:
    it = device(name)
    it.live()
    it.update()
    it.live()
    it.assert_settled(Slot.B)
    assert {it.boot() for _ in range(30)} == {Slot.B}
    assert it.live() == 1
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", EVERY)
def test_r10_after_a_fallback_too(name: str, device: Make) -> None:
    it = device(name)
    it.live()
    it.update()
    it.unhealthy = {Slot.B}
    it.live()
    assert {it.boot() for _ in range(30)} == {Slot.A}


# -- R11: both slots out of tries (rauc 683) -------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_r11_there_is_always_a_slot_to_boot(name: str, device: Make) -> None:
    """However often neither comes up: one that comes up in the end still gets its turn."""
    it = device(name)
    it.live()
    it.update()
    it.broken = {Slot.A, Slot.B}
    for _ in range(40):
        it.power_on()  # fails where nothing boots
    it.broken = {Slot.B}
    it.live(60)
    it.assert_settled(Slot.A)


def test_r11_cboot_with_no_tries_left_is_said_so(device: Make) -> None:
    it = device("cboot")
    it.root.resolve(METADATA).write_text("2 15 0 0 14 0 0\n")
    assert tegra_slots.read(it.root).chosen is None
    status = it.status
    assert status.next_boot.slot is None
    assert "no boot slot has tries left" in status.next_boot.reason
    it.bootloader.commit()
    assert it.status.next_boot.slot is Slot.A


# -- R12: reboots within the health window (meta-balena PR 1316) -----------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_r12_the_supervisor_reboots_twice_before_the_commit(name: str, device: Make) -> None:
    it = device(name)
    it.live()
    it.update()
    for _ in range(2):
        it.boot()
        it.rollback.altboot()
        it.rollback.shutdown()
        assert it.status.boot_count == 0
    assert it.live() == 1
    it.assert_settled(Slot.B)
    assert it.events() == ["committed"]


@pytest.mark.parametrize("name", EVERY)
def test_pitfall_5_an_orderly_shutdown_clears_the_count_by_itself(name: str, device: Make) -> None:
    """Also where the early service did not get to it: balenaOS forgets `bootenv` there."""
    it = device(name)
    it.live()
    it.update()
    for _ in range(it.status.boot_limit + 2):
        assert it.boot() is Slot.B
        it.rollback.shutdown()
        assert it.status.boot_count == 0
    assert it.live() == 1
    it.assert_settled(Slot.B)


# -- R13: a step fails, and the slots are switched all the same (balenahup 376) --------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_r13_a_step_that_fails_means_no_switch(name: str, device: Make) -> None:
    meanwhile = []

    def full(update: Update) -> tuple[str, ...]:
        if not update.recovering:
            meanwhile.append(it.status.pending)
            raise ValueRefused("mnt/boot: 1 MiB is free, 6 MiB are needed")
        return ()

    it = device(name)
    it.live()
    it.extra_steps = (UpdateStep(name="99-full", phase=UpdatePhase.FORWARD, purpose="", run=full),)
    with pytest.raises(ValueRefused, match="6 MiB"):
        it.update()
    assert meanwhile == [False], "the switch is last"
    it.assert_settled(Slot.A)
    assert {it.boot() for _ in range(8)} == {Slot.A}


# -- R17: a cut early in the first boot (meta-balena 3003) -----------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_r17_the_first_boot_writes_nothing_that_could_be_cut(name: str, device: Make) -> None:
    it = device(name)
    for fresh in ("mnt/boot/bootcount.env", "mnt/state/hal-rollback.json"):
        assert not it.root.exists(fresh)
    assert it.power_on()
    assert it.root.log == []
    assert it.phase is Phase.SETTLED
    assert {it.boot() for _ in range(5)} == {Slot.A}


@pytest.mark.parametrize("name", EVERY)
def test_r17_the_first_boot_of_an_update_is_cut_anywhere(name: str, device: Make, tmp_path: Path) -> None:
    start = device(name)
    start.live()
    start.update()
    cut, done = 0, False
    while not done:
        cut += 1
        it: Device = start.copy(tmp_path / "cut")
        done = True
        with power_cuts(it, [cut]):
            try:
                it.power_on()
            except PowerCut:
                done = False
        it.live()
        it.assert_settled(Slot.B)
        shutil.rmtree(it.root.directory)
    assert cut > 3


# -- R32: the power mode after a switch of slots (balena-jetson-orin 464) --------------------------------------------


def test_r32_the_power_mode_is_applied_again_in_the_other_slot(hal_tree: Tree) -> None:
    """The mode is stored in the root file system, of which the new slot has its own; config.json is in both."""
    root = hal_tree("jetson-agx-orin-devkit")
    stored, running = "etc/nvpmodel-config/nvpmodel.conf", "var/lib/nvpmodel/status"
    fresh = {name: root.read_bytes(name) for name in (stored, running)}
    config = {"deviceType": "jetson-agx-orin-devkit", "os": {"power": {"mode": "high"}}}
    root.resolve("mnt/boot/config.json").write_text(json.dumps(config))

    def applied() -> list[Outcome]:
        opened = OpenDevice.open(root)
        return [each.result.outcome for each in opened.apply(opened.plan()) if each.result is not None]

    assert applied() == [Outcome.ACCEPTED]
    assert applied() == []
    wanted = root.read_bytes(stored)
    for _ in ("the update", "the rollback"):
        for name, data in fresh.items():
            root.resolve(name).write_bytes(data)
        opened = OpenDevice.open(root)
        assert opened.bootloader is not None
        assert [change.path for change in opened.plan().changes] == ["os.power.mode"]
        assert applied() == [Outcome.ACCEPTED]
        assert root.read_bytes(stored) == wanted
