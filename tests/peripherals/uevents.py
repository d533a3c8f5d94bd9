"""Sends uevents as udev and the kernel would, over netlink, inside a network namespace of one's own.

uevents belong to a network namespace, so nothing outside hears them, and no right over the machine is needed: whoever
makes a namespace may send in it.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NETLINK_KOBJECT_UEVENT = 15
KERNEL, UDEV = 1, 2
USB = "devices/platform/soc/usb1"
OWN_USERS = ("unshare", "--user", "--map-root-user", "--net")
"""Root of these namespaces alone may send, but not have more buffer than `rmem_max`, like a service without rights."""


def in_namespace(
    script: str, *words: str, rights: bool = True, mounts: bool = False, timeout_seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder in a new network namespace, with root's rights over the machine if they are there."""
    rights = rights and os.geteuid() == 0
    return subprocess.run(
        [
            *(("unshare", "--net") if rights else OWN_USERS),
            *(("--mount",) if mounts else ()),
            sys.executable,
            str(Path(__file__).with_name(script)),
            *words,
        ],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def murmur(text: bytes) -> int:
    """The 32-bit MurmurHash2, seed 0, with which udev marks a message's subsystem for filters in the kernel."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    value = len(text)
    whole = len(text) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(text[at : at + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        value = value * factor & mask ^ word
    if rest := text[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def udev_message(number: int, path: str, *, action: str = "change", subsystem: str = "usb", before: str = "") -> bytes:
    """As udev sends it after its rules; `before` are properties in front of the device path."""
    body = f"{before}ACTION={action}\0DEVPATH=/{path}\0SUBSYSTEM={subsystem}\0SEQNUM={number}\0".encode()
    head = b"libudev\0" + struct.pack(">I", 0xFEEDCAFE) + struct.pack("=III", 40, 40, len(body))
    return head + struct.pack(">IIII", murmur(subsystem.encode()), 0, 0, 0) + body


def kernel_message(number: int, path: str, *, action: str = "change", subsystem: str = "usb") -> bytes:
    """As the kernel sends it."""
    return f"{action}@/{path}\0ACTION={action}\0DEVPATH=/{path}\0SUBSYSTEM={subsystem}\0SEQNUM={number}\0".encode()


class Sender:
    """Sends to everybody in this network namespace who listens to a group."""

    def __init__(self, group: int = UDEV) -> None:
        self.group = group
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
        self.socket.bind((0, 0))

    def send(self, message: bytes) -> None:
        """Nobody listening is no error."""
        try:
            self.socket.sendto(message, (0, self.group))
        except ConnectionRefusedError:
            return
