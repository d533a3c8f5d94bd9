"""The device's end of USB/IP, spoken to as the kernel speaks to it; and what every row of devices says of itself."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest
from virtual.descriptors import settings, walk
from virtual.firmware import crc
from virtual.models import ROWS
from virtual.usbip import Link, Setup, Stall

PIPE, RESET = -32, -104


class Echo:
    """Answers control requests with their own bytes, and stalls endpoint 9."""

    def __init__(self) -> None:
        self.got: list[tuple[int, bytes]] = []

    def control(self, setup: Setup, data: bytes) -> bytes:
        if setup.request == 0xEE:
            raise Stall
        return setup.bytes() * 2

    def out(self, endpoint: int, data: bytes) -> None:
        if endpoint == 9:
            raise Stall
        self.got.append((endpoint, data))

    def gone(self) -> None:
        self.got.append((-1, b""))


class Kernel:
    """The other end."""

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair()
        self.end.settimeout(5)
        self.device = Echo()
        self.link = Link(theirs, self.device)
        self.thread = Thread(target=self.link.serve, daemon=True)
        self.thread.start()

    def submit(self, number: int, endpoint: int, length: int, data: bytes | None = None, setup: bytes = b"") -> None:
        head = struct.pack(">5I", 1, number, 0x10002, int(data is None), endpoint)
        self.end.sendall(head + struct.pack(">IiiiI8s", 0, length, 0, -1, 0, setup) + (data or b""))

    def unlink(self, number: int, wanted: int) -> None:
        self.end.sendall(struct.pack(">5II24x", 2, number, 0x10002, 0, 0, wanted))

    def answer(self, *, data: bool = True) -> tuple[int, int, int, bytes]:
        """Command, number, status, data."""
        message = self.end.recv(48, socket.MSG_WAITALL)
        command, number = struct.unpack(">II", message[:8])
        status, length = struct.unpack(">ii", message[20:28])
        return command, number, status, self.end.recv(length, socket.MSG_WAITALL) if data and length else b""


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.end.close()
    made.thread.join(5)


def test_an_in_request_waits_for_data_and_takes_no_more_than_it_asked_for(kernel: Kernel) -> None:
    kernel.submit(1, 1, 3)
    kernel.submit(2, 1, 64)
    kernel.link.give(0x81, b"abcde")
    assert [kernel.answer(), kernel.answer()] == [(3, 1, 0, b"abc"), (3, 2, 0, b"de")]


def test_data_wait_for_a_request(kernel: Kernel) -> None:
    kernel.link.give(0x81, b"early")
    kernel.submit(1, 1, 64)
    assert kernel.answer() == (3, 1, 0, b"early")


def test_a_request_taken_back_is_cancelled_once_and_never_answered(kernel: Kernel) -> None:
    kernel.submit(1, 1, 64)
    kernel.unlink(2, 1)
    assert kernel.answer(data=False)[:3] == (4, 2, RESET)
    kernel.link.give(0x81, b"later")
    kernel.submit(3, 1, 64)
    assert kernel.answer() == (3, 3, 0, b"later")
    kernel.unlink(4, 3)
    assert kernel.answer(data=False)[:3] == (4, 4, 0)


def test_stalls_last_until_they_are_cleared(kernel: Kernel) -> None:
    kernel.submit(1, 9, 1, b"x")
    assert kernel.answer(data=False)[:3] == (3, 1, PIPE)
    kernel.submit(2, 1, 64)
    kernel.link.halt(0x81)
    assert kernel.answer()[:3] == (3, 2, PIPE)
    kernel.submit(3, 1, 64)
    assert kernel.answer()[:3] == (3, 3, PIPE)
    kernel.link.clear(0x81)
    kernel.submit(4, 1, 64)
    kernel.link.give(0x81, b"ok")
    assert kernel.answer() == (3, 4, 0, b"ok")


def test_control_requests_and_out_data(kernel: Kernel) -> None:
    setup = bytes.fromhex("8006000100000900")
    kernel.submit(1, 0, 9, setup=setup)
    assert kernel.answer() == (3, 1, 0, (setup * 2)[:9])
    kernel.submit(2, 0, 8, setup=bytes.fromhex("80ee000000000800"))
    assert kernel.answer()[:3] == (3, 2, PIPE)
    kernel.submit(3, 2, 5, b"bytes")
    assert kernel.answer(data=False)[:3] == (3, 3, 0)
    assert kernel.device.got == [(2, b"bytes")]
    kernel.link.close()
    kernel.thread.join(5)
    assert kernel.device.got[-1] == (-1, b"")


@pytest.mark.parametrize("name", ROWS)
def test_descriptors_are_whole(name: str) -> None:
    """Lengths and counts agree, no endpoint address is given twice, and rows that others lead to are there."""
    row = ROWS[name]
    for configuration in row.configurations:
        data = configuration.bytes(row.speed)
        parts = list(walk(data))
        assert struct.unpack("<H", data[2:4])[0] == len(data) == sum(map(len, parts))
        numbers = [setting.number for setting in configuration.settings]
        assert data[4] == len(set(numbers)) == max(numbers) + 1
        first = [setting for setting in configuration.settings if not setting.alternate]
        for settings_ in (first, [each for each in configuration.settings if each.alternate]):
            addresses = [endpoint.address for each in settings_ for endpoint in each.endpoints]
            assert len(addresses) == len(set(addresses))
    assert {*row.messages.values(), *row.modes.values()} <= set(ROWS)


def test_the_worked_example_of_a_storage_stick() -> None:
    row = ROWS["huawei-14fe"]
    wanted = "0902200001010 0c0fa 090400000208065000 0705810200 0200 07050102000200".replace(" ", "")
    assert row.configurations[0].bytes("high").hex() == wanted


def test_lines_are_read() -> None:
    (one,) = settings("2.1 ff/03/16 i85 84 03 ncm ncm:2")
    assert (one.number, one.alternate, one.triple, one.function) == (2, 1, (0xFF, 3, 0x16), "ncm")
    assert [(each.address, each.interrupt) for each in one.endpoints] == [(0x85, True), (0x84, False), (3, False)]
    assert one.functional == (("ncm", 2),)


def test_the_checksum_is_the_drivers() -> None:
    assert crc(b"123456789") == 0x6F91
