"""Updates from beginning to end on real loaders, with this project's own boot files and services.

Before every boot the model is asked which slot it will be, from the bytes on the disk; the loader decides for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.damage import break_chain, double, fill
from lab.device import BOARDS, UPDATE, Device, PowerOn, make

LOADERS = list(BOARDS)
DAMAGED = ["U-Boot", "GRUB BIOS", *(pytest.param(name, marks=pytest.mark.full) for name in ("GRUB EFI", "kexec"))]
"""Damage is tried on one loader of each format first."""
Figures = Callable[..., None]
Made = Callable[[str], Device]


def noted(figures: Figures, what: str, name: str, *devices: Device) -> None:
    """A scenario's decisions, and that each was the predicted one."""
    wrong = [each for device in devices for each in device.disagreements]
    assert wrong == []
    figures(
        f"scenario-{what}-{name.lower().replace(' ', '-')}",
        varies=["decisions"],
        scenarios=1,
        decisions=sum(device.decisions for device in devices),
        disagreements=len(wrong),
    )


def slots(boots: list[PowerOn]) -> str:
    return "".join(boot.slot or "-" for boot in boots)


def done(device: Device, *words: str) -> dict[str, object]:
    """One command in the slot that runs."""
    return device.userspace(words).said["ran"][0]


