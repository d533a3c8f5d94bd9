"""In the guest: usb_modeswitch's own rules at work, on sticks, on a modem with configurations, and on others."""

from __future__ import annotations

import time
from typing import Any

from virtual.bus import Bus
from virtual.observed import SYSFS, nodes, seen, settle, told, value, wait, wait_for, wait_for_node

AT_ONCE = ("huawei-14fe", "huawei-1f01-hilink", "usb-stick", "security-key", "arduino", "ec20-qmi")


def left_alone(bus: Bus) -> dict[str, Any]:
    """Plugged in and looked at later; nobody but the rules does anything."""
    began = time.monotonic()
    devices = {row: bus.plug(row) for row in AT_ONCE}
    stick, hilink = devices["huawei-14fe"], devices["huawei-1f01-hilink"]
    wait_for(stick, "12d1:1506", 60)
    wait_for_node(stick, "ttyUSB")
    seconds = {"plug to ttyUSB": round(time.monotonic() - began, 2)}
    wait_for(hilink, "12d1:14dc", 60)
    wait_for_node(hilink, "usb")
    wait(lambda: nodes(devices["arduino"].name) and nodes(devices["security-key"].name), "ports")
    settle()
    found = {row: {"seen": seen(device), "told": told(device)} for row, device in devices.items()}
    for device in list(bus.devices):
        bus.unplug(device)
    return {**found, "me909s": chooses(bus), "seconds": seconds}


def chooses(bus: Bus) -> dict[str, Any]:
    """Of several configurations, the rules choose the one with MBIM, whatever the kernel had chosen."""
    modem = bus.plug("me909s-120")
    wait(lambda: value(SYSFS / modem.name / "bConfigurationValue") == "3", "configuration 3", 60)
    wait_for_node(modem, "cdc-wdm")
    return {"drivers": seen(modem)["drivers"], "told": told(modem)}
