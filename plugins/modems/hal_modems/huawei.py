"""Huawei: sticks that begin as storage, and the ME909s card with its three USB configurations.

The protocol byte of an interface tells its function, whatever its number, so one set of rules serves every model.
Sources: Linux 6.1 module tables of option, qmi_wwan and huawei_cdc_ncm; ModemManager 1.25.95; usb-modeswitch-data
20191128.
"""

from __future__ import annotations

from hal.model import (
    BulkMessages,
    ModemMode,
    ModemModel,
    ModemState,
    ModeSwitch,
    PortRole,
    PortRule,
    UsbIdentity,
)
from hal.peripherals.modem.messages import HUAWEI_NEW

HUAWEI = 0x12D1
_SUPPORT_LIST = "meta-balena 8.0.2 README.md, supported modems"
_MODESWITCH_DATA = "usb-modeswitch-data 20191128"
_SERIAL = (0x01, 0x02, 0x03, 0x05, 0x06)
"""Subclasses whose protocol bytes mean the same."""


def _functions(*protocols: int, subclasses: tuple[int, ...] = _SERIAL) -> tuple[tuple[int, int, int | None], ...]:
    return tuple((0xFF, subclass, protocol) for subclass in subclasses for protocol in protocols)


PORTS = (
    PortRule(role=PortRole.AT, triples=_functions(0x02, 0x12, 0x32, 0x62)),
    PortRule(role=PortRole.NETWORK, mode=ModemMode.NCM, triples=_functions(0x16, 0x46, 0x76, subclasses=(0x02, 0x03))),
    PortRule(
        role=PortRole.NETWORK,
        mode=ModemMode.QMI,
        triples=_functions(0x07, 0x37, 0x67, 0x09, 0x39, 0x69, 0x11, subclasses=(0x01,)),
    ),
    PortRule(role=PortRole.MODEM, triples=_functions(0x01, 0x10, 0x31, 0x61)),
    PortRule(role=PortRole.MODEM, interface=0, products=(0x1001,)),  # its interfaces tell nothing; 0 is the modem
    PortRule(role=PortRole.DIAG, triples=_functions(0x03, 0x13, 0x33, 0x63)),
    PortRule(role=PortRole.GPS, triples=_functions(0x05, 0x14, 0x34, 0x64)),
)


def _storage(product_id: int, targets: tuple[int, ...], note: str = "") -> UsbIdentity:
    return UsbIdentity(
        vendor_id=HUAWEI,
        product_id=product_id,
        state=ModemState.STORAGE,
        note=note,
        switch=ModeSwitch(
            steps=(BulkMessages(messages=(HUAWEI_NEW,)),), targets=tuple((HUAWEI, target) for target in targets)
        ),
    )


def _service(product_id: int, note: str = "") -> UsbIdentity:
    return UsbIdentity(vendor_id=HUAWEI, product_id=product_id, state=ModemState.SERVICE, note=note)


_STORAGE = _storage(0x14FE, (0x1506, 0x150F, 0x151D, 0x1C1E), "virtual CD-ROM, on some units a card reader too")
_MODEM = _service(
    0x1506, "interface layout differs between models; storage interfaces may stay, then not as interface 0"
)
_STORAGE_1F01 = _storage(
    0x1F01,
    (0x14DB, 0x14DC, 0x1506, 0x1001),
    "seen on some MS2131; which of its targets comes depends on the stick, and on another message on some",
)
_14FE_SHARED = ("E173s", "E352")
_1506_SHARED = ("E171", "E3131", "E3276", "E3372", "E3372s-153", "E3531", "GP02")
_NCM_QUIRK = "ModemManager before 1.8 saw endless NCM receive errors on 12d1:1506; PPP on its modem port works then"
_POWER_QUIRK = "its descriptor claims 2 mA; it draws far more, so a hub without own power may drop it"

MODEMS = (
    ModemModel(
        name="MS2131i-8",
        maker="Huawei",
        form_factor="usb",
        identities=(
            _STORAGE,
            _STORAGE_1F01,
            _MODEM,
            _service(0x1001, "serial ports only, after the fallback message; older Huawei sticks show it too"),
        ),
        ports=PORTS,
        quirks=(_NCM_QUIRK, _POWER_QUIRK),
        ambiguous_with=("MS2372", *_14FE_SHARED, "E3372h", "E353", *_1506_SHARED),
        sources=(
            _SUPPORT_LIST,
            f"{_MODESWITCH_DATA} 12d1:14fe, 12d1:1f01 (message, targets, who shares the ids)",
            "field reports of MS2131 (ids); ofono 2018 (1f01)",
        ),
    ),
    ModemModel(
        name="MS2372",
        maker="Huawei",
        form_factor="usb",
        identities=(_STORAGE, _MODEM, _service(0x1596, "seen on an operator-branded MS2372h-153")),
        ports=PORTS,
        quirks=(_NCM_QUIRK, _POWER_QUIRK),
        ambiguous_with=("MS2131i-8", *_14FE_SHARED, *_1506_SHARED),
        sources=(
            _SUPPORT_LIST,
            f"{_MODESWITCH_DATA} 12d1:14fe (message, targets, who shares the id)",
            "field reports of MS2372 and MS2372h-153, -517, -607 (ids)",
        ),
    ),
    ModemModel(
        name="ME909s-120",
        maker="Huawei",
        form_factor="mpcie",
        identities=(_service(0x15C1, "three USB configurations; which one is chosen decides the ports"),),
        ports=PORTS,
        prefers=(ModemMode.ECM, ModemMode.MBIM),
        quirks=(
            "in its MBIM configuration the ME906s, which shows the same ids, has no AT port; whether the ME909s-120 "
            "has one is not known, so ECM is preferred, which has",
            "usb_modeswitch's rules choose MBIM again 1.3 s after any other configuration was chosen, unless masked",
            "every unit has the same serial number",
        ),
        ambiguous_with=("ME906s",),
        sources=(_SUPPORT_LIST, f"{_MODESWITCH_DATA} 12d1:15c1", "usb.ids 12d1:15c1", "field dump of ME909s-120"),
    ),
    ModemModel(
        name="E3372h",
        maker="Huawei",
        form_factor="usb",
        identities=(
            _STORAGE_1F01,
            _service(0x14DB, "HiLink: a router behind Ethernet, no serial port"),
            _service(0x14DC, "HiLink: a router behind Ethernet, no serial port"),
        ),
        ports=PORTS,
        quirks=("in HiLink mode it is a router with a web page; there is no AT port, and nothing to switch",),
        ambiguous_with=("MS2131i-8", "E353", "E3531"),
        sources=(f"{_MODESWITCH_DATA} 12d1:1f01 (message, targets)", "balena-os issue 445 (12d1:14dc in service)"),
    ),
    ModemModel(
        name="E173s",
        maker="Huawei",
        form_factor="usb",
        identities=(
            _STORAGE,
            _storage(0x1C0B, (0x1C05, 0x1C06, 0x1C07, 0x1C08, 0x1C10)),
            _service(0x1C05),
            _service(0x1C06),
            _service(0x1C07),
            _service(0x1C08),
            _service(0x1C10),
        ),
        ports=PORTS,
        quirks=(_POWER_QUIRK,),
        ambiguous_with=("MS2131i-8", "MS2372", "E352"),
        sources=(f"{_MODESWITCH_DATA} 12d1:1c0b (message, targets)", "balena-io cellular-test issue 6 (12d1:1c0b)"),
    ),
)
"""The rows."""
