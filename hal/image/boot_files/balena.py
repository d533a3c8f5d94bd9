"""The balena bootloader: the step of its initramfs that chooses the slot, and `bootenv`.

Sources: meta-balena 8.0.2 recipes-core/initrdscripts (abroot and its neighbours) and os-helpers-bootenv.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends.bootloader import names
from hal.backends.bootloader.balena import RULE_FILE
from hal.errors import HalError
from hal.image.boot_files import state
from hal.image.boot_files.facts import kernel_image, partitions
from hal.image.boot_files.file import BootFile, BootVariant, Place
from hal.image.boot_files.template import fill
from hal.model import DeviceType, SlotEncoding

STEP = "init.d/74-abroot"
"""The name of balenaOS's own step, which this one replaces: its neighbours count on its place in the order."""


def render(device_type: DeviceType, *, variant: BootVariant) -> Iterator[BootFile]:
    """The step, and on the medium that the device runs from the state files."""
    layout = partitions(device_type, for_what=STEP)
    if layout.slot_encoding is not SlotEncoding.LETTER:
        raise HalError(
            f"{device_type.slug}: slots are written {layout.slot_encoding}, the balena bootloader reads letters",
            path="partitions.slot_encoding",
        )
    text = fill(
        "abroot.sh",
        {
            "mark": names.MENDED_MARK.decode(),
            "committed_file": names.COMMITTED,
            "kernel": kernel_image(device_type, for_what=STEP),
        },
    )
    yield BootFile(
        name=STEP, where=Place.INITRAMFS, data=text.encode(), purpose="chooses the slot; off while a flasher runs"
    )
    yield BootFile(
        name=RULE_FILE,
        where=Place.BOOT,
        data=names.MENDED_MARK + b"\n",
        purpose="says how the bootloader deployed with it chooses, for nobody can look into that",
    )
    if variant is not BootVariant.FLASHER:
        yield state.block("bootenv", layout)
        yield state.committed("", layout)
