"""grub_extraenv: arguments as the script reads them, damage, the encrypted disk."""

from __future__ import annotations

import pytest
from backends.boot_config.stores import GRUB, PC, put, values

from hal.backends.boot_config.grub_extraenv import GrubExtraEnv
from hal.backends.bootloader.envblock import EnvBlock
from hal.errors import CapabilityAbsent, Damaged, ValueRefused
from hal.model import Keeping
from hal.root import Root


def grub(root: Root, **held: str) -> GrubExtraEnv:
    put(root, GRUB, EnvBlock.new(held, path=GRUB).data)
    return GrubExtraEnv(PC, root)


def test_arguments_with_blanks_stand_in_quotes_for_the_script(root: Root) -> None:
    store = grub(root, extra_os_firmware_class_path="firmware_class.path=/x")
    store.set({"extra_os_cmdline": "a=b quiet"})
    assert b'\nextra_os_cmdline="a=b quiet"\n' in root.read_bytes(GRUB)
    assert root.size(GRUB) == 1024
    assert values(store) == {"extra_os_cmdline": "a=b quiet"}
    assert [each.why for each in store.kept()] == [Keeping.RESERVED]
    store.set({"extra_os_cmdline": "quiet"})
    assert b"\nextra_os_cmdline=quiet\n" in root.read_bytes(GRUB)
    store.set({"extra_os_cmdline": None})
    assert EnvBlock(root.read_bytes(GRUB), path=GRUB).records() == (
        ("extra_os_firmware_class_path", "firmware_class.path=/x"),
    )


def test_of_two_records_the_last_counts_and_a_set_leaves_one(root: Root) -> None:
    store = grub(root, extra_os_cmdline="a")
    data = root.read_bytes(GRUB)
    put(root, GRUB, data.replace(b"cmdline=a\n", b"cmdline=a\nextra_os_cmdline=b\n")[:1024])
    assert values(store) == {"extra_os_cmdline": "b"}
    store.set({"extra_os_cmdline": "a"})
    assert EnvBlock(root.read_bytes(GRUB), path=GRUB).records() == (("extra_os_cmdline", "a"),)


@pytest.mark.parametrize(
    "value", ["a;reboot", "$(x)", "a\nb", '"a"', "a'", "a\\", "", " a", "ä", "x" * 1000, "a|b", "`x`"]
)
def test_nothing_for_a_shell_is_written(value: str, root: Root) -> None:
    store = grub(root, extra_os_cmdline="a")
    before = root.read_bytes(GRUB)
    with pytest.raises(ValueRefused):
        store.set({"extra_os_cmdline": value})
    assert root.read_bytes(GRUB) == before


@pytest.mark.parametrize("data", [b"", b"extra_os_cmdline=a\n", b"\xff" * 1024])
def test_a_damaged_block_is_told_and_left(data: bytes, root: Root) -> None:
    store = grub(root)
    put(root, GRUB, data)
    for act in (store.items, lambda: store.set({"extra_os_cmdline": "a"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(GRUB) == data


def test_with_an_encrypted_disk_it_is_not_read(root: Root) -> None:
    store = grub(root, extra_os_cmdline="a")
    (root.directory / "mnt/efi/EFI/BOOT").mkdir(parents=True)
    encrypted = GrubExtraEnv(PC, root)
    assert store.absence() is None or encrypted.absence()
    assert "encrypted" in str(encrypted.absence())
    with pytest.raises(CapabilityAbsent):
        encrypted.set({"extra_os_cmdline": "b"})


def test_a_line_without_equals_takes_the_next_into_its_name_so_it_is_not_changed(root: Root) -> None:
    store = grub(root)
    data = EnvBlock.new({}, path=GRUB).data.rstrip(b"#") + b"extra_os_cmdline=x\nb\nextra_os_cmdline=y\n"
    put(root, GRUB, data.ljust(1024, b"#"))
    with pytest.raises(Damaged, match="changing extra_os_cmdline would change another record"):
        store.set({"extra_os_cmdline": None})
    assert root.read_bytes(GRUB) == data.ljust(1024, b"#")
