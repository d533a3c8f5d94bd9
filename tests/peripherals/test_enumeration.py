"""Our view of `/sys` and pyudev's agree, in a testbed that emulates sysfs (umockdev), with a real libudev on top."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from backends.usb.sysfs import configuration, device, interface

BUS = "/devices/pci0000:00/0000:00:14.0/usb1"
MODEM = device(
    0x12D1, 0x1506, configuration(1, interface(0, (0xFF, 3, 0x12), [(0x81, 2)]), interface(1, (0xFF, 3, 0x16)))
)
HUB = device(0x0409, 0x55AA, configuration(1, interface(0, (9, 0, 0))), triple=(9, 0, 0))
PRINTER = """
import json
from pyudev import Context
from hal.backends.usb.present import present
from hal.root import Root
def brought(device):
    return sorted(name for each in device.interfaces for name in (*each.nodes, *each.network))
def below(context, parent):
    for each in context.list_devices(parent=parent):
        if each.subsystem in ("tty", "net") and each.find_parent("usb", "usb_device") == parent:
            yield each.sys_name
context = Context()
theirs = [
    [each.sys_name, each.attributes.asstring("idVendor"), each.attributes.asint("devnum"), sorted(below(context, each))]
    for each in sorted(context.list_devices(subsystem="usb", DEVTYPE="usb_device"), key=lambda each: each.sys_name)
]
ours = [
    [each.name, f"{each.vendor_id:04x}", each.number, brought(each)]
    for each in present(Root("/"))
]
whole = {each.name: [each.ready, [len(c.functions) for c in each.configurations]] for each in present(Root("/"))}
print(json.dumps({"theirs": theirs, "ours": ours, "whole": whole}))
"""


def described(
    path: str, subsystem: str, kind: str = "", attributes: dict[str, str] | None = None, raw: str = ""
) -> str:
    """A device as umockdev reads it."""
    lines = [f"P: {path}", f"E: SUBSYSTEM={subsystem}", *([f"E: DEVTYPE={kind}"] if kind else [])]
    lines += [f"A: {name}={value}\\n" for name, value in (attributes or {}).items()]
    return "\n".join([*lines, *([f"H: descriptors={raw}"] if raw else []), "", ""])


def plugged(path: str, number: int, descriptors: bytes, triples: list[tuple[int, int, int]]) -> str:
    name = path.rpartition("/")[2]
    words = {each: f"{int.from_bytes(descriptors[at : at + 2], 'little'):04x}" for each, at in
             (("idVendor", 8), ("idProduct", 10), ("bcdDevice", 12))}  # fmt: skip
    attributes = {**words, "busnum": "1", "devnum": str(number), "bConfigurationValue": "1"}
    text = described(path, "usb", "usb_device", attributes, descriptors.hex())
    for at, triple in enumerate(triples):
        codes = {
            f"bInterface{part}": f"{code:02x}"
            for part, code in zip(("Class", "SubClass", "Protocol"), triple, strict=True)
        }
        text += described(f"{path}/{name}:1.{at}", "usb", "usb_interface", {"bInterfaceNumber": f"{at:02x}", **codes})
    return text


def test_devices_nodes_and_numbers_agree(tmp_path: Path) -> None:
    modem = f"{BUS}/1-1/1-1.2"
    testbed = (
        described(BUS, "usb", "usb_device", {"idVendor": "1d6b", "devnum": "1"})
        + plugged(f"{BUS}/1-1", 2, HUB, [(9, 0, 0)])
        + plugged(modem, 7, MODEM, [(0xFF, 3, 0x12), (0xFF, 3, 0x16)])
        + described(f"{modem}/1-1.2:1.0/ttyUSB0/tty/ttyUSB0", "tty", attributes={"dev": "188:0"})
        + described(f"{modem}/1-1.2:1.1/net/wwan0", "net", "wwan", {"address": "00:00:00:00:00:00"})
    )
    file = tmp_path / "testbed"
    file.write_text(testbed)
    done = subprocess.run(
        ["umockdev-run", "--device", str(file), "--", sys.executable, "-c", PRINTER],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    *theirs, root_hub = found["theirs"]
    assert root_hub[0] == "usb1"
    assert found["ours"] == theirs == [["1-1", "0409", 2, []], ["1-1.2", "12d1", 7, ["ttyUSB0", "wwan0"]]]
    assert found["whole"] == {"1-1": [True, [1]], "1-1.2": [True, [2]]}
