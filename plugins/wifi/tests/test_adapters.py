"""The WiFi adapter table and what pyproject.toml announces for it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import hal_wifi
import pluggy
import pytest
from hal_wifi.adapters import ADAPTERS

from hal import hookspecs
from hal.model import DeviceType, FirmwareFile, LogMeaning, WifiFirmware
from hal.stdlib import read_toml

PYPROJECT = read_toml((Path(__file__).parents[1] / "pyproject.toml").read_text())
ANNOUNCED: dict[str, str] = PYPROJECT["project"]["entry-points"]["hal"]
FILES = tuple(file for adapter in ADAPTERS for file in adapter.files)

MODALIASES = {
    "bcm43143": ("usb:v0A5CpBD1Ed0001dcFFdsc02dpFFicFFisc02ipFFin00", "brcmfmac"),
    "bcm43143 without firmware: no interface": ("usb:v0A5CpBD1Ed0001dcFFdsc02dpFF", "brcmfmac"),
    "PAU09": ("usb:v148Fp5572d0101dc00dsc00dp00icFFiscFFipFFin00", "rt2800usb"),
}

UNRELATED = {
    "root hub": "usb:v1D6Bp0002d0601dc09dsc00dp01ic09isc00ip00in00",
    "Broadcom 43236, same driver": "usb:v0A5CpBD17d0001dcFFdsc02dpFFicFFisc02ipFFin00",
    "Broadcom with firmware running": "usb:v0A5Cp0BDCd0001dcFFdsc02dpFFicFFisc02ipFFin00",
    "Broadcom Bluetooth, same vendor": "usb:v0A5Cp21E8d0112dcFFdsc01dp01icFFisc01ip01in00",
    "Ralink RT3070, same file": "usb:v148Fp3070d0101dc00dsc00dp00icFFiscFFipFFin00",
    "Ralink RT5370, same vendor": "usb:v148Fp5370d0101dc00dsc00dp00icFFiscFFipFFin00",
    "Realtek WiFi": "usb:v0BDAp8176d0200dc00dsc00dp00icFFiscFFipFFin00",
    "Huawei storage mode": "usb:v12D1p14FEd0102dc00dsc00dp00ic08isc06ip50in00",
    "a WiFi chip on SDIO": "sdio:c00v02D0dA9A6",
    "a device tree": "of:N(null)T(null)Craspberrypi,4-model-bCbrcm,bcm2711",
}


def _matches(modalias: str) -> list[str]:
    return [pattern for pattern in ANNOUNCED if fnmatchcase(modalias, pattern)]


def test_announced_is_what_the_table_holds() -> None:
    in_table = [pattern for adapter in ADAPTERS for pattern in adapter.modaliases]
    assert sorted(ANNOUNCED) == sorted(in_table)
    assert set(ANNOUNCED.values()) == {"hal_wifi"}


@pytest.mark.parametrize("pattern", ANNOUNCED)
def test_announcement_names_one_product_never_a_whole_vendor(pattern: str) -> None:
    assert re.fullmatch(r"usb:v[0-9A-F]{4}p[0-9A-F]{4}\*", pattern)


@pytest.mark.parametrize(("modalias", "driver"), MODALIASES.values(), ids=MODALIASES)
def test_real_modalias_leads_to_one_adapter(modalias: str, driver: str) -> None:
    (pattern,) = _matches(modalias)
    (adapter,) = (adapter for adapter in ADAPTERS if pattern in adapter.modaliases)
    assert adapter.driver == driver


@pytest.mark.parametrize("modalias", UNRELATED.values(), ids=UNRELATED)
def test_unrelated_device_is_not_matched(modalias: str) -> None:
    assert _matches(modalias) == []


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: str(adapter.driver))
def test_row_is_sound(adapter: WifiFirmware) -> None:
    assert adapter.files
    assert adapter.missing_symptom
    assert adapter.sources
    assert set(adapter.bands_ghz) <= {"2.4", "5"}
    assert adapter.loaded_at is not None
    assert "CFG80211" in adapter.kernel_symbols
    assert not {file.name for file in adapter.files} & set(adapter.optional_files)


LINES: dict[str, tuple[str, LogMeaning | None]] = {
    "brcmf_fw_alloc_request: using brcm/brcmfmac43143 for chip BCM43143/2": ("brcmfmac", LogMeaning.ASKED),
    "brcmf_c_preinit_dcmds: Firmware: BCM43143/2 wl0: Apr  3 2014 04:43:32 version 6.10.198.66 FWID 01-32bd010e": (
        "brcmfmac", LogMeaning.LOADED,
    ),
    "brcmf_usb_probe_phase2: invalid firmware": ("brcmfmac", LogMeaning.DAMAGED),
    "brcmf_c_preinit_dcmds: Firmware: BCM4345/6 wl0: Jul 29 2022 version 7.45.250": ("brcmfmac", None),
    "brcmf_fw_alloc_request: using brcm/brcmfmac43455-sdio for chip BCM4345/6": ("brcmfmac", None),
    "rt2x00lib_request_firmware: Info - Loading firmware file 'rt2870.bin'": ("rt2800usb", LogMeaning.ASKED),
    "rt2x00lib_request_firmware: Info - Firmware detected - version: 0.36": ("rt2800usb", LogMeaning.LOADED),
    "rt2x00lib_request_firmware: Error - Failed to request Firmware": ("rt2800usb", LogMeaning.MISSING),
    "rt2x00lib_request_firmware: Error - Firmware checksum error": ("rt2800usb", LogMeaning.DAMAGED),
    "rt2x00lib_request_firmware: Error - Invalid firmware file length (len=4096)": ("rt2800usb", LogMeaning.DAMAGED),
    "rt2x00lib_request_firmware: Error - Current firmware does not support detected chipset": (
        "rt2800usb", LogMeaning.REJECTED,
    ),
    "rt2x00usb_watchdog_tx_dma: Warning - TX queue 2 DMA timed out": ("rt2800usb", None),
}  # fmt: skip
"""Messages of the drivers, some of them about a chip that is soldered to the board and has the same driver."""


@pytest.mark.parametrize("line", LINES)
def test_what_the_drivers_say(line: str) -> None:
    driver, means = LINES[line]
    (adapter,) = (adapter for adapter in ADAPTERS if adapter.driver == driver)
    assert next((text.means for text in adapter.log_texts if text.text in line), None) is means


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_firmware_file_is_sound(file: FirmwareFile) -> None:
    assert not file.name.startswith(("/", "lib/"))
    assert not file.name.endswith((".xz", ".zst")), "the name of the uncompressed file"
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "")
    assert file.size_bytes
    assert {package.partition(":")[0] for package in file.packages} == {"debian", "yocto"}
    assert file.form is not None
    assert file.version
    assert all(package.endswith("-license") for package in file.license_packages)


def test_hook_answers_with_the_table() -> None:
    manager = pluggy.PluginManager("hal")
    manager.add_hookspecs(hookspecs)
    manager.register(hal_wifi)
    manager.check_pending()
    assert manager.hook.hal_wifi_firmware(device_type=DeviceType(slug="any-board", name="Any")) == [ADAPTERS]
