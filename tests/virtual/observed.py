"""What the kernel and udev make of a virtual device, read from sysfs and udevadm.

Not through hal/, so that hal/ can be compared with it.
"""

from __future__ import annotations

import errno
import os
import select
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from virtual.device import Device

SYSFS = Path("/sys/bus/usb/devices")
WHERE = (
    "ttyUSB*/tty/*", "tty/*", "net/*", "usbmisc/*", "0003:*/hidraw/*",
    "host*/target*/*/block/*", "host*/target*/*/scsi_generic/*",
)  # fmt: skip
"""Where below an interface the devices are that programs look for."""
WAIT_SECONDS = 30.0
UDEV_SECONDS = 30
POLL_SECONDS = 0.1


class NotSeen(Exception):
    """What was waited for did not come in time."""


def wait(condition: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> float:
    """Until the condition holds; returns the seconds it took. Raises `NotSeen`."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise NotSeen(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)
    return round(time.monotonic() - began, 3)


def settle() -> None:
    """Until udev has worked off its queue. Raises `NotSeen`."""
    done = subprocess.run(["udevadm", "settle", f"--timeout={UDEV_SECONDS}"], check=False)
    if done.returncode:
        raise NotSeen(f"udev: not settled within {UDEV_SECONDS} s")


def wait_for(device: Device, wanted: str, seconds: float = WAIT_SECONDS) -> float:
    """Until the device is there with an id, `12d1:1506`, and udev has settled; how long it took until it was there."""
    took = wait(lambda: identity(device.name) == wanted, f"{device.name} as {wanted}", seconds)
    settle()
    return took


def wait_for_node(device: Device, node: str, seconds: float = WAIT_SECONDS) -> float:
    """Until the device has a node whose name begins so (`ttyUSB`, `sr`, `wwan`), with udev settled."""
    took = wait(lambda: nodes(device.name, node), f"{device.name}: {node}", seconds)
    settle()
    return took


def value(path: Path) -> str | None:
    """An attribute, stripped; `None` where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def identity(name: str) -> str | None:
    """`12d1:1506`, or `None` where no device is at this name."""
    vendor, product = value(SYSFS / name / "idVendor"), value(SYSFS / name / "idProduct")
    return f"{vendor}:{product}" if vendor and product else None


def interfaces(name: str) -> list[Path]:
    """The interfaces of the active configuration, in order."""
    return sorted(SYSFS.glob(f"{name}:*"), key=lambda path: int(path.name.rpartition(".")[2]))


def drivers(name: str) -> dict[int, str | None]:
    """The driver of each interface by its number; `None` for one that has none."""
    bound = {number_of(path): path / "driver" for path in interfaces(name)}
    return {number: link.resolve().name if link.exists() else None for number, link in bound.items()}


def number_of(interface: Path) -> int:
    """An interface's number, from the end of its name."""
    return int(interface.name.rpartition(".")[2])


def nodes(name: str, start: str = "") -> dict[int, list[str]]:
    """Names of nodes and network devices by interface, those that begin so."""
    found: dict[int, list[str]] = {}
    for interface in interfaces(name):
        names = [path.name for where in WHERE for path in interface.glob(where)]
        if names := sorted(each for each in names if each.startswith(start)):
            found[number_of(interface)] = names
    return found


def serial_node(device: Device, function: str = "at") -> str:
    """The node of the (first) serial function of this name, `/dev/ttyUSB2`. Raises `NotSeen`."""
    configuration = value(SYSFS / device.name / "bConfigurationValue")
    for chosen in device.row.configurations:
        if str(chosen.value) == configuration:
            for setting in chosen.settings:
                if setting.function == function:
                    control = [each.number for each in chosen.settings if ("acm", setting.number) in each.functional]
                    for number in (setting.number, *control):
                        if names := nodes(device.name, "tty").get(number):
                            return f"/dev/{names[0]}"
    raise NotSeen(f"{device.name}: no tty for {function!r}")


def properties(path: str | Path) -> dict[str, str]:
    """What udev knows of a device: a sysfs path or a node."""
    option = "--name" if str(path).startswith("/dev/") else "--path"
    told = subprocess.run(
        ["udevadm", "info", "--query=property", f"{option}={path}"], capture_output=True, text=True, check=False
    )
    return dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)


def database() -> dict[str, dict[str, str]]:
    """All that udev knows, by sysfs path below /sys."""
    told = subprocess.run(["udevadm", "info", "--export-db"], capture_output=True, text=True, check=True).stdout
    found = {}
    for record in told.split("\n\n"):
        lines = [line[3:] for line in record.splitlines() if line.startswith("E: ")]
        known = dict(line.split("=", 1) for line in lines)
        if "DEVPATH" in known:
            found[known["DEVPATH"]] = known
    return found


def seen(device: Device, udev: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All of a device as it is now, for a JSON answer; `udev` is what udev knows of it, if that was asked before."""
    name = device.name
    return {
        "row": device.row.name,
        "name": name,
        "id": identity(name),
        "configuration": value(SYSFS / name / "bConfigurationValue"),
        "drivers": drivers(name),
        "nodes": nodes(name),
        "udev": dict(udev) if udev is not None else properties(SYSFS / name),
    }


def told(device: Device) -> dict[str, Any]:
    """What the device has been sent, for a JSON answer: only to endpoints, by function, without what it did with it."""
    by_function: dict[str, str] = {}
    for each in device.sent:
        if each.endpoint:
            by_function[each.to] = by_function.get(each.to, "") + each.data.hex()
    return {
        "bulk": by_function,
        "control": [each.data.hex() for each in device.sent if not each.endpoint],
        "commands": [block.hex() for block in device.commands],
        "refused": [block.hex() for block in device.refused],
        "log": list(device.log),
    }


def run(*argv: str, timeout_seconds: float = 120) -> dict[str, Any]:
    """A program in the guest, `hal` being this project's: its status, what it printed, and how long it took."""
    words = [str(Path(sys.executable).with_name("hal")) if argv[0] == "hal" else argv[0], *argv[1:]]
    began = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=timeout_seconds)
    seconds = round(time.monotonic() - began, 3)
    return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr, "seconds": seconds}


def kernel_log() -> list[str]:
    """The kernel's messages so far."""
    return subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout.splitlines()


def converse(node: str, text: str, seconds: float = 5.0) -> str:
    """Send a line to a serial node, and give what came back until `OK`, `ERROR` or the end of the time.

    The line is opened raw and without becoming the controlling terminal; nothing is read before the line is sent.
    Raises `OSError` where the device goes away meanwhile.
    """
    line = os.open(node, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(line)
        os.write(line, text.encode() + b"\r")
        said, end = b"", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not said.endswith((b"\r\nOK\r\n", b"\r\nERROR\r\n")):
            if select.select([line], [], [], left)[0]:
                if not (part := os.read(line, 4096)):
                    raise OSError(errno.EIO, "the line has hung up")
                said += part
        return said.decode(errors="replace")
    finally:
        os.close(line)
