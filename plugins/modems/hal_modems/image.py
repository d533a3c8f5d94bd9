"""What the modems of the table need in an OS image: drivers, worked out from the rows, and the unit that switches.

A driver of a mode is needed where a model comes in that mode, or can be brought into it. Symbols are built in or
modules, as the board likes. Sources: Kconfig files of Linux 6.1; meta-balena 8.0.2 kernel-balena.bbclass, which has the
serial drivers, QMI and MBIM, and leaves the others to each machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.parts import Parts, one, packages, symbols
from hal.model import EITHER, ModemMode, ModemModel, ModemState, PartKind, PortRole
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.ports import CLASS_RULES, speaks_at
from hal.peripherals.modem.rules import NAME, UNIT, rules, unit
from hal_modems.models import MODEMS

SYMBOLS: dict[str, tuple[str, str]] = {
    "option": ("USB_SERIAL USB_SERIAL_WWAN USB_SERIAL_OPTION", "serial ports"),
    "qcserial": ("USB_SERIAL USB_SERIAL_WWAN USB_SERIAL_QUALCOMM", "serial ports of Qualcomm's own ids"),
    "cdc_acm": ("USB_ACM", "serial ports of the USB class"),
    "qmi_wwan": ("USB_NET_DRIVERS USB_USBNET USB_WDM USB_NET_QMI_WWAN", "network and control channel, QMI"),
    "cdc_mbim": ("USB_NET_DRIVERS USB_USBNET USB_WDM USB_NET_CDC_MBIM", "network and control channel, MBIM"),
    "cdc_ether": ("USB_NET_DRIVERS USB_USBNET USB_NET_CDCETHER", "network, ECM"),
    "cdc_ncm": ("USB_NET_DRIVERS USB_USBNET USB_NET_CDC_NCM", "network, NCM"),
    "huawei_cdc_ncm": ("USB_NET_DRIVERS USB_USBNET USB_WDM USB_NET_HUAWEI_CDC_NCM", "network, Huawei's kind of NCM"),
    "rndis_host": ("USB_NET_DRIVERS USB_USBNET USB_NET_RNDIS_HOST", "network, RNDIS"),
    "usb-storage": ("SCSI USB_STORAGE", "the storage that it shows first, and is switched out of"),
    "sr": ("BLK_DEV_SR", "the CD-ROM that it shows first, and that is ejected"),
    "ppp": ("PPP PPP_ASYNC", "network by PPP over a serial port"),
}
"""Each driver: the kernel symbols that it takes, and what it brings."""

DRIVER: dict[ModemMode, tuple[str, ...]] = {
    ModemMode.MBIM: ("cdc_mbim",),
    ModemMode.QMI: ("qmi_wwan",),
    ModemMode.ECM: ("cdc_ether",),
    ModemMode.RNDIS: ("rndis_host",),
    ModemMode.SERIAL: ("ppp",),
}
"""The driver of each mode; Huawei's NCM has one of its own."""

HUAWEI = 0x12D1
QUALCOMM = 0x05C6
CDC = 0x02


def drivers(model: ModemModel) -> Iterator[str]:
    """Every driver that this model needs in one of its states and modes."""
    service = [each for each in model.identities if each.state is ModemState.SERVICE]
    vendors = {each.vendor_id for each in service}
    if any(each.state is ModemState.STORAGE for each in model.identities):
        yield from ("usb-storage", "sr")
    serial = [rule for rule in model.ports if rule.role not in (PortRole.NETWORK, PortRole.STORAGE)]
    classes = {triple[0] for rule in serial for triple in rule.triples}
    if CDC in classes:
        yield "cdc_acm"
    if serial and classes != {CDC}:
        yield "qcserial" if vendors == {QUALCOMM} else "option"
    if speaks_at(model.ports):
        yield from DRIVER[ModemMode.SERIAL]
    for mode in _modes(model):
        if mode is ModemMode.NCM:
            yield "huawei_cdc_ncm" if HUAWEI in vendors else "cdc_ncm"
        else:
            yield from DRIVER[mode]


def _modes(model: ModemModel) -> tuple[ModemMode, ...]:
    """What it may carry traffic by: its own ports, its modes, and classes of USB where ids do not tell."""
    own = {rule.mode for rule in model.ports if rule.role is PortRole.NETWORK}
    reached = {choice.mode for choice in model.modes} | set(model.prefers)
    by_class = {rule.mode for rule in CLASS_RULES if rule.mode} if not own and not reached else set()
    return tuple(mode for mode in ModemMode if mode in own | reached | by_class and mode is not ModemMode.SERIAL)


def symbol_parts() -> Iterator[Parts]:
    """Each symbol once, with every driver that it takes, and the models that need it."""
    wanted: dict[str, dict[str, list[str]]] = {}
    for model in MODEMS:
        for driver in dict.fromkeys(drivers(model)):
            for symbol in SYMBOLS[driver][0].split():
                wanted.setdefault(symbol, {}).setdefault(SYMBOLS[driver][1], []).append(model.name)
    for symbol, uses in wanted.items():
        why = "; ".join(f"{use}: {', '.join(models)}" for use, models in uses.items())
        yield symbols("y" if symbol == "USB_NET_DRIVERS" else EITHER, symbol, why)


def parts() -> Parts:
    """The same for every board and build; packages are wishes, for an image may keep another program for them."""
    known = Known(KnownModel(model=model, origin="hal_modems", rank=0) for model in MODEMS)
    return (
        *(part for group in symbol_parts() for part in group),
        *packages("modemmanager", "connects a modem in service; without it somebody else has to", wish=True),
        *packages(
            "usb-modeswitch usb-modeswitch-data",
            "switches modems that are in its data and not in this table",
            wish=True,
        ),
        *one(PartKind.UDEV_RULE, NAME, rules(known), "each port's role, and the start of a switch, by these rules"),
        *one(
            PartKind.FILE,
            f"etc/systemd/system/{UNIT}",
            unit(),
            "the rules start it; without it a modem in storage mode stays a CD-ROM",
        ),
    )
