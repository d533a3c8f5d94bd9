"""A watch of USB devices on a real kernel with a real udev: everything is replugged, udev is reloaded and killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lab.guest import REPOSITORY, run_in_guest

MACHINE = (
    *("-device", "qemu-xhci"),
    *("-device", "usb-hub,port=1", "-chardev", "null,id=line"),
    *("-device", "usb-serial,always-plugged=on,chardev=line,port=1.2"),
    *("-blockdev", "driver=null-co,size=1048576,read-zeroes=on,node-name=stick"),
    *("-device", "usb-storage,drive=stick,port=2"),
)
"""A hub with a serial adapter, and a memory stick."""
MODULES = ("xhci-pci", "ftdi_sio", "usb-storage", "sd_mod")
PRESENT = ["1-1 0409:55aa", "1-1.2 0403:6001 ttyUSB0", "2-2 46f4:0001 sda,sg0"]
NODES = 3


def in_guest(*words: str) -> dict[str, Any]:
    (done,) = run_in_guest(
        None,
        [[sys.executable, *words]],
        modules=MODULES,
        machine=MACHINE,
        environment={
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SYSTEMD_IGNORE_CHROOT": "1",  # else udevadm does nothing, and says so
        },
    )
    assert done.status == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_r29_all_devices_are_replugged_while_udev_is_reloaded_killed_absent_and_started_again() -> None:
    found = in_guest("-m", "lab.replugging", str(NODES))
    assert found["listening"].startswith("kernel (65536 KiB), udev (65536 KiB)")
    times = [*found["replugged"], found["without udev"], found["with udev again"]]
    assert len(times) == 5
    assert all(each["right"] and each["complete"] == NODES for each in times), times
    assert found["present"] == found["enumerated"] == PRESENT

    assert found["faults"] == [], "the kernel numbers them alike each time, and each time is another presence"
    assert found["appeared"] == len(PRESENT) * (1 + len(times))

    assert (found["idle_looks"], found["lost"], found["problems"]) == (0, 0, [])
    assert found["idle_cpu_seconds"] < 0.1


@pytest.mark.full
def test_a_burst_of_20000_events(record_property: Callable[[str, object], None]) -> None:
    """As in tests/peripherals/test_storm.py; there a second is asserted, here an emulated CPU takes what it takes."""
    found = in_guest(str(REPOSITORY / "tests/peripherals/storm.py"), "burst", "1")
    (run,) = found["runs"]
    record_property("lab figures", f"hotplug burst in a guest: view equal after {run['late']:.2f} s")
    assert run["equal"]
    assert (found["faults"], found["here"], found["lost"]) == ([], True, 0)
    assert found["events"] == found["sent"]
