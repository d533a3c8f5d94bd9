"""A device for as long as it is attached: its descriptors, its configuration, and what stands behind its endpoints."""

from __future__ import annotations

import struct
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING

from virtual import descriptors, vhci
from virtual.chips import CHIPS, Chip
from virtual.classes import Interface
from virtual.descriptors import Configuration, Setting
from virtual.models import Row
from virtual.storage import MEDIA, Storage
from virtual.usbip import Link, Setup, Stall

if TYPE_CHECKING:
    from virtual.device import Device

AT = ("at", "modem")


class Serial:
    """A serial function: its lines go to the modem, if it answers AT commands."""

    def __init__(self, device: Device, say: Callable[[bytes], None], *, answers: bool) -> None:
        self._device, self.say, self._answers, self._line = device, say, answers, b""

    def out(self, data: bytes) -> None:
        """Bytes from the host."""
        if not self._answers or self._device.modem is None:
            return
        for byte in data:
            self._line += bytes((byte,))
            if byte == 0x0D:
                line, self._line = self._line, b""
                if answer := self._device.at(line):
                    self._device.say_later(self.say, answer)


class Enumeration:
    """One attachment of a device as a row. `greeting` is what its AT port says of itself once it is configured."""

    def __init__(self, device: Device, row: Row, greeting: bytes = b"") -> None:
        self._device, self._row, self._greeting = device, row, greeting
        self._active: Configuration | None = None
        self._alternates: dict[int, int] = {}
        self._interfaces: dict[int, Interface] = {}
        self._behind: dict[int, tuple[str, Serial | Storage | Chip]] = {}
        self.chip: Chip | None = CHIPS[row.chip]() if row.chip else None
        self.link = Link(vhci.attach(device.port, row.speed), self)
        Thread(target=self.link.serve, daemon=True).start()

    def gone(self) -> None:
        """The other end has let go."""
        self._device.detached(self)

    # -- endpoints -----------------------------------------------------------------------------------------------

    def out(self, endpoint: int, data: bytes) -> None:
        """Data for an endpoint: kept, and handed to what stands behind it."""
        to, behind = self._behind.get(endpoint, ("nothing", None))
        self._device.keep(to, endpoint, data)
        if isinstance(behind, Serial | Storage):
            behind.out(data)
        elif behind is not None:
            behind.out(endpoint, data)

    def _connect(self, configuration: Configuration) -> None:
        """What stands behind the endpoints of a configuration."""
        self._active, self._alternates, self._behind = configuration, {}, {}
        self._interfaces = {each.number: Interface(each.function) for each in configuration.settings[::-1]}
        for setting in configuration.settings:
            outs = [each.address for each in setting.endpoints if not each.address & 0x80]
            ins = [each.address for each in setting.endpoints if each.address & 0x80 and not each.interrupt]
            if outs:
                behind = self._made(setting, ins[0] if ins else 0)
                self._behind |= dict.fromkeys(outs, (setting.function, behind))
        greeting, self._greeting = self._greeting, b""
        if greeting:
            self.say(greeting)

    def say(self, data: bytes, function: str = "at") -> bool:
        """Bytes that nobody asked for, from a serial function; `False` where there is none of this name."""
        for name, behind in self._behind.values():
            if name == function and isinstance(behind, Serial):
                behind.say(data)
                return True
        return False

    def _made(self, setting: Setting, answers_at: int) -> Serial | Storage | Chip:
        def say(data: bytes) -> None:
            self.link.give(answers_at, data)

        medium = MEDIA.get(self._row.scsi, {}).get(setting.function)
        if medium is not None:
            device = self._device
            return Storage(medium, say, vendor=device.message, heard=device.heard, ejected=device.ejected)
        if setting.function == "chip":
            assert self.chip is not None
            return self.chip
        return Serial(self._device, say, answers=setting.function in AT)

    # -- control requests ----------------------------------------------------------------------------------------

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Standard requests here; the others go to the interface or the chip, and are kept."""
        if setup.standard:
            return self._standard(setup, data)
        self._device.keep(self._function(setup), 0, setup.bytes() + data)
        if self.chip is not None:
            return self.chip.control(setup, data)
        if setup.type & 0x1F == 1 and (interface := self._interfaces.get(setup.index & 0xFF)):
            return interface.control(setup, data)
        raise Stall

    def _function(self, setup: Setup) -> str:
        if setup.type & 0x1F == 1 and (interface := self._interfaces.get(setup.index & 0xFF)):
            return interface.function
        return "device"

    def _standard(self, setup: Setup, data: bytes) -> bytes:
        match (setup.type, setup.request):
            case (0x80, 6):
                return self._descriptor(setup.value >> 8, setup.value & 0xFF)
            case (0x81, 6) if interface := self._interfaces.get(setup.index & 0xFF):
                return interface.control(setup, data)
            case (0x00, 9):
                return self._configure(setup.value)
            case (0x01, 11):
                self._alternates[setup.index] = setup.value
            case (0x80, 8):
                return bytes((self._active.value if self._active else 0,))
            case (0x81, 10):
                return bytes((self._alternates.get(setup.index, 0),))
            case (0x80 | 0x81 | 0x82, 0):
                return bytes(2)
            case (0x02, 1):
                self.link.clear(setup.index & 0xFF)
            case (0x00 | 0x01 | 0x02, 1 | 3) | (0x00, 5):
                pass
            case _:
                raise Stall
        return b""

    def _configure(self, value: int) -> bytes:
        chosen = [each for each in self._row.configurations if each.value == value]
        if value and not chosen:
            raise Stall
        self.link.reset()
        self._device.note("configured", str(value))
        if chosen:
            self._device.step("configured")
            self._connect(chosen[0])
        else:
            self._active, self._behind, self._interfaces = None, {}, {}
        return b""

    def _descriptor(self, kind: int, index: int) -> bytes:
        row = self._row
        if kind == descriptors.DEVICE:
            strings = [number if text else 0 for number, text in enumerate(row.strings, 1)]
            head = (18, descriptors.DEVICE, row.usb, *row.device_class, 64, row.vendor, row.product, row.revision)
            return struct.pack("<BBHBBBBHHHBBBB", *head, *strings, len(row.configurations))
        if kind == descriptors.CONFIGURATION and index < len(row.configurations):
            return row.configurations[index].bytes(row.speed)
        if kind == descriptors.STRING:
            texts = (*row.strings, descriptors.MAC)
            if index == 0:
                return descriptors.languages()
            if index <= len(texts) and texts[index - 1]:
                return descriptors.string(texts[index - 1])
        raise Stall
