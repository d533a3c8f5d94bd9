"""What a modem shows on USB, as the command of each maker stores it."""

from __future__ import annotations

import re

from hal.backends.at.fields import Unreadable, fields, number
from hal.model import ModemUsbMode

USBNET = {0: "QMI", 1: "ECM", 2: "MBIM", 3: "RNDIS"}
"""Quectel's `usbnet`; a firmware may allow fewer."""
SIMCOM_PRODUCTS = {
    0x9000: "rmnet", 0x9001: "rmnet", 0x9002: "rmnet", 0x9003: "MBIM", 0x9004: "rmnet", 0x9005: "MBIM", 0x9007: "rmnet",
    0x9011: "RNDIS", 0x9016: "rmnet", 0x9018: "ECM", 0x9019: "RNDIS", 0x901A: "rmnet", 0x901B: "rmnet",
    0x902B: "rmnet",
}  # fmt: skip
"""The network function of SIMCom's product ids (AT manual V1.12); an id that is not here has none, or none is told."""
U_BLOX_PROFILES = {0: "serial", 2: "ECM", 3: "RNDIS"}
HUAWEI_PORTS = {
    "A1": "CD-ROM", "A2": "SD", "A": "Bluetooth", "1": "modem", "10": "modem", "2": "AT", "12": "AT", "3": "diag",
    "13": "diag", "5": "GPS", "14": "GPS", "7": "NDIS", "16": "NCM", "FF": "",
}  # fmt: skip
"""Huawei's port ids, hexadecimal as written: 2 and 12 are the AT port. FF stands for no port."""


def usbnet(line: str) -> ModemUsbMode:
    """`"usbnet",value`."""
    found = fields(line)
    if len(found) != 2 or found[0].casefold() != "usbnet":
        raise Unreadable(f"{line!r}: not the net mode")
    value = number(found[1])
    return ModemUsbMode(setting='+QCFG="usbnet"', value=str(value), means=USBNET.get(value, ""))


def pid_switch(line: str) -> ModemUsbMode:
    """A product id of four hexadecimal digits, of vendor 1e0e."""
    value = line.strip().strip('"').upper()
    if not re.fullmatch(r"[0-9A-F]{4}", value):
        raise Unreadable(f"{line!r}: not a product id")
    product_id = int(value, 16)
    return ModemUsbMode(
        setting="+CUSBPIDSWITCH", value=value, means=SIMCOM_PRODUCTS.get(product_id, ""), product_id=product_id
    )


def uusbconf(line: str) -> ModemUsbMode:
    """`profile,"function",,"0xproduct"`; the value is what the command takes back."""
    found = fields(line)
    if len(found) != 4 or not re.fullmatch(r"0x[0-9A-Fa-f]{1,4}", found[3]):
        raise Unreadable(f"{line!r}: not a USB profile")
    profile = number(found[0])
    return ModemUsbMode(
        setting="+UUSBCONF",
        value=f'{profile},"{found[1]}"' if found[1] else str(profile),
        means=U_BLOX_PROFILES.get(profile, ""),
        product_id=int(found[3], 16),
    )


def setport(line: str) -> ModemUsbMode:
    """`ports;ports`: in storage mode, and after it. The network function is that of the second list."""
    value = line.strip().strip('"').upper()
    if not re.fullmatch(r"[0-9A-F]{1,2}(,[0-9A-F]{1,2})*;[0-9A-F]{1,2}(,[0-9A-F]{1,2})*", value):
        raise Unreadable(f"{line!r}: not two lists of ports")
    before, after = (tuple(filter(None, map(_port, part.split(",")))) for part in value.split(";"))
    means = next((port for port in after if port in ("NCM", "NDIS")), "")
    return ModemUsbMode(setting="^SETPORT", value=value, means=means, ports=after, storage_ports=before)


def _port(number: str) -> str:
    return HUAWEI_PORTS.get(number, number)
