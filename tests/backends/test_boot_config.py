"""The stores besides config.txt: extra_uEnv.txt, extlinux.conf, ODMDATA, configfs.json, grub_extraenv, uEnv.txt.

For each: what it means, edits that keep the rest, the dossier's worked examples, hostile values, damage, properties.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends import emmc_boot
from hal.backends.boot_config import base, variables
from hal.backends.boot_config.base import Store
from hal.backends.boot_config.configfs import ConfigFs
from hal.backends.boot_config.extlinux import Extlinux
from hal.backends.boot_config.extra_uenv import L4T_LAUNCHER, U_BOOT, U_BOOT_ARGUMENTS, ExtraUEnv
from hal.backends.boot_config.grub_extraenv import GrubExtraEnv
from hal.backends.boot_config.odmdata import BYTES, DEVICE, OFFSETS, Odmdata
from hal.backends.boot_config.uenv_txt import UEnv
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.lock import LOCKS
from hal.errors import CapabilityAbsent, Damaged, FileFault, HalError, ValueRefused
from hal.model import DeviceType, Keeping, Outcome
from hal.root import Root

UENV, EXTLINUX, JSON = "mnt/boot/extra_uEnv.txt", "mnt/boot/extlinux/extlinux.conf", "mnt/boot/configfs.json"
GRUB = "mnt/boot/grub/grub_extraenv"
PC = DeviceType(slug="pc", name="PC")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    for folder in ("mnt/boot/extlinux", "mnt/boot/grub", "etc", "dev", f"sys/block/{DEVICE}", "var/volatile"):
        (tmp_path / folder).mkdir(parents=True)
    return Root(tmp_path)


def put(root: Root, file: str, data: bytes) -> None:
    root.resolve(file).write_bytes(data)


def version(root: Root, text: str) -> None:
    put(root, "etc/os-release", f'ID="balena-os"\nMETA_BALENA_VERSION="{text}"\n'.encode())


def values(store: Store) -> dict[str, str]:
    return {each.key: each.value for each in store.items()}


# -- extra_uEnv.txt --------------------------------------------------------------------------------------------------

HAZARD = b"""resin_flasher_skip=0
#custom_fdt_file=old-carrier.dtb
extra_os_cmdline=isolcpus=2 usbcore.autosuspend=-1
"""


def uenv(root: Root, data: bytes = b"", reader=U_BOOT, **named: bool) -> ExtraUEnv:
    put(root, UENV, data)
    return ExtraUEnv(root, UENV, reader, **named)


def test_the_worked_example_14_6_loses_nothing(root: Root) -> None:
    store = uenv(root, HAZARD)
    assert values(store) == {"isolcpus": "2", "extra_os_cmdline": "usbcore.autosuspend=-1"}
    store.set({"BALENA_HOST_EXTLINUX_isolcpus": "3"})
    assert root.read_bytes(UENV) == HAZARD.replace(b"isolcpus=2", b"isolcpus=3")
    assert [(each.line, each.why) for each in store.kept()] == [(1, Keeping.RESERVED), (2, Keeping.COMMENT)]


UENV_EDITS: dict[str, tuple[bytes, dict[str, str | None], bytes]] = {
    "into an empty file": (b"", {"fdt": "a", "isolcpus": "1"}, b"custom_fdt_file=a\nextra_os_cmdline=isolcpus=1\n"),
    "in place": (b"custom_fdt_file=a\n# m\nx=1\n", {"fdt": "b"}, b"custom_fdt_file=b\n# m\nx=1\n"),
    "of two one stays": (b"custom_fdt_file=a\nx=1\ncustom_fdt_file=b\n", {"fdt": "c"}, b"custom_fdt_file=c\nx=1\n"),
    "without an end": (b"x=1", {"fdt": "b"}, b"x=1\ncustom_fdt_file=b"),
    "changed without an end": (b"custom_fdt_file=a", {"fdt": "b"}, b"custom_fdt_file=b"),
    "before the padding": (b"x=1\n\n\n", {"fdt": "b"}, b"x=1\ncustom_fdt_file=b\n\n\n"),
    "before NUL": (b"x=1\n\0\0", {"fdt": "b"}, b"x=1\ncustom_fdt_file=b\n\0\0"),
    "before what ends the import": (b"x=1\n=2\ny=3\n", {"fdt": "b"}, b"x=1\ncustom_fdt_file=b\n=2\ny=3\n"),
    "removed": (b"x=1\ncustom_fdt_file=a\ny=2\n", {"fdt": None}, b"x=1\ny=2\n"),
    "the last argument goes with its line": (b"extra_os_cmdline=isolcpus=1\nx=1\n", {"isolcpus": None}, b"x=1\n"),
    "others stay": (b"extra_os_cmdline=a isolcpus=1 b\n", {"isolcpus": "2,3"}, b"extra_os_cmdline=a isolcpus=2,3 b\n"),
    "an argument is added": (b"extra_os_cmdline=a b\n", {"isolcpus": "1"}, b"extra_os_cmdline=a b isolcpus=1\n"),
    "other arguments change": (
        b"extra_os_cmdline=isolcpus=1 a\n",
        {"extra_os_cmdline": "b=1 c"},
        b"extra_os_cmdline=b=1 c isolcpus=1\n",
    ),
    "CR is mended": (b"custom_fdt_file=a\r\nx=1\r\n", {"fdt": "a"}, b"custom_fdt_file=a\nx=1\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", UENV_EDITS)
def test_an_edit_of_extra_uenv(case: str, root: Root) -> None:
    before, wanted, after = UENV_EDITS[case]
    store = uenv(root, before)
    planned = store.preview(wanted)
    assert root.read_bytes(UENV) == before
    assert store.set(wanted).changes == planned
    assert root.read_bytes(UENV) == after
    assert store.set(wanted).outcome is Outcome.UNCHANGED


UENV_HOSTILE: dict[str, tuple[str, str]] = {
    "newline": ("fdt", "a\nresin_root_part=3"),
    "NUL": ("fdt", "a\0"),
    "backslash": ("extra_os_cmdline", "a\\"),
    "quote": ("extra_os_cmdline", "a'b"),
    "variable": ("extra_os_cmdline", "${x}"),
    "two blanks": ("extra_os_cmdline", "a  b"),
    "not ASCII": ("extra_os_cmdline", "ä"),
    "isolcpus twice": ("extra_os_cmdline", "a isolcpus=1"),
    "no CPU": ("isolcpus", "all"),
    "more than a CPU": ("isolcpus", "1 init=/bin/sh"),
    "no number": ("isolcpus", "1=2"),
    "empty": ("isolcpus", ""),
    "empty tree": ("fdt", ""),
    "climbs": ("fdt", "../x.dtb"),
    "long": ("fdt", "x" * 251),
    "the slot": ("resin_root_part", "3"),
    "the count": ("bootcount", "0"),
}


@pytest.mark.parametrize("case", UENV_HOSTILE)
def test_a_hostile_value_of_extra_uenv(case: str, root: Root) -> None:
    key, value = UENV_HOSTILE[case]
    store = uenv(root, HAZARD)
    with pytest.raises(ValueRefused) as refusal:
        store.set({key: value})
    assert refusal.value.allowed
    assert root.read_bytes(UENV) == HAZARD


def test_what_others_wrote_and_cannot_be_written_again_is_left(root: Root) -> None:
    data = b"extra_os_cmdline=a=\\\\x\n"
    store = uenv(root, data)
    with pytest.raises(ValueRefused, match="cannot be written again"):
        store.set({"isolcpus": "1"})
    assert root.read_bytes(UENV) == data


def test_l4tlauncher_finds_a_name_in_a_comment_so_it_is_not_set_before_that_is_gone(root: Root) -> None:
    store = uenv(root, HAZARD, L4T_LAUNCHER)
    assert [each.note for each in store.kept()] == ["", "L4TLauncher reads custom_fdt_file here"]
    for value in ("new.dtb", None):
        with pytest.raises(ValueRefused, match="line 2 holds custom_fdt_file too"):
            store.set({"fdt": value})
    store.set({"isolcpus": "3"})
    assert root.read_bytes(UENV) == HAZARD.replace(b"isolcpus=2", b"isolcpus=3")


@pytest.mark.parametrize(
    ("reader", "key", "value", "fits"),
    [
        (L4T_LAUNCHER, "extra_os_cmdline", "x" * 255, True),
        (L4T_LAUNCHER, "extra_os_cmdline", "x" * 256, False),
        (U_BOOT, "extra_os_cmdline", "x" * 600, True),
        (L4T_LAUNCHER, "overlay_files", "/" + "x" * 496, True),
        (L4T_LAUNCHER, "overlay_files", "/" + "x" * 497, False),
        (L4T_LAUNCHER, "overlay_files", "/boot/a.dtbo,/boot/b.dtbo", True),
        (L4T_LAUNCHER, "overlay_files", "boot/a.dtbo", False),
        (U_BOOT, "overlay_files", "/boot/a.dtbo", False),
        (U_BOOT_ARGUMENTS, "fdt", "a.dtb", False),
    ],
)
def test_the_limits_of_each_reader(reader, key: str, value: str, fits: bool, root: Root) -> None:
    store = uenv(root, b"", reader)
    if fits:
        store.set({key: value})
        assert values(store) == {key: value}
    else:
        with pytest.raises(ValueRefused):
            store.set({key: value})
        assert root.read_bytes(UENV) == b""


def test_the_room_is_for_all_arguments_together(root: Root) -> None:
    store = uenv(root, b"extra_os_cmdline=" + b"x" * 250 + b"\n", L4T_LAUNCHER)
    with pytest.raises(ValueRefused, match="has room for 255"):
        store.set({"isolcpus": "1"})


def test_a_missing_file_is_made(root: Root) -> None:
    store = ExtraUEnv(root, UENV, U_BOOT)
    assert store.items() == ()
    store.set({"custom_fdt_file": "a.dtb"})
    assert root.read_bytes(UENV) == b"custom_fdt_file=a.dtb\n"


# -- extlinux.conf ---------------------------------------------------------------------------------------------------

PRIMARY = b"DEFAULT primary\nTIMEOUT 10\nLABEL primary\nLINUX /boot/Image\nAPPEND quiet isolcpus=1\n"


def legacy(root: Root, data: bytes) -> Extlinux:
    version(root, "2.46.1")
    put(root, EXTLINUX, data)
    return Extlinux(root, EXTLINUX)


def test_the_worked_example_14_12(root: Root) -> None:
    store = legacy(root, PRIMARY)
    assert values(store) == {"isolcpus": "1"}
    store.set({"HOST_EXTLINUX_isolcpus": "2,3", "RESIN_HOST_EXTLINUX_fdt": "/boot/my.dtb"})
    assert root.read_bytes(EXTLINUX) == PRIMARY.replace(b"isolcpus=1", b"isolcpus=2,3") + b"FDT /boot/my.dtb\n"


EXTLINUX_EDITS: dict[str, tuple[bytes, dict[str, str | None], bytes]] = {
    "indented, commented, lower case": (
        b"# m\ndefault primary\nMENU TITLE x\n\nLABEL primary\n      fdt  a\n      APPEND ${cbootargs} root=LABEL=x\n",
        {"fdt": "b", "isolcpus": "1"},
        b"# m\ndefault primary\nMENU TITLE x\n\nLABEL primary\n      fdt  b\n"
        b"      APPEND ${cbootargs} root=LABEL=x isolcpus=1\n",
    ),
    "the label that boots": (
        b"DEFAULT b\nLABEL a\n  FDT x\nLABEL b\n  FDT y\nLABEL c\n  FDT z\n",
        {"fdt": "n"},
        b"DEFAULT b\nLABEL a\n  FDT x\nLABEL b\n  FDT n\nLABEL c\n  FDT z\n",
    ),
    "no APPEND": (b"DEFAULT a\nLABEL a\n", {"isolcpus": "1"}, b"DEFAULT a\nLABEL a\nAPPEND isolcpus=1\n"),
    "without an end": (b"DEFAULT a\nLABEL a", {"fdt": "x"}, b"DEFAULT a\nLABEL a\nFDT x"),
    "CR LF": (b"DEFAULT a\r\nLABEL a\r\n", {"fdt": "x"}, b"DEFAULT a\r\nLABEL a\r\nFDT x\r\n"),
    "FDT removed": (b"DEFAULT a\nLABEL a\nFDT x\n", {"fdt": None}, b"DEFAULT a\nLABEL a\n"),
    "removed": (b"DEFAULT a\nLABEL a\nAPPEND q isolcpus=1\n", {"isolcpus": None}, b"DEFAULT a\nLABEL a\nAPPEND q\n"),
    "the last argument": (b"DEFAULT a\nLABEL a\nAPPEND isolcpus=1\n", {"isolcpus": None}, b"DEFAULT a\nLABEL a\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", EXTLINUX_EDITS)
def test_an_edit_of_extlinux(case: str, root: Root) -> None:
    before, wanted, after = EXTLINUX_EDITS[case]
    store = legacy(root, before)
    store.set(wanted)
    assert root.read_bytes(EXTLINUX) == after
    assert store.set(wanted).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("data", [b"", b"LABEL a\n", b"DEFAULT a\n", b"DEFAULT a\nLABEL b\n", bytes(range(256))])
def test_a_damaged_extlinux_is_told_and_left(data: bytes, root: Root) -> None:
    store = legacy(root, data)
    for act in (store.items, lambda: store.set({"fdt": "a"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(EXTLINUX) == data


@pytest.mark.parametrize(("text", "old"), [("2.46.99", True), ("2.47.0", False), ("5.3.21+rev2", False), (None, None)])
def test_the_version_of_the_os_tells_which_file_is_read(text: str | None, old: bool | None, root: Root) -> None:
    put(root, EXTLINUX, PRIMARY)
    put(root, UENV, b"")
    if text is not None:
        version(root, text)
    before, after = Extlinux(root, EXTLINUX), ExtraUEnv(root, UENV, U_BOOT)
    assert (before.absence() is None) is (old is True)
    assert (after.absence() is None) is (old is not True)
    unused = after if old else before
    assert (unused.items(), unused.kept()) == ((), ())
    with pytest.raises(CapabilityAbsent):
        unused.set({"isolcpus": "1"})


# -- ODMDATA ---------------------------------------------------------------------------------------------------------


def tx2(root: Root, data: bytes = b"\x06\x06\x06", guard: str = "1\n") -> Odmdata:
    blob = bytearray(b"x" * 20000)
    for offset, byte in zip(OFFSETS, data, strict=True):
        blob[offset] = byte
    put(root, f"dev/{DEVICE}", bytes(blob))
    put(root, emmc_boot.guard_of(DEVICE), guard.encode())
    return Odmdata(root)


def test_the_worked_example_14_7(root: Root) -> None:
    store = tx2(root)
    before = root.read_bytes(f"dev/{DEVICE}")
    assert values(store) == {"configuration": "3"}
    change = store.set({"BALENA_HOST_ODMDATA_configuration": "4"}).changes[0]
    assert (change.previous, change.value) == ("3", "4")
    after = root.read_bytes(f"dev/{DEVICE}")
    differ = [place for place in range(len(before)) if before[place] != after[place]]
    assert differ == [0x67B, 0x147B, 0x467B]
    assert {after[place] for place in differ} == {7}
    assert root.read_text(emmc_boot.guard_of(DEVICE)).strip() == "1"


@pytest.mark.parametrize("number", BYTES)
def test_every_configuration_and_back(number: str, root: Root) -> None:
    store = tx2(root)
    store.set({"configuration": number})
    assert values(store) == {"configuration": number}
    before = root.resolve(f"dev/{DEVICE}").stat().st_mtime_ns
    assert store.set({"configuration": f" {number} "}).outcome is Outcome.UNCHANGED
    assert root.resolve(f"dev/{DEVICE}").stat().st_mtime_ns == before


@pytest.mark.parametrize("value", [None, "", "0", "7", "-1", "1.0", "01", "1a", "two", "٣", "1\n2"])
def test_a_wrong_configuration_is_refused(value: str | None, root: Root) -> None:
    store = tx2(root)
    before = root.read_bytes(f"dev/{DEVICE}")
    with pytest.raises(ValueRefused) as refusal:
        store.set({"configuration": value})
    assert refusal.value.allowed == ("1", "2", "3", "4", "5", "6")
    assert root.read_bytes(f"dev/{DEVICE}") == before


@pytest.mark.parametrize("data", [b"\x06\x07\x07", b"\x06\x06\x07", b"\xff\xff\xff", b"\x04\x04\x04"])
def test_bytes_that_differ_or_mean_nothing_are_told_and_mended_by_a_set(data: bytes, root: Root) -> None:
    store = tx2(root, data)
    with pytest.raises(Damaged, match=f"{data[2]:#04x}.*set configuration to mend it"):
        store.items()
    assert store.set({"configuration": "3"}).outcome is Outcome.ACCEPTED
    assert values(store) == {"configuration": "3"}


@pytest.mark.parametrize("cut", range(3))
def test_a_power_cut_between_the_writes_leaves_valid_bytes_that_a_set_mends(
    cut: int, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    done: list[int] = []
    patch = Root.patch

    def until(self: Root, name: str, offset: int, data: bytes) -> None:
        if len(done) == cut:
            raise PowerCut
        done.append(offset)
        patch(self, name, offset, data)

    store = tx2(root)
    monkeypatch.setattr(Root, "patch", until)
    with pytest.raises(PowerCut):
        store.set({"configuration": "4"})
    monkeypatch.undo()
    assert set(store.read()) <= {6, 7}
    assert root.read_text(emmc_boot.guard_of(DEVICE)).strip() == "1"
    store.set({"configuration": "4"})
    assert values(store) == {"configuration": "4"}


@pytest.mark.parametrize("size", [0, 1660, OFFSETS[-1]])
def test_a_device_that_is_too_small(size: int, root: Root) -> None:
    store = tx2(root)
    put(root, f"dev/{DEVICE}", bytes(size))
    for act in (store.items, lambda: store.set({"configuration": "4"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(f"dev/{DEVICE}") == bytes(size)


def test_an_odd_guard_is_not_touched(root: Root) -> None:
    store = tx2(root, guard="2\n")
    with pytest.raises(ValueRefused):
        store.set({"configuration": "4"})
    assert values(store) == {"configuration": "3"}


# -- configfs.json ---------------------------------------------------------------------------------------------------


def test_the_worked_example_14_13(root: Root) -> None:
    store = ConfigFs(root, JSON)
    assert store.items() == ()
    change = store.set({"BALENA_HOST_CONFIGFS_ssdt": '"spi0.0","i2c-rtc"'}).changes[0]
    assert root.read_bytes(JSON) == b'{"ssdt":["spi0.0","i2c-rtc"]}'
    assert values(store) == {"ssdt": '"spi0.0","i2c-rtc"'}
    assert "not checked" in change.note


def test_other_keys_stay_and_what_is_so_keeps_its_spelling(root: Root) -> None:
    data = b'{ "other": [1, "\xc3\xa4"],\n  "ssdt": ["a"] }\n'
    put(root, JSON, data)
    store = ConfigFs(root, JSON)
    assert store.set({"ssdt": "a"}).outcome is Outcome.UNCHANGED
    assert root.read_bytes(JSON) == data
    assert [each.text for each in store.kept()] == ['{"other": [1, "\\u00e4"]}']
    store.set({"ssdt": None})
    assert json.loads(root.read_bytes(JSON)) == {"other": [1, "ä"]}


@pytest.mark.parametrize("value", ["", "../x", "a/b", '"a","a"', '"a"x', "a\0", "a b", "missing"])
def test_a_wrong_table_is_refused(value: str, root: Root) -> None:
    (root.directory / "boot/acpi-tables").mkdir(parents=True)
    put(root, "boot/acpi-tables/a.aml", b"")
    put(root, JSON, b"{}")
    with pytest.raises(ValueRefused) as refusal:
        ConfigFs(root, JSON).set({"ssdt": value})
    assert refusal.value.allowed
    assert root.read_bytes(JSON) == b"{}"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"ssdt":1}', b'{"ssdt":[1]}', b'{"ssdt":"a"}', b"\xff", b"{}{}"])
def test_a_damaged_object_is_told_and_left(data: bytes, root: Root) -> None:
    put(root, JSON, data)
    store = ConfigFs(root, JSON)
    for act in (store.items, lambda: store.set({"ssdt": "a"})):
        with pytest.raises(Damaged):
            act()
    assert root.read_bytes(JSON) == data


# -- grub_extraenv ---------------------------------------------------------------------------------------------------


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


# -- uEnv.txt --------------------------------------------------------------------------------------------------------


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


# -- all of them -----------------------------------------------------------------------------------------------------

STORES: dict[str, tuple[Callable[[Root], Store], dict[str, str | None]]] = {
    "extra_uEnv.txt": (lambda root: ExtraUEnv(root, UENV, U_BOOT), {"fdt": "a.dtb", "isolcpus": "1-3"}),
    "of Orin": (lambda root: ExtraUEnv(root, UENV, L4T_LAUNCHER), {"extra_os_cmdline": "a b=1", "fdt": None}),
    "extlinux.conf": (lambda root: Extlinux(root, EXTLINUX), {"fdt": "a.dtb", "isolcpus": "1"}),
    "configfs.json": (lambda root: ConfigFs(root, JSON), {"ssdt": '"a","b"'}),
    "grub_extraenv": (lambda root: GrubExtraEnv(PC, root), {"extra_os_cmdline": "a b=1"}),
    "uEnv.txt": (lambda root: UEnv(root, "mnt/boot/uEnv.txt"), {"dtb": "a", "enable_uboot_overlays": None}),
}  # fmt: skip
TEXTS = st.one_of(
    st.binary(max_size=120),
    st.lists(
        st.sampled_from(
            [
                b"#c\n", b"\n", b"a=1\n", b"=x\n", b"\0", b"custom_fdt_file=o\n", b"custom_fdt_file=o\r\n",
                b"x\\\ny=1\n",
                b"extra_os_cmdline=isolcpus=1 b\n", b"extra_os_cmdline=\n", b"dtb=q\n", b"DEFAULT a\n", b"LABEL a\n",
                b"  FDT x\n", b"APPEND ro isolcpus=2\n", b"LABEL b\n", b"# GRUB Environment Block\n", b"####",
                b'{"ssdt":["x"]}', b"enable_uboot_overlays=1\n",
            ]
        ),
        max_size=8,
    ).map(b"".join),
    st.lists(st.sampled_from([b"extra_os_cmdline=x\n", b"a=\\\n\n", b"##", b"b\n"]), max_size=5).map(
        lambda lines: (b"# GRUB Environment Block\n" + b"".join(lines)).ljust(1024, b"#")
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def old_os(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    found = {}
    for text in ("2.46.0", "6.0.0"):
        folder = tmp_path_factory.mktemp("os")
        for name in ("etc", "mnt/boot/extlinux", "mnt/boot/grub"):
            (folder / name).mkdir(parents=True)
        (folder / EXTLINUX).write_bytes(b"")
        found[text] = Root(folder)
        version(found[text], text)
    return found


@pytest.mark.parametrize("name", STORES)
@given(data=TEXTS)
def test_what_was_set_is_read_and_setting_it_again_changes_nothing(
    name: str, old_os: dict[str, Root], data: bytes
) -> None:
    make, wanted = STORES[name]
    store = make(old_os["2.46.0" if name == "extlinux.conf" else "6.0.0"])
    try:
        before = store.values(data)
        kept = [each.text.replace("\\x00", "") for each in store.rest(data)]  # a NUL at the end stays at the end
        decision = store.decide(data, wanted)
    except HalError:
        return
    after = store.values(decision.data)
    for key, value in wanted.items():
        assert after.get(key) == value
    others = {key: value.removesuffix("\r") for key, value in before.items() if key not in wanted}
    assert {key: value.removesuffix("\r") for key, value in after.items() if key not in wanted} == others
    assert store.decide(decision.data, wanted).changes == ()
    assert [each.text.replace("\\x00", "") for each in store.rest(decision.data)] == kept
    if not decision.changes:
        assert decision.data == data


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_is_held_ends_in_a_clear_error(lock: str, root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, LOCKS[1], b"")
    store = uenv(root, b"x=1\n")
    monkeypatch.setattr(base, "_LOCK_SECONDS", 0.05)
    with root.lock(lock, timeout_seconds=5), pytest.raises(FileFault, match=f"{lock}: locked by another process"):
        store.set({"fdt": "a"})
    assert root.read_bytes(UENV) == b"x=1\n"
    store.set({"fdt": "a"})


def test_two_keys_of_one_store_are_one_write(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    replace = Root.replace

    def count(self: Root, name: str, data: bytes, *, mode: int | None = None) -> None:
        seen.append(data)
        replace(self, name, data, mode=mode)

    monkeypatch.setattr(Root, "replace", count)
    uenv(root).set({"fdt": "a", "isolcpus": "1"})
    assert len(seen) == 1


# -- variables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "word", "key"),
    [
        (variables.CONFIG_TXT, "BALENA_HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "RESIN_HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "BALENA_HOST_CONFIG_", None),
        (variables.CONFIG_TXT, "balena_HOST_CONFIG_gpu_mem", None),
        (variables.CONFIG_TXT, "BALENA_RESIN_HOST_CONFIG_gpu_mem", None),
        (variables.EXTLINUX, "BALENA_HOST_EXTLINUX_isolcpus", "isolcpus"),
        (variables.EXTLINUX, "BALENA_HOST_EXTLINUX_other", None),
        (variables.EXTLINUX, "BALENA_HOST_CONFIG_fdt", None),
        (variables.ODMDATA, "RESIN_HOST_ODMDATA_configuration", "configuration"),
        (variables.CONFIGFS, "BALENA_HOST_CONFIGFS_ssdt", "ssdt"),
        (None, "BALENA_HOST_CONFIGFS_ssdt", None),
    ],
)
def test_a_variable_names_a_key(backend: str | None, word: str, key: str | None) -> None:
    assert variables.key_of(backend, word) == key
    if key is not None:
        assert variables.name_of(backend, key) == f"BALENA_{backend}{key}"


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_a_list_in_the_supervisors_form_is_read_back(found: list[str]) -> None:
    assert variables.elements(variables.listed(found), key="k") == tuple(found)
