"""Which known modem a USB device is, and in which state. What does not positively match is none, and gets no byte."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from hal.model import BulkMessages, ModemMode, ModemState, ScsiEject, SelectConfiguration, UsbDevice, UsbIdentity
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.ports import ModemPort, at_port, mode_of, name_ports
from hal.record import Record

_MASS_STORAGE = 0x08
_STORAGE_COMMAND = "55534243"


@frozen(kw_only=True, repr=False, eq=False)
class Modem(Record):
    """A modem that is present: the device, the models it may be, and what its ports are for.

    `state` is `None` while the device has no configuration, so that nothing can be told yet. `origin` says who
    described it. `conflict` says why it is left alone: two descriptions that count alike want different things.
    """

    device: UsbDevice
    identity: UsbIdentity
    models: tuple[KnownModel, ...]
    state: ModemState | None
    mode: ModemMode | None = None
    ports: tuple[ModemPort, ...] = ()
    conflict: str | None = None

    @property
    def name(self) -> str:
        """The names of the models it may be."""
        return " or ".join(dict.fromkeys(known.model.name for known in self.models))

    @property
    def origin(self) -> str:
        """Who described it."""
        return self.models[0].origin

    @property
    def at(self) -> ModemPort | None:
        """The port for AT commands."""
        return at_port(self.ports)

    @property
    def complete(self) -> bool:
        """Whether every port with a role has its node, so that nothing more is to be waited for."""
        return self.device.ready and bool(self.ports) and all(port.complete for port in self.ports)


def modems(devices: Iterable[UsbDevice], known: Known) -> tuple[Modem, ...]:
    """The modems among the devices."""
    return tuple(found for device in devices if (found := recognise(device, known)) is not None)


def recognise(device: UsbDevice, known: Known) -> Modem | None:
    """The modem that a device is; `None` where nothing known fits it."""
    fitting = [pair for pair in known.shown_by(device.vendor_id, device.product_id) if _fits(device, pair[0])]
    if not fitting:
        return None
    if device.configuration is None:
        return Modem(device=device, identity=fitting[0][0], models=_models(fitting[:1]), state=None)
    current = [pair for pair in fitting if _current(device, pair[0])]
    if not current:
        return _otherwise(device, fitting)
    identity, first = current[0]
    alike = [pair for pair in current if pair[1].rank == first.rank and pair[0].state is identity.state]
    ports = name_ports(device, first.model.ports)
    return Modem(
        device=device,
        identity=identity,
        models=_models(alike),
        state=identity.state,
        mode=None if identity.state is ModemState.STORAGE else mode_of(ports),
        ports=() if identity.state is ModemState.STORAGE else ports,
        conflict=_conflict(identity, alike),
    )


def _otherwise(device: UsbDevice, fitting: list[tuple[UsbIdentity, KnownModel]]) -> Modem:
    """A device that is in none of the states known for its ids.

    One that keeps its ids, and is not what it is before the switch, is in service. One that should be in service and
    begins with storage is in storage; how it leaves that is not known.
    """
    identity, first = fitting[0]
    if all(each.state is ModemState.SERVICE for each, _ in fitting):
        return Modem(
            device=device,
            identity=identity,
            models=_models(fitting[:1]),
            state=ModemState.STORAGE,
            conflict="it shows storage first, and no way out of that is known for these ids; a model file can tell one",
        )
    ports = name_ports(device, first.model.ports)
    return Modem(
        device=device,
        identity=identity,
        models=_models(fitting[:1]),
        state=ModemState.SERVICE,
        mode=mode_of(ports),
        ports=ports,
    )


def _models(pairs: Iterable[tuple[UsbIdentity, KnownModel]]) -> tuple[KnownModel, ...]:
    return tuple({(known.model.name, known.model.maker): known for _, known in pairs}.values())


def _fits(device: UsbDevice, identity: UsbIdentity) -> bool:
    """Whether what the device says of itself has the texts that narrow the identity down."""
    vendors, models = (" ".join(unit[place] for unit in device.scsi) for place in (0, 1))
    pairs = (
        (identity.manufacturer, device.manufacturer),
        (identity.product, device.product),
        (identity.scsi_vendor, vendors),
        (identity.scsi_model, models),
    )
    return all(_spaced(wanted) in _spaced(told) for wanted, told in pairs)


def _spaced(text: str) -> str:
    """File names of usb_modeswitch's entries have `_` for a blank, and some devices have it themselves."""
    return text.replace("_", " ")


def _current(device: UsbDevice, identity: UsbIdentity) -> bool:
    """Whether the device is in the state of an identity whose ids it shows: its interfaces tell, not its ids alone."""
    first = device.interfaces[0].triple[0] if device.interfaces else device.triple[0]
    if identity.state is not ModemState.STORAGE:
        return identity.state is ModemState.DOWNLOAD or first != _MASS_STORAGE
    if identity.switch is None:
        return first == _MASS_STORAGE
    steps = identity.switch.steps
    chosen = {step.value for step in steps if isinstance(step, SelectConfiguration)}
    if len(chosen) == len(steps):
        return device.configuration not in chosen
    if any(_is_storage_command(step) for step in steps):
        return first == _MASS_STORAGE
    if identity.switch.target_class is not None:
        return identity.switch.target_class not in (first, device.triple[0])
    return first == _MASS_STORAGE or any(isinstance(step, BulkMessages) for step in steps)


def _is_storage_command(step: object) -> bool:
    return isinstance(step, ScsiEject) or (
        isinstance(step, BulkMessages) and any(message.startswith(_STORAGE_COMMAND) for message in step.messages)
    )


def _conflict(identity: UsbIdentity, alike: list[tuple[UsbIdentity, KnownModel]]) -> str | None:
    """Two that count alike, and would send different things."""
    if identity.switch is None:
        return None
    others = [known for each, known in alike if each.switch is None or each.switch.steps != identity.switch.steps]
    if not others:
        return None
    first = alike[0][1]
    return (
        f"{first.model.name} ({first.origin}) and {others[0].model.name} ({others[0].origin}) want different switches; "
        "a model file decides"
    )
