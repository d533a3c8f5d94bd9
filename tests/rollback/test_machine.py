"""A simulated device goes through updates: good, broken, unhealthy, crashing, and cut off by its power."""

from __future__ import annotations

from itertools import count

import pytest
from rollback.simulated import BOARDS, POLICY, Device, Make, content

from hal.backends.bootloader.base import SlotBootloader
from hal.errors import FileFault
from hal.model import Phase, RollbackPolicy, Slot, Update, UpdatePhase, UpdateStep
from hal.rollback import crumbs

BOTH_NAMES = tuple(BOARDS)
ONE_EACH = ("balena mended", "u-boot classic", "grub classic", "l4tlauncher hex", "cboot")


def updated(device: Device) -> Device:
    """Slot A has settled; an update to B is made, and the reboot is due."""
    assert device.live() == 1
    device.assert_settled(Slot.A)
    device.update()
    assert device.phase is Phase.ARMED
    return device


PANICS = count(1)


def crash(device: Device, kind: str) -> None:
    """What a crashed boot leaves for the next one."""
    if kind == "pstore":
        path = device.root.directory / "sys/fs/pstore/dmesg-ramoops-0"
        text = f"Panic {next(PANICS)}"
    else:
        path = device.root.directory / "sys/class/watchdog/watchdog0/bootstatus"
        text = "32"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def reached_user_space(device: Device) -> None:
    """Boot, and run what is early; then the power goes away."""
    device.boot()
    device._service("altboot")


# -- the three ways an update ends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_a_good_update_stays(name: str, device: Make) -> None:
    it = updated(device(name))
    assert it.live() == 1
    it.assert_settled(Slot.B)
    assert it.events() == ["committed"]
    assert [it.live() for _ in range(4)] == [1] * 4
    it.assert_settled(Slot.B)
    it.update()  # and the next one, the other way
    assert it.live() == 1
    it.assert_settled(Slot.A)
    assert it.events() == ["committed"] * 2
    assert it.errors == []


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_a_slot_that_never_comes_up_is_given_up(name: str, device: Make) -> None:
    it = updated(device(name))
    limit = it.status.boot_limit
    it.broken = {Slot.B}
    boots = it.live()
    assert boots <= POLICY.rounds * (limit + 1) + 2
    it.assert_settled(Slot.A)
    assert it.boots.count(Slot.B) == POLICY.rounds * limit
    assert it.events() == ["another-round", "fell-back"]
    told = it.rollback.status().events[-1]
    assert (told.source, told.target) == (Slot.B, Slot.A)
    assert "did not reach user space" in told.reason
    assert told.evidence
    assert it.root.exists(crumbs.ALTBOOT_TRIGGERED)
    it.broken = set()
    it.update()  # the next release is a good one
    assert not it.root.exists(crumbs.ALTBOOT_TRIGGERED)
    assert it.live() == 1
    it.assert_settled(Slot.B)
    assert it.events() == ["another-round", "fell-back", "committed"]


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_an_unhealthy_slot_is_left(name: str, device: Make) -> None:
    it = updated(device(name))
    it.unhealthy = {Slot.B}
    assert it.live() <= 4
    it.assert_settled(Slot.A)
    assert it.boots.count(Slot.B) == 1
    told = it.rollback.status().events[-1]
    assert (told.event, told.source, told.target) == ("rolled-back", Slot.B, Slot.A)
    assert "not healthy after 2 checks" in told.reason
    assert any("slot B is unfit" in fact for fact in told.evidence)
    assert it.root.exists(crumbs.HEALTH_TRIGGERED)
    it.unhealthy = set()
    it.update()
    assert not it.root.exists(crumbs.HEALTH_TRIGGERED)
    assert it.live() == 1
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_the_reason_survives_many_boots(name: str, device: Make) -> None:
    it = updated(device(name))
    it.unhealthy = {Slot.B}
    it.live()
    assert [it.live() for _ in range(20)] == [1] * 20
    it.assert_settled(Slot.A)
    assert it.rollback.status().events[-1].event == "rolled-back"


