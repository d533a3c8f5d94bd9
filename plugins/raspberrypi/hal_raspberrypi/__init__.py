"""Raspberry Pi boards, and the industrial computers built on them, under balenaOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.model import BootloaderKind, DeviceType, Unsupported
from hal.protocols import BootConfig, Bootloader, Fan, Power, Rtc, Splash
from hal.root import Root
from hal_raspberrypi.device_types import DEVICE_TYPES

if TYPE_CHECKING:  # each file of the model costs a start some milliseconds
    from hal.model import Build, ImagePart, UpdateStep


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """Answer with the table of this family."""
    return DEVICE_TYPES


@hookimpl
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported:
    """U-Boot, or the balena bootloader from Raspberry Pi 5 on and with secure boot."""
    return bootloader(device_type, root)


@hookimpl
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """config.txt."""
    from hal_raspberrypi import boot_config

    return boot_config.stores(device_type, root)


@hookimpl
def hal_fan(device_type: DeviceType, root: Root) -> Fan | Unsupported:
    """The fan that config.txt sets up; with secure boot the controller of the IO board, without its kernel driver."""
    from hal_raspberrypi import boot_config, fans

    if device_type.slug in fans.CONTROLLERS:
        from hal.backends.fan.controller_fan import ControllerFan

        return ControllerFan(root, fans.CONTROLLERS[device_type.slug])
    ways, stores = fans.WAYS.get(device_type.slug), boot_config.stores(device_type, root)
    if not ways or not stores:
        return Unsupported(reason=fans.NOT_KNOWN)
    from hal.backends.fan.firmware_fan import FirmwareFan

    return FirmwareFan(root, stores[0], ways)


@hookimpl
def hal_power(root: Root) -> Power:
    """The CPU governors of the kernel; what config.txt says about clocks is left to `hal boot-config`."""
    from hal.backends.power.cpu import CpuPower

    return CpuPower(root)


@hookimpl
def hal_splash(device_type: DeviceType, root: Root) -> Splash:
    """The OS's picture, after the rainbow screen. With secure boot the firmware reads another config.txt."""
    from hal.backends.firmware_splash import rainbow
    from hal.backends.splash import BootSplash

    elsewhere = device_type.partitions is not None and device_type.partitions.boot != 1
    return BootSplash(root, () if elsewhere else (rainbow,))


@hookimpl
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """The Raspberry Pi 5's own, and the chips of boards that carry one."""
    from hal.backends.rtc import clocks

    return clocks(device_type, root)


@hookimpl
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """The boot EEPROM of the Raspberry Pi 4 class; with secure boot, where its files lie is not known."""
    from hal_raspberrypi import eeprom

    if device_type.bootloader is not BootloaderKind.U_BOOT:
        return ()
    return tuple(eeprom.step(fact, root) for fact in device_type.update_steps if fact.name == eeprom.NAME)


@hookimpl
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """The kernel's needs, firmware of the radios, boot files, and what other makers' boards add."""
    from hal_raspberrypi import image

    return image.parts(device_type, build)
