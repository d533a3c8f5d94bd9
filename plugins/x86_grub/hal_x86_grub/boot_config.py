"""Which boot configuration a device type of this family has: kernel arguments for GRUB, and ACPI tables of UP boards.

Sources: meta-balena (grub.cfg_internal_template), balena-supervisor 19.0.5 (config-fs.ts).
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.boot_config.configfs import ConfigFs
from hal.backends.boot_config.grub_extraenv import GrubExtraEnv
from hal.model import BootloaderKind, DeviceType
from hal.protocols import BootConfig
from hal.root import Root

CONFIGFS = "mnt/boot/configfs.json"
TABLES = ("up-board",)
"""Device types whose ACPI tables the supervisor loads."""


def stores(device_type: DeviceType, root: Root) -> Iterator[BootConfig]:
    """One or two, where GRUB is known to boot."""
    if device_type.bootloader is BootloaderKind.GRUB:
        yield GrubExtraEnv(device_type, root)
    if device_type.slug in TABLES:
        yield ConfigFs(root, CONFIGFS)
