"""What an event about one USB device costs a watch, over reading all devices anew; and a device, in milliseconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from installation import REPOSITORY

from hal.backends.usb.present import present
from hal.peripherals.events import Heard
from hal.peripherals.schedule import Schedule
from hal.peripherals.view import View
from hal.root import Root

sys.path.insert(0, str(REPOSITORY / "tests"))
from backends.usb.sysfs import configuration, device, interface, plug

DEVICES = 10
INTERFACES = 4
ROUNDS = 30
MODEM = device(0x12D1, 0x1506, configuration(1, *(interface(number, (0xFF, 3, 0x12)) for number in range(INTERFACES))))


def cost(folder: Path) -> dict[str, list[float]]:
    """By figure, a value of each round; both sides of a ratio are measured within the round, as CPU time."""
    for number in range(1, DEVICES + 1):
        nodes = {each: (f"ttyUSB{each}",) for each in range(INTERFACES)}
        plug(folder, f"1-{number}", MODEM, number=number + 1, drivers=dict.fromkeys(nodes, "option"), nodes=nodes)
    root = Root(folder)
    view = View(root)
    view.look(None)

    def event() -> None:
        schedule = Schedule(0.0)
        schedule.take(0.0)
        schedule.hear(Heard(count=1, places=frozenset({"1-3"})), 1.0)
        assert not view.look(schedule.take(schedule.due()))

    events, devices = [], []
    for _ in range(ROUNDS):
        everything = _cpu(lambda: present(root))
        events.append(_cpu(event) / everything)
        devices.append(everything * 1000 / DEVICES)
    return {"hotplug-event": events, "usb-device": devices}


def _cpu(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began
