"""Update steps around the switch: refusing, raising, in order of name, and none of them with `dry_run`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rollback.simulated import BOARDS, BOOT_FILES, Device, Make, content

from hal.backends.bootloader.base import SlotBootloader
from hal.device import Device as OpenDevice
from hal.errors import FileFault, HalError, NotApplied, PluginFault, ValueRefused
from hal.model import Phase, Slot, Update, UpdatePhase, UpdateStep
from hal.rollback.update import run_phase
from hal.root import Root

EVERY = tuple(BOARDS)
ONE_EACH = ("balena mended", "u-boot classic", "grub mended", "l4tlauncher decimal", "cboot")
FORWARD = UpdatePhase.FORWARD


def step(name: str, run: Callable[[Update], tuple[str, ...]], phase: UpdatePhase = FORWARD) -> UpdateStep:
    return UpdateStep(name=name, phase=phase, purpose="", run=run)


def refuses(update: Update) -> tuple[str, ...]:
    if update.recovering:
        return ()
    raise ValueRefused("this capsule is of another board")


def settled(device: Device, *steps: UpdateStep) -> Device:
    device.live()
    device.extra_steps = steps
    return device


# -- steps ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("place", ["00-first", "99-last"])
def test_a_step_that_refuses(name: str, place: str, device: Make) -> None:
    it = settled(device(name), step(place, refuses))
    before = it.status
    with pytest.raises(ValueRefused, match="another board"):
        it.update()
    it.assert_settled(Slot.A)
    assert (it.status.active, it.status.pending) == (before.active, False) or it.status.active is Slot.A
    assert it.events() == ["update-refused"]
    assert "another board" in it.rollback.status().events[0].reason
    assert it.live() == 1
    assert it.boots == [Slot.A] * 2
    it.extra_steps = ()
    it.update()
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_step_that_has_a_defect_is_blamed_on_its_plugin(name: str, device: Make) -> None:
    def broken(update: Update) -> tuple[str, ...]:
        if update.recovering:
            return ()
        return {}["no such key"]  # type: ignore[no-any-return]

    it = settled(device(name), step("70-broken", broken))
    with pytest.raises(PluginFault, match=r"KeyError: 'no such key'; a defect of this plugin"):
        it.update()
    it.assert_settled(Slot.A)


def test_a_step_that_answers_nonsense_is_a_fault_of_its_plugin(device: Make) -> None:
    """What it says is a tuple of sentences; anything else is no reason to lose the update half way."""
    it = settled(device("u-boot mended"), step("70-nonsense", lambda _update: None))  # type: ignore[arg-type,return-value]
    with pytest.raises(HalError):
        it.update()
    for _ in range(5):
        it.live()
    it.assert_settled(Slot.A)


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_step_that_fails_in_the_recovery_too_is_passed_over_in_the_end(name: str, device: Make) -> None:
    def never(_update: Update) -> tuple[str, ...]:
        raise FileFault("mnt/boot/x: input/output error", path="mnt/boot/x")

    it = settled(device(name), step("70-never", never))
    with pytest.raises(FileFault, match="input/output error"):
        it.update()
    assert it.phase is Phase.PREPARED
    for _ in range(5):
        it.live()
    it.assert_settled(Slot.A)
    assert it.events()[-1] == "not-recovered"


def test_steps_run_in_order_of_name_and_only_those_of_the_phase(device: Make) -> None:
    ran: list[tuple[str, Update]] = []

    def note(name: str) -> Callable[[Update], tuple[str, ...]]:
        def run(update: Update) -> tuple[str, ...]:
            ran.append((name, update))
            return ()

        return run

    names = ("99-b", "100-c", "5-a", "99-a")
    steps = [step(name, note(name), phase) for phase in UpdatePhase for name in names]
    it = settled(device("balena mended"), *steps)
    for phase in (UpdatePhase.BEFORE, UpdatePhase.FORWARD, UpdatePhase.AFTER):
        ran.clear()
        run_phase(it.rollback, phase, source="mnt/new")
        assert [name for name, _ in ran] == sorted(names)
        assert {(u.target, u.source, u.recovering, u.dry_run) for _, u in ran} == {(Slot.B, "mnt/new", False, False)}
    ran.clear()
    it.live()
    assert [name for name, _ in ran] == sorted(names)
    assert {update.target for _, update in ran} == {Slot.B}
    ran.clear()
    run_phase(it.rollback, UpdatePhase.COMMIT)
    assert {update.target for _, update in ran} == {Slot.B}


@pytest.mark.parametrize("phase", [UpdatePhase.BEFORE, UpdatePhase.AFTER, UpdatePhase.COMMIT])
def test_the_other_phases_switch_nothing(phase: UpdatePhase, device: Make) -> None:
    it = settled(device("grub classic"), step("50-x", lambda _u: ("did x",), phase))
    before = content(it.root.directory)
    outcome = run_phase(it.rollback, phase)
    assert outcome.done == ("50-x: did x",)
    assert not outcome.reboot
    assert content(it.root.directory) == before


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("phase", UpdatePhase)
def test_a_dry_run_writes_nothing_at_all(name: str, phase: UpdatePhase, device: Make) -> None:
    seen: list[bool] = []

    def run(update: Update) -> tuple[str, ...]:
        seen.append(update.dry_run)
        return ("would",)

    it = settled(device(name), step("70-x", run, phase))
    before = content(it.root.directory)
    outcome = run_phase(it.rollback, phase, dry_run=True)
    assert content(it.root.directory) == before
    assert seen == [True]
    assert outcome.done
    assert it.phase is Phase.SETTLED


def test_a_refusal_in_a_dry_run_writes_nothing(device: Make) -> None:
    it = settled(device("u-boot classic"), step("70-x", refuses))
    before = content(it.root.directory)
    with pytest.raises(ValueRefused):
        run_phase(it.rollback, FORWARD, dry_run=True)
    assert content(it.root.directory) == before


@pytest.mark.parametrize("name", EVERY)
def test_a_switch_that_fails_is_taken_back(name: str, device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    it = settled(device(name))
    kind = type(it.bootloader)
    original = SlotBootloader.switch

    def fails(self: SlotBootloader, slot: Slot) -> None:
        original(self, slot)
        raise NotApplied("reads back as something else", path="resin_root_part")

    with monkeypatch.context() as patch:
        patch.setattr(kind, "switch", fails)
        with pytest.raises(NotApplied):
            it.update()
    it.assert_settled(Slot.A)
    assert it.live() == 1
    it.assert_settled(Slot.A)


def test_the_first_error_is_the_one_that_is_told(device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where taking back fails, and where not even the state can be read any more."""
    it = settled(device("u-boot classic"), step("70-x", refuses))
    rollback = it.rollback
    status = SlotBootloader.status

    def gone(self: SlotBootloader) -> object:
        if it.root.exists(BOOT_FILES[0]) and it.root.read_bytes(BOOT_FILES[0]) != b"release 1 of A\n":
            raise FileFault("mnt/boot: input/output error", path="mnt/boot")
        return status(self)

    monkeypatch.setattr(SlotBootloader, "status", gone)
    (it.root.directory / "sysroots/B/release").write_text("release 7 of B\n")
    with pytest.raises(ValueRefused, match="another board"):
        run_phase(rollback, FORWARD)


