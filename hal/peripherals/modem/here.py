"""The modems of one device, and a job that works on them: puts together what the other files of this folder do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

from hal.backends.kernel_modules import driver
from hal.backends.usb.present import look as look_at
from hal.backends.usb.present import present
from hal.errors import HalError
from hal.model import ModemModel, ModemPowerLine, UsbDevice
from hal.peripherals.modem.known import Known, know
from hal.peripherals.modem.match import Modem, modems, recognise
from hal.root import Root

if TYPE_CHECKING:
    from hal.peripherals.modem import wire as wires
    from hal.peripherals.modem.decide import HasDriver
    from hal.peripherals.modem.job import Job, Progress
    from hal.peripherals.modem.ladder import Ladder
    from hal.peripherals.modem.wire import Wire

Plugins = Mapping[str, Iterable[ModemModel]]


def look(root: Root, plugins: Plugins) -> tuple[tuple[Modem, ...], Known]:
    """The modems that are present, and everything that is known of what is."""
    devices = present(root)
    known = know(root, plugins, present=[(each.vendor_id, each.product_id) for each in devices])
    return modems(devices, known), known


def job(root: Root, plugins: Plugins, progress: Progress | None = None, wire: Wire | None = None) -> Job:
    """A job on this device. All packed entries are known to it: a modem may come back as anything."""
    from hal.peripherals.modem import talk
    from hal.peripherals.modem.job import Job
    from hal.peripherals.modem.perform import Tools
    from hal.peripherals.modem.wire import Libusb

    tools = Tools(
        root=root,
        wire=wire or (Libusb() if root.is_machine else _NoDevices()),
        say=lambda tty, command: talk.say(root, tty, command),
        port=lambda modem: talk.free_port(root, modem).tty or "",
    )
    found = Job(known=know(root, plugins), has_driver=drivers(root), tools=tools)
    found.progress = progress or found.progress
    return found


def ladder(root: Root, work: Job, lines: Iterable[ModemPowerLine]) -> Ladder:
    """What recovers a modem, with the power lines that the board has."""
    from hal.peripherals.modem.check import Link, check
    from hal.peripherals.modem.ladder import Ladder

    def works(place: str) -> str | None:
        device = look_at(root, place)
        modem = recognise(device, work.known) if device else None
        if modem is None:
            return f"{place}: no modem is there"
        broken = next((each for each in check(root, modem, work.has_driver) if each.holds is False), None)
        if broken is None or broken.link in (Link.SIM, Link.REGISTRATION, Link.SIGNAL):
            return None  # what is broken behind the port, no reset of the device mends
        return f"{broken.link.value}: {broken.found}"

    def reset(place: str) -> None:
        device = look_at(root, place)
        if device is not None:
            work.tools.wire.reset(device)

    return Ladder(
        root=root, job=work, works=works, reset=reset, power_lines={line.place: line.switch for line in lines}
    )


def drivers(root: Root) -> HasDriver:
    """Whether the running kernel has a driver: bound already, built in, or there as a module.

    Where the kernel's lists are not there at all, nothing speaks against it.
    """

    @cache
    def has(name: str) -> bool:
        if root.is_dir(f"sys/bus/usb/drivers/{name}") or root.is_dir(f"sys/module/{name}"):
            return True
        told = driver(root, name)
        return not told.listed or told.path is not None

    return has


class _NoDevices:
    """A tree stands for another machine: no device of this one may be touched for it."""

    def open(self, device: UsbDevice) -> AbstractContextManager[wires.Link]:
        raise HalError(f"{device.name} ({device.identity}): a tree has no USB device to send messages to")

    def reset(self, device: UsbDevice) -> None:
        raise HalError(f"{device.name} ({device.identity}): a tree has no USB device to reset")
