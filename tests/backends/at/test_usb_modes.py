"""What a modem shows on USB: one row a form that was seen, or that must be refused."""

from __future__ import annotations

from typing import Any

import pytest

from hal.backends.at import usb_modes
from hal.backends.at.fields import Unreadable
from hal.model import (
    ModemUsbMode,
)


@pytest.mark.parametrize(
    ("read", "line", "found"),
    [
        (usb_modes.usbnet, '"usbnet",0', {"setting": '+QCFG="usbnet"', "value": "0", "means": "QMI"}),
        (usb_modes.usbnet, '"usbnet",3', {"setting": '+QCFG="usbnet"', "value": "3", "means": "RNDIS"}),
        (usb_modes.usbnet, '"usbnet", 5', {"setting": '+QCFG="usbnet"', "value": "5"}),
        (
            usb_modes.pid_switch,
            "9001",
            {"setting": "+CUSBPIDSWITCH", "value": "9001", "means": "rmnet", "product_id": 0x9001},
        ),
        (
            usb_modes.pid_switch,
            "901a",
            {"setting": "+CUSBPIDSWITCH", "value": "901A", "means": "rmnet", "product_id": 0x901A},
        ),
        (usb_modes.pid_switch, "9023", {"setting": "+CUSBPIDSWITCH", "value": "9023", "product_id": 0x9023}),
        (
            usb_modes.uusbconf,
            '3,"RNDIS",,"0x1146"',
            {"setting": "+UUSBCONF", "value": '3,"RNDIS"', "means": "RNDIS", "product_id": 0x1146},
        ),
        (
            usb_modes.uusbconf,
            '2,"ECM",,"0x1143"',
            {"setting": "+UUSBCONF", "value": '2,"ECM"', "means": "ECM", "product_id": 0x1143},
        ),
        (
            usb_modes.uusbconf,
            '0,"",,"0x1141"',
            {"setting": "+UUSBCONF", "value": "0", "means": "serial", "product_id": 0x1141},
        ),
        (
            usb_modes.setport,
            "A1,A2;12,10,16,A1,A2",
            {
                "setting": "^SETPORT",
                "value": "A1,A2;12,10,16,A1,A2",
                "means": "NCM",
                "ports": ("AT", "modem", "NCM", "CD-ROM", "SD"),
                "storage_ports": ("CD-ROM", "SD"),
            },
        ),
        (
            usb_modes.setport,
            "ff;1,2,7,99",
            {"setting": "^SETPORT", "value": "FF;1,2,7,99", "means": "NDIS", "ports": ("modem", "AT", "NDIS", "99")},
        ),
    ],
)
def test_usb_mode(read: Any, line: str, found: dict[str, Any]) -> None:
    assert read(line) == ModemUsbMode(**found)


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (usb_modes.usbnet, '"usbcfg",0x2C7C,0x0125,1'),
        (usb_modes.usbnet, '"usbnet",x'),
        (usb_modes.usbnet, '"usbnet"'),
        (usb_modes.pid_switch, "901"),
        (usb_modes.pid_switch, "9001,1"),
        (usb_modes.uusbconf, '3,"RNDIS"'),
        (usb_modes.uusbconf, '3,"RNDIS",,1146'),
        (usb_modes.setport, "A1,A2"),
        (usb_modes.setport, ";"),
        (usb_modes.setport, "A1;123"),
    ],
)
def test_no_usb_mode(read: Any, line: str) -> None:
    with pytest.raises(Unreadable):
        read(line)
