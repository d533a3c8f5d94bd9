"""BeagleBone boards, and their BeagleBoard relatives, under balenaOS."""

from __future__ import annotations

from hal import hookimpl
from hal.model import DeviceType, Unsupported
from hal_beaglebone.device_types import DEVICE_TYPES


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """Answer with the table of this family."""
    return DEVICE_TYPES


@hookimpl
def hal_fan() -> Unsupported:
    """Say that there is no fan to control."""
    return Unsupported(reason="no board of the BeagleBone family is known to carry a fan that software controls")
