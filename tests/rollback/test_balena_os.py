"""Beside balenaOS's own scripts: what they leave is understood here, and what is left here is understood by them."""

from __future__ import annotations

import pytest
from rollback.simulated import BOARDS, BOOT_FILES, Device, Make, content

from hal.backends.bootloader.envblock import EnvBlock
from hal.model import BootloaderKind, Phase, Slot, UpdatePhase
from hal.rollback import crumbs

EVERY = tuple(BOARDS)
ONE_EACH = ("balena mended", "u-boot classic", "grub mended", "l4tlauncher decimal", "cboot")
FORWARD = UpdatePhase.FORWARD


def settled(device: Device) -> Device:
    device.live()
    return device


def classic_update(it: Device, *, until: str = "end") -> None:
    """What balenaOS's hooks write for an update from A to B, by their names: 80-rollback, then 99-*."""
    state = it.root.directory / crumbs.STATE
    (state / "rollback-health-variables").write_text("BALENAOS_ROLLBACK_VPNONLINE=0\n")
    for name in BOOT_FILES:
        (it.root.directory / name).write_bytes(it.root.read_bytes("sysroots/B/release"))
    for name in ("rollback-altboot-triggered", "rollback-health-triggered", "rollback-health-failed"):
        (state / name).unlink(missing_ok=True)
    for name in ("rollback-health-breadcrumb", "rollback-altboot-breadcrumb"):
        (state / name).touch()
    if until == "80-rollback":
        return
    classic_pointer(it, Slot.B, pending=True)


def classic_pointer(it: Device, slot: Slot, *, pending: bool) -> None:
    """What a 99-* hook writes."""
    boot = it.root.directory / "mnt/boot"
    value = it.bootloader.values()[slot is Slot.B]
    if it.row.bootloader in (BootloaderKind.GRUB, BootloaderKind.BALENA):
        path = it.root.resolve(it.bootloader.storage().files[0])
        block = EnvBlock(path.read_bytes(), path="env")
        block.set("resin_root_part", value)
        block.set("upgrade_available", str(int(pending)))
        if it.row.bootloader is BootloaderKind.GRUB:
            block.set("bootcount", "0")
        path.write_bytes(block.data)
    else:
        (boot / "bootcount.env").unlink(missing_ok=True)
        (boot / "resinOS_uEnv.txt").write_text(f"resin_root_part={value}\nupgrade_available={int(pending)}\n")


CLASSIC = tuple(name for name in EVERY if name != "cboot")


@pytest.mark.parametrize("ending", ["good", "broken", "unhealthy"])
@pytest.mark.parametrize("name", CLASSIC)
def test_an_update_that_balena_os_made_is_finished(name: str, ending: str, device: Make) -> None:
    it = settled(device(name))
    classic_update(it)
    it.broken = {Slot.B} if ending == "broken" else set()
    it.unhealthy = {Slot.B} if ending == "unhealthy" else set()
    it.live()
    it.assert_settled(Slot.B if ending == "good" else Slot.A)
    wanted = {"good": "committed", "broken": "fell-back", "unhealthy": "rolled-back"}[ending]
    assert it.events() == [wanted]
    trace = {"good": None, "broken": crumbs.ALTBOOT_TRIGGERED, "unhealthy": crumbs.HEALTH_TRIGGERED}[ending]
    assert [each for each in crumbs.TRACES if it.root.exists(each)] == ([trace] if trace else [])


@pytest.mark.parametrize("name", CLASSIC)
def test_an_update_of_balena_os_that_was_cut_off_before_the_switch(name: str, device: Make) -> None:
    it = settled(device(name))
    (it.root.directory / "sysroots/B/release").write_text("release 2 of B\n")
    classic_update(it, until="80-rollback")
    assert it.phase is Phase.PREPARED
    it.live()
    it.assert_settled(Slot.A)


