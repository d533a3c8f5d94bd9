"""Firmware that drivers of other devices asked for in vain, by the kernel's log: the file named, the device named.

A driver may ask for several files, newest first, and be content with any: what it was given in the end counts. Only
devices that are still here are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hal.backends.firmware.search import search
from hal.backends.kernel_log import Message, belongs, word
from hal.backends.kernel_modules import driver as look_up
from hal.backends.regulatory import DATABASE, SIGNATURE
from hal.backends.usb.present import present
from hal.model import FirmwareRequest, LogMeaning, UsbDevice, WifiFirmware
from hal.peripherals.wifi.advice import packages, place
from hal.peripherals.wifi.recognise import Seen
from hal.root import Root

_WIFI = re.compile(
    r"drivers/net/wireless/|drivers/staging/(?:rtl8712|rtl8723bs|rtl8192[eu]|r?t?l?8188eu|vt665[56]|wlan-ng|wfx|ks7010)/"
)
"""Where the kernel's source keeps WiFi drivers; some are in its staging folder."""
_USB_PLACE = re.compile(r"\d+-\d+(?:\.\d+)*")
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def requests(
    root: Root, here: Iterable[Seen], rows: Iterable[WifiFirmware], said: tuple[Message, ...]
) -> tuple[FirmwareRequest, ...]:
    """One for each device and driver, in the order of the log."""
    known = [seen.device.name for seen in here]
    rest = [each for each in said if each.device and not any(belongs(each, place) for place in known)]
    wanting: dict[tuple[str, str], dict[str, None]] = {}
    for message in rest:
        found = word(message)
        if found is None or found.file in (DATABASE, SIGNATURE):
            continue
        if found.means is LogMeaning.LOADED:
            wanting.pop((message.driver, message.device), None)
        elif found.means is LogMeaning.MISSING:
            wanting.setdefault((message.driver, message.device), {})[found.file] = None
    usb = {each.name: each for each in present(root)}
    listed = tuple(rows)
    return tuple(
        _request(root, driver, device, tuple(files), usb.get(_place(device)), listed)
        for (driver, device), files in wanting.items()
        if _here(root, device, usb)
    )


def _request(
    root: Root, driver: str, device: str, files: tuple[str, ...], usb: UsbDevice | None, rows: tuple[WifiFirmware, ...]
) -> FirmwareRequest:
    there = any(search(root, file).taken is not None for file in files)
    product = "" if usb is None else " ".join(filter(None, (usb.manufacturer, usb.product, usb.identity)))
    return FirmwareRequest(
        driver=driver,
        device=device,
        product=product,
        files=files,
        there_now=there,
        wifi=_is_wifi(root, driver),
        advice=tuple(_advice(root, driver, files, there, usb, rows)),
    )


def _advice(
    root: Root, driver: str, files: tuple[str, ...], there: bool, usb: UsbDevice | None, rows: tuple[WifiFirmware, ...]
) -> Iterator[str]:
    found = look_up(root, driver)
    if usb is not None:
        again = "unplug it and plug it in again"
    elif found.path is not None and not found.built_in:
        again = f"load the driver anew: modprobe -r {driver}; modprobe {driver}"
    else:
        again = "reboot, so that its driver asks again"
    if not there:
        carrying = [package for row in rows for file in row.files if file.name in files for package in file.packages]
        yield f"get the file {files[0]}{packages(carrying) or ': linux-firmware is where such files are kept'}"
        yield from place(root, files[0])
    yield again


def _is_wifi(root: Root, driver: str) -> bool | None:
    """By where the kernel's source has the driver; a driver that no list has may be anything."""
    found = look_up(root, driver)
    return None if found.path is None else bool(_WIFI.search(found.path))


def _here(root: Root, device: str, usb: Iterable[str]) -> bool:
    """Whether the device is still here. What is on neither bus (a radio, a Bluetooth interface) is taken to be."""
    if _USB_PLACE.fullmatch(_place(device)):
        return _place(device) in usb
    if _PCI.fullmatch(device) and root.is_dir("sys/bus/pci/devices"):
        return root.exists(f"sys/bus/pci/devices/{device}")
    return True


def _place(device: str) -> str:
    """`1-1.2` of `1-1.2:1.0`."""
    return device.partition(":")[0] if _USB_PLACE.match(device) else device
