"""A bus to plug virtual devices into: the ports of the kernel's virtual host controller."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from virtual import vhci
from virtual.device import Device


class Bus:
    """Devices in the ports of the virtual controller; all of them leave with it."""

    def __init__(self) -> None:
        self.devices: list[Device] = []

    def __enter__(self) -> Bus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for device in list(self.devices):
            self.unplug(device)

    def plug(self, row: str, *, port: int | None = None, **how: Any) -> Device:
        """A device of this row, in this port or the first free one; `how` are those of `Device`."""
        taken = {device.port for device in self.devices}
        if port is None:
            port = next(each for each in vhci.ports() if each not in taken)
        elif port in taken:
            raise vhci.PortFault(f"port {port}: a device of this bus is there")
        device = Device(row, port, **how)
        device.plug()
        self.devices.append(device)
        return device

    def unplug(self, device: Device, seconds: float = vhci.PORT_SECONDS) -> None:
        """Out of its port; returns when the port is free."""
        device.unplug()
        vhci.wait_until_free(device.port, seconds)
        self.devices.remove(device)
