"""The USB devices that are present, as last computed from sysfs, and what a look finds different."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from hal.backends.usb.present import look, number, places
from hal.model import UsbDevice
from hal.record import Record
from hal.root import Root

Places = frozenset[str] | None
"""Places on the USB bus; `None`: all of them."""


@frozen(kw_only=True, repr=False, eq=False)
class Difference(Record):
    """What one look found different. Another presence at the same place has vanished and appeared."""

    vanished: tuple[UsbDevice, ...] = ()
    appeared: tuple[UsbDevice, ...] = ()
    changed: tuple[tuple[UsbDevice, UsbDevice], ...] = ()
    """The same presence before and after: a configuration was chosen, a driver was bound, a node came or went."""

    def __bool__(self) -> bool:
        return bool(self.vanished or self.appeared or self.changed)


class View:
    """`devices` by place. After each look it equals what a look at everything finds, if `places` named what changed."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self.devices: Mapping[str, UsbDevice] = MappingProxyType({})

    def look(self, at: Places) -> Difference:
        """Compute the view anew: read the devices at these places, new ones, and those with another number.

        Raises `HalError` where sysfs cannot be listed; the view is then as before.
        """
        before = self.devices
        found: dict[str, UsbDevice] = {}
        for name in places(self._root):
            known = before.get(name)
            if known is None or at is None or name in at or number(self._root, name) != known.number:
                known = look(self._root, name)
            if known is not None:
                found[name] = known
        self.devices = MappingProxyType(found)
        return difference(before, found)


def difference(before: Mapping[str, UsbDevice], after: Mapping[str, UsbDevice]) -> Difference:
    """What vanished, appeared and changed, each in the order of places."""
    stayed = {name for name, device in after.items() if name in before and before[name].presence == device.presence}
    return Difference(
        vanished=tuple(before[name] for name in sorted(before) if name not in stayed),
        appeared=tuple(after[name] for name in sorted(after) if name not in stayed),
        changed=tuple((before[name], after[name]) for name in sorted(stayed) if before[name] != after[name]),
    )
