"""The kernel's log: lines of real machines, in every form in which they are printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.kernel_log import Message, belongs, log, messages, word
from hal.model import LogMeaning
from hal.root import Root

MISSING, DAMAGED, LOADED = LogMeaning.MISSING, LogMeaning.DAMAGED, LogMeaning.LOADED
LINES: dict[str, tuple[str, str, str]] = {
    "[    6.966823] rtw_8812au 1-1.4:1.0: Direct firmware load for x failed": (
        "rtw_8812au", "1-1.4:1.0", "Direct firmware load for x failed",
    ),
    "rtw_8812au 1-1.4:1.0: failed to request firmware": ("rtw_8812au", "1-1.4:1.0", "failed to request firmware"),
    "[Mon Nov  1 09:26:21 2021] cfg80211: failed to load regulatory.db": (
        "cfg80211", "", "failed to load regulatory.db",
    ),
    "[    5.011798][  T133] cfg80211: loaded it": ("cfg80211", "", "loaded it"),
    "Mar  6 19:27:45 localhost kernel: [76874.917882] ieee80211 phy0: rt2x00lib_request_firmware: Info - Loading": (
        "ieee80211", "phy0", "rt2x00lib_request_firmware: Info - Loading",
    ),
    "Apr 25 12:11:15 Freedom kernel: brcmfmac: brcmf_fw_alloc_request: using brcm/brcmfmac43602-pcie": (
        "brcmfmac", "", "brcmf_fw_alloc_request: using brcm/brcmfmac43602-pcie",
    ),
    "kern  :warn  : [    2.255065] iwlwifi 0000:02:00.0: Direct": ("iwlwifi", "0000:02:00.0", "Direct"),
    "<4>[    2.255065] iwlwifi 0000:02:00.0: Direct": ("iwlwifi", "0000:02:00.0", "Direct"),
    "<6>usb 1-1.2: new high-speed USB device number 5 using xhci_hcd": (
        "usb", "1-1.2", "new high-speed USB device number 5 using xhci_hcd",
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_who_says_what(line: str) -> None:
    (found,) = messages(line)
    assert (found.driver, found.device, found.text) == LINES[line]


@pytest.mark.parametrize("line", ["", "[    0.000000] Linux version 6.1.77-v8 (oe-user@oe-host)", "---", "\x00\x01"])
def test_what_nobody_says_is_passed_over(line: str) -> None:
    assert messages(line) == ()


WORDS: dict[str, tuple[LogMeaning, str, int | None] | None] = {
    "Direct firmware load for rtlwifi/rtl8712u.bin failed with error -2": (MISSING, "rtlwifi/rtl8712u.bin", -2),
    "Direct firmware load for brcm/brcmfmac43143.bin failed with error -22": (DAMAGED, "brcm/brcmfmac43143.bin", -22),
    "firmware: failed to load rt2870.bin (-2)": (MISSING, "rt2870.bin", -2),
    "firmware: direct-loading firmware rt2870.bin": (LOADED, "rt2870.bin", None),
    "loading /lib/firmware/rt2870.bin failed with error -22": (DAMAGED, "/lib/firmware/rt2870.bin", -22),
    "xz decompression failed (xz_ret=6)": (DAMAGED, "", None),
    "loaded firmware version 23.15.10.0 op_mode iwlmvm": (LOADED, "", None),
    "New firmware can be obtained from the vendor.": None,
    "Falling back to user helper": None,
    "Direct firmware load for brcm/x.MINIX-NEO Z83-4.bin failed with error -2": (
        MISSING, "brcm/x.MINIX-NEO Z83-4.bin", -2,
    ),
    "Direct firmware load for ../../etc/shadow failed with error -2": None,
    "Direct firmware load for \x1b[2J failed with error -2": None,
}  # fmt: skip


@pytest.mark.parametrize("text", WORDS)
def test_what_the_firmware_loader_says(text: str) -> None:
    found = word(Message(driver="any", device="1-1:1.0", text=text))
    assert (None if found is None else (found.means, found.file, found.error)) == WORDS[text]


def test_what_was_said_before_a_device_was_plugged_in_again_is_about_another_one() -> None:
    told = """
[ 1.0] usb 1-1: new high-speed USB device number 2 using xhci_hcd
[ 1.1] brcmfmac 1-1:1.0: Direct firmware load for x failed with error -2
[ 1.2] usb 1-1.1: new high-speed USB device number 3 using xhci_hcd
[ 1.3] rt2800usb 1-1.1:1.0: firmware: failed to load y (-2)
[ 2.0] usb 1-1: USB disconnect, device number 2
[ 3.0] usb 1-1: new SuperSpeed Plus Gen 2x1 USB device number 4 using xhci_hcd
[ 3.1] brcmfmac 1-1:1.0: probed
"""
    kept = [(each.driver, each.text[:6]) for each in messages(told) if each.driver != "usb"]
    assert kept == [("rt2800usb", "firmwa"), ("brcmfmac", "probed")]


@pytest.mark.parametrize(
    ("device", "place", "answer"),
    [
        ("1-1", "1-1", True),
        ("1-1:1.0", "1-1", True),
        ("1-1.2", "1-1", False),
        ("1-12:1.0", "1-1", False),
        ("", "1-1", False),
    ],
)
def test_whose_message_it_is(device: str, place: str, answer: bool) -> None:
    assert belongs(Message(driver="x", device=device, text=""), place) is answer


PROGRAMS: dict[str, tuple[str | None, str | None]] = {
    "one that tells": ("echo '[ 1.0] usb 1-1: hello'", "[ 1.0] usb 1-1: hello\n"),
    "not allowed": ("echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1", None),
    "none": (None, None),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_dmesg(case: str, tmp_path: Path) -> None:
    script, told = PROGRAMS[case]
    if script is not None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/dmesg").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin/dmesg").chmod(0o755)
    assert log(Root(tmp_path)) == told


PIECES = st.sampled_from([*LINES, *WORDS, "usb 1-1: new high-speed USB device number 5", "usb 1-1: USB disconnect"])


@given(st.lists(PIECES | st.text(max_size=60)).map("\n".join))
def test_any_log_is_read(told: str) -> None:
    for each in messages(told):
        assert each.driver
        found = word(each)
        assert found is None or found.means in (MISSING, DAMAGED, LOADED)
