"""BeagleBone boards, and their BeagleBoard relatives, under balenaOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.model import DeviceType, Unsupported
from hal.protocols import BootConfig, Bootloader, Power, Rtc, Splash
from hal.root import Root
from hal_beaglebone.device_types import DEVICE_TYPES

if TYPE_CHECKING:  # each file of the model costs a start some milliseconds
    from hal.model import Build, ImagePart, UpdateStep


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """Answer with the table of this family."""
    return DEVICE_TYPES


@hookimpl
def hal_fan() -> Unsupported:
    """Say that there is no fan to control."""
    return Unsupported(reason="no board of the BeagleBone family is known to carry a fan that software controls")


@hookimpl
def hal_power(root: Root) -> Power:
    """The CPU governors of the kernel."""
    from hal.backends.power.cpu import CpuPower

    return CpuPower(root)


@hookimpl
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported:
    """U-Boot, where the partitions of the device type are known."""
    return bootloader(device_type, root)


@hookimpl
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """uEnv.txt with the overlays of AM335x boards, and extra_uEnv.txt."""
    from hal_beaglebone import boot_config

    return tuple(boot_config.stores(device_type, root))


@hookimpl
def hal_splash(root: Root) -> Splash:
    """The OS's picture; no splash of a firmware is known."""
    from hal.backends.splash import BootSplash

    return BootSplash(root)


@hookimpl
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """The DS1340 of the Green Gateway, and the clock in the AM335x."""
    from hal.backends.rtc import clocks

    return clocks(device_type, root)


@hookimpl
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """The loader in the eMMC's boot partition, on the AI-64."""
    from hal_beaglebone import tiboot

    return tuple(tiboot.step(fact, root) for fact in device_type.update_steps if fact.name == tiboot.NAME)


@hookimpl
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """U-Boot's parts, what the WL18xx and capes need, and a kernel that fits these boards."""
    from hal_beaglebone import image

    return image.parts(device_type, build)
