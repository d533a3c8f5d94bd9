"""Reads the `descriptors` attribute of a USB device: its device descriptor, then every configuration, raw.

Source: USB 2.0 specification, chapter 9; the kernel's `Documentation/ABI/stable/sysfs-bus-usb`. The kernel has checked
the lengths before it shows them, so what does not fit here is a file that was cut; reading ends there.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.model import UsbConfiguration, UsbEndpoint, UsbFunction

_CONFIGURATION, _INTERFACE, _ENDPOINT = 2, 4, 5
_KINDS = ("control", "isochronous", "bulk", "interrupt")


def configurations(data: bytes) -> tuple[UsbConfiguration, ...]:
    """Every configuration, with all alternate settings of its interfaces in the order of the descriptor."""
    found: list[UsbConfiguration] = []
    functions: list[UsbFunction] = []
    endpoints: list[UsbEndpoint] = []
    value: int | None = None
    opened: bytes | None = None

    def end_function() -> None:
        nonlocal opened
        if opened is not None:
            triple = (opened[5], opened[6], opened[7])
            functions.append(
                UsbFunction(number=opened[2], alternate=opened[3], triple=triple, endpoints=tuple(endpoints))
            )
        opened = None
        endpoints.clear()

    def end_configuration() -> None:
        end_function()
        if value is not None:
            found.append(UsbConfiguration(value=value, functions=tuple(functions)))
        functions.clear()

    for item in _items(data):
        kind = item[1]
        if kind == _CONFIGURATION and len(item) >= 9:
            end_configuration()
            value = item[5]
        elif kind == _INTERFACE and len(item) >= 9 and value is not None:
            end_function()
            opened = item
        elif kind == _ENDPOINT and len(item) >= 7 and opened is not None:
            size = int.from_bytes(item[4:6], "little") & 0x7FF
            endpoints.append(UsbEndpoint(address=item[2], kind=_KINDS[item[3] & 3], packet_bytes=size))
    end_configuration()
    return tuple(found)


def _items(data: bytes) -> Iterator[bytes]:
    """The descriptors one after the other; each begins with its length and its type."""
    at = 0
    while at + 2 <= len(data):
        length = data[at]
        if length < 2 or at + length > len(data):
            return
        yield data[at : at + length]
        at += length
