"""In the guest: each modem from plugged in to ready, by this project's own command, and what the device was sent."""

from __future__ import annotations

import json
from typing import Any

from virtual.bus import Bus
from virtual.device import Device
from virtual.observed import run, told, wait

from hal.backends.usb.present import look
from hal.root import Root

BOARD = ("--board", "generic-amd64", "--json")
STORIES: dict[str, tuple[tuple[str, ...], ...]] = {
    "huawei-14fe": ((),),
    "huawei-14fe-card": ((),),
    "huawei-14fe-153": ((),),
    "huawei-1f01": ((),),
    "huawei-1f01-hilink": ((),),
    "me909s-120": ((), ("--mode", "mbim"), ()),
    "ec20-r1": ((),),
    "ec20-qmi": ((), ("--mode", "ecm"), ("--mode", "qmi")),
    "sim7600e-9001": ((), ("--mode", "rndis"), ("--mode", "ecm"), ("--mode", "qmi")),
    "u-blox-1146": ((),),
}
"""A row, and the words of each `hal modem switch` in turn."""


def stories(bus: Bus) -> dict[str, Any]:
    return {row: _story(bus, row, turns) for row, turns in STORIES.items()}


def _story(bus: Bus, row: str, turns: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    device = bus.plug(row)
    wait(lambda: (found := look(Root("/"), device.name)) is not None and found.ready, f"{row} listed")
    found: dict[str, Any] = {"turns": []}
    for words in turns:
        first = hal("switch", device, *words)
        sent = told(device)
        second = hal("switch", device, *words)
        again = {key: value for key, value in told(device).items() if value != sent[key] and key != "log"}
        found["turns"].append({"words": words, "first": first, "second": second, "sent": sent, "again": again})
    found["info"] = hal("info", device)
    found["check"] = hal("check", device)
    found["list"] = hal("list", None)
    bus.unplug(device)
    return found


def hal(noun: str, device: Device | None, *words: str) -> dict[str, Any]:
    """One command: its status, its JSON, and how long it took."""
    place = () if device is None else (device.name,)
    done = run("hal", "modem", noun, *place, *words, *BOARD)
    text = done["stdout"] or done["stderr"]
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {"text": text, "stderr": done["stderr"]}
    return {"status": done["status"], "answer": answer, "seconds": done["seconds"]}