@pytest.mark.parametrize("name", CLASSIC)
def test_a_recovery_of_balena_os_that_was_cut_off(name: str, device: Make) -> None:
    """Its 80-rollback removes the breadcrumbs before 99-* names the running slot, and the count is still at its limit.

    Nothing guards the old slot then (pitfall 4), and of U-Boot's counts a to f are none to its classic rule, of
    L4TLauncher's the tenth is one digit again (pitfall 15): the bad slot would be tried again.
    """
    it = settled(device(name))
    classic_update(it)
    while it.boot() is Slot.B:
        pass
    for crumb in (*crumbs.GUARDS, crumbs.VARIABLES):
        it.root.remove(crumb)
    assert it.phase is Phase.UNGUARDED
    it.broken = {Slot.B}
    for _ in range(20):
        it.power_on()
    assert set(it.boots[-19:]) == {Slot.A}
    it.assert_settled(Slot.A)
    it.broken = set()
    it.update()
    it.live()
    it.assert_settled(Slot.B)


@pytest.mark.parametrize("name", CLASSIC)
def test_a_switch_by_hand_is_not_taken_back_before_it_is_tried(name: str, device: Make) -> None:
    """The services run in the same boot and find another slot named, but no boot of it was counted."""
    it = settled(device(name))
    it.rollback.bootloader.switch(Slot.B)
    before = content(it.root.directory)
    for service in ("altboot", "health", "shutdown"):
        assert getattr(it.rollback, service)().done == ()
    assert content(it.root.directory) == before


@pytest.mark.parametrize("name", CLASSIC)
def test_a_commit_of_balena_os_that_was_cut_off(name: str, device: Make) -> None:
    """Its rollback-stop removes the breadcrumbs first and disarms last: what is left is a trial, and is committed."""
    it = settled(device(name))
    classic_update(it)
    it.boot()
    for crumb in (*crumbs.GUARDS, crumbs.VARIABLES):
        it.root.remove(crumb)
    assert it.phase is Phase.TRIAL
    for service in ("altboot", "health"):
        getattr(it.rollback, service)()
    it.assert_settled(Slot.B)


def scripts_see(it: Device) -> tuple[bool, str, bool, bool]:
    """What balenaOS's scripts go by: is the slot that is named the running one, the flag, and the two breadcrumbs.

    They take the first `resinOS_uEnv.txt`, `bootenv`, `grubenv` there is, and compare its text with the partition's
    number in hexadecimal and with the letter of the label.
    """
    boot = it.root.directory / "mnt/boot"
    files = [boot / "resinOS_uEnv.txt", *sorted(boot.rglob("bootenv")), *sorted(boot.rglob("grubenv"))]
    text = next(path for path in files if path.is_file()).read_text(errors="replace")
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    table = it.row.partitions
    assert table is not None
    index = format(table.root_a if it.slot is Slot.A else table.root_b, "x")
    named = values["resin_root_part"].rstrip() in (index, str(it.slot))
    return named, values["upgrade_available"], it.root.exists(crumbs.HEALTH), it.root.exists(crumbs.ALTBOOT)


@pytest.mark.parametrize("name", EVERY)
def test_balena_os_s_scripts_understand_what_is_left(name: str, device: Make) -> None:
    """Each phase as today's services see it; a device may be updated to an OS that has only those, or come from it."""
    it = settled(device(name))
    it.update()
    assert scripts_see(it) == (False, "1", True, True)  # armed, and they do not run before the reboot
    it.boot()
    assert scripts_see(it) == (True, "1", True, True)  # on trial: their health service waits and checks
    it.rollback.altboot()
    assert scripts_see(it) == (True, "1", True, True)
    trial = it.copy(it.root.directory.with_name("fallback"))
    it.rollback.health()
    assert scripts_see(it) == (True, "0", False, False)  # committed: neither service starts
    it = trial
    it._suffix = "_b"
    while it.boot() is Slot.B:
        pass
    assert scripts_see(it) == (False, "1", True, True)  # fallen back: their altboot service recovers


@pytest.mark.parametrize("name", EVERY)
def test_balena_os_s_scripts_understand_a_slot_that_is_left(name: str, device: Make) -> None:
    it = settled(device(name))
    it.update()
    it.unhealthy = {Slot.B}
    it.power_on()
    it.boot()
    assert it.phase is Phase.RECOVERING
    assert scripts_see(it) == (True, "0", True, True)  # their health service finds nothing to do, and cleans up
    for crumb in (*crumbs.GUARDS, crumbs.VARIABLES):
        it.root.remove(crumb)  # which is this
    it.live()
    it.assert_settled(Slot.A)
