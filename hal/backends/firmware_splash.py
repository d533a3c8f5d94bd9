"""What the firmware draws before the OS: read, and shown as such. Nothing here changes it.

Facts: kernel documentation `ABI/testing/sysfs-firmware-acpi` (BGRT); Raspberry Pi documentation of config.txt; of the
Jetson Orin only that its logo is compiled into the UEFI firmware.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from

from hal.errors import FileFault
from hal.model import FirmwareSplash
from hal.root import Root

Look = Callable[[Root], FirmwareSplash | None]
"""Looks for one kind of firmware splash; `None` where this machine has none."""

BGRT = "sys/firmware/acpi/bgrt"
CONFIG_TXT = "mnt/boot/config.txt"

_BMP_HEADER = 26
_VALID = 1


def bgrt(root: Root) -> FirmwareSplash | None:
    """The logo of a PC's UEFI firmware, which ACPI passes on as a bitmap; whether it was drawn at this boot."""
    if not root.is_dir(BGRT):
        return None
    name = f"{BGRT}/image"
    status = root.read_value(f"{BGRT}/status") or ""
    shown = bool(int(status) & _VALID) if status.isascii() and status.isdecimal() and len(status) < 10 else None
    try:
        size, start = root.size(name), root.span(name, 0, _BMP_HEADER)
    except FileFault as fault:
        return FirmwareSplash(name="UEFI logo", shown=shown, note=fault.message)
    width = height = None
    if len(start) == _BMP_HEADER and start.startswith(b"BM"):
        width, height = map(abs, unpack_from("<ii", start, 18))
    return FirmwareSplash(
        name="UEFI logo",
        shown=shown,
        file=name,
        size_bytes=size,
        width_pixels=width,
        height_pixels=height,
        note="a picture in the firmware; its maker's setup program may replace it",
    )


def rainbow(root: Root) -> FirmwareSplash:
    """The rainbow screen of a Raspberry Pi, which `disable_splash=1` in config.txt turns off."""
    name = "rainbow screen"
    try:
        lines = root.read_bytes(CONFIG_TXT).decode(errors="replace").splitlines()
    except FileFault as fault:
        return FirmwareSplash(name=name, note=fault.message)
    off, conditional, elsewhere = False, False, False
    sometimes: list[bool] = []
    for line in (line.partition("#")[0].strip() for line in lines):
        key, _, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            conditional = line.casefold() != "[all]"
        elif key == "disable_splash" and conditional:
            sometimes.append(value == "1")
        elif key == "disable_splash":
            off = value == "1"
        elif line.startswith("include "):
            elsewhere = True
    if elsewhere or (not off) in sometimes:
        why = "includes other files" if elsewhere else "sets disable_splash for some boards only"
        return FirmwareSplash(name=name, file=CONFIG_TXT, note=f"{CONFIG_TXT} {why}")
    note = "disable_splash=1" if off else "without disable_splash=1 the firmware draws it"
    return FirmwareSplash(name=name, shown=not off, file=CONFIG_TXT, note=note)


def compiled_in(root: Root) -> FirmwareSplash:
    """The logo of a Jetson Orin's UEFI firmware: no file that the OS could see is known."""
    return FirmwareSplash(
        name="UEFI logo", note="compiled into the firmware; no file is known that shows or changes it"
    )
