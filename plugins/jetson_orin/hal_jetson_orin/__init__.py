"""NVIDIA Jetson Orin: device types, power modes and fan profiles."""

from __future__ import annotations

from hal import hookimpl
from hal.model import DeviceType
from hal.root import Root
from hal_jetson_orin.device_types import DEVICE_TYPES
from hal_jetson_orin.fan import NvFan
from hal_jetson_orin.power import NvpModelPower


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