@pytest.mark.parametrize("name", ONE_EACH)
def test_events_do_not_grow_without_end(name: str, device: Make) -> None:
    it = device(name)
    it.live()
    for _ in range(crumbs.EVENTS_KEPT + 2):
        it.update()
        it.live()
    assert len(it.rollback.status().events) == crumbs.EVENTS_KEPT


# -- crashes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pstore", "watchdog"])
@pytest.mark.parametrize("name", BOTH_NAMES)
def test_a_crash_that_is_recorded_decides_without_another_round(name: str, kind: str, device: Make) -> None:
    it = updated(device(name))
    it.broken = {Slot.B}
    crash(it, kind)
    it.live()
    it.assert_settled(Slot.A)
    assert it.events() == ["fell-back"]
    assert it.boots.count(Slot.B) == it.status.boot_limit
    evidence = " ".join(it.rollback.status().events[-1].evidence)
    assert ("dmesg-ramoops-0" if kind == "pstore" else "bootstatus") in evidence


@pytest.mark.parametrize("kind", ["pstore", "watchdog"])
@pytest.mark.parametrize("name", BOTH_NAMES)
def test_a_slot_that_crashes_in_the_health_window_is_left(name: str, kind: str, device: Make) -> None:
    it = updated(device(name))
    for _ in range(POLICY.crashes):
        reached_user_space(it)
        assert it.slot is Slot.B
        crash(it, kind)
    it.live()
    it.assert_settled(Slot.A)
    told = it.rollback.status().events[-1]
    assert "crashed 3 times" in told.reason
    assert told.evidence


@pytest.mark.parametrize("name", ONE_EACH)
def test_an_old_crash_is_not_counted_against_an_orderly_reboot(name: str, device: Make) -> None:
    """pstore keeps its files until somebody removes them: one from before the update says nothing about it."""
    it = device(name)
    crash(it, "pstore")
    updated(it)
    for _ in range(POLICY.crashes + 3):
        reached_user_space(it)
        assert it.slot is Slot.B
        it.rollback.shutdown()
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", ONE_EACH)
def test_one_crash_is_counted_once(name: str, device: Make) -> None:
    """The same file of pstore, seen again after orderly reboots, is the same crash."""
    it = updated(device(name))
    reached_user_space(it)
    crash(it, "pstore")
    for _ in range(POLICY.crashes + 2):
        reached_user_space(it)
        assert it.slot is Slot.B
        it.rollback.shutdown()
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", ONE_EACH)
def test_an_old_crash_does_not_turn_power_cuts_into_crashes(name: str, device: Make) -> None:
    it = device(name)
    crash(it, "pstore")
    updated(it)
    for _ in range(POLICY.crashes + 3):
        reached_user_space(it)
        assert it.slot is Slot.B
    it.live()
    it.assert_settled(Slot.B)


# -- power cycles of a healthy device ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_power_cycles_before_user_space_fewer_than_the_tries(name: str, device: Make) -> None:
    it = updated(device(name))
    for _ in range(it.status.boot_limit - 1):
        assert it.boot() is Slot.B
    it.live()
    it.assert_settled(Slot.B)
    assert it.events() == ["committed"]


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_power_cycles_that_use_up_the_tries_once_get_another_round(name: str, device: Make) -> None:
    it = updated(device(name))
    for _ in range(it.status.boot_limit):
        assert it.boot() is Slot.B
    it.live()
    it.assert_settled(Slot.B)
    assert it.events() == ["another-round", "committed"]


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_power_cycles_in_the_health_window(name: str, device: Make) -> None:
    it = updated(device(name))
    for _ in range(POLICY.interruptions - 1):
        for _ in range(it.status.boot_limit - 1):
            it.boot()  # between them some that do not get as far
        reached_user_space(it)
        assert it.slot is Slot.B
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", ONE_EACH)
def test_more_interruptions_than_the_policy_allows_end_the_trial(name: str, device: Make) -> None:
    it = device(name)
    it.policy = RollbackPolicy(interval_seconds=0, checks=2, interruptions=4)
    updated(it)
    for _ in range(5):
        reached_user_space(it)
    it.live()
    it.assert_settled(Slot.A)
    assert "4 boots" in it.rollback.status().events[-1].reason


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_orderly_reboots_never_count(name: str, device: Make) -> None:
    it = updated(device(name))
    for _ in range(POLICY.interruptions + 5):
        reached_user_space(it)
        assert it.slot is Slot.B
        it.rollback.shutdown()
    update = crumbs.read(it.root).update
    assert update is not None
    assert (update.crashes, update.unclear) == (0, 0)
    assert it.status.boot_count == 0
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_the_services_run_twice_do_no_more(name: str, device: Make) -> None:
    it = updated(device(name))
    it.boot()
    it.rollback.altboot()
    log = len(it.root.log)
    it.rollback.altboot()
    assert it.root.log[log:] == []
    it.rollback.health()
    log = len(it.root.log)
    for service in ("altboot", "health", "shutdown"):
        assert getattr(it.rollback, service)().done == ()
    assert it.root.log[log:] == []


