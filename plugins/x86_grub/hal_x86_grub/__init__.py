"""Device types that boot with GRUB: PCs of Intel, generic x86, UP boards, Surface tablets, and generic ARM with UEFI.

Only the table is here. No DMI values are known, so software evidence alone tells these device types apart. Fan and
power hooks are not answered.
"""

from __future__ import annotations

from hal import hookimpl
from hal.model import DeviceType
from hal_x86_grub.device_types import DEVICE_TYPES


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """The table of this family."""
    return DEVICE_TYPES
