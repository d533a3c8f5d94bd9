"""udev rules for the modems that are known: what each port is, and who leaves what to whom.

- `ID_HAL_MODEM` names the model on the device, `ID_HAL_MODEM_PORT` the role on each port.
- A modem with two AT ports beside a network function keeps the second for this project: `ID_MM_PORT_IGNORE` keeps
  ModemManager from it. All other ports are ModemManager's; its own rules and ours agree on their roles.
- A device that needs a switch, or has a preferred mode, starts `hal-modem@PLACE.service`; no boot target waits for it.

The file sorts behind the rules that set `ID_USB_INTERFACE_NUM` (60) and before ModemManager's (77 and 80).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pkgutil import get_data

from hal.errors import HalError
from hal.model import ModemModel, ModemState, PortRole, PortRule
from hal.peripherals.modem.known import Known, KnownModel, narrows

NAME = "75-hal-modem.rules"
UNIT = "hal-modem@.service"
MASKED = "40-usb_modeswitch.rules"
"""An empty file of this name in `etc/udev/rules.d` or `run/udev/rules.d` keeps usb_modeswitch's rules from acting."""
_TYPES = {
    PortRole.AT: "AT_PRIMARY",
    PortRole.AT_SECONDARY: "AT_SECONDARY",
    PortRole.MODEM: "AT_PPP",
    PortRole.DIAG: "QCDM",
    PortRole.GPS: "GPS",
    PortRole.AUDIO: "AUDIO",
}


def rules(known: Known) -> str:
    """The file, for every model that is not one of usb-modeswitch's packed entries."""
    lines = [
        "# Written by `hal modem rules`. What each port of a known modem is, and what starts a switch.",
        'ACTION=="remove", GOTO="hal_modem_end"',
    ]
    named: set[tuple[int, int]] = set()
    started: set[tuple[int, int]] = set()
    for each in sorted(known.models, key=lambda each: each.rank):
        if each.model.maker:
            title = _remark(f"# {each.model.name}, {each.model.maker}: {each.origin}")
            lines += ["", title, *_model(each, started), *_ports(each.model, named)]
    return "\n".join([*lines, "", 'LABEL="hal_modem_end"', ""])


def _model(known: KnownModel, started: set[tuple[int, int]]) -> Iterator[str]:
    """Its name on the device, and the unit; models that share ids start it once."""
    model = known.model
    for identity in model.identities:
        if identity.state is ModemState.DOWNLOAD:
            continue
        device = (
            'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", '
            f'ATTR{{idVendor}}=="{identity.vendor_id:04x}", ATTR{{idProduct}}=="{identity.product_id:04x}"'
        )
        yield f'{device}, ENV{{ID_HAL_MODEM}}=="", ENV{{ID_HAL_MODEM}}="{_plain(model.name)}"'
        if (identity.state is ModemState.STORAGE or model.prefers) and identity.ids not in started:
            started.add(identity.ids)
            # At every event, not at `add` alone: the kernel sends a `change` right behind it, which would take the
            # property away again. systemd starts the unit when the device appears, and not once more for a `change`.
            yield f'{device}, TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="hal-modem@%k.service"'


def _ports(model: ModemModel, named: set[tuple[int, int]]) -> Iterator[str]:
    """Each rule of the model once for each identity in service; the first that fits counts, as in the model.

    Of models that share ids the first names the ports; of ids that texts narrow down, which a port's rule cannot see,
    none does.
    """
    for identity in model.identities:
        if identity.state is not ModemState.SERVICE or identity.ids in named or identity.shared or narrows(identity):
            continue
        named.add(identity.ids)
        ids = f'ENV{{ID_VENDOR_ID}}=="{identity.vendor_id:04x}", ENV{{ID_MODEL_ID}}=="{identity.product_id:04x}"'
        for rule in model.ports:
            if rule.products and identity.product_id not in rule.products:
                continue
            for fits in _fits(rule):
                where = ", ".join(('SUBSYSTEM=="tty"', ids, *fits, 'ENV{ID_HAL_MODEM_PORT}==""'))
                yield f"{where}, {', '.join(_tags(model, rule, identity.product_id))}"


def _fits(rule: PortRule) -> Iterable[tuple[str, ...]]:
    """The conditions on the interface; one set for each class it may have."""
    if rule.role in (PortRole.NETWORK, PortRole.STORAGE):
        return
    number = () if rule.interface is None else (f'ENV{{ID_USB_INTERFACE_NUM}}=="{rule.interface:02x}"',)
    ends = () if rule.endpoints is None else (f'ATTRS{{bNumEndpoints}}=="{rule.endpoints:02x}"',)
    if not rule.triples:
        yield (*number, *ends)
    for one, two, three in rule.triples:
        protocol = () if three is None else (f'ATTRS{{bInterfaceProtocol}}=="{three:02x}"',)
        yield (
            *number,
            f'ATTRS{{bInterfaceClass}}=="{one:02x}"',
            f'ATTRS{{bInterfaceSubClass}}=="{two:02x}"',
            *protocol,
            *ends,
        )


def _tags(model: ModemModel, rule: PortRule, product_id: int) -> Iterator[str]:
    """The second AT port is kept only where a network function makes PPP needless in this very composition."""
    yield f'ENV{{ID_HAL_MODEM_PORT}}="{rule.role.value}"'
    functions = (each for each in model.ports if each.role is PortRole.NETWORK)
    has_network = any(not each.products or product_id in each.products for each in functions)
    if rule.role is PortRole.AT_SECONDARY and has_network:
        yield 'ENV{ID_MM_PORT_IGNORE}="1"'
    elif rule.role in _TYPES:
        yield f'ENV{{ID_MM_PORT_TYPE_{_TYPES[rule.role]}}}="1"'


def _remark(text: str) -> str:
    """A comment that stays one line."""
    return "".join(each if each.isprintable() and each != "\\" else "_" for each in text)


def _plain(name: str) -> str:
    """A name without what a rule would read as something else."""
    return "".join(each if each.isalnum() or each in " -_.()" else "_" for each in name)


def unit() -> str:
    """The text of the unit that the rules start, as it lies beside this file."""
    data = get_data("hal.peripherals.modem", UNIT)
    if data is None:
        raise HalError(f"{UNIT}: this installation lacks it", path=UNIT)
    return data.decode()
