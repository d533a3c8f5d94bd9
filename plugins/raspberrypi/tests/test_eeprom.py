"""Raspberry Pi 4 class: a newer EEPROM image is left in the boot partition for the loader to take."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hal_raspberrypi.tree import BROUGHT, RUNNING, eeprom_image, signature
from interrupted import interruptions, run_steps, snapshot

from hal import Device, Root
from hal.errors import HalError
from hal.model import Slot, Update

Tree = Callable[[str], Root]
SLUG = "raspberrypi4-64"
IMAGE, SIGNATURE = "mnt/boot/pieeprom.upd", "mnt/boot/pieeprom.sig"
NEW_IMAGE, NEW_SIGNATURE = "resin-boot/pieeprom.upd", "resin-boot/pieeprom.sig"
STAMP = "proc/device-tree/chosen/bootloader/build-timestamp"
CONFIG, SETTINGS = "mnt/boot/config.txt", "var/lib/hal-tree/bootconf.txt"
OLD = eeprom_image(RUNNING)


def put(root: Root, name: str, data: bytes) -> None:
    root.resolve(name).write_bytes(data)


def staged(root: Root) -> bool:
    return root.exists(IMAGE) or root.exists(SIGNATURE)


def test_a_newer_image_is_staged_and_the_signature_last(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, IMAGE, OLD)
    put(root, SIGNATURE, signature(OLD))
    told = run_steps(root)
    assert told == (f"{SIGNATURE} was removed", f"{IMAGE} was written ({BROUGHT})", f"{SIGNATURE} was written")
    assert root.read_bytes(IMAGE) == root.read_bytes(NEW_IMAGE)
    assert root.read_bytes(SIGNATURE) == root.read_bytes(NEW_SIGNATURE)
    assert run_steps(root) == ()


def test_a_dry_run_writes_nothing(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    before = snapshot(root)
    planned = run_steps(root, Update(target=Slot.B, dry_run=True))
    assert snapshot(root) == before
    assert [sentence.replace("would be", "was") for sentence in planned] == list(run_steps(root))


def test_only_a_missing_signature_is_written(hal_tree: Tree) -> None:
    """What an interruption left, or a copy of all boot files in another order."""
    root = hal_tree(SLUG)
    put(root, IMAGE, root.read_bytes(NEW_IMAGE))
    assert run_steps(root) == (f"{SIGNATURE} was written",)


@pytest.mark.parametrize("running", [BROUGHT, BROUGHT + 1], ids=["same", "newer"])
def test_an_eeprom_as_new_is_left_alone(running: int, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, STAMP, running.to_bytes(4, "big"))
    assert run_steps(root) == ()
    assert not staged(root)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (SETTINGS, b"[all]\nFREEZE_VERSION=1\n"),
        (CONFIG, b"arm_64bit=1\nbootloader_update=0\n"),
        (CONFIG, b"caf\xe9\nbootloader_update=0 # mine\n"),
    ],
)
def test_who_forbids_updates_gets_none(name: str, data: bytes, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, name, data)
    assert run_steps(root) == ()
    assert not staged(root)


@pytest.mark.parametrize(
    ("name", "data"), [(SETTINGS, b"FREEZE_VERSION=0\n"), (CONFIG, b"#bootloader_update=0\n"), (CONFIG, b"")]
)
def test_who_does_not_forbid_them_gets_one(name: str, data: bytes, hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    put(root, name, data)
    assert len(run_steps(root)) == 2


@pytest.mark.parametrize(
    ("stamp", "settings", "told"),
    [
        (1599135103, b"", "does not update itself"),
        (RUNNING, b"ENABLE_SELF_UPDATE=0\n", "does not update itself"),
        (None, b"", "not known"),
        (0, b"", "not known"),
    ],
)
def test_a_loader_that_cannot_is_left_as_it_is_and_told(
    stamp: int | None, settings: bytes, told: str, hal_tree: Tree
) -> None:
    root = hal_tree(SLUG)
    put(root, SETTINGS, settings)
    if stamp is None:
        root.resolve(STAMP).unlink()
    else:
        put(root, STAMP, stamp.to_bytes(4, "big"))
    (sentence,) = run_steps(root)
    assert told in sentence
    assert not staged(root)


def test_the_firmware_tells_the_version_where_the_device_tree_does_not(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    root.resolve(STAMP).unlink()
    path = root.resolve("usr/bin/vcgencmd")
    path.write_text(f"#!/bin/sh\n[ $1 = bootloader_version ] && printf '2023/01/11\\ntimestamp {BROUGHT}\\n'; exit 0\n")
    assert run_steps(root) == ()
    path.write_text(f"#!/bin/sh\n[ $1 = bootloader_version ] && printf '2023/01/11\\ntimestamp {RUNNING}\\n'; exit 0\n")
    assert len(run_steps(root)) == 2


def test_without_vcgencmd_the_loader_heeds_its_settings_itself(hal_tree: Tree) -> None:
    root = hal_tree(SLUG)
    root.resolve("usr/bin/vcgencmd").unlink()
    assert len(run_steps(root)) == 2


GOOD = eeprom_image(BROUGHT)


@pytest.mark.parametrize(
    ("image", "sums", "told"),
    [
        (GOOD[:-1], signature(GOOD), "but pieeprom.upd has"),
        (GOOD, signature(OLD), "but pieeprom.upd has"),
        (GOOD, b"", "is no SHA-256"),
        (GOOD, signature(GOOD).upper(), "is no SHA-256"),
        (GOOD, b"\xff" * 64, "is no SHA-256"),
        (b"", hashlib.sha256(b"").hexdigest().encode(), "0 build timestamps"),
        (GOOD + OLD, signature(GOOD + OLD), "2 build timestamps"),
        (None, signature(GOOD), "no such file"),
        (GOOD, None, "no such file"),
    ],
)
def test_files_that_do_not_match_are_refused(
    image: bytes | None, sums: bytes | None, told: str, hal_tree: Tree
) -> None:
    root = hal_tree(SLUG)
    for name, data in ((NEW_IMAGE, image), (NEW_SIGNATURE, sums)):
        if data is None:
            root.resolve(name).unlink()
        else:
            put(root, name, data)
    before = snapshot(root)
    with pytest.raises(HalError, match=told):
        run_steps(root)
    assert snapshot(root) == before


def test_a_full_boot_partition_is_refused_before_the_old_signature_goes(
    hal_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = hal_tree(SLUG)
    put(root, IMAGE, OLD)
    put(root, SIGNATURE, signature(OLD))
    before = snapshot(root)
    monkeypatch.setattr(Root, "free_bytes", lambda _root, _name: 4096)
    with pytest.raises(HalError, match="no room"):
        run_steps(root)
    assert snapshot(root) == before


@pytest.mark.parametrize("mode", ["fault", "before"])
def test_the_loader_never_finds_a_mixture(mode: str, hal_tree: Tree) -> None:
    base = hal_tree(SLUG)
    put(base, IMAGE, OLD)
    put(base, SIGNATURE, signature(OLD))
    new = base.read_bytes(NEW_IMAGE)
    taken = set()
    for root in interruptions(base, mode):
        if root.exists(SIGNATURE):
            stated = root.read_bytes(SIGNATURE)[:64].decode()
            image = root.read_bytes(IMAGE)
            assert hashlib.sha256(image).hexdigest() == stated
            assert image in (OLD, new)
            taken.add(image)
        else:
            taken.add(b"")
        run_steps(root)
        assert (root.read_bytes(IMAGE), root.read_bytes(SIGNATURE)) == (new, signature(new))
    assert b"" in taken
    assert OLD in taken


@pytest.mark.parametrize(
    ("slug", "steps"),
    [
        ("raspberrypi400-64", 1),
        ("raspberrypicm4-ioboard", 1),
        ("raspberrypicm4-ioboard-sb", 0),
        ("raspberrypi5", 0),
        ("raspberrypi3", 0),
    ],
)
def test_who_has_the_step(slug: str, steps: int, hal_tree: Tree) -> None:
    assert len(Device.open(hal_tree(slug)).update_steps) == steps
