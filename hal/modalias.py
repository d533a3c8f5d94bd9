"""Which peripherals are present, as the kernel's modaliases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hal.root import Root


def peripherals(root: Root, buses: Iterable[str]) -> Iterator[str]:
    """The modalias of every device on these buses, as sysfs has them.

    A USB device without a configuration (its firmware is missing, say) has no interface and so no modalias; for it the
    part that its device descriptor determines is built.
    """
    for bus in sorted(buses):
        for folder in root.glob(f"sys/bus/{bus}/devices/*"):
            modalias = root.read_value(f"{folder}/modalias")
            if modalias:
                yield modalias
            elif bus == "usb" and root.read_value(f"{folder}/idVendor") is not None:
                yield usb_device(root, folder)


def usb_device(root: Root, folder: str) -> str:
    """The modalias prefix of a USB device, from the attributes of its device descriptor (all hexadecimal text)."""
    parts = (("v", "idVendor"), ("p", "idProduct"), ("d", "bcdDevice"))
    classes = (("dc", "bDeviceClass"), ("dsc", "bDeviceSubClass"), ("dp", "bDeviceProtocol"))
    return "usb:" + "".join(
        f"{letter}{(root.read_value(f'{folder}/{name}') or '').upper()}" for letter, name in (*parts, *classes)
    )
