"""Which boot configuration a device type of this family has, by the supervisor's table.

Xavier boots with Cboot, which reads none of these files.

Sources: balena-supervisor 19.0.5 (extra-uEnv.ts, extlinux.ts, odmdata.ts), balena-jetson 7.9.3+rev2.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.boot_config.extlinux import Extlinux
from hal.backends.boot_config.extra_uenv import U_BOOT, ExtraUEnv
from hal.backends.boot_config.odmdata import Odmdata
from hal.model import BootloaderKind, DeviceType
from hal.protocols import BootConfig
from hal.root import Root

EXTRA_UENV = ("-nano", "-nano-emmc", "-nano-2gb-devkit", "-tx2", "-tx2-nx-devkit")
"""How the slugs of device types end whose U-Boot takes a device tree and arguments from `extra_uEnv.txt`."""
ODMDATA = ("-tx2",)
LEGACY = "jetson-"
"""How the slugs start of those that had an editable extlinux.conf before OS 2.47.0."""


def stores(device_type: DeviceType, root: Root) -> Iterator[BootConfig]:
    """Each that the table names; which of the first two is in use the version of the OS tells."""
    if device_type.bootloader is not BootloaderKind.U_BOOT:
        return
    if device_type.slug.startswith(LEGACY):
        yield Extlinux(root, "mnt/boot/extlinux/extlinux.conf")
    if device_type.slug.endswith(EXTRA_UENV):
        yield ExtraUEnv(root, "mnt/boot/extra_uEnv.txt", U_BOOT)
    if device_type.slug.endswith(ODMDATA):
        yield Odmdata(root)
