"""In the guest: sticks that leave storage mode by the real usb_modeswitch, by SCSI, by eject, and ones that do not."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from virtual.bus import Bus
from virtual.device import Device, Faults
from virtual.observed import identity, nodes, run, seen, settle, told, wait, wait_for, wait_for_node
from virtual.scsi import eject, send

NEW_MODE = "55534243123456780000000000000011062000000101000100000000000000"
WRONG = "55534243123456780000000000000011065000000101000100000000000000"
BLOCK = bytes.fromhex(NEW_MODE)[15:31]
STAYS_SECONDS = 3.0
BURST = 8
FAULTY: dict[str, dict[str, Any]] = {
    "refused": {"refuse_message": True},
    "stalled": {"stall_message": True},
    "ignored": {"ignore_message": True},
    "never back": {"never_back": True},
    "back unchanged": {"back_unchanged": 1},
    "gone before the status": {"unplugged_at": "message"},
    "gone after the status": {"unplugged_at": "status"},
    "gone when back": {"unplugged_at": "back"},
    "gone when configured": {"unplugged_at": "configured"},
}


def switches(bus: Bus) -> dict[str, Any]:
    """One way after the other, each with sticks of its own."""
    ways = {"program": by_program, "wrong": wrong_message, "scsi": by_scsi, "burst": burst, "faults": faults}
    found = {}
    for name, way in ways.items():
        found[name] = way(bus)
        for device in list(bus.devices):
            bus.unplug(device)
    return found


def modeswitch(message: str, seconds: int) -> dict[str, Any]:
    """The program as an administrator runs it. It ends with 0 whether the device switched or not."""
    ids = ("-v", "12d1", "-p", "14fe", "-V", "12d1", "-P", "1506")
    return run("usb_modeswitch", *ids, "-M", message, "-s", str(seconds))


def drive(stick: Device) -> str:
    """Its CD drive."""
    return f"/dev/{nodes(stick.name, 'sr')[0][0]}"


def _after(device: Device) -> dict[str, Any]:
    return {"seen": seen(device), "told": told(device)}


def by_program(bus: Bus) -> dict[str, Any]:
    """The message of the data package."""
    plugged = time.monotonic()
    stick = bus.plug("huawei-14fe")
    wait_for_node(stick, "sr")
    began = time.monotonic()
    done = modeswitch(NEW_MODE, 10)
    wait_for_node(stick, "ttyUSB")
    times = {"plug to sr": round(began - plugged, 2), "message to ttyUSB": round(time.monotonic() - began, 2)}
    return {"done": done, "seconds": times, **_after(stick)}


def wrong_message(bus: Bus) -> dict[str, Any]:
    """One for a system that the stick does not know."""
    stick = bus.plug("huawei-14fe")
    wait_for_node(stick, "sr")
    return {"done": modeswitch(WRONG, 2), **_after(stick)}


def by_scsi(bus: Bus) -> dict[str, Any]:
    """At once: a command block through the kernel's driver, ejects, and a twin that nothing was sent to.

    Nothing but their ports tells the sticks apart.
    """
    sticks = {
        "twin": bus.plug("huawei-14fe"),
        "block": bus.plug("huawei-14fe"),
        "block with card": bus.plug("huawei-14fe-card"),
        "eject": bus.plug("huawei-14fe", ejected_to="huawei-1506-b"),
        "eject in vain": bus.plug("huawei-14fe"),
    }
    for stick in sticks.values():
        wait_for_node(stick, "sr")
    answers = {}
    for name, stick in sticks.items():
        if name.startswith("block"):
            answers[name] = send(drive(stick), BLOCK)
        elif name.startswith("eject"):
            answers[name] = eject(drive(stick))
    for name in ("block", "block with card", "eject"):
        wait_for(sticks[name], "12d1:1506")
        wait_for_node(sticks[name], "ttyUSB")
    return {name: {"answer": answers.get(name), **_after(stick)} for name, stick in sticks.items()}


def burst(bus: Bus) -> dict[str, Any]:
    """In and out faster than udev works; the last one stays, whole."""
    for _ in range(BURST):
        bus.unplug(bus.plug("huawei-14fe", port=0))
        brief = bus.plug("ec20-qmi", port=0)
        wait(partial(configured, brief), "configured")
        bus.unplug(brief)
    last = bus.plug("ec20-qmi", port=0)
    wait(lambda: len(nodes(last.name, "ttyUSB")) == 4, "four ports")
    wait_for_node(last, "cdc-wdm")
    return _after(last)


def configured(device: Device) -> bool:
    """The kernel has got as far as that."""
    return device.log[-1][1] == "configured"


def faults(bus: Bus) -> dict[str, Any]:
    """All sticks at once, each with a fault of its own: what the kernel has of them a while after the message."""
    sticks = {name: bus.plug("huawei-14fe", faults=Faults(**how)) for name, how in FAULTY.items()}
    answers = {}
    for name, stick in sticks.items():
        if stick.faults.unplugged_at != "configured":
            wait_for_node(stick, "sr")
            answers[name] = send(drive(stick), BLOCK)
    time.sleep(STAYS_SECONDS)
    for name, stick in sticks.items():
        if name.startswith(("gone", "never")):
            wait(partial(lambda each: identity(each.name) is None, stick), f"{name}: gone")
    settle()
    return {
        name: {"answer": answers.get(name), "id": identity(stick.name), "told": told(stick)}
        for name, stick in sticks.items()
    }
