"""Transfers with a USB device from user space: what the switching steps need, through pyusb where there is a device.

A device that is being switched vanishes while it is talked to, so that is an outcome here and no fault: `Vanished`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from errno import EACCES, EBUSY, EIO, ENODEV, ENOENT, EPERM, EPIPE, EPROTO, ESHUTDOWN
from typing import Any, Protocol, runtime_checkable

from hal.errors import HalError, NotApplied
from hal.model import UsbDevice

TRANSFER_SECONDS = 3.0
"""How long one transfer may take, as in usb_modeswitch."""
FIND_SECONDS = 2.0
"""How long libusb may take to list a device that the kernel has; it hears of it by events of its own."""
_INTERVAL_SECONDS = 0.05
_PACKET_BYTES = 512
"""An answer may be longer than was asked for; a buffer of less than a packet is a fault of its own."""
_GONE = (EIO, ENODEV, ENOENT, EPROTO, ESHUTDOWN)


class Vanished(Exception):
    """The device is gone, or does not answer any more because it is about to go."""


class Stalled(Exception):
    """The device refuses the transfer."""


class TimedOut(Exception):
    """Nothing came, or nothing was taken, within `TRANSFER_SECONDS`."""


@runtime_checkable
class Link(Protocol):
    """An open device. Endpoints are addresses; every transfer ends within `TRANSFER_SECONDS`."""

    def detach(self) -> None:
        """Make the kernel's drivers let go of every interface."""

    def claim(self, interface: int) -> None:
        """Take an interface. Raises `NotApplied` where another program has it."""

    def write(self, endpoint: int, data: bytes) -> None:
        """Send to a bulk or interrupt endpoint."""

    def read(self, endpoint: int, size: int) -> bytes:
        """What a bulk or interrupt endpoint has; empty where nothing came in time."""

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes, size: int) -> bytes:
        """A request on endpoint 0; `size` bytes come in for a request that asks for data."""

    def clear_halt(self, endpoint: int) -> None:
        """Make an endpoint that was stalled usable again."""


@runtime_checkable
class Wire(Protocol):
    """Where links come from."""

    def open(self, device: UsbDevice) -> AbstractContextManager[Link]:
        """Open this presence of a device; at the end drivers that were detached are given it back, if it is there."""

    def reset(self, device: UsbDevice) -> None:
        """Reset its port. Raises `HalError`; a device that is another one afterwards is no failure."""


class Libusb:
    """The devices of the machine that runs this, through libusb."""

    @contextmanager
    def open(self, device: UsbDevice) -> Iterator[Link]:
        """Raises `HalError` where pyusb or libusb is missing, and `Vanished` where the device is gone."""
        handle = _found(device)
        import usb.core
        import usb.util

        link = _Handle(handle, device)
        try:
            yield link
        finally:
            link.give_back()
            with suppress(usb.core.USBError):
                usb.util.dispose_resources(handle)

    def reset(self, device: UsbDevice) -> None:
        """By `USBDEVFS_RESET`: the hub resets its port, and the kernel sets the device up as before."""
        try:
            handle = _found(device)
        except Vanished as gone:
            raise NotApplied(f"{gone}; there is nothing to reset", path=device.name) from gone
        import usb.core

        try:
            handle.reset()
        except usb.core.USBError as error:
            if error.errno not in _GONE:
                raise NotApplied(
                    f"{device.name} ({device.identity}): cannot be reset: {error}", path=device.name
                ) from error


def _found(device: UsbDevice) -> Any:
    """pyusb's object of this presence. Raises `HalError` and `Vanished`."""
    try:
        import usb.core
    except ImportError as error:
        raise HalError("pyusb is not installed: pip install 'device-hal[modems]'") from error

    def is_it(found: Any) -> bool:
        ids = (found.bus, found.address, found.idVendor, found.idProduct)
        return bool(ids == (device.bus, device.number, device.vendor_id, device.product_id))

    deadline = time.monotonic() + FIND_SECONDS
    while True:
        try:
            handle = usb.core.find(custom_match=is_it)
        except usb.core.NoBackendError as error:
            raise HalError("libusb is not installed: its library libusb-1.0.so.0 is needed for modems") from error
        if handle is not None:
            return handle
        if time.monotonic() >= deadline:
            raise Vanished(f"{device.name}: gone")
        time.sleep(_INTERVAL_SECONDS)


class _Handle:
    """A device of pyusb."""

    def __init__(self, handle: Any, device: UsbDevice) -> None:
        self._handle, self._device = handle, device
        self._detached: list[int] = []

    def detach(self) -> None:
        for interface in self._device.interfaces:
            with self._sure(f"driver of interface {interface.number}"), self._outcomes():
                if self._handle.is_kernel_driver_active(interface.number):
                    self._handle.detach_kernel_driver(interface.number)
                    self._detached.append(interface.number)

    def claim(self, interface: int) -> None:
        import usb.util

        with self._sure(f"interface {interface}"), self._outcomes():
            usb.util.claim_interface(self._handle, interface)

    def write(self, endpoint: int, data: bytes) -> None:
        with self._outcomes():
            self._handle.write(endpoint, data, int(TRANSFER_SECONDS * 1000))

    def read(self, endpoint: int, size: int) -> bytes:
        try:
            with self._outcomes():
                return bytes(self._handle.read(endpoint, max(size, _PACKET_BYTES), int(TRANSFER_SECONDS * 1000)))
        except TimedOut:
            return b""

    def control(self, request_type: int, request: int, value: int, index: int, data: bytes, size: int) -> bytes:
        with self._outcomes():
            told = data if not request_type & 0x80 else size
            answer = self._handle.ctrl_transfer(request_type, request, value, index, told, int(TRANSFER_SECONDS * 1000))
            return bytes(answer) if request_type & 0x80 else b""

    def clear_halt(self, endpoint: int) -> None:
        with self._outcomes():
            self._handle.clear_halt(endpoint)

    def give_back(self) -> None:
        """Interfaces that were taken from drivers go back to them; a device that is gone has none."""
        import usb.core
        import usb.util

        for number in self._detached:
            with suppress(usb.core.USBError, NotImplementedError):
                usb.util.release_interface(self._handle, number)
            with suppress(usb.core.USBError, NotImplementedError):
                self._handle.attach_kernel_driver(number)

    @contextmanager
    def _sure(self, what: str) -> Iterator[None]:
        """For what the kernel does by itself: that it takes too long is a failure."""
        try:
            yield
        except TimedOut as error:
            raise NotApplied(f"{self._device.name} ({self._device.identity}): {what}: {error}", path=what) from error

    @contextmanager
    def _outcomes(self) -> Iterator[None]:
        """What libusb reports, in the words of this module."""
        import usb.core

        try:
            yield
        except usb.core.USBTimeoutError as error:
            raise TimedOut(str(error)) from error
        except usb.core.USBError as error:
            number = error.errno
            if number in _GONE:
                raise Vanished(str(error)) from error
            if number == EPIPE:
                raise Stalled(str(error)) from error
            words = {EACCES: "permission denied", EPERM: "permission denied", EBUSY: "another program has it"}
            said = words.get(number or 0, str(error))
            raise NotApplied(
                f"{self._device.name} ({self._device.identity}): {said}", path=self._device.name
            ) from error
