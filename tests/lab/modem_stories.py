"""In the guest: modems from plugged in to ready, by this project, and what each device was sent.

One `hal modem watch` runs all the time, as a service would. What it does not do by itself, modes that somebody wants,
is done in this process by the same job that the command line uses.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

from virtual.bus import Bus
from virtual.device import Device, Faults
from virtual.observed import properties, run, settle, told, wait

from hal.backends.usb.present import look
from hal.document import plain
from hal.errors import HalError
from hal.model import ModemMode, ModemModel
from hal.peripherals.modem import here, talk
from hal.peripherals.modem.check import check, strength
from hal.peripherals.modem.job import Brought
from hal.root import Root

ROOT = Root("/")
HAL = str(Path(sys.executable).with_name("hal"))
BOARD = ("--board", "generic-amd64", "--json")
WATCH_SECONDS = 90.0
OUTPUT = Path("/run/watch.out")

AUTOMATIC = (
    "huawei-14fe",
    "huawei-14fe-card",
    "huawei-14fe-153",
    "huawei-1f01",
    "huawei-1f01-hilink",
    "huawei-1001",
    "me909s-120",
    "ec20-r1",
    "ec20-qmi",
    "sim7600e-9001",
    "u-blox-1146",
)
"""What is plugged in while the watch runs; nobody does anything else."""
BYSTANDERS = ("security-key", "arduino", "usb-stick", "ftdi", "cp210x", "keyboard")


def plugins() -> dict[str, tuple[ModemModel, ...]]:
    from hal_modems.models import MODEMS

    return {"hal_modems": MODEMS}


# -- with no human step ------------------------------------------------------------------------------------------------


def automatic(bus: Bus) -> dict[str, Any]:
    """Everything is plugged in, two of one kind among them; then what became of each, and a second run."""
    with OUTPUT.open("w") as output:
        watch = subprocess.Popen([HAL, "modem", "watch", *BOARD], stdout=output, stderr=subprocess.PIPE)
        try:
            found = {row: _automatic(bus, row) for row in AUTOMATIC}
            found["twins"] = _twins(bus)
            bystanders = [bus.plug(row) for row in BYSTANDERS]
            wait(lambda: all(_ready(each) for each in bystanders), "bystanders listed")
            time.sleep(3)  # a watch that would touch them has time to
            found["bystanders"] = {device.row.name: told(device) for device in bystanders}
            for device in bystanders:
                bus.unplug(device)
        finally:
            watch.terminate()
            ended = watch.wait(20)
    assert watch.stderr is not None
    return {"found": found, "status": ended, "stderr": watch.stderr.read().decode()}


def _automatic(bus: Bus, row: str) -> dict[str, Any]:
    began, device, before = time.monotonic(), bus.plug(row), len(_lines())
    brought = _next(device.name, before)
    seconds = round(time.monotonic() - began, 2)
    sent = told(device)
    again = _bring(device)
    result = {
        "seconds": seconds,
        "brought": brought,
        "sent": sent,
        "again": again,
        "later": _news(sent, told(device)),
        "told": _told(device),
    }
    bus.unplug(device)
    return result


def _twins(bus: Bus) -> list[dict[str, Any]]:
    """Two sticks that nothing tells apart but where they are."""
    before = len(_lines())
    devices = [bus.plug("huawei-14fe"), bus.plug("huawei-14fe")]
    found = [{"brought": _next(device.name, before), "told": _told(device), "sent": told(device)} for device in devices]
    for device in devices:
        bus.unplug(device)
    return found


def _lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in OUTPUT.read_text().splitlines()]


def _next(place: str, before: int) -> dict[str, Any]:
    """What the watch says of a place, after so many lines."""

    def said() -> list[dict[str, Any]]:
        return [line for line in _lines()[before:] if line["place"] == place]

    wait(said, f"{place}: a word of the watch", WATCH_SECONDS)
    return said()[0]


# -- modes, and what goes wrong ----------------------------------------------------------------------------------------

MODES = {
    "me909s-120": ("mbim", "ecm"),
    "ec20-qmi": ("ecm", "mbim", "qmi"),
    "sim7600e-9001": ("rndis", "mbim", "ecm", "qmi"),
    "u-blox-1143": ("serial", "ecm"),
}
"""A row, and the modes that it is brought into, one after the other."""


def modes(bus: Bus) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row, wanted in MODES.items():
        device = bus.plug(row)
        wait(lambda device=device: _ready(device), f"{row} listed")
        found[row] = []
        for mode in wanted:
            first = _bring(device, mode)
            sent = told(device)
            second = _bring(device, mode)
            found[row].append({"mode": mode, "first": first, "second": second, "later": _news(sent, told(device))})
        bus.unplug(device)
    return found


FAULTS: dict[str, tuple[str, Faults]] = {
    "the message is refused": ("huawei-14fe", Faults(refuse_message=True)),
    "the message stalls": ("huawei-14fe", Faults(stall_message=True)),
    "the message is ignored": ("huawei-14fe", Faults(ignore_message=True)),
    "it never comes back": ("huawei-14fe", Faults(never_back=True)),
    "it comes back unswitched": ("huawei-14fe", Faults(back_unchanged=9)),
    "unplugged before the message": ("huawei-14fe", Faults(unplugged_at="message")),
    "unplugged before the status": ("huawei-14fe", Faults(unplugged_at="status")),
    "unplugged when it is back": ("huawei-14fe", Faults(unplugged_at="back")),
    "unplugged while it is asked": ("ec20-qmi", Faults(unplugged_at="at")),
}


def faults(bus: Bus) -> dict[str, Any]:
    """Each fault, with a job that waits less long than a device would be given; afterwards a sound one works there."""
    found: dict[str, Any] = {}
    for name, (row, fault) in FAULTS.items():
        device = bus.plug(row, faults=fault)
        wait(lambda device=device: _ready(device) or _gone(device), f"{name}: listed")
        mode = "ecm" if row.startswith("ec20") else None
        first = _bring(device, mode, seconds=6)
        bus.unplug(device)
        sound = bus.plug(row, port=device.port)
        wait(lambda sound=sound: _ready(sound), f"{name}: the next one listed")
        after = _bring(sound, mode, again=True)
        bus.unplug(sound)
        found[name] = {"first": first, "after": after}
    return found


# -- this project, asked -----------------------------------------------------------------------------------------------


def _ready(device: Device) -> bool:
    found = look(ROOT, device.name)
    return found is not None and found.ready


def _gone(device: Device) -> bool:
    return device.enumeration is None


def _bring(device: Device, mode: str | None = None, *, again: bool = False, seconds: float = 0) -> dict[str, Any]:
    """What became of it, in words that JSON has."""

    job = here.job(ROOT, plugins())
    if seconds:
        job.leave_seconds = seconds
        job.known = _hurried(job.known, seconds)
    began = time.monotonic()
    try:
        brought = job.bring_up(device.name, (ModemMode(mode),) if mode else (), again=again)
    except HalError as error:
        return {"error": error.message, "code": error.code, "seconds": round(time.monotonic() - began, 2)}
    return {**_shown(brought), "seconds": round(brought.seconds, 2)}


def _hurried(known: Any, seconds: float) -> Any:
    """The same models, each giving a device so long to come back."""
    from attrs import evolve

    from hal.peripherals.modem.known import Known

    def hurry(each: Any) -> Any:
        identities = tuple(
            evolve(one, switch=evolve(one.switch, seconds=seconds)) if one.switch else one
            for one in each.model.identities
        )
        return evolve(each, model=evolve(each.model, identities=identities, reset_seconds=seconds * 2))

    return Known(tuple(hurry(each) for each in known.models))


def _shown(brought: Brought) -> dict[str, Any]:
    modem = brought.modem
    return {
        "outcome": brought.outcome.value,
        "identity": modem.device.identity,
        "mode": plain(modem.mode),
        "at_port": modem.at.tty if modem.at else None,
        "ports": {port.role.value: list(port.nodes + port.network) for port in modem.ports},
        "notes": list(brought.notes),
        "reason": brought.reason,
    }


def _told(device: Device) -> dict[str, Any]:
    """What the modem says through its AT port, and every link of the chain."""
    (modem,) = [each for each in here.look(ROOT, plugins())[0] if each.device.name == device.name]
    links = [(each.link.value, each.holds) for each in check(ROOT, modem, here.drivers(ROOT))]
    if modem.at is None:
        return {"links": links}
    said = talk.info(ROOT, modem)
    return {"links": links, "signal": strength(said), "model": said.identity.model, "maker": said.identity.maker_text}


def _news(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a device was sent since, but for the questions by which the kernel looks at its drives."""
    bulk = {name: data for name, data in after["bulk"].items() if data != before["bulk"].get(name)}
    return {name: data for name, data in bulk.items() if name not in ("cdrom", "card", "disk")}