# -- no endless loop -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_both_slots_unhealthy(name: str, device: Make) -> None:
    """Nobody but the health of a new slot is asked, so the old one stays."""
    it = updated(device(name))
    it.unhealthy = {Slot.A, Slot.B}
    it.live()
    it.assert_settled(Slot.A)


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_the_old_slot_lost_its_kernel(name: str, device: Make) -> None:
    """What cannot boot is not gone back to: the device stays up, unhealthy, rather than reboot for ever."""
    it = updated(device(name))
    it.unhealthy = {Slot.B}
    if it.row.bootloader == "cboot":
        return  # its slots' kernels are partitions, and what they were made from does not matter any more
    (it.root.directory / f"sysroots/A/boot/{it.row.kernel_image}").unlink()
    it.live()
    assert it.slot is Slot.B
    assert any("no kernel" in error for error in it.errors)
    assert it.rollback.status().events[-1].event == "rollback-failed"
    assert it.root.exists(crumbs.HEALTH_FAILED)
    assert it.status.active is Slot.B


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_the_old_slot_loses_its_kernel_after_the_decision(name: str, device: Make) -> None:
    """The bootloader boots the new slot again where it can, and that must not be rebooted for ever."""
    it = updated(device(name))
    it.unhealthy = {Slot.B}
    assert it.power_on() is False
    assert it.phase is Phase.LEAVING
    if "mended" not in name:
        return  # a classic rule then boots nothing at all
    (it.root.directory / f"sysroots/A/boot/{it.row.kernel_image}").unlink()
    it.live()


