"""Run in a guest: real USB devices come and go below a real kernel and udev, and a watch sees it. Prints JSON.

The host controller is unbound from its driver and bound again, so that everything on its bus vanishes and appears anew.
Meanwhile udev reloads its rules and repeats its events, is killed, is absent, and is started again.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pyudev import Context

from hal.backends.usb.present import present
from hal.model import UsbDevice
from hal.peripherals.hotplug import Watch
from hal.peripherals.view import Difference
from hal.root import Root

UDEVD = "/lib/systemd/systemd-udevd"
CONTROL = Path("/run/udev/control")
DRIVER = Path("/sys/bus/pci/drivers/xhci_hcd")
PATIENCE = 60.0
RELOADS = 2


def run(*words: str) -> None:
    subprocess.run(words, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)


def start_udev() -> subprocess.Popen[bytes]:
    """udev's daemon, once it answers."""
    daemon = subprocess.Popen([UDEVD], stdout=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE
    while not CONTROL.exists() and time.monotonic() < end:
        time.sleep(0.02)
    run("udevadm", "control", "--ping", "--timeout=30")
    return daemon


def described(devices: Sequence[UsbDevice]) -> list[str]:
    return [
        f"{each.name} {each.identity} {','.join(node for one in each.interfaces for node in one.nodes)}".strip()
        for each in devices
    ]


def enumerated() -> list[str]:
    """The same from pyudev: devices of the bus, and the nodes below them."""
    found = []
    for each in Context().list_devices(subsystem="usb", DEVTYPE="usb_device"):
        if "-" in each.sys_name:
            nodes = ("tty", "block", "scsi_generic")
            below = [
                child
                for child in each.children
                if child.subsystem in nodes and child.find_parent("usb", "usb_device") == each
            ]
            names = ",".join(sorted({child.sys_name for child in below}))
            identity = f"{each.attributes.asstring('idVendor')}:{each.attributes.asstring('idProduct')}"
            found.append(f"{each.sys_name} {identity} {names}".strip())
    return sorted(found)


class Scene:
    def __init__(self) -> None:
        self.root = Root("/")
        self.here: dict[str, UsbDevice] = {}
        self.faults: list[str] = []
        self.appeared = 0
        self.watch = Watch(self.root, self.tell)

    def tell(self, difference: Difference) -> None:
        """The numbers of devices begin anew with each binding: a presence ends when it is told as vanished."""
        for gone in difference.vanished:
            if self.here.pop(gone.name, None) != gone:
                self.faults.append(f"{gone.name} vanished without having been there")
        for new in difference.appeared:
            if new.name in self.here:
                self.faults.append(f"{new.name} appeared twice")
            self.here[new.name] = new
        for before, after in difference.changed:
            if self.here.get(before.name) != before:
                self.faults.append(f"{before.name} changed from what it was not")
            self.here[after.name] = after
        self.appeared += len(difference.appeared)

    def until(self, condition: Callable[[], bool]) -> float:
        """Seconds that it took; the longest wait where it did not come about."""
        began = time.monotonic()
        while not condition() and time.monotonic() - began < PATIENCE:
            time.sleep(0.02)
        return round(time.monotonic() - began, 2)

    def right(self) -> bool:
        return tuple(self.watch.present.values()) == present(self.root)

    def replug(self, whole: int, settle: bool = True) -> dict[str, object]:
        """All devices away, and back. Then the view must be right, all devices and their nodes in it."""
        controller = next(each.name for each in DRIVER.iterdir() if ":" in each.name)
        (DRIVER / "unbind").write_text(controller)
        gone = self.until(lambda: not self.watch.present)
        (DRIVER / "bind").write_text(controller)
        back = self.until(lambda: self.complete() == whole)
        if settle:
            run("udevadm", "settle", "--timeout=30")
        late = self.until(self.right)
        return {"gone": gone, "back": back, "late": late, "right": self.right(), "complete": self.complete()}

    def complete(self) -> int:
        """How many nodes the devices in the view have."""
        return sum(len(one.nodes) for each in self.watch.present.values() for one in each.interfaces)


def main(whole: int) -> dict[str, object]:
    udev = start_udev()
    scene, found = Scene(), {}
    scene.watch.start()
    found["listening"] = str(scene.watch.state.listening)
    scene.until(lambda: scene.complete() == whole)
    found["replugged"] = [scene.replug(whole)]
    found["present"] = described(present(scene.root))
    found["enumerated"] = enumerated()

    for _ in range(RELOADS):
        run("udevadm", "control", "--reload-rules")
        run("udevadm", "trigger")
        found["replugged"].append(scene.replug(whole))

    udev.kill()
    udev.wait(PATIENCE)
    CONTROL.unlink()
    found["without udev"] = scene.replug(whole, settle=False)
    udev = start_udev()
    run("udevadm", "trigger")
    found["with udev again"] = scene.replug(whole)

    time.sleep(2)
    cpu, looks = time.process_time(), scene.watch.state.looks
    time.sleep(2)
    state = scene.watch.state
    found |= {
        "idle_cpu_seconds": time.process_time() - cpu,
        "idle_looks": state.looks - looks,
        "faults": scene.faults,
        "appeared": scene.appeared,
        "events": state.events,
        "lost": state.lost,
        "problems": state.problems,
    }
    scene.watch.stop()
    udev.terminate()
    return found


if __name__ == "__main__":
    import sys

    print(json.dumps(main(int(sys.argv[1]))))
