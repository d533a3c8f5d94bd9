"""In the guest: WiFi adapters without their firmware, then with a file of the right form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from virtual.bus import Bus
from virtual.device import Device
from virtual.firmware import brcmfmac, ralink
from virtual.observed import SYSFS, kernel_log, nodes, run, value, wait, wait_for_node

FIRMWARE = Path("/lib/firmware")
BROADCOM, RALINK = FIRMWARE / "brcm/brcmfmac43143.bin", FIRMWARE / "rt2870.bin"


def firmware(bus: Bus) -> dict[str, Any]:
    """What the kernel asks for, and what arrives in the chip."""
    for file in (BROADCOM, RALINK):
        file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True)
    return {"bcm43143": broadcom(bus), "rt5572": ralinks(bus)}


def uploaded(adapter: Device) -> bytes:
    """What the chip has of it."""
    there = adapter.enumeration
    return bytes(there.chip.firmware) if there is not None and there.chip is not None else b""


def logged(text: str) -> list[str]:
    return [line for line in kernel_log() if text in line]


def broadcom(bus: Bus) -> dict[str, Any]:
    """Without the file, the driver unconfigures the device; writing the configuration again makes it probe."""
    adapter = bus.plug("bcm43143")
    wait(lambda: logged(BROADCOM.name) and value(SYSFS / adapter.name / "bConfigurationValue") == "", "given up")
    found: dict[str, Any] = {"missing": logged(BROADCOM.name), "nodes": nodes(adapter.name), "without": check()}
    BROADCOM.write_bytes(brcmfmac())
    (SYSFS / adapter.name / "bConfigurationValue").write_text("1")
    wait(lambda: len(uploaded(adapter)) == len(brcmfmac()), "upload")
    return {**found, "whole": uploaded(adapter) == brcmfmac(), "with": check()}


def ralinks(bus: Bus) -> dict[str, Any]:
    """The device has its network interface without the file; setting it up is what fails."""
    adapter = bus.plug("rt5572")
    wait_for_node(adapter, "wlan")
    name = nodes(adapter.name, "wlan")[0][0]
    found: dict[str, Any] = {"up": run("ip", "link", "set", name, "up"), "missing": logged(RALINK.name)}
    found["none uploaded"] = len(uploaded(adapter))
    found["without"] = check()
    RALINK.write_bytes(ralink())
    run("ip", "link", "set", name, "up")
    whole = uploaded(adapter) == ralink()[4096:]
    return {**found, "detected": logged("Firmware detected"), "whole": whole, "with": check()}


def check() -> dict[str, Any]:
    """What this project says of the adapters: the exit status, and each adapter's part of the report."""
    done = run("hal", "wifi", "check", "--board", "generic-amd64", "--json")
    return {"status": done["status"], "report": json.loads(done["stdout"] or "{}"), "stderr": done["stderr"][-500:]}
