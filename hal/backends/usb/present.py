"""The USB devices that are present, computed from sysfs each time.

Nothing is remembered: two looks that see the same devices are equal. A device may vanish between two of its
attributes; it is then left out, as if the look had been a moment later.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from hal.backends.usb.descriptors import configurations
from hal.errors import HalError
from hal.model import UsbConfiguration, UsbDevice, UsbInterface
from hal.root import Root

DEVICES = "sys/bus/usb/devices"
_NODES = ("ttyUSB*", "tty/tty*", "usbmisc/*", "wwan/*/*", "host*/target*/*/block/*", "host*/target*/*/scsi_generic/*")
"""Where below an interface the kernel lists its device nodes."""
_NETWORK = ("net/*",)


def present(root: Root) -> tuple[UsbDevice, ...]:
    """Every USB device but the root hubs, in the order of their places."""
    return tuple(device for name in places(root) if (device := look(root, name)) is not None)


def places(root: Root) -> tuple[str, ...]:
    """The names that sysfs lists on the USB bus, but for root hubs and interfaces; sorted."""
    return tuple(name for name in root.listdir(DEVICES) if "-" in name and ":" not in name)


def number(root: Root, name: str) -> int | None:
    """The number that the kernel gave to what is at a place now: one file read tells whether it is still the same."""
    return _number(root, f"{DEVICES}/{name}/devnum", 10)


def appearance(root: Root, name: str) -> int | None:
    """Another number each time the kernel lists a device at a place; `None` where none is listed.

    A device's own number does not tell: when a host controller is reset, its devices come back with those they had.
    """
    try:
        return root.inode(f"{DEVICES}/{name}")
    except HalError:
        return None


def look(root: Root, name: str) -> UsbDevice | None:
    """The device at a place as it is now; `None` where there is none."""
    try:
        # Resolved once: every link on the way to the bus costs each of some fifty reads.
        folder = str(root.resolve(f"{DEVICES}/{name}").relative_to(root.directory))
        inside = root.listdir(folder)
    except HalError:
        return None
    numbers = {each: _number(root, f"{folder}/{each}", 16) for each in ("idVendor", "idProduct", "bcdDevice")}
    place = {each: _number(root, f"{folder}/{each}", 10) for each in ("busnum", "devnum")}
    if None in (numbers["idVendor"], numbers["idProduct"], place["devnum"]):
        return None
    return UsbDevice(
        name=name,
        vendor_id=numbers["idVendor"] or 0,
        product_id=numbers["idProduct"] or 0,
        revision=numbers["bcdDevice"] or 0,
        triple=_triple(root, folder, "bDevice"),
        bus=place["busnum"] or 0,
        number=place["devnum"] or 0,
        manufacturer=_text(root, f"{folder}/manufacturer"),
        product=_text(root, f"{folder}/product"),
        serial=_text(root, f"{folder}/serial"),
        configuration=_number(root, f"{folder}/bConfigurationValue", 10) or None,
        configurations=_configurations(root, folder),
        interfaces=tuple(
            interface
            for each in inside
            if each.startswith(f"{name}:") and (interface := _interface(root, f"{folder}/{each}")) is not None
        ),
        scsi=tuple(
            (_text(root, f"{unit}/vendor").strip(), _text(root, f"{unit}/model").strip())
            for unit in root.glob(f"{folder}/{name}:*/host*/target*/*:*")
        ),
    )


def _interface(root: Root, folder: str) -> UsbInterface | None:
    number = _number(root, f"{folder}/bInterfaceNumber", 16)
    if number is None:
        return None
    inside = _listed(root, folder)
    return UsbInterface(
        name=folder.rpartition("/")[2],
        number=number,
        triple=_triple(root, folder, "bInterface"),
        modalias=_text(root, f"{folder}/modalias"),
        driver=_driver(root, folder) if "driver" in inside else None,
        nodes=_names(root, folder, inside, _NODES),
        network=_names(root, folder, inside, _NETWORK),
    )


def _names(root: Root, folder: str, inside: tuple[str, ...], patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The last parts of what matches below a folder that lists `inside`; what nothing lists is not looked for."""
    return tuple(sorted({name for each in patterns for name in _matches(root, folder, inside, each.split("/"))}))


def _matches(root: Root, folder: str, inside: tuple[str, ...], parts: list[str]) -> Iterator[str]:
    for name in inside:
        if not fnmatchcase(name, parts[0]) or name.startswith("."):
            continue
        if len(parts) == 1:
            yield name
        else:
            yield from _matches(root, f"{folder}/{name}", _listed(root, f"{folder}/{name}"), parts[1:])


def _listed(root: Root, folder: str) -> tuple[str, ...]:
    try:
        return root.listdir(folder)
    except HalError:
        return ()


def _driver(root: Root, folder: str) -> str | None:
    """The name of the driver that the `driver` link leads to."""
    if not root.exists(f"{folder}/driver"):
        return None
    try:
        return root.resolve(f"{folder}/driver").name
    except HalError:
        return None


def _configurations(root: Root, folder: str) -> tuple[UsbConfiguration, ...]:
    try:
        return configurations(root.read_bytes(f"{folder}/descriptors"))
    except HalError:
        return ()


def _triple(root: Root, folder: str, prefix: str) -> tuple[int, int, int]:
    one, two, three = (_number(root, f"{folder}/{prefix}{each}", 16) or 0 for each in ("Class", "SubClass", "Protocol"))
    return one, two, three


def _text(root: Root, name: str) -> str:
    try:
        return root.read_value(name) or ""
    except HalError:
        return ""


def _number(root: Root, name: str, base: int) -> int | None:
    try:
        return int(_text(root, name), base)
    except ValueError:
        return None
