"""The boot files of an image: rendered from the facts of a device type, and nothing else.

The templates beside this code are in the languages of the bootloaders. Where a boot file chooses the slot, it follows
`hal.backends.bootloader.rules.Mended`. A fact that the row of a device type lacks is an error that names it.
"""

from __future__ import annotations

from hal.image.boot_files.file import BootFile, BootVariant, Place
from hal.image.boot_files.rendering import render, selection

__all__ = ["BootFile", "BootVariant", "Place", "render", "selection"]
