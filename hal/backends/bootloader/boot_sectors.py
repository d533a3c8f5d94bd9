"""GRUB's boot sectors on a PC with BIOS: what boot.img and core.img are, and how each says where the other lies.

boot.img loads one sector, whose number it holds, and jumps there; that sector is the first of core.img and says where
the rest lies. Of the first sector of a disk only 440 bytes are code: behind them are the disk's signature and the
partition table.

Sources: GRUB 2.12 (boot.S, diskboot.S, include/grub/i386/pc/boot.h).
"""

from __future__ import annotations

import struct

from hal.errors import ValueRefused

SECTOR = 512
CODE = 440
"""Bytes of the MBR that are code."""
LOADS = 0x5C
"""In the MBR: the 8-byte number of the sector it loads."""
LIST = 0x1F4
"""In core.img: 8 bytes of the first sector of its rest, 2 bytes of how many, 2 bytes of where to load them."""
END_MARK = 0x1FE


def boot_code(image: bytes, name: str) -> bytes:
    """The code of boot.img. Raises `ValueRefused` for what is no such image."""
    if len(image) != SECTOR or image[END_MARK:] != b"\x55\xaa" or struct.unpack_from("<Q", image, LOADS) != (1,):
        raise ValueRefused(f"{name}: not GRUB's boot.img, {SECTOR} bytes that load sector 1", path=name)
    return image[:CODE]


def core_image(image: bytes, name: str) -> bytes:
    """core.img as GRUB made it. Raises `ValueRefused` where it does not fit the list in its own first sector."""
    if len(image) <= SECTOR or struct.unpack_from("<QH", image, LIST) != (2, sectors(image) - 1):
        raise ValueRefused(f"{name}: {len(image)} bytes are not GRUB's core.img for sector 1", path=name)
    return image


def sectors(image: bytes) -> int:
    """How many sectors an image takes."""
    return -(-len(image) // SECTOR)


def at(core: bytes, place: int) -> bytes:
    """core.img for another sector than 1: its rest follows it."""
    return core[:LIST] + struct.pack("<Q", place + 1) + core[LIST + 8 :]


def pointing_at(code: bytes, place: int) -> bytes:
    """The MBR's code that loads a core at `place`."""
    return code[:LOADS] + struct.pack("<Q", place) + code[LOADS + 8 :]
