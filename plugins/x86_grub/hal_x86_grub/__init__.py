"""Device types that boot with GRUB: PCs of Intel, generic x86, UP boards, Surface tablets, and generic ARM with UEFI.

No DMI values are known, so software evidence alone tells these device types apart. Nor does a device type tell which
fan or CPU there is: for both the running kernel is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.model import DeviceType, Unsupported
from hal.protocols import BootConfig, Bootloader, Fan, Power, Rtc, Splash
from hal.root import Root
from hal_x86_grub.device_types import DEVICE_TYPES

if TYPE_CHECKING:  # each file of the model costs a start some milliseconds
    from hal.model import Build, ImagePart, UpdateStep


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """The table of this family."""
    return DEVICE_TYPES


@hookimpl
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported:
    """GRUB, for BIOS and EFI."""
    return bootloader(device_type, root)


@hookimpl
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """grub_extraenv, and configfs.json of the UP board."""
    from hal_x86_grub import boot_config

    return tuple(boot_config.stores(device_type, root))


@hookimpl
def hal_fan(root: Root) -> Fan:
    """The pwm outputs of a monitoring chip; whether this PC has any, the running kernel tells."""
    from hal.backends.fan.hwmon_fan import HwmonFan

    return HwmonFan(root)


@hookimpl
def hal_power(root: Root) -> Power:
    """Energy preference, platform profile or CPU governor, whichever the running kernel has."""
    from hal.backends.power.cpu import CpuPower

    return CpuPower(root)


@hookimpl
def hal_splash(root: Root) -> Splash:
    """The OS's picture, after the logo of a UEFI firmware."""
    from hal.backends.firmware_splash import bgrt
    from hal.backends.splash import BootSplash

    return BootSplash(root, (bgrt,))


@hookimpl
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """The PC's CMOS clock, or the UEFI firmware's."""
    from hal.backends.rtc import clocks

    return clocks(device_type, root)


@hookimpl
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """The boot sectors, where the image boots with BIOS, and the firmware's boot entry, where the OS keeps one."""
    from hal_x86_grub import boot_sectors, efi_entry

    sectors = (boot_sectors.step(root),) if "bios" in device_type.firmware else ()
    named = [fact for fact in device_type.update_steps if fact.name == efi_entry.NAME]
    return (*sectors, *(efi_entry.step(fact, device_type, root) for fact in named))


@hookimpl
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """Drivers and firmware for whatever PC it is, and GRUB; with secure boot what the disk's key needs."""
    from hal_x86_grub import image

    return image.parts(device_type, build)
