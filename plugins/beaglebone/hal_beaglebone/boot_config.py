"""Which boot configuration a device type of this family has. The supervisor manages none of it.

U-Boot of every image takes kernel arguments from `extra_uEnv.txt`; that of AM335x boards reads overlays in `uEnv.txt`.

Source: balena-beaglebone 7.7.2+rev2 (u-boot patches), meta-balena (env_resin.h).
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.boot_config.extra_uenv import U_BOOT_ARGUMENTS, ExtraUEnv
from hal.backends.boot_config.uenv_txt import UEnv
from hal.model import BootloaderKind, DeviceType
from hal.protocols import BootConfig
from hal.root import Root

AM335X = ("beaglebone-black", "beaglebone-green", "beaglebone-green-wifi", "beaglebone-green-gateway")
"""Device types whose U-Boot loads overlays by names in `uEnv.txt`."""
EXTRA_FILE, FILE = "mnt/boot/extra_uEnv.txt", "mnt/boot/uEnv.txt"


def stores(device_type: DeviceType, root: Root) -> Iterator[BootConfig]:
    """One or two files, where U-Boot is known to boot."""
    if device_type.bootloader is not BootloaderKind.U_BOOT:
        return
    if device_type.slug in AM335X:
        yield UEnv(root, FILE)
    yield ExtraUEnv(root, EXTRA_FILE, U_BOOT_ARGUMENTS, managed=False)
