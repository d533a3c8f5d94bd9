"""Every verdict on an adapter, from what a tree shows; with the reason and the steps that are told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from backends.firmware.files import ralink, trx, xz
from peripherals.wifi.trees import (
    BCM_FILE,
    BCM_WHOLE,
    CONFIG,
    PAU_FILE,
    PAU_PACKED,
    PAU_WHOLE,
    RELEASE,
    VOLUME,
    Step,
    bcm,
    bcm_driven,
    file,
    held,
    kernel,
    loaded,
    look,
    only,
    pau,
    program,
    put,
    release_only,
    says,
    volume,
)

from hal.model import FileState, LogMeaning, WifiVerdict
from hal.peripherals.wifi.adapter import meaning
from hal.root import Root

Tree = Callable[[str], Root]
BOARD = "raspberrypi4-64"
KERNEL = kernel("brcmfmac", "rt2800usb")
BCM_LOADED = loaded("brcmfmac")
NO_ZST = file(f"{BCM_FILE}.zst", b"\x28\xb5\x2f\xfd")
ZST = CONFIG.replace("# CONFIG_FW_LOADER_COMPRESS_ZSTD is not set", "CONFIG_FW_LOADER_COMPRESS_ZSTD=y")
NO_USB = kernel(
    "brcmfmac",
    aliases="alias sdio:c*v02D0dA9A6* brcmfmac\n",
    config=CONFIG + "CONFIG_BRCMFMAC=m\nCONFIG_BRCMUTIL=m\nCONFIG_CFG80211=m\n# CONFIG_BRCMFMAC_USB is not set\n",
)
PHY = "ieee80211 phy3: rt2x00lib_request_firmware:"
ASKED = f"{PHY} Info - Loading firmware file 'rt2870.bin'"
READ = f"{PHY} Info - Firmware detected - version: 0.36"

CASES: dict[str, tuple[tuple[Step, ...], str, str, str]] = {
    "bcm works": ((KERNEL, BCM_WHOLE, bcm(works=True)), "working", "makes none without firmware", ""),
    "bcm works, file gone": ((KERNEL, bcm(works=True)), "working", f"but {BCM_FILE} is missing now", ""),
    "pau works": ((KERNEL, PAU_WHOLE, pau(up=True)), "working", "its network interface is up", ""),
    "pau works, packed": ((KERNEL, PAU_PACKED, pau(up=True)), "working", "its network interface is up", ""),
    "pau waits": ((KERNEL, PAU_WHOLE, pau()), "waiting-for-up", "when the interface is set up", "ip link set wlan2 up"),
    "pau waits, held by software": (
        (KERNEL, PAU_WHOLE, pau(), held("soft")), "waiting-for-up", "rfkill holds the radio", "rfkill unblock wifi",
    ),
    "pau waits, held by a switch": (
        (KERNEL, PAU_WHOLE, pau(), held("hard")), "waiting-for-up", "rfkill holds the radio", "or its switch",
    ),
    "pau waits after a failure": (
        (KERNEL, PAU_WHOLE, pau(), says(ASKED, "rt2800usb 1-1.3:1.0: firmware: failed to load rt2870.bin (-2)")),
        "waiting-for-up", "it was not, or not whole, when the driver asked", "ip link set wlan2 up",
    ),
    "bcm without its file": (
        (KERNEL, BCM_LOADED, bcm()), "firmware-missing", f"{BCM_FILE} is nowhere where the kernel looks",
        "packages with it: debian:firmware-brcm80211, yocto:linux-firmware-bcm43143",
    ),
    "bcm without its file, and what tries again": (
        (KERNEL, BCM_LOADED, bcm()), "firmware-missing", "", "echo 1 > /sys/bus/usb/devices/1-1.2/bConfigurationValue",
    ),
    "bcm without its file, the driver not loaded": (
        (KERNEL, bcm()), "firmware-missing", "", "modprobe brcmfmac",
    ),
    "pau without its file": ((KERNEL, pau()), "firmware-missing", PAU_FILE, "ip link set wlan2 up"),
    "no volume is in use": (
        (KERNEL, pau()), "firmware-missing", "", f"as {VOLUME}/{PAU_FILE}",
    ),
    "no volume is in use, and how it is made so": (
        (KERNEL, pau()), "firmware-missing", "", "hal config set os.kernel.extraFirmwareVol=extra-firmware",
    ),
    "a volume is in use": ((KERNEL, volume, pau()), "firmware-missing", "", f"put it to {VOLUME}/{PAU_FILE}, in"),
    "another folder is asked first": (
        (KERNEL, lambda root: put(root, "sys/module/firmware_class/parameters/path", "/opt/fw\n"), pau()),
        "firmware-missing", "", f"put it to /opt/fw/{PAU_FILE}",
    ),
    "bcm with a web page for a file": (
        (KERNEL, BCM_LOADED, file(BCM_FILE, b"<html>404</html>" * 9), bcm()),
        "firmware-damaged", f"lib/firmware/{BCM_FILE}: begins with b'<htm'", f"get a whole {BCM_FILE}",
    ),
    "bcm packed with xz as it is": (
        (KERNEL, BCM_LOADED, file(f"{BCM_FILE}.xz", xz(trx(), check=4)), bcm()),
        "firmware-damaged", "pack it with `xz --check=crc32`", "or replace lib/firmware",
    ),
    "pau with half a file": (
        (KERNEL, file(PAU_FILE, ralink(parts=1)), pau()), "firmware-damaged", "only the part for older chips", PAU_FILE,
    ),
    "damaged in front of a whole one": (
        (KERNEL, PAU_WHOLE, file(PAU_FILE, b"x" * 8192, "lib/firmware/updates"), pau()),
        "firmware-damaged", "lib/firmware/updates/rt2870.bin: part 1 of 2", "",
    ),
    "packed in a way that this kernel lacks": (
        (KERNEL, BCM_LOADED, NO_ZST, bcm()), "firmware-damaged", "does not unpack .zst files", "",
    ),
    "no driver": ((kernel(), bcm()), "driver-missing", "has no driver brcmfmac", "CONFIG_BRCMFMAC_USB"),
    "a driver without USB": (
        (NO_USB, bcm()), "driver-missing", "does not know this adapter: it was built without CONFIG_BRCMFMAC_USB",
        "a kernel that is built with CONFIG_BRCMFMAC_USB; no file",
    ),
    "a driver that is not loaded": (
        (KERNEL, BCM_WHOLE, bcm_driven(None)), "driver-not-loaded", "is there, and is not loaded", "modprobe brcmfmac",
    ),
    "the file came later": (
        (KERNEL, BCM_LOADED, BCM_WHOLE, bcm()), "reprobe-needed", "left without a configuration", "unplug it",
    ),
    "the file came later, by the log": (
        (
            KERNEL, BCM_LOADED, BCM_WHOLE, bcm(),
            says(f"brcmfmac 1-1.2:1.0: Direct firmware load for {BCM_FILE} failed with error -2"),
        ),
        "reprobe-needed", "it was not, or not whole, when the driver asked", "unplug it",
    ),
    "pau's driver came later": (
        (KERNEL, loaded("rt2800usb"), PAU_WHOLE, pau(driver=None)), "reprobe-needed", "", "unplug it",
    ),
    "rejected": (
        (
            KERNEL, PAU_WHOLE, pau(),
            says(ASKED, READ, f"{PHY} Error - Current firmware does not support detected chipset"),
        ),
        "rejected", "does not take this firmware", f"get another build of {PAU_FILE}",
    ),
    "rejected before it was plugged in again": (
        (
            KERNEL, PAU_WHOLE, pau(),
            says(
                "rt2800usb 1-1.3:1.0: Current firmware does not support detected chipset",
                "usb 1-1.3: new high-speed USB device number 6 using xhci_hcd",
            ),
        ),
        "waiting-for-up", "", "ip link set wlan2 up",
    ),
    "another driver has it": ((KERNEL, PAU_WHOLE, pau(driver="rt2870sta")), "unknown", "rt2870sta", "dmesg | grep"),
    "nothing lists the modules": ((release_only, BCM_WHOLE, bcm()), "unknown", "nothing lists the modules", "dmesg"),
    "bound, but without an interface": (
        (KERNEL, BCM_WHOLE, bcm_driven("brcmfmac")), "unknown", "has made no network interface", "dmesg",
    ),
    "a file that cannot be looked into here": (
        (kernel("brcmfmac", config=ZST), BCM_LOADED, NO_ZST, bcm()), "unknown", "cannot be looked into here", "dmesg",
    ),
    "built in, but not on the bus": (
        (kernel(built_in=("brcmfmac",)), BCM_WHOLE, bcm()), "unknown", "is built in", "dmesg",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_verdict(case: str, hal_tree: Tree) -> None:
    steps, verdict, reason, advice = CASES[case]
    found = only(look(hal_tree(BOARD), *steps))
    assert found.verdict == verdict, found
    assert reason in found.reason
    assert advice in "\n".join(found.advice)
    assert bool(found.advice) == (found.verdict is not WifiVerdict.WORKING), "a verdict says what to do"


def test_a_radio_that_is_free_is_not_said_to_be_held(hal_tree: Tree) -> None:
    found = only(look(hal_tree(BOARD), KERNEL, PAU_WHOLE, pau(), held("neither")))
    assert not found.blocked
    assert "rfkill" not in found.reason + "".join(found.advice)


def test_every_verdict_has_a_case() -> None:
    assert {case[1] for case in CASES.values()} == set(WifiVerdict)


FAMILIES = {
    "raspberrypi0-2w-64": "hal_raspberrypi",
    "beaglebone-green-gateway": "hal_beaglebone",
    "jetson-xavier": "hal_jetson",
    "jetson-agx-orin-devkit": "hal_jetson_orin",
    "generic-amd64": "hal_x86_grub",
}


@pytest.mark.parametrize("slug", FAMILIES)
def test_on_a_board_of_every_family(slug: str, hal_tree: Tree) -> None:
    """From plugging in to working: what is told is done, and the next look tells the next step."""
    root = hal_tree(slug)
    assert look(root, KERNEL).adapters == ()
    missing = look(root, BCM_LOADED, bcm(), pau(), volume)
    assert [each.verdict for each in missing.adapters] == [WifiVerdict.FIRMWARE_MISSING] * 2
    assert not missing.fine
    for each, data in zip(missing.adapters, (trx(), ralink()), strict=True):
        (target,) = re.findall(r"put it to (\S+),", "\n".join(each.advice))
        put(root, target, data)
    there = look(root)
    assert [each.verdict for each in there.adapters] == [WifiVerdict.REPROBE_NEEDED, WifiVerdict.WAITING_FOR_UP]
    works = look(root, bcm(works=True), pau(up=True))
    assert [each.verdict for each in works.adapters] == [WifiVerdict.WORKING] * 2
    assert works.fine


def test_an_adapter_without_a_configuration_is_recognised_by_its_descriptors(hal_tree: Tree) -> None:
    found = only(look(hal_tree(BOARD), KERNEL, bcm(place="2-1.4.3")))
    assert (found.place, found.identity, found.configured) == ("2-1.4.3", "0a5c:bd1e", False)
    assert found.modalias == "usb:v0A5CpBD1Ed0001dcFFdsc02dpFFicFFisc02ipFFin00"


def test_a_file_of_another_build_is_news_and_no_fault(hal_tree: Tree) -> None:
    found = only(look(hal_tree(BOARD), KERNEL, file(PAU_FILE, ralink(version=(0, 38))), pau(up=True)))
    (seen,) = found.files
    assert (seen.state, seen.known, seen.version, seen.size_bytes) == (FileState.SOUND, False, "0.38", 8192)
    assert any("here 0.38, there 0.36" in note for note in seen.notes)
    assert found.verdict is WifiVerdict.WORKING


def test_what_was_passed_over_is_told(hal_tree: Tree) -> None:
    steps = (KERNEL, PAU_WHOLE, file(PAU_FILE, b"", "lib/firmware/updates"), pau())
    (seen,) = only(look(hal_tree(BOARD), *steps)).files
    assert (seen.state, seen.file) == (FileState.SOUND, "lib/firmware/rt2870.bin")
    assert "lib/firmware/updates/rt2870.bin is passed over: empty" in seen.notes


def test_a_search_path_that_ends_in_a_line_feed_is_told(hal_tree: Tree) -> None:
    root = hal_tree(BOARD)
    put(root, "sys/module/firmware_class/parameters/path", f"{VOLUME}\n\n")
    (seen,) = only(look(root, KERNEL, file(PAU_FILE, ralink(), VOLUME), pau())).files
    assert seen.state is FileState.MISSING
    assert any("line feed" in note for note in seen.notes)


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo driver: rt2800usb; echo 'firmware-version: 0.36'", "0.36"),
        ("echo driver: rt2800usb; echo 'firmware-version: N/A'", ""),
        ("echo Cannot get driver information >&2; exit 71", ""),
        ("sleep 60", ""),
    ],
)
def test_the_version_that_the_driver_tells(
    script: str, version: str, hal_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hal.peripherals.wifi.adapter.SECONDS", 0.3 if "sleep" in script else 5)
    root = hal_tree(BOARD)
    program(root, "usr/sbin/ethtool", script)
    assert only(look(root, KERNEL, PAU_WHOLE, pau(up=True))).running == version


LOG: dict[str, LogMeaning | None] = {
    ASKED: LogMeaning.ASKED,
    READ: LogMeaning.LOADED,
    f"{PHY} Error - Firmware checksum error": LogMeaning.DAMAGED,
    f"{PHY} Error - Failed to request Firmware": LogMeaning.MISSING,
    "rt2800usb 1-1.3:1.0: firmware: direct-loading firmware rt2870.bin": LogMeaning.LOADED,
    "rt2800usb 1-1.4:1.0: firmware: failed to load rt2870.bin (-2)": None,
    "ieee80211 phy0: rt2x00lib_request_firmware: Error - Firmware checksum error": None,
    "usb 1-1.3: Product: 802.11 n WLAN": None,
    "rt2800usb: something without a device": None,
}


@pytest.mark.parametrize("line", LOG)
def test_what_the_log_says_of_an_adapter(line: str, hal_tree: Tree) -> None:
    from hal.backends.kernel_log import messages
    from hal.device import Device
    from hal.peripherals.wifi import recognise

    root = hal_tree(BOARD)
    pau()(root)
    (seen,) = recognise(root, Device.open(root).wifi_firmware)
    (message,) = messages(line)
    assert meaning(root, seen, message) is LOG[line]


def test_a_file_that_the_driver_does_without_is_no_fault(hal_tree: Tree) -> None:
    blob = "brcmfmac 1-1.2:1.0: Direct firmware load for brcm/brcmfmac43143.clm_blob failed with error -2"
    found = look(hal_tree(BOARD), KERNEL, BCM_WHOLE, bcm(works=True), says(blob))
    assert only(found).said == ()
    assert found.requests == ()


@pytest.mark.parametrize("name", ["flags", "descriptors", "idVendor", "bConfigurationValue"])
def test_an_attribute_that_is_damaged_ends_nothing(name: str, hal_tree: Tree) -> None:
    root = hal_tree(BOARD)
    look(root, KERNEL, BCM_WHOLE, bcm(), pau(up=True))
    for path in root.directory.glob(f"sys/devices/**/{name}"):
        path.write_bytes(b"\xff\xfe")
    assert all(each.verdict in WifiVerdict for each in look(root).adapters)


def test_a_look_writes_nothing(hal_tree: Tree) -> None:
    from hal.testing.cases import snapshot

    root = hal_tree(BOARD)
    look(root, KERNEL, BCM_LOADED, bcm(), pau(), volume, says(ASKED))
    before = snapshot(root)
    look(root)
    assert snapshot(root) == before
    assert f"lib/firmware/updates/{RELEASE}" in look(root).adapters[0].files[0].looked_in
