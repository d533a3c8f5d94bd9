"""Virtual USB devices on a real kernel, with real udev and real usb_modeswitch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from virtual.models import BYSTANDERS, MODEMS, ROWS, Row

from lab.usb import on_usb_bus
from lab.usb_rows import EXPECTED

KERNELS_OWN = {0x00, 0x03, 0x12, 0x1A, 0x1B, 0x1E, 0x23, 0x25, 0x28, 0x43, 0x46, 0x4A, 0x51, 0x5A}
"""SCSI commands by which the kernel and udev look at a drive; none of them writes."""


def listed(row: Row) -> str:
    """`ID_USB_INTERFACES` as udev makes it: each class of every configuration once, in order."""
    triples = [setting.triple for each in row.configurations for setting in each.settings]
    return ":".join(["", *dict.fromkeys(f"{a:02x}{b:02x}{c:02x}" for a, b, c in triples), ""])


def test_every_row_enumerates(figures: Callable[..., None]) -> None:
    """Drivers and nodes by interface, udev's properties; AT ports answer; nobody wrote to what is no modem."""
    found: dict[str, dict[str, Any]] = on_usb_bus("lab.usb_rows:enumerate_rows")
    assert {name: row["bound"] for name, row in found.items()} == EXPECTED
    for name, row in found.items():
        model, udev = ROWS[name], row["udev"]
        assert row["id"] == f"{udev['ID_VENDOR_ID']}:{udev['ID_MODEL_ID']}" == model.id
        assert udev["ID_USB_INTERFACES"] == listed(model), name
        assert udev["ID_PATH"] == f"platform-vhci_hcd.0-usb-0:{row['name'].partition('-')[2]}"
        assert udev["DEVNAME"] == f"/dev/bus/usb/{udev['BUSNUM']}/{udev['DEVNUM']}"
        assert udev["PRODUCT"] == f"{model.vendor:x}/{model.product:x}/{model.revision:x}"
        drivers = {f"{int(number):02x}": driver for number, driver in row["drivers"].items()}
        for child, known in row["children"].items():
            assert known.get("DEVNAME", f"/dev/{known.get('INTERFACE')}") == f"/dev/{child}", (name, child)
            assert known.get("ID_VENDOR_ID") == udev["ID_VENDOR_ID"], (name, child)
            assert known["ID_USB_DRIVER"] == drivers[known["ID_USB_INTERFACE_NUM"]], (name, child)
    answering = {name: row["answers"] for name, row in found.items() if row["answers"]}
    assert set(answering) == {name for name in MODEMS if any("tty" in each for each in EXPECTED[name])}
    for name, answers in answering.items():
        assert set(answers.values()) == {"AT\r\r\nOK\r\n"}, (name, answers)
        bulk = found[name]["told"]["bulk"]
        assert {port: bytes.fromhex(bulk.get(port, "")) for port in answers} == dict.fromkeys(answers, b"AT\r"), name
        before = found[name]["before"]["bulk"]
        assert not set(before) - {"cdrom", "card"}, (name, before)
    for name, row in found.items():
        opcodes = {int(block[:2], 16) for block in row["told"]["commands"]}
        assert opcodes <= KERNELS_OWN, (name, opcodes - KERNELS_OWN)
        assert row["told"]["refused"] == []
    for bystander in BYSTANDERS:
        assert set(found[bystander.name]["told"]["bulk"]) <= {"disk"}, bystander.name
    figures("usb-rows", found=len(found), answering=len(answering))
