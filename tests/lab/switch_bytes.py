"""In the guest: each special mode of usb_modeswitch, sent by the program and sent by this project; the same bytes.

A device that takes everything and never changes is given both, one after the other.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from virtual import models
from virtual.bus import Bus
from virtual.device import Device
from virtual.observed import run, wait

from hal.backends.usb.present import look
from hal.peripherals.modem.entry import read_entry
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.match import recognise
from hal.peripherals.modem.perform import Tools, perform
from hal.peripherals.modem.wire import Libusb
from hal.root import Root

ROOT = Root("/")
STORAGE_MESSAGE = "5553424312345678000000000000061b000000020000000000000000000000"
MODES = (
    "HuaweiNewMode=1",
    "OptionMode=1",
    "StandardEject=1",
    f'StandardEject=1\nMessageContent="{STORAGE_MESSAGE}"',
    f'MessageContent="{STORAGE_MESSAGE}"\nMessageContent2="{STORAGE_MESSAGE}"',
    'MessageContent="0102030405"',
    'MessageEndpoint=0x02\nResponseEndpoint=0x82\nMessageContent="1b5a01"',
    "CiscoMode=1",
    "SierraMode=1",
    "GCTMode=1",
    "KobilMode=1",
    "QisdaMode=1",
    "QuantaMode=1",
    "BlackberryMode=1",
    "SequansMode=1",
    "PantechMode=2",
)
"""Those that end without a return of the device. HuaweiMode is a standard request, which the device does not keep."""


STORAGE, VENDOR = "0 08/06/50 81 01 cdrom", "0 ff/ff/ff 82 02 serial"


def same_bytes(bus: Bus) -> dict[str, Any]:
    """By mode: what the program sent, and what this project sent."""
    found = {}
    for number, mode in enumerate(MODES):
        product = number + 1
        row = models.Row(
            name=f"taker-{number}",
            vendor=0x1234,
            product=product,
            configurations=models.one(STORAGE if "555342" in mode or "Mode=" in mode or "Eject" in mode else VENDOR),
            scsi="huawei",
            chip="uart",
        )
        models.ROWS[row.name] = row  # type: ignore[index]
        device = bus.plug(row.name)
        wait(lambda device=device: (found := look(ROOT, device.name)) is not None and found.ready, row.name)
        time.sleep(0.5)
        found[mode] = {"program": _by_program(device, mode, product), "ours": _by_us(device, mode, product)}
        bus.unplug(device)
    return found


def _free(device: Device) -> None:
    """No driver of the kernel talks to it any more; what it was sent so far is forgotten."""
    for name in ("usb-storage", "option"):
        unbind = Path(f"/sys/bus/usb/drivers/{name}/unbind")
        if (unbind.parent / f"{device.name}:1.0").exists():
            unbind.write_text(f"{device.name}:1.0")
    time.sleep(0.2)
    device.sent.clear()


def _sent(device: Device) -> list[str]:
    """Endpoint and data; a control request with its setup packet."""
    return [f"{each.endpoint:02x} {each.data.hex()}" for each in device.sent]


def _by_program(device: Device, mode: str, product: int) -> list[str]:
    _free(device)
    text = f"DefaultVendor=0x1234\nDefaultProduct=0x{product:04x}\n{mode}\n"
    done = run("usb_modeswitch", "-f", text)
    return [*_sent(device), *([] if done["status"] == 0 else [f"status {done['status']}: {done['stdout'][-300:]}"])]


def _by_us(device: Device, mode: str, product: int) -> list[str]:
    _free(device)
    model = read_entry(f"1234:{product:04x}", mode.encode(), "entry")
    found = look(ROOT, device.name)
    assert found is not None
    modem = recognise(found, Known((KnownModel(model=model, origin="entry", rank=0),)))
    assert modem is not None
    assert model.identities[0].switch is not None
    tools = Tools(root=ROOT, wire=Libusb(), say=lambda tty, command: "", port=lambda modem: "")
    for step in model.identities[0].switch.steps:
        perform(step, modem, tools)
    return _sent(device)
