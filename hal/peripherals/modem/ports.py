"""Which port of a modem does what: by the model's rules, then by USB class; never by the number of a tty."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from hal.model import ModemMode, PortRole, PortRule, UsbConfiguration, UsbDevice, UsbFunction
from hal.record import Record

CLASS_RULES = (
    PortRule(role=PortRole.NETWORK, mode=ModemMode.MBIM, triples=((0x02, 0x0E, None),)),
    PortRule(role=PortRole.NETWORK, mode=ModemMode.ECM, triples=((0x02, 0x06, None),)),
    PortRule(role=PortRole.NETWORK, mode=ModemMode.NCM, triples=((0x02, 0x0D, None),)),
    PortRule(
        role=PortRole.NETWORK,
        mode=ModemMode.RNDIS,
        triples=((0xE0, 0x01, 0x03), (0x02, 0x02, 0xFF), (0xEF, 0x04, 0x01)),
    ),
    PortRule(role=PortRole.STORAGE, triples=((0x08, 0x06, None),)),
)
"""Functions with a class of their own. A serial port has none that tells AT from others, so no rule here names one."""

DRIVERS = {
    ModemMode.MBIM: ("cdc_mbim",),
    ModemMode.QMI: ("qmi_wwan",),
    ModemMode.NCM: ("huawei_cdc_ncm", "cdc_ncm"),
    ModemMode.ECM: ("cdc_ether",),
    ModemMode.RNDIS: ("rndis_host",),
    ModemMode.SERIAL: ("option", "qcserial", "cdc_acm"),
}
"""The kernel drivers of a mode; one of them must be there. Source: module tables of Linux 6.1."""

_AT = (PortRole.AT, PortRole.AT_SECONDARY, PortRole.MODEM)


@frozen(kw_only=True, repr=False, eq=False)
class ModemPort(Record):
    """A port: its role, the interface it is on, and the nodes it has; `driver` is `None` while none has taken it."""

    role: PortRole
    interface: int
    name: str
    mode: ModemMode | None = None
    driver: str | None = None
    nodes: tuple[str, ...] = ()
    network: tuple[str, ...] = ()

    @property
    def tty(self) -> str | None:
        """Its serial port, as in `ttyUSB2`."""
        return next((node for node in self.nodes if node.startswith("tty")), None)

    @property
    def complete(self) -> bool:
        """Whether it has what its role needs to be used; storage is of no use here, so it is never waited for."""
        return bool(self.network if self.role is PortRole.NETWORK else self.nodes) or self.role is PortRole.STORAGE

    @property
    def drivers(self) -> tuple[str, ...]:
        """The kernel drivers of which one takes such a port."""
        return DRIVERS[self.mode or ModemMode.SERIAL]


def name_ports(device: UsbDevice, rules: Iterable[PortRule]) -> tuple[ModemPort, ...]:
    """The ports of the configuration in use, in the order of interfaces; one without a known role is left out."""
    wanted = (*rules, *CLASS_RULES)
    chosen = next((each for each in device.configurations if each.value == device.configuration), None)
    found = []
    for interface in device.interfaces:
        function = chosen.function(interface.number) if chosen else None
        rule = _rule(device, interface.number, interface.triple, function, wanted)
        if rule is not None:
            found.append(
                ModemPort(
                    role=rule.role,
                    mode=rule.mode,
                    interface=interface.number,
                    name=interface.name,
                    driver=interface.driver,
                    nodes=interface.nodes,
                    network=interface.network,
                )
            )
    return tuple(found)


def roles(device: UsbDevice, configuration: UsbConfiguration, rules: Iterable[PortRule]) -> tuple[PortRule, ...]:
    """The rules that a configuration's interfaces would fit, chosen or not."""
    wanted = (*rules, *CLASS_RULES)
    found = (
        _rule(device, each.number, each.triple, each, wanted) for each in configuration.functions if not each.alternate
    )
    return tuple(rule for rule in found if rule is not None)


def at_ports(ports: Iterable[ModemPort]) -> tuple[ModemPort, ...]:
    """The ports that answer AT commands, with a serial port: the one made for them first, the one for PPP last."""
    usable = [port for port in ports if port.role in _AT and port.tty is not None]
    return tuple(sorted(usable, key=lambda port: (_AT.index(port.role), port.interface)))


def at_port(ports: Iterable[ModemPort]) -> ModemPort | None:
    """The best of them."""
    return next(iter(at_ports(ports)), None)


def speaks_at(rules: Iterable[PortRule | ModemPort]) -> bool:
    """Whether there is a port for AT commands among these."""
    return any(rule.role in _AT for rule in rules)


def mode_of(ports: Iterable[PortRule | ModemPort]) -> ModemMode | None:
    """What carries the traffic: the network function there is, else serial ports; `None` for neither."""
    listed = tuple(ports)
    modes = [port.mode for port in listed if port.role is PortRole.NETWORK and port.mode is not None]
    if modes:
        return modes[0]
    return ModemMode.SERIAL if any(port.role in _AT for port in listed) else None


def _rule(
    device: UsbDevice,
    number: int,
    triple: tuple[int, int, int],
    function: UsbFunction | None,
    rules: Iterable[PortRule],
) -> PortRule | None:
    for rule in rules:
        if rule.products and device.product_id not in rule.products:
            continue
        if rule.interface is not None and rule.interface != number:
            continue
        if rule.triples and not any(_is(triple, wanted) for wanted in rule.triples):
            continue
        if rule.endpoints is not None and (function is None or len(function.endpoints) != rule.endpoints):
            continue
        return rule
    return None


def _is(triple: tuple[int, int, int], wanted: tuple[int, int, int | None]) -> bool:
    return triple[:2] == wanted[:2] and wanted[2] in (None, triple[2])
