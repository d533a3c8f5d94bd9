"""NVIDIA Jetson Orin: device types, power modes and fan profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hal import hookimpl
from hal.backends.bootloader.choose import bootloader
from hal.model import BootloaderKind, DeviceType, Unsupported
from hal.protocols import BootConfig, Bootloader, Rtc, Splash
from hal.root import Root
from hal_jetson_orin.device_types import DEVICE_TYPES
from hal_jetson_orin.fan import NvFan
from hal_jetson_orin.power import NvpModelPower

if TYPE_CHECKING:  # each file of the model costs a start some milliseconds
    from hal.model import Build, HealthCheck, ImagePart, UpdateStep


@hookimpl
def hal_device_types() -> tuple[DeviceType, ...]:
    """Every Orin device type."""
    return DEVICE_TYPES


@hookimpl
def hal_power(device_type: DeviceType, root: Root) -> NvpModelPower | None:
    """nvpmodel, on every device type whose levels are known."""
    return NvpModelPower(device_type, root) if device_type.power_levels else None


@hookimpl
def hal_fan(device_type: DeviceType, root: Root) -> NvFan | None:
    """nvfancontrol, on every device type whose profiles are known."""
    return NvFan(device_type, root) if device_type.fan_profiles else None


@hookimpl
def hal_bootloader(device_type: DeviceType, root: Root) -> Bootloader | Unsupported:
    """L4TLauncher, where the partitions of the device type are known."""
    return bootloader(device_type, root)


@hookimpl
def hal_boot_config(device_type: DeviceType, root: Root) -> tuple[BootConfig, ...]:
    """extra_uEnv.txt."""
    from hal_jetson_orin import boot_config

    return boot_config.stores(device_type, root)


@hookimpl
def hal_splash(device_type: DeviceType, root: Root) -> Splash:
    """The OS's picture, after the logo that is compiled into the UEFI firmware, where that firmware is known."""
    from hal.backends.firmware_splash import compiled_in
    from hal.backends.splash import BootSplash

    return BootSplash(root, (compiled_in,) if device_type.bootloader is BootloaderKind.L4TLAUNCHER else ())


@hookimpl
def hal_rtc(device_type: DeviceType, root: Root) -> tuple[Rtc, ...]:
    """The power sequencer's, which a cell on the carrier may keep, then the one in the SoC."""
    from hal.backends.rtc import clocks

    return clocks(device_type, root)


@hookimpl
def hal_update_steps(device_type: DeviceType, root: Root) -> tuple[UpdateStep, ...]:
    """The firmware capsule, where one is known."""
    from hal_jetson_orin import capsule

    staged = device_type.capsule
    if staged is None:
        return ()
    facts = device_type.update_steps
    clear = [capsule.clear_step(fact, root) for fact in facts if fact.name == capsule.CLEAR]
    stage = [capsule.step(fact, device_type, staged, root) for fact in facts if fact.name.startswith(capsule.PREFIX)]
    return (*clear, *stage)


@hookimpl
def hal_health_checks(device_type: DeviceType, root: Root) -> tuple[HealthCheck, ...]:
    """The firmware must be the one that the OS was made for, where the OS brings it."""
    from hal_jetson_orin import firmware

    return (firmware.health_check(root),) if device_type.capsule is not None else ()


@hookimpl
def hal_image(device_type: DeviceType, build: Build) -> tuple[ImagePart, ...]:
    """NVIDIA's drivers and programs, the firmware's capsule, and L4TLauncher."""
    from hal_jetson_orin import image

    return image.parts(device_type, build)