@pytest.mark.parametrize("name", EVERY)
def test_no_update_of_a_slot_that_is_on_trial(name: str, device: Make) -> None:
    it = settled(device(name))
    it.update()
    it.boot()
    before = content(it.root.directory)
    with pytest.raises(HalError, match="no update can begin: trial"):
        run_phase(it.rollback, FORWARD)
    assert content(it.root.directory) == before


@pytest.mark.parametrize("name", EVERY)
def test_an_update_that_is_made_twice_before_the_reboot(name: str, device: Make) -> None:
    it = settled(device(name))
    it.update()
    it.update()
    assert it.phase is Phase.ARMED
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", EVERY)
def test_a_second_update_that_refuses_leaves_the_old_slot(name: str, device: Make) -> None:
    it = settled(device(name))
    it.update()
    it.extra_steps = (step("70-x", refuses),)
    with pytest.raises(ValueRefused):
        it.update()
    it.assert_settled(Slot.A)
    it.live()
    it.assert_settled(Slot.A)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "cboot"])
def test_no_update_to_a_slot_without_a_kernel(name: str, device: Make) -> None:
    it = settled(device(name))
    (it.root.directory / f"sysroots/B/boot/{it.row.kernel_image}").unlink()
    before = content(it.root.directory)
    with pytest.raises(ValueRefused, match="has no kernel"):
        run_phase(it.rollback, FORWARD)
    assert content(it.root.directory) == before


WITH_STEPS = (
    *("jetson-agx-orin-devkit", "jetson-orin-nano-devkit-nvme", "jetson-tx2", "jetson-nano", "jetson-xavier"),
    *("raspberrypi4-64", "raspberrypi5", "beaglebone-ai64", "generic-amd64", "intel-nuc"),
)


@pytest.mark.parametrize("slug", WITH_STEPS)
def test_pitfall_28_an_update_changes_no_file_of_either_os(slug: str, hal_tree: Callable[[str], Root]) -> None:
    """Hooks of balenaOS patch those of the OS that runs."""
    root = hal_tree(slug)
    hook = "etc/hostapp-update-hooks.d/99-resin-uboot"
    for os in ("", "mnt/sysroot/active/", "mnt/sysroot/inactive/"):
        path = root.directory / os / hook
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n# altboot\n")
    files = ("etc", "usr", "opt", "lib", "boot", "resin-boot", "mnt/sysroot")
    before = [content(root.directory / name) for name in files]
    for phase in (UpdatePhase.BEFORE, FORWARD, UpdatePhase.AFTER):
        run_phase(OpenDevice.open(root).rollback(), phase)
    assert OpenDevice.open(root).rollback().look()[0] is Phase.ARMED
    assert [content(root.directory / name) for name in files] == before
