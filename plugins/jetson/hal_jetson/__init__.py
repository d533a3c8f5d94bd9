"""Jetson modules that run L4T 32.x: TX1, TX2, TX2 NX, Nano, Xavier AGX and Xavier NX, and carrier boards for them.

Only the table is here. Orin boards belong to another plugin.
"""

from __future__ import annotations

from hal import hookimpl
from hal.model import DeviceType
from hal_jetson.device_types import DEVICE_TYPES


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """The table of this family."""
    return DEVICE_TYPES
