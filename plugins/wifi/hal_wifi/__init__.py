"""Add-on: the USB WiFi adapters that balenaOS names as supported, and the firmware files they need."""

from __future__ import annotations

from hal import hookimpl
from hal.model import ImagePart, WifiFirmware
from hal_wifi.adapters import ADAPTERS


@hookimpl
def hal_wifi_firmware() -> tuple[WifiFirmware, ...]:
    """Every WiFi adapter of the table."""
    return ADAPTERS


@hookimpl
def hal_image() -> tuple[ImagePart, ...]:
    """Drivers and firmware for every adapter, and the database of what a country allows."""
    from hal_wifi import image

    return image.parts()