def update(device: Device) -> None:
    ran = device.userspace(UPDATE)
    assert ran.said["ran"][0]["status"] == 0, ran.said
    assert ran.said["status"]["phase"] == "armed"


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A device whose slot B was updated and committed; A is an older OS."""
    known: dict[str, Device] = {}

    def made(name: str) -> Device:
        if name not in known:
            filesystem = "fat32" if name.endswith("fat32") else "fat16"
            device = make(tmp_path_factory.mktemp("disk") / "disk", name.removesuffix(" fat32"), filesystem=filesystem)
            update(device)
            assert device.power_on().settled
            known[name] = device
        return known[name]

    return made


# -- updates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOADERS)
def test_a_good_update_is_committed_and_stays(name: str, tmp_path: Path, figures: Figures) -> None:
    device = make(tmp_path / "disk", name)
    assert device.power_on().phases == ["settled"] * 3
    update(device)
    boots = [device.power_on() for _ in range(3)]
    assert slots(boots) == "BBB"
    assert [boot.phases for boot in boots] == [["trial", "trial", "settled"], *[["settled"] * 3] * 2]
    assert [event["event"] for event in boots[0].status["events"]] == ["committed"]
    assert boots[0].status["breadcrumbs"] == []
    assert device.release() == device.disk.read("B", "resin-boot/release.txt")
    noted(figures, "commit", name, device)


@pytest.mark.parametrize("name", LOADERS)
def test_an_update_that_never_reaches_user_space_is_given_up(name: str, tmp_path: Path, figures: Figures) -> None:
    device = make(tmp_path / "disk", name, other="hangs")
    update(device)
    boots = device.power_cycle(until="settled")
    # No trace of a crash: two rounds of the bootloader's tries. Boot files were put back, so it reboots once more.
    tried = "B" * BOARDS[name].tries + "A"
    assert slots(boots).startswith(tried * 2)
    assert set(slots(boots)[2 * len(tried) :]) <= {"A"}
    boots += [device.power_on()]
    assert (boots[-1].slot, boots[-1].phases, boots[-1].settled) == ("A", ["settled"] * 3, True)
    assert [event["event"] for event in boots[-1].status["events"]] == ["another-round", "fell-back"]
    assert boots[-1].status["breadcrumbs"] == ["mnt/state/rollback-altboot-triggered"]
    assert device.release() == device.disk.read("A", "resin-boot/release.txt")

    device.install("B", "good", 3)
    update(device)
    boots = [device.power_on() for _ in range(2)]
    assert (slots(boots), boots[1].phases) == ("BB", ["settled"] * 3)
    assert device.release() == device.disk.read("B", "resin-boot/release.txt")
    noted(figures, "fall-back", name, device)


@pytest.mark.parametrize("name", LOADERS)
def test_an_unhealthy_update_goes_back_and_says_why(name: str, tmp_path: Path, figures: Figures) -> None:
    device = make(tmp_path / "disk", name, other="unhealthy")
    update(device)
    first, *rest = device.power_cycle(until="settled")
    assert (first.slot, first.phases) == ("B", ["trial", "trial", "leaving"])
    assert first.status["next"] == "A"
    assert set(slots(rest)) == {"A"}
    last = device.power_on()
    assert (last.slot, last.phases) == ("A", ["settled"] * 3)
    (event,) = last.status["events"]
    assert (event["event"], event["source"], event["target"]) == ("rolled-back", "B", "A")
    assert event["reason"] == "not healthy after 2 checks"
    assert event["evidence"] == ["lab: this OS is unhealthy"]
    assert last.status["breadcrumbs"] == ["mnt/state/rollback-health-triggered"]
    assert device.release() == device.disk.read("A", "resin-boot/release.txt")
    noted(figures, "unhealthy", name, device)


@pytest.mark.parametrize("other", ["good", "hangs", "unhealthy"])
@pytest.mark.parametrize("name", LOADERS)
def test_a_device_with_classic_boot_files(name: str, other: str, tmp_path: Path, figures: Figures) -> None:
    device = make(tmp_path / "disk", name, other=other, classic=True)
    update(device)
    tries = device.status().boot_limit
    assert tries == {"U-Boot": 3, "kexec": 2}.get(name, 1)
    boots = device.power_cycle(until="settled")
    boots.append(device.power_on())
    assert {boot.status["rule"] for boot in boots if boot.status} == {"classic"}
    good = "B" if other == "good" else "A"
    if other == "hangs":
        assert slots(boots).startswith(("B" * tries + "A") * 2)
    assert (boots[-1].slot, boots[-1].settled) == (good, True)
    assert device.release() == device.disk.read(boots[-1].slot or "A", "resin-boot/release.txt")
    noted(figures, f"classic-{other}", name, device)


# -- damage ------------------------------------------------------------------------------------------------------------


def state_file(name: str) -> str:
    names = {"U-Boot": "resinOS_uEnv.txt", "kexec": "bootenv"}
    return names.get(name, f"{BOARDS[name].folder}grubenv")


def lost(device: Device, name: str, how: str) -> None:
    """Damages the state file of a device whose committed slot is B."""
    file = state_file(name)
    data = device.disk.read("boot", file)
    assert data is not None
    match how:
        case "vanished":
            device.disk.remove("boot", file)
        case "emptied":
            device.disk.write("boot", file, b"")
        case "zeroes" | "ones":
            device.disk.write("boot", file, (b"\0" if how == "zeroes" else b"\xff") * len(data))


@pytest.mark.parametrize("how", ["vanished", "emptied", "zeroes", "ones"])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_lost_state_file_boots_the_committed_slot(
    name: str, how: str, committed: Made, tmp_path: Path, figures: Figures
) -> None:
    device = committed(name).copy(tmp_path / "disk")
    lost(device, name, how)
    boot = device.power_on(("bootloader", "commit"))
    if name == "kexec" and how == "vanished":
        # balenaOS's own step before the selection finds no bootenv, and the lab's second stage ends there.
        assert boot.slot is None
        assert device.disagreements.pop().startswith("predicted B, booted None")
    else:
        assert boot.slot == "B"
        assert boot.settled
        assert device.userspace(("bootloader", "commit")).said["ran"][0]["status"] == 0
        assert device.power_on().slot == "B"
        assert device.status().named == "B"
    noted(figures, f"lost-{how}", name, device)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_slot_without_a_kernel_is_refused_and_does_not_boot(
    name: str, committed: Made, tmp_path: Path, figures: Figures
) -> None:
    device = committed(name).copy(tmp_path / "disk")
    for kernel in BOARDS[name].kernels["A"]:
        device.disk.remove("A", kernel)
    said = done(device, *UPDATE)
    assert said["status"] == 1
    assert "slot A has no kernel" in str(said["err"])
    assert device.power_on().slot == "B"
    without = committed(name).copy(tmp_path / "without")
    for kernel in BOARDS[name].kernels["B"]:
        without.disk.remove("B", kernel)
    assert without.power_on().slot == "A"
    noted(figures, "no-kernel", name, device, without)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_full_boot_partition_refuses_an_update_and_the_device_boots(
    name: str, committed: Made, tmp_path: Path, figures: Figures
) -> None:
    device = committed(name).copy(tmp_path / "disk")
    device.install("A", "good", 3)
    fill(device.disk)
    said = done(device, *UPDATE)
    assert said["status"] == 1
    assert "are free" in str(said["err"])
    assert "nothing was written" in str(said["err"])
    boot = device.power_on()
    assert (boot.slot, boot.settled) == ("B", True)
    assert device.release() == device.disk.read("B", "resin-boot/release.txt")
    noted(figures, "full", name, device)


@pytest.mark.parametrize("name", DAMAGED)
def test_r4_two_entries_of_one_name(name: str, committed: Made, tmp_path: Path, figures: Figures) -> None:
    """snapd 5147: the loader takes the first, whoever is asked says that there are two, and fsck.fat sees nothing."""
    device = committed(name).copy(tmp_path / "disk")
    old = device.disk.read("boot", state_file(name))
    assert old is not None
    stale = old.replace(b"root_part=B", b"root_part=A").replace(b"root_part=3", b"root_part=2")
    assert stale != old
    double(device.disk, state_file(name), stale)
    device.fsck = False
    boot = device.power_on()
    assert boot.slot == "B"
    assert any("two directory entries" in note for note in boot.status["notes"]), boot.status
    device.fsck = True
    boot = device.power_on(("bootloader", "commit"))
    assert boot.slot == "B"
    assert device.power_on().slot == "B"
    noted(figures, "double", name, device)


@pytest.mark.parametrize("filesystem", ["", " fat32"])
@pytest.mark.parametrize("name", DAMAGED)
def test_r2_a_chain_of_clusters_that_leads_nowhere(
    name: str, filesystem: str, committed: Made, tmp_path: Path, figures: Figures
) -> None:
    """balena-radxa 19. The state file of U-Boot is one cluster, behind which nobody looks."""
    device = committed(f"{name}{filesystem}").copy(tmp_path / "disk")
    break_chain(device.disk, state_file(name))
    device.fsck = False
    boot = device.power_on()
    assert (boot.slot, boot.settled) == ("B", True)
    said = done(device, "bootloader", "commit")
    assert said["status"] == 0 or "bootloader" in str(said["err"]) or "mnt/boot" in str(said["err"]), said
    assert device.power_on().slot == "B"
    device.fsck = True
    assert device.power_on(("bootloader", "commit")).slot == "B"
    assert device.power_on().slot == "B"
    noted(figures, f"chain{filesystem.replace(' ', '-')}", name, device)
