"""extra_uEnv.txt: edits that keep the rest, hostile values, the limits of each reader."""

from __future__ import annotations

import pytest
from backends.boot_config.stores import UENV, uenv, values

from hal.backends.boot_config.extra_uenv import L4T_LAUNCHER, U_BOOT, U_BOOT_ARGUMENTS, ExtraUEnv
from hal.errors import ValueRefused
from hal.model import Keeping, Outcome
from hal.root import Root

HAZARD = b"""resin_flasher_skip=0
#custom_fdt_file=old-carrier.dtb
extra_os_cmdline=isolcpus=2 usbcore.autosuspend=-1
"""


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


def test_a_nul_before_a_line_ends_no_import_and_the_line_is_a_setting(root: Root) -> None:
    store = uenv(root, b"\0custom_fdt_file=o")
    assert values(store) == {"fdt": "o"}
    assert store.kept() == ()
    store.set({"fdt": "n"})
    assert root.read_bytes(UENV) == b"\0custom_fdt_file=n"
