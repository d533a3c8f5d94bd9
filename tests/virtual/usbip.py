"""USB/IP as the kernel's vhci speaks it: the requests of one attached device, on one socket.

Only the part after the import is here (48-byte messages, version 0111): a device is attached by handing the socket to
vhci, which asks for nothing before. An IN request waits until there is data; one that the kernel takes back is answered
as cancelled, or as done where its answer is on the way.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections import defaultdict, deque
from contextlib import suppress
from threading import RLock
from typing import Protocol

from attrs import frozen

SUBMIT, UNLINK, RETURN_SUBMIT, RETURN_UNLINK = 1, 2, 3, 4
HEAD = struct.Struct(">5I")
SUBMITTED = struct.Struct(">IiiiI8s")
IN = 1


class Stall(Exception):
    """The device refuses: a stalled endpoint."""


@frozen
class Setup:
    """A control request. `type` has the direction in 0x80, the kind in 0x60, the recipient in 0x1f."""

    type: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def read(cls, data: bytes) -> Setup:
        """From the eight bytes on the bus."""
        return cls(*struct.unpack("<BBHHH", data))

    @property
    def standard(self) -> bool:
        """Whether the USB specification itself defines it."""
        return not self.type & 0x60

    def bytes(self) -> bytes:
        """The eight bytes."""
        return struct.pack("<BBHHH", self.type, self.request, self.value, self.index, self.length)


class Answers(Protocol):
    """What a device does with what it is sent; both may raise `Stall`."""

    def control(self, setup: Setup, data: bytes) -> bytes:
        """A control request: the data that it answers with."""

    def out(self, endpoint: int, data: bytes) -> None:
        """Data for an OUT endpoint."""

    def gone(self) -> None:
        """The kernel has let go of the device, or the device has left."""


class Link:
    """The device's end of the socket. `serve` returns when the other end, or `close`, has ended it."""

    def __init__(self, end: socket.socket, answers: Answers) -> None:
        self._end, self._answers = end, answers
        self._lock = RLock()
        self._waiting: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
        self._data: dict[int, deque[bytes]] = defaultdict(deque)
        self._halted: set[int] = set()

    # -- the kernel's requests -----------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer until the socket ends."""
        with suppress(OSError, EOFError):
            while True:
                self._one(*HEAD.unpack(self._exactly(HEAD.size)))
        self.close()
        self._answers.gone()

    def _one(self, command: int, number: int, device: int, direction: int, endpoint: int) -> None:
        rest = self._exactly(48 - HEAD.size)
        if command == UNLINK:
            self._unlink(number, struct.unpack(">I", rest[:4])[0])
            return
        _flags, length, _start, packets, _interval, setup = SUBMITTED.unpack(rest)
        data = self._exactly(length) if direction != IN and length > 0 else b""
        if command != SUBMIT or packets > 0:
            self._return(number, -errno.ENOSYS, b"", 0)
        elif endpoint == 0:
            self._control(number, Setup.read(setup), data, length)
        elif direction == IN:
            self._wait(number, endpoint | 0x80, length)
        else:
            self._take(number, endpoint, data)

    def _control(self, number: int, setup: Setup, data: bytes, length: int) -> None:
        try:
            answer = self._answers.control(setup, data)
        except Stall:
            self._return(number, -errno.EPIPE, b"", 0)
        else:
            answer = answer[:length] if setup.type & 0x80 else b""
            self._return(number, 0, answer, len(answer) if setup.type & 0x80 else len(data))

    def _take(self, number: int, endpoint: int, data: bytes) -> None:
        with self._lock:
            stalled = endpoint in self._halted
        try:
            if stalled:
                raise Stall
            self._answers.out(endpoint, data)
        except Stall:
            self.halt(endpoint)
            self._return(number, -errno.EPIPE, b"", 0)
        else:
            self._return(number, 0, b"", len(data))

    def _wait(self, number: int, address: int, length: int) -> None:
        with self._lock:
            if address in self._halted:
                self._return(number, -errno.EPIPE, b"", 0)
            else:
                self._waiting[address].append((number, length))
                self._match(address)

    def _unlink(self, number: int, wanted: int) -> None:
        with self._lock:
            status = 0
            for requests in self._waiting.values():
                for request in [each for each in requests if each[0] == wanted]:
                    requests.remove(request)
                    status = -errno.ECONNRESET
            self._end.sendall(HEAD.pack(RETURN_UNLINK, number, 0, 0, 0) + struct.pack(">i24x", status))

    # -- what the device does of itself --------------------------------------------------------------------------

    def give(self, address: int, data: bytes) -> None:
        """Data for an IN endpoint; it waits for a request, and one request gets no more than one piece."""
        with self._lock, suppress(OSError):
            self._data[address].append(data)
            self._match(address)

    def halt(self, address: int) -> None:
        """Stall an endpoint, and whatever waits there, until the host clears it."""
        with self._lock, suppress(OSError):
            self._halted.add(address)
            while self._waiting[address]:
                self._return(self._waiting[address].popleft()[0], -errno.EPIPE, b"", 0)

    def clear(self, address: int) -> None:
        """The host has cleared a halt."""
        with self._lock:
            self._halted.discard(address)

    def reset(self) -> None:
        """No data, no halt: another configuration. Requests that wait are the kernel's to take back."""
        with self._lock:
            self._data.clear()
            self._halted.clear()

    def close(self) -> None:
        """Leave the bus."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    def _match(self, address: int) -> None:
        while self._waiting[address] and self._data[address]:
            number, length = self._waiting[address].popleft()
            piece = self._data[address].popleft()
            if len(piece) > length:
                self._data[address].appendleft(piece[length:])
            self._return(number, 0, piece[:length], len(piece[:length]))

    def _return(self, number: int, status: int, data: bytes, length: int) -> None:
        head = HEAD.pack(RETURN_SUBMIT, number, 0, 0, 0) + struct.pack(">iiiii8x", status, length, 0, -1, 0)
        with self._lock:
            self._end.sendall(head + data)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._end.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)
