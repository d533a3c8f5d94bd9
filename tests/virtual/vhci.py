"""The kernel's virtual host controller: a socket is plugged into one of its ports.

A port of the first controller carries the sysfs name of what is plugged there, by number: port 0 is `1-1`, where no
other controller came first. Ports are numbered within the high-speed half.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

CONTROLLER = Path("/sys/devices/platform/vhci_hcd.0")
DEVICES = Path("/sys/bus/usb/devices")
SPEEDS = {"low": 1, "full": 2, "high": 3}
FREE = 4
PORT_SECONDS = 20.0


class PortFault(Exception):
    """A port did not become free, or could not be attached."""


def bus() -> int:
    """The number of the bus whose ports these are: the first root hub below the controller."""
    return min(int(hub.name.removeprefix("usb")) for hub in CONTROLLER.glob("usb*") if hub.name[3:].isdigit())


def name(port: int) -> str:
    """The sysfs name of what is plugged into a port."""
    return f"{bus()}-{port + 1}"


def state(port: int) -> int:
    """What the controller says of a port: 4 is free, 6 is used."""
    for line in (CONTROLLER / "status").read_text().splitlines()[1:]:
        hub, number, status = line.split()[:3]
        if hub == "hs" and int(number) == port:
            return int(status)
    raise PortFault(f"port {port}: the controller has none of this number")


def ports() -> list[int]:
    """Every port for devices up to high speed."""
    lines = (CONTROLLER / "status").read_text().splitlines()[1:]
    return [int(line.split()[1]) for line in lines if line.startswith("hs")]


def wait_until_free(port: int, seconds: float = PORT_SECONDS) -> None:
    """Until the controller and the kernel's hub have let go of what was there; raises `PortFault`.

    A hub that has not seen one device leave takes the next one for the same, if their descriptors are.
    """
    end, known = time.monotonic() + seconds, DEVICES / name(port)
    while state(port) != FREE or known.exists():
        if time.monotonic() > end:
            raise PortFault(f"port {port}: still in use after {seconds:g} s")
        time.sleep(0.01)


def attach(port: int, speed: str) -> socket.socket:
    """Plug a device in; returns its end of the socket."""
    ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with kernels:
        words = f"{port} {kernels.fileno()} {1 << 16 | port + 2} {SPEEDS[speed]}"
        control = os.open(CONTROLLER / "attach", os.O_WRONLY)
        try:
            os.write(control, words.encode())
        except OSError as error:
            ours.close()
            raise PortFault(f"port {port}: not attached: {error}") from error
        finally:
            os.close(control)
    return ours
