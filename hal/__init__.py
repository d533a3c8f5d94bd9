"""A hardware abstraction for the balenaOS family of devices: one vocabulary, one plugin per board family.

from hal import Device
device = Device.open()
if device.fan is not None:
    device.fan.set("cool")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal.device import Device
    from hal.errors import HalError
    from hal.hookspecs import hookimpl
    from hal.root import Root

__version__ = "0.1.0"
__all__ = ["Device", "HalError", "Root", "__version__", "hookimpl"]

_HOMES = {"Device": "hal.device", "HalError": "hal.errors", "Root": "hal.root", "hookimpl": "hal.hookspecs"}


def __getattr__(name: str) -> object:
    """Public names load their module when first used, so that `import hal` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hal' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
