"""extlinux.conf: edits that keep the rest, damage, and the OS versions that read it."""

from __future__ import annotations

import pytest
from backends.boot_config.stores import EXTLINUX, UENV, put, values, version

from hal.backends.boot_config.extlinux import Extlinux
from hal.backends.boot_config.extra_uenv import U_BOOT, ExtraUEnv
from hal.errors import CapabilityAbsent, Damaged
from hal.model import Outcome
from hal.root import Root

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
