"""Vendor requests: two WiFi chips as far as their drivers ask before and while firmware is uploaded, and serial chips.

`firmware` is what a driver has uploaded so far. Behind the upload the chips are silent: no driver of theirs gets a
radio that works.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

from virtual.usbip import Setup, Stall


class Chip(Protocol):
    """What stands behind a device's vendor requests."""

    firmware: bytearray

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Raises `Stall` for what it does not know."""

    def out(self, endpoint: int, data: bytes) -> None:
        """Data for a bulk endpoint."""


class Bcm43143:
    """The boot ROM of Broadcom's chip: it takes an image in pieces, counts it, and runs it when told to."""

    READ = 0xC1
    START, GET_STATE, GO, GET_VERSION, RESET_CONFIGURATION = 3, 0, 2, 5, 8
    WAITING, RUNNABLE = 0, 4
    RUNS = 0xA123
    HEADER = 28

    def __init__(self) -> None:
        self.firmware = bytearray()
        self.running = False
        self._started = False

    def control(self, setup: Setup, data: bytes) -> bytes:
        """The loader's commands; once the image runs, the firmware's own messages get no answer."""
        if setup.type == 0x21 and setup.request == 0:
            return b""
        if setup.type != self.READ:
            raise Stall
        if setup.request == self.GET_VERSION:
            return struct.pack("<6I", self.RUNS if self.running else 43143, 2, 0x70000, 0, 0, 0)
        if setup.request == self.START:
            self.firmware, self._started, self.running = bytearray(), True, False
        elif setup.request == self.GO:
            self.running = self._complete
        elif setup.request not in (self.GET_STATE, self.RESET_CONFIGURATION):
            raise Stall
        return struct.pack("<II", self.RUNNABLE if self._complete else self.WAITING, len(self.firmware))

    @property
    def _complete(self) -> bool:
        """The image's header says how long what follows is."""
        if len(self.firmware) < self.HEADER:
            return False
        (size,) = struct.unpack("<I", self.firmware[16:20])
        return len(self.firmware) >= self.HEADER + size

    def out(self, endpoint: int, data: bytes) -> None:
        """A piece of the image."""
        if self._started and not self.running:
            self.firmware += data


class Rt5572:
    """Ralink's chip: registers, an EEPROM, and 4096 bytes of program memory."""

    READ, WRITE = 0xC0, 0x40
    MODE, SINGLE_WRITE, MULTI_WRITE, MULTI_READ, EEPROM = 1, 2, 6, 7, 9
    FIRMWARE_MODE = 8
    PROGRAM, PROGRAM_SIZE = 0x3000, 4096
    CHIP_ID, SYSTEM_CONTROL, READY = 0x1000, 0x0400, 0x80

    def __init__(self) -> None:
        self.firmware = bytearray()
        self.registers = {self.CHIP_ID: 0x55920222}
        self._program = bytearray(self.PROGRAM_SIZE)
        # words of the EEPROM: version 1, an address, NIC configuration 0 with RF 0x0f and two streams each way
        words = [0x5592, 0x0101, 0x0C00, 0x5543, 0x0200, *[0xFFFF] * 267]
        words[0x1A] = 0x0F22
        self.eeprom = struct.pack("<272H", *words)

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Registers are 32 bits each, read and written in runs."""
        at = setup.index
        if setup.type == self.READ and setup.request == self.MULTI_READ:
            return b"".join(
                struct.pack("<I", self.registers.get(at + offset, 0)) for offset in range(0, setup.length, 4)
            )
        if setup.type == self.READ and setup.request == self.EEPROM:
            return self.eeprom[at : at + setup.length]
        if setup.type == self.READ and setup.request == self.MODE:
            return bytes(setup.length)
        if setup.type == self.WRITE and setup.request == self.MULTI_WRITE:
            self._write(at, data)
            return b""
        if setup.type == self.WRITE and setup.request == self.SINGLE_WRITE:
            self._write(at, struct.pack("<I", setup.value))
            return b""
        if setup.type == self.WRITE and setup.request == self.MODE:
            if setup.value == self.FIRMWARE_MODE:
                self.firmware = bytearray(self._program)
                self.registers[self.SYSTEM_CONTROL] = self.READY
            return b""
        raise Stall

    def _write(self, at: int, data: bytes) -> None:
        if self.PROGRAM <= at < self.PROGRAM + self.PROGRAM_SIZE:
            self._program[at - self.PROGRAM : at - self.PROGRAM + len(data)] = data
            return
        for offset in range(0, len(data) - 3, 4):
            if at + offset != self.CHIP_ID:
                (self.registers[at + offset],) = struct.unpack("<I", data[offset : offset + 4])

    def out(self, endpoint: int, data: bytes) -> None:
        """Frames to send: there is no radio."""


class Uart:
    """FTDI's and Silicon Labs' serial chips: whatever is set is taken, whatever is read is 0."""

    def __init__(self) -> None:
        self.firmware = bytearray()

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Any vendor request."""
        return bytes(setup.length) if setup.type & 0x80 else b""

    def out(self, endpoint: int, data: bytes) -> None:
        """What is sent to the line goes nowhere."""


CHIPS: Mapping[str, Callable[[], Chip]] = {"bcm43143": Bcm43143, "rt5572": Rt5572, "uart": Uart}
