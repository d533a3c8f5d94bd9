"""In the guest: modems that come back in another composition, by AT commands, by configuration; and new_id."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from virtual.bus import Bus
from virtual.device import Device, Faults
from virtual.observed import (
    SYSFS,
    converse,
    identity,
    nodes,
    run,
    seen,
    serial_node,
    settle,
    told,
    value,
    wait,
    wait_for,
    wait_for_node,
)

from lab.usb_rows import EXPECTED, bound

SOCKET = "/run/virtual-usb"
NEW_ID = Path("/sys/bus/usb-serial/drivers/option1/new_id")
CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "ec20-qmi": (('AT+QCFG="usbnet",1', "AT+CFUN=1,1"), "ec20-ecm"),
    "sim7600e-9001": (("AT+CUSBPIDSWITCH=9011,1,1",), "sim7600e-9011"),
    "u-blox-1146": (('AT+UUSBCONF=2,"ECM"', "AT+CFUN=1,1"), "u-blox-1143"),
}
"""A row, what it is told on its AT port, and the row that it is then."""


def changes(bus: Bus) -> dict[str, Any]:
    """All at once, then what each says of itself; and a modem whose driver has to be told of it."""
    modems = {row: bus.plug(row) for row in CHANGES}
    for row, modem in modems.items():
        wait_bound(modem, row)
    answers = {row: [converse(serial_node(modems[row]), line) for line in lines] for row, (lines, _) in CHANGES.items()}
    for row, (_, after) in CHANGES.items():
        wait_bound(modems[row], after)
    greeted = {row: converse(serial_node(modem), "AT") for row, modem in modems.items()}
    found = {
        row: {"answers": answers[row], "greeted": greeted[row], "bound": bound(modem), "told": told(modem)}
        for row, modem in modems.items()
    }
    found |= {"me909s": configurations(bus), "9002": unknown_to_option(bus), "late": late(bus)}
    for device in list(bus.devices):
        bus.unplug(device)
    return found | {"program": in_the_background()}


def in_the_background() -> list[dict[str, Any]]:
    """The bus as a program of its own, asked from a shell."""
    requests: tuple[dict[str, Any], ...] = (
        {"do": "rows"},
        {"do": "plug", "row": "arduino", "port": 3},
        {"do": "plug", "row": "arduino", "port": 3},
        {"do": "told", "port": 3},
        {"do": "told", "port": 4},
        {"do": "unplug", "port": 3},
        {"do": "jump"},
        {"do": "quit"},
    )
    program = (sys.executable, "-m", "virtual.usb")
    with subprocess.Popen([*program, "serve", SOCKET]) as served:
        try:
            answers = [run(*program, "ask", SOCKET, json.dumps(request)) for request in requests]
            served.wait(30)
        finally:
            served.kill()
    return [{"status": answer["status"], **json.loads(answer["stdout"])} for answer in answers]


def wait_bound(modem: Device, row: str) -> None:
    """Until it is this row with everything that belongs to it."""
    wait(lambda: modem.row.name == row and bound(modem) == EXPECTED[row], f"{modem.name} as {row}")
    settle()


def configurations(bus: Bus) -> dict[str, Any]:
    """One device, three sets of interfaces: sysfs selects."""
    modem = bus.plug("me909s-120")
    wait_bound(modem, "me909s-120")
    found: dict[str, Any] = {"kernel's choice": value(SYSFS / modem.name / "bConfigurationValue")}
    for chosen, node in (("3", "cdc-wdm"), ("1", "ttyUSB"), ("2", "ttyUSB")):
        (SYSFS / modem.name / "bConfigurationValue").write_text(chosen)
        wait_for_node(modem, node)
        found[chosen] = seen(modem)["drivers"]
        if chosen != "3":
            found[f"{chosen} says"] = converse(serial_node(modem), "AT+CGMM")
    return {**found, "id": identity(modem.name)}


def unknown_to_option(bus: Bus) -> dict[str, Any]:
    """A product id that no driver has, until it is added."""
    modem = bus.plug("sim7600e-9002")
    wait_for(modem, "1e0e:9002")
    before = seen(modem)["nodes"]
    NEW_ID.write_text("1e0e 9002")
    wait(lambda: len(nodes(modem.name, "ttyUSB")) >= 5, "ports")
    settle()
    return {"before": before, "ports": sorted(nodes(modem.name, "ttyUSB")), "says": converse(serial_node(modem), "AT")}


def late(bus: Bus) -> dict[str, Any]:
    """An answer that takes its time, one that never comes, and a modem pulled out in the middle of a command."""
    slow, mute, gone = (
        bus.plug("huawei-1001", faults=Faults(late_seconds=1.5)),
        bus.plug("huawei-1001"),
        bus.plug("huawei-1001", faults=Faults(unplugged_at="at")),
    )
    for modem in (slow, mute, gone):
        wait_for_node(modem, "ttyUSB")
    wait(lambda: all(len(nodes(modem.name, "ttyUSB")) == 3 for modem in (slow, mute, gone)), "ports")
    assert mute.modem is not None
    mute.modem.faults.silent = {"*"}
    found = {"early": converse(serial_node(slow), "AT", 0.5)}
    found |= {"late": converse(serial_node(slow), "AT", 10), "mute": converse(serial_node(mute), "AT", 1)}
    try:
        found["gone"] = converse(serial_node(gone), "AT", 5)
    except OSError as error:
        found["gone"] = errno.errorcode[error.errno or 0]
    wait(partial(lambda each: identity(each.name) is None, gone), "gone")
    return found
