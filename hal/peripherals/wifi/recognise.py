"""Which adapters are plugged in: USB devices with a modalias that a row names."""

from __future__ import annotations

from fnmatch import fnmatchcase

from attrs import frozen

from hal.backends.usb.present import DEVICES, present
from hal.modalias import usb_device
from hal.model import UsbDevice, WifiFirmware
from hal.record import Record
from hal.root import Root


@frozen(kw_only=True, repr=False, eq=False)
class Seen(Record):
    """A device and the row that knows it."""

    device: UsbDevice
    row: WifiFirmware
    modalias: str
    """The one that the row's pattern fits."""
    modaliases: tuple[str, ...]
    """All of the device's."""

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Its network interfaces."""
        return tuple(sorted({name for each in self.device.interfaces for name in each.network}))


def recognise(root: Root, rows: tuple[WifiFirmware, ...]) -> tuple[Seen, ...]:
    """In the order of their places. Where several rows fit, the first of the first plugin counts."""
    found = []
    for device in present(root):
        names = modaliases(root, device)
        fits = (
            (row, name) for row in rows for pattern in row.modaliases for name in names if fnmatchcase(name, pattern)
        )
        first = next(fits, None)
        if first is not None:
            found.append(Seen(device=device, row=first[0], modalias=first[1], modaliases=names))
    return tuple(found)


def modaliases(root: Root, device: UsbDevice) -> tuple[str, ...]:
    """One for each interface, as the kernel gives them.

    A device without a configuration has none, so there they are built from its descriptors, which sysfs still shows.
    """
    shown = tuple(each.modalias for each in device.interfaces if each.modalias)
    if shown:
        return shown
    before = usb_device(root, f"{DEVICES}/{device.name}")
    offered = [function for each in device.configurations for function in each.functions if not function.alternate]
    built = (
        f"{before}ic{a:02X}isc{b:02X}ip{c:02X}in{each.number:02X}" for each in offered for a, b, c in (each.triple,)
    )
    return tuple(dict.fromkeys(built)) or (before,)
