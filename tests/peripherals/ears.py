"""What `UdevEvents` hears in namespaces of its own; prints it as JSON. Run by test_udev.py."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from select import poll
from tempfile import TemporaryDirectory

from peripherals.uevents import KERNEL, UDEV, USB, Sender, kernel_message, udev_message

from hal.errors import HalError
from hal.peripherals.udev import UdevEvents
from hal.root import Root

PATH = f"{USB}/1-1/1-1.2/1-1.2:1.0"


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def chosen(root: Root) -> list[str]:
    source = UdevEvents(root)
    names = [ear.name for ear in source.ears]
    source.close()
    return names


def hear(root: Root, group: int, message: bytes) -> dict[str, object]:
    source = UdevEvents(root, udev=True)
    Sender(group).send(message)
    waiting = poll()
    waiting.register(source.fileno())
    ready = bool(waiting.poll(0))
    heard, again = source.drain(), bool(waiting.poll(0))
    source.close()
    return {
        "ready": ready,
        "count": heard.count,
        "places": sorted(heard.places),
        "all": heard.everything,
        "again": again,
    }


def main() -> dict[str, object]:
    with TemporaryDirectory() as folder:
        root, found = Root(folder), {}
        before = descriptors()
        found["without udev"] = chosen(root)
        (Path(folder) / "run/udev").mkdir(parents=True)
        (Path(folder) / "run/udev/control").touch()
        found["with udev"] = chosen(root)
        for name, group, message in (
            ("nothing", UDEV, b""),
            ("udev", UDEV, udev_message(1, PATH, subsystem="tty")),
            ("udev, not of interest", UDEV, udev_message(1, PATH, subsystem="input")),
            ("kernel", KERNEL, kernel_message(1, PATH)),
            ("kernel, elsewhere", KERNEL, kernel_message(1, "devices/virtual/block/loop0", subsystem="block")),
            ("no message", UDEV, b"\xff" * 100),
        ):
            found[name] = hear(root, group, message) if message else {"descriptors": descriptors() - before}
        small = UdevEvents(root, buffer_bytes=1, udev=True)
        found["least"] = min(ear.buffer_bytes for ear in small.ears)
        sender = Sender(UDEV)
        for number in range(100):
            sender.send(udev_message(number + 1, PATH))
        full, later = small.drain(), small.drain()
        found["full"] = [full.overflows, full.count + full.lost, full.everything]
        found["later"] = [later.overflows, later.count, later.everything]
        sender.send(udev_message(101, PATH))
        found["mended"] = [(heard := small.drain()).count, heard.everything, heard.lost]
        small.close()
        del sender
        # libudev takes udev for not running where neither its socket nor a devtmpfs is there.
        for place in ("/run", "/dev"):
            subprocess.run(["mount", "-t", "tmpfs", "none", place], check=True)
        Path("/dev/null").touch()
        try:
            UdevEvents(root, udev=True)
        except HalError as error:
            found["deaf"] = str(error)
        found["left open"] = descriptors() - before
        return found


if __name__ == "__main__":
    found = main()
    print(json.dumps(found), flush=True)
    os._exit(0)
