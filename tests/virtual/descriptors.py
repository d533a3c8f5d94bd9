"""USB descriptors as data: what a device says of itself, and the bytes that it says it with.

A row is written as lines, one alternate setting of an interface a line:

    0    ff/ff/ff  81 01       diag
    2.1  ff/03/16  i85 84 03   ncm      ncm:2
    number[.alternate]  class/subclass/protocol  endpoints  what stands behind it  functional descriptors

An endpoint is its address in hex; `i` before it makes it an interrupt endpoint. Functional descriptors are named by
what they describe, and by the interface that carries the data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from attrs import frozen

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT, QUALIFIER, BOS = 1, 2, 3, 4, 5, 6, 15
MAC = "02005E100001"
HID_REPORT = bytes.fromhex("05010906a101050719e029e71500250175019508810295017508810195067508150025650507190029658100c0")
"""The boot keyboard of the HID specification, without its lamps."""
LANGUAGE = 0x0409
SIZES = {"high": 512, "full": 64}


@frozen
class Endpoint:
    """`address` with 0x80 for IN."""

    address: int
    interrupt: bool

    def bytes(self, speed: str) -> bytes:
        """Bulk endpoints are as large as the speed has it, interrupt ones 16 bytes, polled every few milliseconds."""
        if self.interrupt:
            return struct.pack("<BBBBHB", 7, ENDPOINT, self.address, 3, 16, 9 if speed == "high" else 32)
        return struct.pack("<BBBBHB", 7, ENDPOINT, self.address, 2, SIZES[speed], 0)


@frozen
class Setting:
    """One alternate setting of an interface. `function` names what stands behind it."""

    number: int
    alternate: int
    triple: tuple[int, int, int]
    endpoints: tuple[Endpoint, ...]
    function: str
    functional: tuple[tuple[str, int], ...] = ()

    def bytes(self, speed: str) -> bytes:
        """Interface, class-specific, endpoints."""
        head = struct.pack(
            "<9B", 9, INTERFACE, self.number, self.alternate, len(self.endpoints), *self.triple, 0
        )  # fmt: skip
        extra = b"".join(FUNCTIONAL[name](self.number, data) for name, data in self.functional)
        return head + extra + b"".join(endpoint.bytes(speed) for endpoint in self.endpoints)


@frozen
class Configuration:
    """A configuration, by the value that selects it."""

    value: int
    settings: tuple[Setting, ...]
    power: int = 0xFA
    """In units of 2 mA, as the descriptor has it."""

    def bytes(self, speed: str) -> bytes:
        """The whole configuration, as the kernel reads it."""
        body = b"".join(setting.bytes(speed) for setting in self.settings)
        numbers = {setting.number for setting in self.settings}
        head = (9, CONFIGURATION, 9 + len(body), len(numbers), self.value, 0, 0xC0, self.power)
        return struct.pack("<BBHBBBBB", *head) + body


def settings(text: str) -> tuple[Setting, ...]:
    """Read from lines."""
    return tuple(_setting(line.split()) for line in text.strip().splitlines())


def _setting(words: list[str]) -> Setting:
    number, _, alternate = words[0].partition(".")
    class_, subclass, protocol = (int(part, 16) for part in words[1].split("/"))
    endpoints: list[Endpoint] = []
    rest = words[2:]
    while rest and all(letter in "i0123456789abcdef" for letter in rest[0]) and len(rest[0].lstrip("i")) == 2:
        word = rest.pop(0)
        endpoints.append(Endpoint(int(word.lstrip("i"), 16), word.startswith("i")))
    function, *functional = rest
    pairs = tuple((name, int(data or number)) for name, _, data in (word.partition(":") for word in functional))
    return Setting(int(number), int(alternate or 0), (class_, subclass, protocol), tuple(endpoints), function, pairs)


# -- class-specific ----------------------------------------------------------------------------------------------------


def _header(union: tuple[int, int]) -> bytes:
    """CDC 1.1: a header, and which interface has the data."""
    return bytes.fromhex("0524001001") + struct.pack("<5B", 5, 0x24, 6, *union)


def _ethernet() -> bytes:
    """String 4 is the hardware address; segments of 1514 bytes."""
    return struct.pack("<BBBBIHHB", 13, 0x24, 15, 4, 0, 1514, 0, 0)


def _acm(number: int, data: int) -> bytes:
    call = struct.pack("<5B", 5, 0x24, 1, 0, data)
    return bytes.fromhex("0524001001") + call + bytes.fromhex("04240202") + struct.pack("<5B", 5, 0x24, 6, number, data)


def _ecm(number: int, data: int) -> bytes:
    return _header((number, data)) + _ethernet()


def _ncm(number: int, data: int) -> bytes:
    return _ecm(number, data) + struct.pack("<BBBHB", 6, 0x24, 0x1A, 0x0100, 0)


def _mbim(number: int, data: int) -> bytes:
    return _header((number, data)) + struct.pack("<BBBHHBBHB", 12, 0x24, 0x1B, 0x0100, 4096, 16, 128, 2048, 0x20)


def _union(number: int, data: int) -> bytes:
    return _header((number, data))


def _hid(number: int, data: int) -> bytes:
    return struct.pack("<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, len(HID_REPORT))


FUNCTIONAL: dict[str, Callable[[int, int], bytes]] = {
    "acm": _acm, "ecm": _ecm, "ncm": _ncm, "mbim": _mbim, "union": _union, "hid": _hid,
}  # fmt: skip


def string(text: str) -> bytes:
    """A string descriptor."""
    data = text.encode("utf-16-le")
    return struct.pack("<BB", 2 + len(data), STRING) + data


def languages() -> bytes:
    """String 0: there is English."""
    return struct.pack("<BBH", 4, STRING, LANGUAGE)


def walk(data: bytes) -> Iterator[bytes]:
    """The descriptors that follow each other in these bytes."""
    while data:
        yield data[: data[0]]
        data = data[data[0] :]
