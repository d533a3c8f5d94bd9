"""Every row of the virtual devices: which driver takes which interface, and which nodes come of it.

The table is what a stock kernel of Debian 12 does with these descriptors; the script, for the guest, plugs the rows in,
several at a time, and tells what it saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from virtual.bus import Bus
from virtual.device import Device
from virtual.models import ROWS
from virtual.observed import (
    NotSeen,
    converse,
    database,
    drivers,
    identity,
    nodes,
    seen,
    serial_node,
    settle,
    told,
    wait,
)
from virtual.vhci import CONTROLLER

TOGETHER = 8
ROW_SECONDS = 40.0
CHILDREN = ("tty", "net", "block")
"""Of these, udev knows the USB device that they belong to; of `usbmisc`, `scsi_generic` and `hidraw` it does not."""
_CD, _CARD, _PORT, _ACM = "usb-storage sg sr", "usb-storage sd sg", "option ttyUSB", "cdc_acm ttyACM"
_HUAWEI_NCM, _QMI = "huawei_cdc_ncm cdc-wdm wwan", "qmi_wwan cdc-wdm wwan"
_MBIM, _RNDIS = ["cdc_mbim cdc-wdm wwan", "cdc_mbim"], ["rndis_host usb", "rndis_host"]
_ECM, _WWAN_ECM = ["cdc_ether usb", "cdc_ether"], ["cdc_ether wwan", "cdc_ether"]

EXPECTED: dict[str, list[str]] = {
    "huawei-14fe": [_CD],
    "huawei-14fe-card": [_CD, _CARD],
    "huawei-14fe-153": [_CD],
    "huawei-1f01": [_CD],
    "huawei-1f01-hilink": [_CD],
    "huawei-1506-a": [_PORT, _PORT, _HUAWEI_NCM, _CD, _CARD],
    "huawei-1506-b": [_PORT, _HUAWEI_NCM, _CD],
    "huawei-1506-c": [_PORT, _HUAWEI_NCM, _CD, _CARD],
    "huawei-1506-d": [_PORT, _QMI, "qmi_wwan", _PORT, _PORT, _CD, _CARD],
    "huawei-1506-e": [_PORT, _HUAWEI_NCM, _PORT, _PORT, _CD, _CARD],
    "huawei-1001": [_PORT] * 3,
    "huawei-1596": [_PORT] * 4,
    "huawei-14dc": [*_ECM, _CARD],
    "me909s-120": [*_WWAN_ECM, *[_PORT] * 5],
    "ec20-r1": [*["qcserial ttyUSB"] * 4, _QMI],
    "ec20-qmi": [*[_PORT] * 4, _QMI],
    "ec20-ecm": [*[_PORT] * 4, *_ECM],
    "ec20-mbim": [*[_PORT] * 4, *_MBIM],
    "ec20-rndis": [*[_PORT] * 4, *_RNDIS],
    "sim7600e-9001": [*[_PORT] * 5, _QMI, ""],
    "sim7600e-9002": [""] * 7,
    "sim7600e-9003": [*[_PORT] * 5, *_MBIM],
    "sim7600e-9011": [*_RNDIS, *[_PORT] * 5, ""],
    "sim7600e-9018": [*[""] * 5, *_ECM],
    "u-blox-1146": [*_RNDIS, _ACM, "cdc_acm"],
    "u-blox-1143": [*_WWAN_ECM, *[_ACM, "cdc_acm"] * 3],
    "u-blox-1141": [_ACM, "cdc_acm"] * 3,
    "bcm43143": [],
    "rt5572": ["rt2800usb wlan"],
    "security-key": ["usbhid hidraw", _ACM, "cdc_acm"],
    "arduino": [_ACM, "cdc_acm"],
    "usb-stick": [_CARD],
    "ftdi": ["ftdi_sio ttyUSB"],
    "cp210x": ["cp210x ttyUSB"],
    "keyboard": ["usbhid hidraw"],
}
"""By interface: its driver, and how the names of its nodes begin; empty where nothing takes it.

What has no configuration (`bcm43143` without its firmware) has no interface.
"""


def bound(device: Device) -> list[str]:
    """A device as a row of the table would have it."""
    names = nodes(device.name)
    starts = {number: sorted(set(map(_start, every))) for number, every in names.items()}
    return [" ".join([driver or "", *starts.get(number, [])]) for number, driver in drivers(device.name).items()]


def _start(node: str) -> str:
    """A node's name without its number; a disk's ends in a letter instead."""
    return "sd" if node.startswith("sd") else node.rstrip("0123456789")


def enumerate_rows(bus: Bus) -> dict[str, Any]:
    """All rows; each answers `AT` where it has a port for it."""
    found: dict[str, Any] = {}
    names = list(ROWS)
    for first in range(0, len(names), TOGETHER):
        devices = [bus.plug(name) for name in names[first : first + TOGETHER]]
        for device in devices:
            with suppress(NotSeen):  # the test says what there is instead
                wait(partial(_complete, device), device.row.name, ROW_SECONDS)
        settle()
        named = {path.rpartition("/")[2]: known for path, known in database().items() if f"/{CONTROLLER.name}/" in path}
        for device in devices:
            found[device.row.name] = _found(device, named)
        for device in devices:
            bus.unplug(device)
    return found


def _complete(device: Device) -> bool:
    """All drivers and nodes are there; what has a chip has been asked something before its driver gave up."""
    there = identity(device.name) == device.row.id and bound(device) == EXPECTED[device.row.name]
    return there and bool(device.sent or not device.row.chip)


def _found(device: Device, named: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    sent_before = told(device)
    answers = {}
    for function in ("at", "modem"):
        try:
            answers[function] = converse(serial_node(device, function), "AT")
        except NotSeen:
            continue
    names = {name for every in nodes(device.name).values() for name in every}
    children = {name: known for name, known in named.items() if name in names and known["SUBSYSTEM"] in CHILDREN}
    return {
        **seen(device, named[device.name]),
        "bound": bound(device),
        "before": sent_before,
        "told": told(device),
        "answers": answers,
        "children": children,
    }
