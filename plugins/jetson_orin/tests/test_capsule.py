"""Jetson Orin: the firmware capsule, what asks for it, and the health check of the firmware."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from hal_jetson_orin.partition_types import DATA, ESP
from hal_jetson_orin.tree_firmware import FIRMWARE, GPT, image
from interrupted import interruptions, run_steps, snapshot

from hal import Device, Root
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
NANO, NX, J4012, AGX, AGX_64 = (
    "jetson-orin-nano-devkit-nvme",
    "jetson-orin-nx-xavier-nx-devkit",
    "jetson-orin-nx-seeed-j4012",
    "jetson-agx-orin-devkit",
    "jetson-agx-orin-devkit-64gb",
)
STEP = "99-resin-bootfiles"
IN_BOOT, IN_ESP = "mnt/boot/EFI/UpdateCapsule/TEGRA_BL.Cap", "dev/mmcblk0p5.files/EFI/UpdateCapsule/TEGRA_BL.Cap"
PACKED, RETRIES = "opt/tegra-binaries/TEGRA_BL_Orin_Nano.Cap.gz", "mnt/boot/jetson-qspi-retry-count"
VARIABLES = "sys/firmware/efi/efivars"
REQUEST = f"{VARIABLES}/OsIndications-8be4df61-93ca-11d2-aa0d-00e098032b8c"
PLATFORM = f"{VARIABLES}/TegraPlatformSpec-781e084c-a330-417c-b678-38e696380cb9"
COMPATIBLE = f"{VARIABLES}/TegraPlatformCompatSpec-781e084c-a330-417c-b678-38e696380cb9"
KEPT = b"\x07\0\0\0"
ASKED = KEPT + b"\x04" + bytes(7)
NEW = image(b"36.5")
MODULES = "lib/modules/5.15.185-l4t-r36.5"


def run(root: Root, **changed: object) -> tuple[str, ...]:
    return run_steps(root, Update(target=Slot.B, **changed), name=STEP)


def put(root: Root, name: str, data: bytes) -> None:
    path = root.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def apply_capsule(root: Root, version: str) -> None:
    """What the firmware does at a boot when it was asked: it takes the capsule and the request."""
    put(root, FIRMWARE, version.encode())
    put(root, REQUEST, KEPT + bytes(8))
    root.remove(IN_BOOT)


def types(root: Root) -> dict[int, str]:
    return {int(line.split()[0]): line.split()[2] for line in root.read_text(GPT).splitlines()}


@pytest.mark.parametrize(
    ("slug", "file", "suffix", "wanted"),
    [
        (NANO, IN_BOOT, b"jetson-orin-nano-devkit-super", {10: DATA, 14: ESP}),
        (NX, IN_BOOT, b"jetson-orin-nano-devkit-super", {5: DATA, 6: ESP}),
        (J4012, IN_BOOT, b"jetson-orin-nano-devkit", {5: DATA, 6: DATA, 10: ESP, 14: DATA}),
        (AGX, IN_ESP, b"jetson-agx-orin-devkit", {5: ESP, 6: ESP}),
        (AGX_64, IN_BOOT, b"jetson-agx-orin-devkit", {5: DATA, 10: ESP, 14: DATA}),
        ("jetson-orin-nano-seeed-j3010", IN_BOOT, b"jetson-orin-nano-devkit-super", {10: ESP, 14: DATA}),
        ("forecr-dsb-ornx-orin-nano-8gb", IN_BOOT, b"jetson-orin-nano-devkit-super", {10: DATA, 14: ESP}),
    ],
)
def test_a_capsule_is_staged_once(slug: str, file: str, suffix: bytes, wanted: dict[int, str], hal_tree: Tree) -> None:
    root = hal_tree(slug)
    before = snapshot(root)
    planned = run(root, dry_run=True)
    assert snapshot(root) == before
    told = run(root)
    assert [sentence.replace("would be", "was") for sentence in planned] == list(told)
    assert root.read_bytes(file) == NEW
    assert root.read_bytes(REQUEST) == ASKED
    spec = root.run(["tegra-boardspec"], timeout_seconds=60).stdout.strip().encode()
    assert root.read_bytes(PLATFORM) == KEPT + spec + b"-" + suffix + b"-"
    assert root.read_bytes(COMPATIBLE).endswith(b"-" + suffix + b"-")
    assert types(root).items() >= wanted.items()
    assert root.read_text(RETRIES) == "jetson_capsule_retries=1\n"
    after = snapshot(root)
    assert run(root) == ()
    assert snapshot(root) == after
    assert not root.exists("run/hal-capsule")


def test_the_request_is_the_last_of_what_the_firmware_reads(hal_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = hal_tree(NANO)
    written = []
    write, replace = Root.write, Root.replace

    def note_write(root: Root, name: str, value: bytes, **named: object) -> None:
        written.append((name, value))
        write(root, name, value, **named)

    def note_replace(root: Root, name: str, data: bytes, **named: object) -> None:
        written.append((name, data))
        replace(root, name, data, **named)

    monkeypatch.setattr(Root, "write", note_write)
    monkeypatch.setattr(Root, "replace", note_replace)
    run(root)
    assert [name for name, _ in written] == [IN_BOOT, PLATFORM, COMPATIBLE, REQUEST, RETRIES]
    assert written[3][1] == ASKED, "one write of 12 bytes"


def test_what_else_is_asked_of_the_firmware_stays(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, REQUEST, KEPT + b"\x41" + bytes(7))
    run(root)
    assert root.read_bytes(REQUEST) == KEPT + b"\x45" + bytes(7)


def test_a_known_board_keeps_its_name_and_an_old_compatible_one_is_corrected(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, PLATFORM, KEPT + b"factory-")
    put(root, COMPATIBLE, KEPT + b"factory-")
    run(root)
    assert root.read_bytes(PLATFORM) == KEPT + b"factory-"
    assert root.read_bytes(COMPATIBLE) == KEPT + b"3767--0005--1--jetson-orin-nano-devkit-super-"


def test_under_l4t_35_the_compatible_name_stays(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, FIRMWARE, b"35.5.0\n")
    put(root, "proc/sys/kernel/osrelease", b"5.10.192-l4t-r35.5.0\n")
    put(root, COMPATIBLE, KEPT + b"factory-")
    run(root)
    assert root.read_bytes(COMPATIBLE) == KEPT + b"factory-"
    assert root.read_bytes(REQUEST) == ASKED


def test_flash_drivers_are_let_go_before_variables_are_written(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, "sys/bus/spi/drivers/qspi_mtd/spi6.0/modalias", b"")
    put(root, "sys/bus/spi/drivers/qspi_mtd/unbind", b"")
    put(root, "proc/modules", b"spi_tegra210_quad 32768 0 - Live 0x0\nspi_tegra114x 1 0 - Live 0x0\n")
    put(root, "usr/sbin/rmmod", b'#!/bin/sh\necho "$1" >>"$HAL_ROOT/removed"\n')
    root.resolve("usr/sbin/rmmod").chmod(0o755)
    told = run(root)
    assert told[:2] == ("the QSPI flash was let go by its driver", "the module spi_tegra210_quad was unloaded")
    assert root.read_text("removed") == "spi_tegra210_quad\n"
    assert root.read_text("sys/bus/spi/drivers/qspi_mtd/unbind") == "spi6.0"


# -- nothing to do -----------------------------------------------------------------------------------------------------


def test_once_the_firmware_has_it_nothing_is_staged_and_the_count_goes(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    run(root)
    apply_capsule(root, "36.5.0")
    assert run(root) == (f"{RETRIES} was removed",)
    assert run(root) == ()
    assert not root.exists(IN_BOOT)


def old_os(root: Root) -> str:
    """The folder of an OS of L4T 36.4, with a capsule of its own."""
    folder = "mnt/sysroot/inactive/current"
    put(root, f"{folder}/lib/modules/5.15.148-l4t-r36.4/modules.order", b"")
    put(root, f"{folder}/{PACKED}", gzip.compress(image(b"36.4"), mtime=0))
    put(root, f"{folder}/usr/bin/uefi_common.func", root.read_bytes("usr/bin/uefi_common.func"))
    return folder


def test_going_back_after_the_firmware_changed_stages_the_old_capsule(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    run(root)
    apply_capsule(root, "36.5")
    run(root, source=old_os(root), recovering=True)
    assert (root.read_bytes(IN_BOOT), root.read_bytes(REQUEST)) == (image(b"36.4"), ASKED)


def test_going_back_before_it_changed_calls_the_new_capsule_off(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    run(root)
    told = run(root, source=old_os(root), recovering=True)
    assert told[0] == "the capsule that waits was called off"
    assert root.read_bytes(REQUEST) == KEPT + bytes(8)
    assert not root.exists(IN_BOOT)
    assert run(root, source=old_os(root), recovering=True) == ()


def test_a_capsule_of_this_very_os_that_waits_is_left_waiting(hal_tree: Tree) -> None:
    """jetson-qspi-manager can be told to apply it again."""
    root = hal_tree(NANO)
    run(root)
    put(root, FIRMWARE, b"36.5.0\n")
    root.remove(RETRIES)
    assert run(root) == ()
    assert root.read_bytes(REQUEST) == ASKED


def test_an_os_whose_version_is_not_known_stages_its_capsule(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, FIRMWARE, b"36.5.0\n")
    put(root, "lib/modules/5.15.1-l4t-r36.3/modules.order", b"")
    assert "the firmware was asked" in " ".join(run(root))


# -- attempts ----------------------------------------------------------------------------------------------------------


def ignore_capsule(root: Root) -> None:
    """A boot at which the firmware took the request and changed nothing."""
    put(root, REQUEST, KEPT + bytes(8))


def test_four_attempts_then_refused(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    for attempt in (1, 2, 3, 4):
        run(root)
        assert root.read_text(RETRIES) == f"jetson_capsule_retries={attempt}\n"
        ignore_capsule(root)
    before = snapshot(root)
    with pytest.raises(HalError, match="4 capsules changed nothing"):
        run(root)
    assert snapshot(root) == before
    assert run(root, recovering=True), "an OS that is put back still gets its capsule"
    ignore_capsule(root)
    root.remove(RETRIES)
    assert run(root)


def test_a_capsule_that_was_called_off_was_no_attempt(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    run(root)
    put(root, PACKED, gzip.compress(image(b"36.5 again"), mtime=0))
    told = run(root)
    assert told[0] == "the capsule that waits was called off"
    assert root.read_text(RETRIES) == "jetson_capsule_retries=1\n"
    assert root.read_bytes(IN_BOOT) == image(b"36.5 again")


@pytest.mark.parametrize("text", [b"", b"jetson_capsule_retries=\n", b"jetson_capsule_retries=-1\n", b"\xff", b"3"])
def test_a_damaged_count_is_refused_and_recovered_over(text: bytes, hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    put(root, RETRIES, text)
    before = snapshot(root)
    with pytest.raises(HalError, match="jetson-qspi-retry-count"):
        run(root)
    assert snapshot(root) == before
    run(root, recovering=True)
    assert root.read_text(RETRIES) == "jetson_capsule_retries=1\n"


# -- refusals ----------------------------------------------------------------------------------------------------------

GOOD = gzip.compress(NEW, mtime=0)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        (FIRMWARE, b"35.4.1\n", "firmware 35.4: takes no capsule"),
        (FIRMWARE, b"36.2\n", "firmware 36.2"),
        (FIRMWARE, b"36.50\n", "firmware 36.50"),
        (FIRMWARE, b"unknown\n", "tells no current version"),
        ("usr/sbin/nvbootctrl", None, "nvbootctrl: no such program"),
        (PACKED, None, "no such file"),
        (PACKED, b"", "no gzip file|cut short"),
        (PACKED, NEW, "no gzip file"),
        (PACKED, GOOD[:-20], "cut short"),
        (PACKED, GOOD[:-6] + b"\0\0" + GOOD[-4:], "no gzip file"),
        (PACKED, GOOD + b"more", "cut short"),
        (PACKED, gzip.compress(NEW[:-1], mtime=0), "no UEFI capsule"),
        (PACKED, gzip.compress(b"too short", mtime=0), "no UEFI capsule"),
        (REQUEST, b"\x07\0\0", "OsIndications-.*3 bytes"),
        (REQUEST, KEPT, "OsIndications-.*4 bytes"),
        (REQUEST, KEPT + b"\x04", "OsIndications-.*a value of 1 byte"),
        (PLATFORM, b"\x07\0", "TegraPlatformSpec-.*2 bytes"),
        (COMPATIBLE, b"\x07\0\0\0", "TegraPlatformCompatSpec-.*4 bytes"),
        ("usr/bin/tegra-boardspec", b"#!/bin/sh\n", "'' is no board specification"),
        ("usr/bin/tegra-boardspec", b"#!/bin/sh\necho 'no EEPROM'\n", "'no EEPROM' is no board"),
        ("usr/bin/tegra-boardspec", b"#!/bin/sh\nexit 3\n", "exit status 3"),
        ("usr/bin/tegra-boardspec", None, "no such program"),
        ("usr/bin/uefi_common.func", None, "uefi_common.func: no such file"),
        ("usr/bin/uefi_common.func", b"gen_compat_spec() { :; }\n", "'' is no board specification"),
        ("usr/bin/uefi_common.func", b"gen_compat_spec() { return 1; }\n", "exit status 1"),
        ("usr/sbin/sfdisk", None, "sfdisk: no such program"),
        (GPT, b"14 esp X\n10 esp X\n", "partition 14 is named 'esp', not resin-boot"),
        (GPT, b"14 resin-boot X\n10 BCT X\n", "partition 10 is named 'BCT', not esp"),
        (GPT, b"14 resin-boot X\n", "partition 10"),
        ("dev/disk/by-state/resin-boot", None, "disk that this OS runs from is not known"),
    ],
)
def test_refused_before_anything_is_written(name: str, data: bytes | None, told: str, hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    if data is None:
        root.resolve(name, follow=False).unlink()
    elif root.exists(name):
        root.resolve(name).write_bytes(data)
    else:
        put(root, name, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run(root)
    assert snapshot(root) == before


def test_a_full_boot_partition_is_refused(hal_tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = hal_tree(NANO)
    before = snapshot(root)
    monkeypatch.setattr(Root, "free_bytes", lambda _root, _name: len(NEW))
    with pytest.raises(HalError, match="the capsule needs"):
        run(root)
    assert snapshot(root) == before


def test_without_efi_variables_nothing_is_asked_for(hal_tree: Tree) -> None:
    root = hal_tree(NANO)
    (root.directory / VARIABLES).rename(root.directory / "sys/firmware/other")
    with pytest.raises(HalError, match="no EFI variable can be set"):
        run(root)


def test_an_esp_that_is_too_small_or_missing_is_refused(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    put(root, "sys/class/block/mmcblk0p5/size", b"16\n")
    with pytest.raises(HalError, match="8192 bytes, the capsule needs"):
        run(root)
    root.resolve("dev/disk/by-state/esp", follow=False).unlink()
    with pytest.raises(HalError, match="no such partition beside the boot partition"):
        run(root)


# -- interruptions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["fault", "before"])
@pytest.mark.parametrize("before", ["nothing", "another capsule asked for"])
def test_nothing_is_asked_for_while_the_capsule_is_not_whole(mode: str, before: str, hal_tree: Tree) -> None:
    base = hal_tree(NANO)
    if before != "nothing":
        run(base, source=old_os(base))
        put(base, FIRMWARE, b"36.3\n")
        run(base, source=old_os(base))
        assert base.read_bytes(IN_BOOT) == image(b"36.4")
    final = None
    for root in interruptions(base, mode, name=STEP):
        if root.exists(REQUEST) and root.read_bytes(REQUEST)[4:5] == b"\x04":
            assert root.read_bytes(IN_BOOT) in (NEW, image(b"36.4"))
            assert root.read_bytes(PLATFORM) > KEPT
            assert root.read_bytes(COMPATIBLE) > KEPT
        assert ESP in types(root).values(), "the firmware always finds an EFI system partition"
        run(root)
        assert (root.read_bytes(IN_BOOT), root.read_bytes(REQUEST)) == (NEW, ASKED)
        state = {name: data for name, data in snapshot(root).items() if name != RETRIES}
        final = final or state
        assert state == final
        assert run(root) == ()


@pytest.mark.parametrize("mode", ["fault", "before"])
def test_the_esp_is_not_left_mounted_after_a_fault(mode: str, hal_tree: Tree) -> None:
    base = hal_tree(AGX)
    for root in interruptions(base, mode, name=STEP):
        mounted = (root.directory / "run/hal-capsule").is_symlink()
        if mounted:  # the power went, or taking the mount away is what failed
            root.run(["umount", str(root.directory / "run/hal-capsule")], timeout_seconds=60)
        run(root)
        assert (root.read_bytes(IN_ESP), root.read_bytes(REQUEST)) == (NEW, ASKED)


# -- the step before -----------------------------------------------------------------------------


def test_a_capsule_left_in_the_boot_partition_makes_room_first(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    put(root, IN_BOOT, b"left over")
    assert run_steps(root, name="98-") == (f"{IN_BOOT} was removed",)
    assert not root.exists(IN_BOOT)
    assert run_steps(root, name="98-") == ()


def test_a_device_type_without_a_known_capsule_has_neither(hal_tree: Tree) -> None:
    device = Device.open(hal_tree("jetson-agx-orin-industrial"))
    assert (device.update_steps, device.health_checks) == ((), ())