# -- side by side with usb_modeswitch ----------------------------------------------------------------------------------

SIDE_BY_SIDE = ("huawei-14fe", "huawei-14fe-card", "huawei-14fe-153", "huawei-1f01", "huawei-1f01-hilink")


def side_by_side(bus: Bus) -> dict[str, Any]:
    """The same sticks by Debian's program and by this project: what came of each, and how long each step took."""
    return {row: {"program": _by_program(bus, row), "ours": _by_job(bus, row)} for row in SIDE_BY_SIDE}


def _by_program(bus: Bus, row: str) -> dict[str, Any]:
    """As its udev rule would start it, with its data; it ends when it has seen the target, or given up."""
    device = bus.plug(row)
    wait(lambda: _ready(device), f"{row} listed")
    ids = f"{device.row.vendor:04x}:{device.row.product:04x}"
    with tarfile.open("/usr/share/usb_modeswitch/configPack.tar.gz") as archive:
        entry = archive.extractfile(next(each for each in archive if each.name.endswith(ids)))
        assert entry is not None
        text = f"DefaultVendor=0x{ids[:4]}\nDefaultProduct=0x{ids[5:]}\n{entry.read().decode()}\n"
    done = run("usb_modeswitch", "-s", "20", "-f", text)
    ended = time.monotonic() - device._began
    wait(lambda: _usable(device), f"{row}: usable")
    usable = time.monotonic() - device._began
    result = _came(device, ended, usable)
    bus.unplug(device)
    return {**result, "status": done["status"]}


