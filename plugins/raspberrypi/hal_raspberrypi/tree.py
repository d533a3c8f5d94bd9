"""What a generated tree of the Raspberry Pi 4 class holds: an EEPROM older than the image that its OS brings."""

from __future__ import annotations

import hashlib

from hal.model import DeviceType
from hal.tree import TreeFile
from hal_raspberrypi import eeprom

RUNNING, BROUGHT = 1673438400, 1767916800
"""Build times of the loader that runs (2023-01-11) and of the image (2026-01-09)."""

_BASE = "sys/firmware/devicetree/base"

_VCGENCMD = """#!/bin/sh
# Stands for vcgencmd in a tree: the EEPROM's own configuration is a file.
case "$1" in
    bootloader_config) cat "$HAL_ROOT/var/lib/hal-tree/bootconf.txt" ;;
    *) echo "error=1 error_msg=\\"Command not registered\\"" ;;
esac
"""


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """Only for device types whose OS updates the EEPROM."""
    if not any(fact.name == eeprom.NAME for fact in device_type.update_steps):
        return ()
    image = eeprom_image(BROUGHT)
    return (
        TreeFile(name=f"{eeprom.SOURCE}/{eeprom.IMAGE}", data=image),
        TreeFile(name=f"{eeprom.SOURCE}/{eeprom.SIGNATURE}", data=signature(image)),
        TreeFile(name=eeprom.TIMESTAMP.replace("proc/device-tree", _BASE), data=RUNNING.to_bytes(4, "big")),
        TreeFile.text("mnt/boot/config.txt", "".join(f"{line}\n" for line in device_type.config_txt)),
        TreeFile.text("var/lib/hal-tree/bootconf.txt", "[all]\nBOOT_UART=0\nENABLE_SELF_UPDATE=1\n"),
        TreeFile.program("usr/bin/vcgencmd", _VCGENCMD),
    )


def eeprom_image(built: int) -> bytes:
    """What is known of such an image: somewhere in it stands when it was built. A real one has 512 KiB."""
    return b"\x55\xaa\xf0\x0f".ljust(64, b"\xff") + f"BUILD_TIMESTAMP={built}\0".encode() + bytes(range(256)) * 16


def signature(image: bytes, made: int = BROUGHT) -> bytes:
    """As rpi-eeprom-digest writes it: the SHA-256, and when that was taken."""
    return f"{hashlib.sha256(image).hexdigest()}\nts: {made}\n".encode()
