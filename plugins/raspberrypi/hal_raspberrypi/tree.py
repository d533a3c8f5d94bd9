"""What a generated tree holds: config.txt and overlays with their map, what the kernel shows of clocks and heat, and in
the Raspberry Pi 4 class an old EEPROM.

Overlays are empty files: only their names matter here. Of the map it is the part about one overlay of several variants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from hal.backends.boot_config import overlays
from hal.model import DeviceType
from hal.tree import TreeFile, sysfs
from hal_raspberrypi import boot_config, eeprom

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


OVERLAYS = ("disable-bt", "disable-wifi", "gpio-fan", "i2c-fan", "i2c-rtc", "rpi-poe", "rpi-poe-plus", "w1-gpio")
"""Some that are the same for every board."""
VARIANTS = {
    "vc4-kms-v3d": {"bcm2835": "", "bcm2711": "vc4-kms-v3d-pi4", "bcm2712": "vc4-kms-v3d-pi5"},
    "vc4-kms-v3d-pi4": {"bcm2711": ""},
    "vc4-kms-v3d-pi5": {"bcm2712": ""},
    "pi3-disable-bt": {"renamed": "disable-bt"},
    "lirc-rpi": {"deprecated": "use gpio-ir"},
}


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """Of the configuration what the row knows; the EEPROM only for device types whose OS updates it."""
    files = (*_configuration(device_type), *_kernel(device_type))
    if not any(fact.name == eeprom.NAME for fact in device_type.update_steps):
        return files
    image = eeprom_image(BROUGHT)
    return (
        *files,
        TreeFile(name=f"{eeprom.SOURCE}/{eeprom.IMAGE}", data=image),
        TreeFile(name=f"{eeprom.SOURCE}/{eeprom.SIGNATURE}", data=signature(image)),
        TreeFile(name=eeprom.TIMESTAMP.replace("proc/device-tree", _BASE), data=RUNNING.to_bytes(4, "big")),
        TreeFile.text("var/lib/hal-tree/bootconf.txt", "[all]\nBOOT_UART=0\nENABLE_SELF_UPDATE=1\n"),
        TreeFile.program("usr/bin/vcgencmd", _VCGENCMD),
    )


def _configuration(device_type: DeviceType) -> Iterator[TreeFile]:
    folder = boot_config.FILE.rpartition("/")[0]
    yield TreeFile.text(boot_config.FILE, "".join(f"{line}\n" for line in device_type.config_txt))
    lines = [line.removeprefix("dtoverlay=") for line in device_type.config_txt if line.startswith("dtoverlay=")]
    named = [*lines, *(clock.overlay for clock in device_type.clocks if clock.overlay)]
    special = [name for name, rule in VARIANTS.items() if set(rule) & set(boot_config.PLATFORMS.values())]
    for name in sorted({*(each.partition(",")[0] for each in named), *device_type.overlays, *OVERLAYS, *special}):
        yield TreeFile(name=f"{folder}/overlays/{name}.dtbo")
    yield TreeFile(name=f"{folder}/overlays/{overlays.MAP}", data=overlay_map(VARIANTS))


MHZ = {
    "raspberry-pi": (700, 700),
    "raspberry-pi2": (600, 900),
    "raspberrypi0-2w-64": (600, 1000),
    "raspberrypi400-64": (600, 1800),
    "raspberrypi5": (1500, 2400),
}
"""Lowest and highest CPU frequency that the firmware sets without config.txt; the others by their platform."""
MHZ_OF = {"bcm2711": (600, 1500), "bcm2835": (600, 1200)}
GOVERNORS = "conservative ondemand userspace powersave performance schedutil"
"""Those that Raspberry Pi's kernel configuration builds."""


def _kernel(device_type: DeviceType) -> Iterator[TreeFile]:
    """CPU frequencies, the temperature, the watch over the supply, and on a Raspberry Pi 5 a fan at its connector."""
    platform = boot_config.platform_of(device_type)
    mhz = MHZ.get(device_type.slug) or MHZ_OF.get(platform or "")
    if mhz is not None:
        yield from sysfs.cpufreq(driver="cpufreq-dt", governors=GOVERNORS, governor="ondemand", mhz=mhz)
    fan = device_type.slug == "raspberrypi5"
    yield from sysfs.thermal_zone(0, "cpu-thermal", 48312, (50000, 60000, 67500, 75000) if fan else ())
    yield from sysfs.hwmon(0, "rpi_volt", {"in0_lcrit_alarm": 0})
    if fan:
        yield from sysfs.hwmon(1, "pwmfan", {"pwm1": 75, "pwm1_enable": 1, "fan1_input": 2981})


def overlay_map(rules: Mapping[str, Mapping[str, str]]) -> bytes:
    """A flattened device tree with a node for each name, of properties that are texts; the reverse of `read_map`."""
    words = list(dict.fromkeys(name for rule in rules.values() for name in rule))
    strings = b"".join(word.encode() + b"\0" for word in words)
    offsets = {word: sum(len(each) + 1 for each in words[:place]) for place, word in enumerate(words)}
    body = _cells(1, 0)
    for node, rule in rules.items():
        body += _cells(1) + _padded(node.encode() + b"\0")
        for name, text in rule.items():
            value = text.encode() + b"\0" if text else b""
            body += _cells(3, len(value), offsets[name]) + _padded(value)
        body += _cells(2)
    body += _cells(2, 9)
    start, size = 56, 56 + len(body) + len(strings)
    head = _cells(0xD00DFEED, size, start, start + len(body), 40, 17, 16, 0, len(strings), len(body))
    return head + bytes(16) + body + strings


def _cells(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 4) * 4, b"\0")


def eeprom_image(built: int) -> bytes:
    """What is known of such an image: somewhere in it stands when it was built. A real one has 512 KiB."""
    return b"\x55\xaa\xf0\x0f".ljust(64, b"\xff") + f"BUILD_TIMESTAMP={built}\0".encode() + bytes(range(256)) * 16


def signature(image: bytes, made: int = BROUGHT) -> bytes:
    """As rpi-eeprom-digest writes it: the SHA-256, and when that was taken."""
    return f"{hashlib.sha256(image).hexdigest()}\nts: {made}\n".encode()
