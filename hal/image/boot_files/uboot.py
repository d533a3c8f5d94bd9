"""U-Boot with a script: boot.scr of the Raspberry Pi.

The script reads configuration only from the medium it was loaded from. Sources: balena-raspberrypi 7.4.0+rev7
recipes-bsp/rpi-u-boot-scr and recipes-bsp/u-boot (U-Boot 2021.10).
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.bootloader import names
from hal.errors import HalError
from hal.image.boot_files import state
from hal.image.boot_files.facts import kernel_image, need, partitions
from hal.image.boot_files.file import BootFile, Place
from hal.image.boot_files.template import fill
from hal.image.boot_files.uimage import script_image
from hal.model import BootloaderKind, DeviceType, SlotEncoding

SCRIPT = "boot.scr"

START = {
    "Image": "booti_plain.cmd",
    "Image.gz": "booti_packed.cmd",
    "zImage": "bootz.cmd",
}
"""How each kind of kernel is loaded and started: the name of a template."""


def scripted(device_type: DeviceType) -> bool:
    """Whether this bootloader is a U-Boot that runs a script. Raises `HalError` where its files are not known."""
    if device_type.bootloader is not BootloaderKind.U_BOOT:
        return False
    return SCRIPT in need(device_type, "boot_files", device_type.boot_files or None, for_what="the choice of slots")


def render(device_type: DeviceType) -> Iterator[BootFile]:
    """The script as text and as image, and the state files."""
    layout = partitions(device_type, for_what=SCRIPT)
    if layout.slot_encoding is not SlotEncoding.HEX:
        raise HalError(
            f"{device_type.slug}: slots are written {layout.slot_encoding}, U-Boot reads hex",
            path="partitions.slot_encoding",
        )
    arch = need(device_type, "arch", device_type.arch, for_what=SCRIPT)
    script = _script(device_type).encode()
    yield BootFile(
        name=SCRIPT,
        where=Place.BOOT,
        data=script_image(script, arch=arch, name="Boot script"),
        purpose="chooses the slot and starts its kernel",
    )
    yield BootFile(name="boot.cmd", where=Place.BOOT, data=script, purpose="the text of boot.scr, to read")
    yield state.root_text(layout)
    yield state.boot_count()
    yield state.extra_text()
    yield state.committed("", layout)


def _script(device_type: DeviceType) -> str:
    layout = partitions(device_type, for_what=SCRIPT)
    kernel = kernel_image(device_type, for_what=SCRIPT)
    if kernel not in START:
        raise HalError(
            f"{device_type.slug}: how U-Boot starts kernel_image {kernel!r} is not known, only {', '.join(START)}",
            path="kernel_image",
        )
    first, second = layout.slot_values()
    return fill(
        "boot.cmd",
        {
            "mark": names.MENDED_MARK.decode(),
            "committed_file": names.COMMITTED,
            "boot": f"{layout.boot:x}",
            "root_a": first,
            "root_b": second,
            "kernel": kernel,
            "start": fill(START[kernel], {"kernel": kernel}).rstrip("\n"),
        },
    )
