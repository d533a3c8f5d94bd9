"""A USB device as the kernel shows it in sysfs."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class UsbEndpoint(Record):
    """An endpoint: its address (0x81: IN endpoint 1), its kind, and its packet size in bytes."""

    address: int
    kind: str
    """`control`, `isochronous`, `bulk` or `interrupt`."""
    packet_bytes: int

    @property
    def is_in(self) -> bool:
        """Whether data goes to the host."""
        return bool(self.address & 0x80)


@frozen(kw_only=True, repr=False, eq=False)
class UsbFunction(Record):
    """One alternate setting of an interface, from a configuration descriptor."""

    number: int
    alternate: int
    triple: tuple[int, int, int]
    """Class, subclass, protocol."""
    endpoints: tuple[UsbEndpoint, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class UsbConfiguration(Record):
    """A configuration that a device offers: the value that selects it, and its interfaces."""

    value: int
    functions: tuple[UsbFunction, ...]

    def function(self, number: int) -> UsbFunction | None:
        """The interface with this number in its first alternate setting."""
        return next((each for each in self.functions if each.number == number), None)


@frozen(kw_only=True, repr=False, eq=False)
class UsbInterface(Record):
    """An interface of the configuration in use: its driver, and the device nodes and network interfaces it brought."""

    name: str
    """Its name in sysfs, as in `1-1.2:1.0`; the configuration is part of it."""
    number: int
    triple: tuple[int, int, int]
    modalias: str
    driver: str | None = None
    nodes: tuple[str, ...] = ()
    """Names below `/dev`, as in `ttyUSB2`, `cdc-wdm0`, `sr0`, `sg0`."""
    network: tuple[str, ...] = ()
    """Names of network interfaces, as in `wwan0`."""


@frozen(kw_only=True, repr=False, eq=False)
class UsbDevice(Record):
    """A USB device. `name` is its place (`1-1.2`: bus 1, port 1 of the root hub, port 2 of that hub), which stays."""

    name: str
    vendor_id: int
    product_id: int
    revision: int
    """`bcdDevice`: 0x0102 is 1.02."""
    triple: tuple[int, int, int]
    """Class, subclass, protocol of the device descriptor."""
    bus: int
    number: int
    """What the kernel gave it this time; another each time it appears."""
    manufacturer: str = ""
    product: str = ""
    serial: str = ""
    configuration: int | None = None
    """The value of the configuration in use; `None` for a device without one, which has no interfaces."""
    configurations: tuple[UsbConfiguration, ...] = ()
    interfaces: tuple[UsbInterface, ...] = ()
    scsi: tuple[tuple[str, str], ...] = ()
    """Vendor and model that its logical units tell, where it is storage."""

    @property
    def identity(self) -> str:
        """As in `12d1:14fe`."""
        return f"{self.vendor_id:04x}:{self.product_id:04x}"

    @property
    def presence(self) -> tuple[str, int, int, int]:
        """What makes this appearance of a device another one than the next at the same place."""
        return self.name, self.number, self.vendor_id, self.product_id

    @property
    def ready(self) -> bool:
        """Whether every interface of the configuration in use is listed in sysfs already."""
        wanted = next((each for each in self.configurations if each.value == self.configuration), None)
        if wanted is None:
            return bool(self.interfaces)
        return {each.number for each in wanted.functions} <= {each.number for each in self.interfaces}

    def interface(self, number: int) -> UsbInterface | None:
        """The interface with this number, of the configuration in use."""
        return next((each for each in self.interfaces if each.number == number), None)
