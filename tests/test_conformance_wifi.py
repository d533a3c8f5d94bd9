"""The conformance suite on WiFi rows: a sound add-on passes, and one with one thing wrong fails where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from suite import failures

import hal

if TYPE_CHECKING:
    from tests.conftest import Site

SUITE = Path(hal.__file__).parent / "testing/test_wifi_firmware.py"
MATCH = "test_a_row_can_match_and_says_what_it_is"
FILES = "test_a_file_can_be_found_and_compared"
PLUGGED = "test_an_adapter_that_is_plugged_in_is_recognised_and_its_files_are_asked_for"
ANNOUNCED = "test_an_add_on_is_announced_for_every_row"
TWICE = "test_no_two_rows_fit_one_adapter"
ROW = """
from hal import hookimpl
from hal.model import FirmwareFile, FirmwareTime, LogMeaning, LogText, WifiFirmware

ROW = WifiFirmware(
    name="Acme stick",
    modaliases=("usb:v0BDAp8172*",),
    driver="r8712u",
    files=(FirmwareFile(name="rtlwifi/rtl8712u.bin", packages=("debian:firmware-realtek",)),),
    loaded_at=FirmwareTime.FIRST_UP,
    kernel_symbols=("R8712U",),
    log_texts=(LogText(text="r8712u: Loading firmware", means=LogMeaning.ASKED),),
    bands_ghz=("2.4",),
    missing_symptom="no network interface",
    sources=("meta-balena 1511",),
)


@hookimpl
def hal_wifi_firmware() -> tuple[WifiFirmware, ...]:
    return (ROW,)
"""
WRONG: dict[str, tuple[str, str, set[str]]] = {
    "sound": ("", "", set()),
    "small letters in the id": ('"usb:v0BDAp8172*"', '"usb:v0bdap8172*"', {MATCH, PLUGGED, ANNOUNCED}),
    "a whole vendor": ('"usb:v0BDAp8172*"', '"usb:v0BDA*"', {MATCH, PLUGGED, ANNOUNCED}),
    "an id that is not announced": ('"usb:v0BDAp8172*"', '"usb:v0BDAp8179*"', {ANNOUNCED}),
    "packed": ("rtl8712u.bin", "rtl8712u.bin.xz", {FILES}),
    "with its folder": ('"rtlwifi/', '"lib/firmware/rtlwifi/', {FILES}),
    "absolute": ('"rtlwifi/', '"/rtlwifi/', {FILES}),
    "upwards": ('"rtlwifi/', '"../rtlwifi/', {FILES}),
    "no package": ('("debian:firmware-realtek",)', "()", {FILES}),
    "a package of nowhere": ('"debian:firmware-realtek"', '"firmware-realtek"', {FILES}),
    "a sum that is none": ("packages=", 'sha256="A0", packages=', {FILES}),
    "no bytes": ("packages=", "size_bytes=0, packages=", {FILES}),
    "no files": ("files=(FirmwareFile(name=", "files=() and (FirmwareFile(name=", {MATCH, PLUGGED}),
    "no source": ('("meta-balena 1511",)', "()", {MATCH}),
    "an option with its prefix": ('"R8712U"', '"CONFIG_R8712U"', {MATCH}),
    "a text that is everywhere": ('"r8712u: Loading firmware"', '"rtl"', {MATCH}),
    "a band of nowhere": ('"2.4"', '"2400"', {MATCH}),
    "twice": ("return (ROW,)", 'return (ROW, WifiFirmware(**{**A, "name": "other"}))', {TWICE, PLUGGED}),
}


def test_the_suite(site: Site, tmp_path: Path) -> None:
    """All of them at once, each a plugin of its own."""
    expected: set[tuple[str, str]] = set()
    chosen: list[str] = []
    for number, (old, new, failing) in enumerate(WRONG.values()):
        source = ROW.replace(old, new) if old else ROW
        assert (source != ROW) == bool(old)
        source = source.replace("**A,", "**{a.name: getattr(ROW, a.name) for a in ROW.__attrs_attrs__},")
        module = f"hal_acme_wifi_{number}"
        site.install(module, source, "usb:v0BDAp8172*")
        expected |= {(test, module) for test in failing}
        chosen.append(module)
    failed, printed = failures(site, tmp_path, SUITE, chosen)
    cases = dict(zip(chosen, WRONG, strict=True))
    assert failed == expected, {(cases[module], test) for test, module in failed ^ expected}
    assert f"{5 * len(WRONG) - len(expected)} passed" in printed
