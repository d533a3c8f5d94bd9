"""The USB devices that are present, as last computed from sysfs, and what a look finds different."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from hal.backends.usb import present
from hal.model import UsbDevice
from hal.record import Record
from hal.root import Root

Places = frozenset[str] | None
"""Places on the USB bus; `None`: all of them."""

_READS = 3


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
        self._appearances: dict[str, int] = {}
        self.devices: Mapping[str, UsbDevice] = MappingProxyType({})

    def look(self, at: Places) -> Difference:
        """Compute the view anew: read the devices at these places, new ones, and those that were listed anew.

        Raises `HalError` where sysfs cannot be listed; the view is then as before.
        """
        before, found = self.devices, dict[str, UsbDevice]()
        appearances: dict[str, int] = {}
        for name in present.places(self._root):
            known = None if at is None or name in at else before.get(name)
            if (read := self._read(name, known)) is not None:
                appearances[name], found[name] = read
        stayed = {
            name
            for name, device in found.items()
            if self._appearances.get(name) == appearances[name] and before[name].presence == device.presence
        }
        self.devices, self._appearances = MappingProxyType(found), appearances
        return Difference(
            vanished=tuple(before[name] for name in before if name not in stayed),
            appeared=tuple(found[name] for name in found if name not in stayed),
            changed=tuple(
                (before[name], found[name]) for name in found if name in stayed and before[name] != found[name]
            ),
        )

    def _read(self, name: str, known: UsbDevice | None) -> tuple[int, UsbDevice] | None:
        """An appearance and its device. What is replaced while it is read is read again, or left to the next event."""
        for _ in range(_READS):
            appearance = present.appearance(self._root, name)
            if appearance is None:
                break
            if known is not None and self._appearances.get(name) == appearance:
                if present.number(self._root, name) == known.number:
                    return appearance, known
                known = None
            device = present.look(self._root, name)
            if present.appearance(self._root, name) == appearance:
                return None if device is None else (appearance, device)
        return None
