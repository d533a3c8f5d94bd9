"""Jetson modules that run L4T 32.x: TX1, TX2, TX2 NX, Nano, Xavier AGX and Xavier NX, and carrier boards for them.

Only the table is here. Orin boards belong to another plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.model import DeviceType, Unsupported
from hal.protocols import BootConfig, Bootloader, Rtc, Splash
from hal.root import Root
from hal_jetson.device_types import DEVICE_TYPES

if TYPE_CHECKING:  # each file of the model costs a start some milliseconds
    from hal.model import Build, ImagePart, UpdateStep


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """The table of this family."""
    return DEVICE_TYPES


@hookimpl
def hal_fan() -> Unsupported:
    """Say what is missing: balenaOS offers fan profiles on Orin alone."""
    return Unsupported(reason="images of L4T 32 have no fan profiles; some set one fixed speed at boot")


@hookimpl
def hal_power() -> Unsupported:
    """Say what is missing: balenaOS offers power modes on Orin alone."""
    return Unsupported(reason="which modes of nvpmodel are low, mid and high is not known for Jetsons before Orin")


@hookimpl
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported:
    """U-Boot, or Cboot on Xavier."""
    return bootloader(device_type, root)


@hookimpl
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """extra_uEnv.txt or, on an old OS, extlinux.conf, and ODMDATA of the TX2."""
    from hal_jetson import boot_config

    return tuple(boot_config.stores(device_type, root))


@hookimpl
def hal_splash(root: Root) -> Splash:
    """The OS's picture; no splash of a firmware is known."""
    from hal.backends.splash import BootSplash

    return BootSplash(root)


@hookimpl
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """No clock is known yet; those that the kernel has are listed in any case."""
    from hal.backends.rtc import clocks

    return clocks(device_type, root)


@hookimpl
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """Firmware partitions and boot blob of TX1, TX2 and Nano. On Xavier the bootloader's slots hold them."""
    from hal_jetson import bootfiles

    return tuple(bootfiles.step(fact, root) for fact in device_type.update_steps if fact.name in bootfiles.LAYOUTS)


@hookimpl
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """The vendor's firmware and programs, and a kernel that fits its partition."""
    from hal_jetson import image

    return image.parts(device_type, build)
