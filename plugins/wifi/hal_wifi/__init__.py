"""Add-on: the USB WiFi adapters that balenaOS names as supported, and the firmware files they need."""

from __future__ import annotations

from hal import hookimpl
from hal.model import WifiFirmware
from hal_wifi.adapters import ADAPTERS


@hookimpl
def hal_wifi_firmware() -> tuple[WifiFirmware, ...]:
    """Every WiFi adapter of the table."""
    return ADAPTERS
