"""BeagleBone AI-64: tiboot3.bin at the start of the eMMC's first boot partition, and the eMMC set to boot from there.

The chip's ROM reads that partition only where EXT_CSD enables it. So the loader is written first and the partition
enabled after it: what is enabled is always whole, but for the write itself. The eMMC's other boot partition is not
used, so a power cut within that write leaves a loader that is neither the old nor the new one.

Sources: balena-beaglebone 7.7.2+rev2 (99-flash-bootloader-beaglebone-ai64); JEDEC eMMC 5.1, EXT_CSD bytes 162, 177
and 179; mmc-utils, which prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from hal.backends import emmc_boot
from hal.backends.changes import Change, perform
from hal.errors import ProgramFault
from hal.model import Update, UpdateStep, UpdateStepFact
from hal.root import Root

NAME = "99-flash-bootloader-beaglebone-ai64"
DISK, DEVICE = "mmcblk0", "mmcblk0boot0"
SOURCE = "resin-boot/tiboot3.bin"
SECONDS = 30.0
_CONFIGURATION, _BUS, _RESET = "PARTITION_CONFIG", "BOOT_BUS_CONDITIONS", "RST_N_FUNCTION"
_FROM_BOOT0 = 0x48
_BOOT_BITS = 0x78
"""Of PARTITION_CONFIG: bits 3 to 5 choose what is booted from, bit 6 the acknowledge; the rest is access, not ours."""
_SINGLE_BACKWARD_X8 = 0x02
_RESET_BITS = 0x03
"""Of RST_N_FUNCTION: 0 is temporarily off; what is set here stays for ever."""


def step(fact: UpdateStepFact, root: Root) -> UpdateStep:
    """The step that the row names."""

    def run(update: Update) -> tuple[str, ...]:
        return perform(update, _changes(root, update))

    return UpdateStep(name=fact.name, phase=fact.phase, purpose=fact.purpose, run=run)


def _changes(root: Root, update: Update) -> Iterator[Change]:
    source = f"{update.source}/{SOURCE}".lstrip("/")
    data = root.read_bytes(source, limit=emmc_boot.LARGEST)
    registers = _registers(root)
    yield from emmc_boot.changes(root, DEVICE, data, what=source)
    disk = f"/dev/{DISK}"
    if registers[_CONFIGURATION] & _BOOT_BITS != _FROM_BOOT0:
        enable = partial(_set, root, _CONFIGURATION, "bootpart enable 1 2", disk)
        yield Change(DEVICE, "enabled to boot from", enable)
    if registers[_BUS] != _SINGLE_BACKWARD_X8:
        widen = partial(_set, root, _BUS, "bootbus set single_backward x1 x8", disk)
        yield Change(f"the boot bus of {DISK}", "set to 8 bits", widen)
    if registers[_RESET] & _RESET_BITS == 0:
        # As in balenaOS, one that refuses is left as it is.
        words = ("mmc", "hwreset", "enable", disk)
        ask = partial(root.run, words, timeout_seconds=SECONDS, check=False)
        yield Change(f"reset by pin of {DISK}", "asked for", ask)


def _registers(root: Root) -> dict[str, int]:
    """The bytes of EXT_CSD that say how the eMMC boots."""
    text = root.run(["mmc", "extcsd", "read", f"/dev/{DISK}"], timeout_seconds=SECONDS).stdout
    found: dict[str, int] = {}
    for name in (_CONFIGURATION, _BUS, _RESET):
        match = re.search(rf"\[{name}(?:\]: |: )0x([0-9a-fA-F]{{2}})\b", text)
        if match is None:
            raise ProgramFault(f"mmc extcsd read: tells no {name}, so how {DISK} boots is not known", path="mmc")
        found[name] = int(match[1], 16)
    return found


def _set(root: Root, register: str, words: str, disk: str) -> None:
    """Change a byte of EXT_CSD, and read back that it changed."""
    root.run(["mmc", *words.split(), disk], timeout_seconds=SECONDS)
    now = _registers(root)[register]
    sound = now == _SINGLE_BACKWARD_X8 if register == _BUS else now & _BOOT_BITS == _FROM_BOOT0
    if not sound:
        raise ProgramFault(f"mmc {words}: {register} is {now:#04x} afterwards", path="mmc")