def _by_job(bus: Bus, row: str) -> dict[str, Any]:
    device = bus.plug(row)
    wait(lambda: _ready(device), f"{row} listed")
    brought = _bring(device)
    ended = time.monotonic() - device._began
    result = _came(device, ended, ended)
    bus.unplug(device)
    return {**result, "error": brought.get("error"), "outcome": brought.get("outcome")}


def _usable(device: Device) -> bool:
    """As this project sees it, but without any part of its own in it: every port of its table has its node."""
    return any(
        modem.complete and modem.device.name == device.name and modem.mode is not None
        for modem in here.look(ROOT, plugins())[0]
    )


def _came(device: Device, ended: float, usable: float) -> dict[str, Any]:
    back = [at for at, what, _ in device.log if what == "attached"][1]
    messages = [block.hex() for block in device.commands if block[0] == 0x11]
    found = look(ROOT, device.name)
    return {
        "identity": found.identity if found else None,
        "messages": messages,
        "ended after it was back": round(ended - back, 2),
        "usable after it was back": round(usable - back, 2),
    }


# -- recovery ----------------------------------------------------------------------------------------------------------


def recovery(bus: Bus) -> dict[str, Any]:
    """A modem whose AT port is silent until the device is set up anew so often; what each rung did."""
    return {name: _recovery(bus, heals_after) for name, heals_after in {"reset": 1, "rebind": 2, "never": 99}.items()}


def _recovery(bus: Bus, heals_after: int) -> dict[str, Any]:
    from hal.peripherals.modem.ladder import Rung

    device = bus.plug("ec20-qmi")
    wait(lambda: _ready(device), "listed")
    _bring(device)
    assert device.modem is not None
    device.modem.faults.silent = {"*"}
    before = _set_up(device)
    healing = Thread(target=_heal, args=(device, before + heals_after), daemon=True)
    healing.start()
    job = here.job(ROOT, plugins())
    climbed = here.ladder(ROOT, job, ()).climb(device.name, [Rung.RESCAN, Rung.PORT_RESET, Rung.REBIND])
    bus.unplug(device)
    Path("/run/hal/modems/recovery.log").unlink(missing_ok=True)
    return {"climbed": plain(climbed), "set up": _set_up(device) - before}


def _set_up(device: Device) -> int:
    return sum(1 for _, what, _ in device.log if what == "configured")


def _heal(device: Device, at: int) -> None:
    """The modem answers again once the host has set the device up so often."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if _set_up(device) >= at and device.modem is not None:
            device.modem.faults.silent = set()
            return
        time.sleep(0.05)


# -- udev --------------------------------------------------------------------------------------------------------------

RULED = ("huawei-14fe", "huawei-1506-d", "ec20-qmi", "sim7600e-9011", "u-blox-1143", "me909s-120", "arduino", "ftdi")


def ruled(bus: Bus) -> dict[str, Any]:
    """With the rules that `hal modem rules` prints in force: what udev has on each device, and on each serial port."""
    printed = run("hal", "modem", "rules", *BOARD[:2])
    Path("/run/udev/rules.d/75-hal-modem.rules").write_text(printed["stdout"])
    reloaded = run("udevadm", "control", "--reload")
    found: dict[str, Any] = {}
    for row in RULED:
        device = bus.plug(row)
        wait(lambda device=device: _ready(device), f"{row} listed")
        settle()
        time.sleep(1)
        settle()
        now = look(ROOT, device.name)
        assert now is not None
        ports = {
            each.number: f"/dev/{node}" for each in now.interfaces for node in each.nodes if node.startswith("tty")
        }
        found[row] = {
            "device": _tagged(f"/sys/bus/usb/devices/{device.name}"),
            "ports": {number: _tagged(node) for number, node in ports.items()},
        }
        bus.unplug(device)
    return {"status": printed["status"], "reloaded": reloaded["status"], "found": found}


def _tagged(what: str) -> dict[str, str]:
    known = properties(what)
    return {name: known[name] for name in known if name.startswith(("ID_HAL_", "ID_MM_", "SYSTEMD_WANTS"))}
