"""Which boot configuration a device type of this family has: extra_uEnv.txt, which L4TLauncher reads.

Source: balena-supervisor 19.0.5 (extra-uEnv.ts).
"""

from __future__ import annotations

from hal.backends.boot_config.extra_uenv import L4T_LAUNCHER, ExtraUEnv
from hal.model import BootloaderKind, DeviceType
from hal.root import Root

FILE = "mnt/boot/extra_uEnv.txt"
MANAGED = ("-agx-orin-", "-orin-nx-", "-orin-nano-")
"""What the slugs hold of device types that the supervisor manages the file of."""


def stores(device_type: DeviceType, root: Root) -> tuple[ExtraUEnv, ...]:
    """The file, wherever L4TLauncher boots."""
    if device_type.bootloader is not BootloaderKind.L4TLAUNCHER:
        return ()
    managed = any(word in device_type.slug for word in MANAGED)
    return (ExtraUEnv(root, FILE, L4T_LAUNCHER, managed=managed),)