def test_the_old_slot_does_not_come_up_any_more(device: Make) -> None:
    """Cboot gives a boot slot up of itself, so a device that leaves may come back to the slot it left, for ever."""
    it = updated(device("cboot"))
    it.unhealthy = {Slot.B}
    it.broken = {Slot.A}
    it.live(60)
    assert it.slot is Slot.B


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_rolling_back_fails_once(name: str, device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pointer never stays on the unhealthy slot with nothing pending (pitfall 42b)."""
    it = updated(device(name))
    it.unhealthy = {Slot.B}

    def fail(_self: object) -> None:
        raise FileFault("mnt/boot: input/output error", path="mnt/boot")

    with monkeypatch.context() as patch:
        patch.setattr(SlotBootloader, "roll_back", fail)
        it.live()
    assert any("stays on trial" in error for error in it.errors)
    assert (it.status.active, it.status.pending) == (Slot.B, True)
    assert it.phase is Phase.TRIAL
    it.live()
    it.assert_settled(Slot.A)


@pytest.mark.parametrize("ending", ["broken", "unhealthy"])
@pytest.mark.parametrize("name", BOTH_NAMES)
def test_boot_files_that_cannot_be_put_back_do_not_keep_the_bad_slot(name: str, ending: str, device: Make) -> None:
    """Pitfall 42: a step of the old OS that fails is told, and the old slot is named all the same."""

    def fails(update: Update) -> tuple[str, ...]:
        if update.recovering:
            raise FileFault("mnt/boot: input/output error", path="mnt/boot")
        return ()

    it = updated(device(name))
    it.broken = {Slot.B} if ending == "broken" else set()
    it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    it.extra_steps = (UpdateStep(name="10-fails", phase=UpdatePhase.FORWARD, purpose="", run=fails),)
    it.live()
    assert any("10-fails: mnt/boot: input/output error" in error for error in it.errors)
    assert it.phase is Phase.RECOVERING
    for _ in range(5):  # the services of each boot try again, and give up in the end
        assert it.live() == 1
    it.assert_settled(Slot.A)
    assert it.events()[-1] == "not-recovered"
    assert "10-fails" in it.rollback.status().events[-1].evidence[0]
    assert {it.boot() for _ in range(5)} == {Slot.A}


@pytest.mark.parametrize("ending", ["broken", "unhealthy", "interrupted"])
@pytest.mark.parametrize("name", ONE_EACH)
def test_boot_files_that_cannot_be_put_back_at_once_are_at_the_next_boot(name: str, ending: str, device: Make) -> None:
    """A FAT that the kernel found damaged is read-only until the next boot."""
    failing = {"fails": True}

    def fails(update: Update) -> tuple[str, ...]:
        if update.recovering and failing["fails"]:
            raise FileFault("mnt/boot: read-only file system", path="mnt/boot")
        return ("done",) if update.recovering and it.phase is not Phase.SETTLED and not failing["fails"] else ()

    it = device(name)
    it.live()
    if ending == "interrupted":
        stop = UpdateStep(name="0-stop", phase=UpdatePhase.FORWARD, purpose="", run=_stop)
        it.extra_steps = (UpdateStep(name="10-fails", phase=UpdatePhase.FORWARD, purpose="", run=fails), stop)
        with pytest.raises(FileFault, match="no more"):
            it.update()
        assert it.phase is Phase.PREPARED
        it.extra_steps = it.extra_steps[:1]
    else:
        it.update()
        it.broken = {Slot.B} if ending == "broken" else set()
        it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
        it.extra_steps = (UpdateStep(name="10-fails", phase=UpdatePhase.FORWARD, purpose="", run=fails),)
        it.live()
        assert it.phase is Phase.RECOVERING
    it.boots.clear()
    failing["fails"] = False
    it.live()
    it.assert_settled(Slot.A)
    assert set(it.boots) == {Slot.A}
    assert "not-recovered" not in it.events()


def _stop(update: Update) -> tuple[str, ...]:
    if not update.recovering:
        raise FileFault("no more", path="")
    return ()


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_keeping_the_old_slot_fails_once(name: str, device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pitfall 42: as long as the bad slot is named, it stays on trial, and the breadcrumbs bring the services back."""
    it = updated(device(name))
    it.broken = {Slot.B}

    def fail(_self: object) -> None:
        raise FileFault("mnt/boot: input/output error", path="mnt/boot")

    with monkeypatch.context() as patch:
        patch.setattr(SlotBootloader, "commit", fail)
        it.live()
    assert it.errors
    assert (it.slot, it.status.pending, it.root.exists(crumbs.ALTBOOT)) == (Slot.A, True, True)
    it.live()
    it.assert_settled(Slot.A)


# -- Cboot's own service -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["good", "broken", "unhealthy"])
def test_with_the_service_that_marks_every_boot(ending: str, device: Make) -> None:
    it = device("cboot")
    it.marks_successful = True
    updated(it)
    it.broken = {Slot.B} if ending == "broken" else set()
    it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    it.live()
    it.assert_settled(Slot.B if ending == "good" else Slot.A)


# -- dry run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ONE_EACH)
@pytest.mark.parametrize("moment", ["armed", "trial", "fallen-back", "leaving", "recovering"])
def test_a_dry_run_writes_nothing_and_says_what_it_would_do(name: str, moment: str, device: Make) -> None:
    it = updated(device(name))
    if moment == "trial":
        it.boot()
    elif moment == "fallen-back":
        while it.boot() is Slot.B:
            pass
    elif moment in ("leaving", "recovering"):
        it.unhealthy = {Slot.B}
        it.power_on()
        if moment == "recovering":
            it.boot()
    assert it.phase == moment
    before = content(it.root.directory)
    for service in ("altboot", "health", "shutdown"):
        it.rollback.status()
        outcome = getattr(it.rollback, service)(dry_run=True)
        assert content(it.root.directory) == before, service
        if service == "health" and moment not in ("armed",):
            assert outcome.done or outcome.reboot, moment
