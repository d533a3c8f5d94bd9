"""uEnv.txt of BeagleBone: overlays, and nothing that would change what boots."""

from __future__ import annotations

import pytest
from backends.boot_config.stores import put

from hal.backends.boot_config.uenv_txt import UEnv
from hal.errors import ValueRefused
from hal.root import Root


def test_the_worked_example_14_10(root: Root) -> None:
    store = UEnv(root, "mnt/boot/uEnv.txt")
    store.set(
        {
            "enable_uboot_overlays": "1",
            "disable_uboot_overlay_emmc": "1",
            "uboot_overlay_addr4": "BB-SPIDEV0-00A0.dtbo",
        }
    )
    assert root.read_bytes("mnt/boot/uEnv.txt") == (
        b"enable_uboot_overlays=1\ndisable_uboot_overlay_emmc=1\nuboot_overlay_addr4=BB-SPIDEV0-00A0.dtbo\n"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enable_uboot_overlays", "0"),
        ("enable_uboot_overlays", ""),
        ("uboot_overlay_addr0", "a b"),
        ("uboot_overlay_addr8", "a"),
        ("uboot_overlay_addr0", "../a"),
        ("uboot_fdt_buffer", "60000"),
        ("bootcmd", "reset"),
        ("resin_root_part", "3"),
    ],
)
def test_a_wrong_value_of_uenv(key: str, value: str, root: Root) -> None:
    with pytest.raises(ValueRefused) as refusal:
        UEnv(root, "mnt/boot/uEnv.txt").set({key: value})
    assert refusal.value.allowed
    assert not root.exists("mnt/boot/uEnv.txt")


def test_an_overlay_that_is_nowhere_is_told(root: Root) -> None:
    (root.directory / "boot/overlays").mkdir(parents=True)
    put(root, "boot/overlays/a.dtbo", b"")
    store = UEnv(root, "mnt/boot/uEnv.txt")
    assert store.preview({"dtb_overlay": "a.dtbo"})[0].note == ""
    assert "is not in boot/overlays" in store.preview({"dtb_overlay": "b.dtbo"})[0].note
