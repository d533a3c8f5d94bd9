"""Raspberry Pi boards, and the industrial computers built on them, under balenaOS."""

from __future__ import annotations

from hal import hookimpl
from hal.model import DeviceType
from hal_raspberrypi.device_types import DEVICE_TYPES


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """Answer with the table of this family."""
    return DEVICE_TYPES
