"""R39: firmware that a driver asked for in vain, named from the kernel's message; whichever device it was for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peripherals.wifi.trees import (
    PAU_FILE,
    VOLUME,
    Step,
    bcm,
    file,
    kernel,
    look,
    pau,
    put,
    says,
    stick,
    volume,
)

from hal.backends.kernel_log import messages
from hal.peripherals.wifi.requests import requests
from hal.root import Root

Tree = Callable[[str], Root]
BOARD = "raspberrypi4-64"
KERNEL = kernel("brcmfmac", "rt2800usb", "r8712u", "btusb")
ISSUE = "r8712u 1-1.4:1.0: Direct firmware load for rtlwifi/rtl8712u.bin failed with error -2"
NEWER = [
    f"iwlwifi 0000:02:00.0: Direct firmware load for iwlwifi-7265D-{n}.ucode failed with error -2" for n in (13, 12)
]
LOADED = "iwlwifi 0000:02:00.0: loaded firmware version 23.15.10.0 op_mode iwlmvm"


def test_r39_the_missing_file_is_named_from_the_kernel_s_message(hal_tree: Tree) -> None:
    """The adapter of meta-balena 1511: no row knows it, and still the file, the device and the place are told."""
    found = look(hal_tree(BOARD), KERNEL, stick, volume, says(ISSUE))
    assert found.adapters == ()
    (wanted,) = found.requests
    assert (wanted.driver, wanted.device, wanted.files) == ("r8712u", "1-1.4:1.0", ("rtlwifi/rtl8712u.bin",))
    assert wanted.product == "Realtek RTL8191S WLAN Adapter 0bda:8172"
    assert (wanted.wifi, wanted.there_now, found.fine) == (True, False, False)
    assert wanted.advice == (
        "get the file rtlwifi/rtl8712u.bin: linux-firmware is where such files are kept",
        f"put it to {VOLUME}/rtlwifi/rtl8712u.bin, in the extra firmware volume (os.kernel.extraFirmwareVol)",
        "unplug it and plug it in again",
    )


def test_r39_once_the_file_is_there_only_the_plugging_is_left(hal_tree: Tree) -> None:
    found = look(hal_tree(BOARD), KERNEL, stick, says(ISSUE), file("rtlwifi/rtl8712u.bin", b"firmware"))
    (wanted,) = found.requests
    assert (wanted.there_now, found.fine) == (True, True)
    assert wanted.advice == ("unplug it and plug it in again",)


CASES: dict[str, tuple[tuple[Step, ...], tuple[tuple[str, ...], ...], bool]] = {
    "nothing was asked": ((says("usb 1-1.4: Product: x"),), (), True),
    "asked twice, in two words": (
        (stick, says("r8712u 1-1.4:1.0: firmware: failed to load a.bin (-2)", ISSUE.replace("rtlwifi/rtl8712u", "a"))),
        (("a.bin",),), False,
    ),
    "newest first, and an older one was there": ((says(*NEWER, LOADED),), (), True),
    "newest first, and none was there": (
        (says(*NEWER),), (("iwlwifi-7265D-13.ucode", "iwlwifi-7265D-12.ucode"),), True,
    ),
    "there in the end": ((stick, says(ISSUE, "r8712u 1-1.4:1.0: firmware: direct-loading firmware x")), (), True),
    "unplugged since": ((says(ISSUE),), (), True),
    "plugged in anew since": (
        (stick, says(ISSUE, "usb 1-1.4: new high-speed USB device number 7 using xhci_hcd")), (), True,
    ),
    "not for WiFi": (
        (stick, says("btusb 1-1.4:1.0: Direct firmware load for rtl_bt/x.bin failed with error -2")),
        (("rtl_bt/x.bin",),), True,
    ),
    "for what is on no bus": (
        (says("bluetooth hci0: Direct firmware load for rtl_bt/x.bin failed with error -2"),),
        (("rtl_bt/x.bin",),), True,
    ),
    "the regulatory database, which has a line of its own": (
        (says("platform regulatory.0: Direct firmware load for regulatory.db failed with error -2"),), (), True,
    ),
    "an adapter that a row knows": (
        (pau(), file(PAU_FILE, b""), says("rt2800usb 1-1.3:1.0: firmware: failed to load rt2870.bin (-2)")), (), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_was_asked_in_vain(case: str, hal_tree: Tree) -> None:
    steps, files, fine = CASES[case]
    found = look(hal_tree(BOARD), KERNEL, *steps)
    assert tuple(each.files for each in found.requests) == files
    assert found.fine is fine


@pytest.mark.parametrize(("address", "here"), [("0000:02:00.0", True), ("0000:03:00.0", False)])
def test_a_card_that_is_gone_is_not_told(address: str, here: bool, hal_tree: Tree) -> None:
    root = hal_tree("generic-amd64")
    put(root, "sys/bus/pci/devices/0000:02:00.0/vendor", "0x8086\n")
    told = f"iwlwifi {address}: Direct firmware load for iwlwifi-7265D-13.ucode failed with error -2"
    assert bool(look(root, KERNEL, says(told)).requests) is here


def test_without_lists_of_modules_nobody_knows_whether_it_is_for_wifi(hal_tree: Tree) -> None:
    (wanted,) = look(hal_tree(BOARD), stick, says(ISSUE)).requests
    assert wanted.wifi is None


def test_the_packages_of_a_row_with_that_file(hal_tree: Tree) -> None:
    """Another adapter with the same chip family asks for a file that a row names."""
    told = "rt2800usb 1-1.4:1.0: Direct firmware load for rt2870.bin failed with error -2"
    (wanted,) = look(hal_tree(BOARD), KERNEL, stick, pau(), bcm(), says(told)).requests
    assert wanted.advice[0] == (
        "get the file rt2870.bin; packages with it: debian:firmware-misc-nonfree, yocto:linux-firmware-ralink"
    )


AGAIN: dict[str, tuple[str, str]] = {
    "on USB": (ISSUE, "unplug it and plug it in again"),
    "a module": (
        "btusb mmc1:0001:1: Direct firmware load for x failed with error -2",
        "modprobe -r btusb; modprobe btusb",
    ),
    "built in": ("rt2800usb phy9: Direct firmware load for x failed with error -2", "reboot"),
    "a class, no driver": ("bluetooth hci0: Direct firmware load for x failed with error -2", "reboot"),
}


@pytest.mark.parametrize("case", AGAIN)
def test_what_makes_a_driver_ask_again(case: str, hal_tree: Tree) -> None:
    told, advice = AGAIN[case]
    (wanted,) = look(hal_tree(BOARD), kernel("btusb", "r8712u", built_in=("rt2800usb",)), stick, says(told)).requests
    assert advice in wanted.advice[-1]


def test_without_a_log_nothing_is_told_and_that_is_said(hal_tree: Tree) -> None:
    found = look(hal_tree(BOARD), KERNEL, stick)
    assert (found.requests, found.log_seen) == ((), False)
    assert look(hal_tree(BOARD), KERNEL, stick, log=ISSUE).log_seen


@given(told=st.lists(st.sampled_from([ISSUE, *NEWER, LOADED]) | st.text(max_size=80)).map("\n".join))
def test_any_log_is_judged(told: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    for each in requests(Root(tmp_path_factory.getbasetemp()), (), (), messages(told)):
        assert each.files
        assert each.advice
