"""What a message says: where something happened. No message ends the reading."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peripherals.uevents import kernel_message, udev_message

from hal.peripherals.events import device_path, places_in

TTY = "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/ttyUSB0/tty/ttyUSB0"


@pytest.mark.parametrize(
    "message",
    [
        kernel_message(7, TTY, action="add", subsystem="tty"),
        udev_message(7, TTY, action="add", subsystem="tty"),
        udev_message(7, TTY, before="UDEV_DATABASE_VERSION=1\0"),
        udev_message(7, TTY).replace(b"ACTION=change\0", b""),
        f"DEVPATH=/{TTY}\0".encode(),
        f"ACTION=add\0DEVPATH=/{TTY}".encode(),
        f"NOT_DEVPATH=/devices/usb1/1-9\0DEVPATH=/{TTY}\0".encode(),
        f"ID_MODEL=DEVPATH=/devices/usb1/1-9\0DEVPATH=/{TTY}\0".encode(),
    ],
)
def test_the_device_path_is_found(message: bytes) -> None:
    room = bytearray(message + b"\0DEVPATH=/behind/the/message\0")
    assert device_path(room, len(message)) == f"/{TTY}".encode()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"libudev\0",
        b"add@/devices/usb1/1-1",
        udev_message(1, TTY)[:30],
        b"libudev\0" + bytes(40) + b"\0DEVPATH=/x\0",
        b"libudev\0" + b"\xff" * 40 + b"\0DEVPATH=/x\0",
    ],
)
def test_a_message_without_one_is_told_from_others(message: bytes) -> None:
    assert device_path(bytearray(message), len(message)) is None


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_have_an_answer(data: bytes, from_udev: bool) -> None:
    message = b"libudev\0" + data if from_udev else data
    path = device_path(bytearray(message), len(message))
    places = places_in(path or b"")
    assert path is None or path in message
    assert all(place.encode() in message for place in places)


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/devices/pci0000:00/0000:00:14.0/usb1/1-1", {"1-1"}),
        ("/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0", {"1-1"}),
        (f"/{TTY}", {"1-1", "1-1.2"}),
        ("/devices/platform/soc/usb1/1-1/1-1.4/1-1.4.3/1-1.4.3:2.1/net/wwan0", {"1-1", "1-1.4", "1-1.4.3"}),
        ("/devices/usb1/1-3/1-3:1.0/i2c-5/5-0050", {"1-3", "5-0050"}),
        ("/devices/usb10/10-11", {"10-11"}),
        ("/devices/platform/soc/usb1", set()),
        ("/devices/virtual/block/loop0", set()),
        ("/devices/platform/1-1x/y", set()),
        ("", set()),
    ],
)
def test_places_along_a_path(path: str, places: set[str]) -> None:
    assert places_in(path.encode()) == places
