"""A boot file, where it belongs, and for which image."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record
from hal.stdlib import StrEnum


class BootVariant(StrEnum):
    """For which medium the files are."""

    INTERNAL = "internal"
    """The medium that the device runs from."""
    FLASHER = "flasher"
    """The removable medium that installs the OS."""
    ENCRYPTED = "encrypted"
    """As internal, with disk encryption (LUKS)."""


class Place(StrEnum):
    """Where a file belongs; its name is relative to that place."""

    BOOT = "boot"
    """The partition the bootloader reads; with encryption that is the EFI or firmware partition."""
    ROOT = "root"
    """The root file system of each slot."""
    INITRAMFS = "initramfs"
    """The initramfs of the balena bootloader."""


@frozen(kw_only=True, repr=False, eq=False)
class BootFile(Record):
    """One rendered file; `name` has no leading slash.

    `fresh_only` files hold the state of the device or the wishes of its user: they belong on a new medium, and an
    update must never deploy them.
    """

    name: str
    where: Place
    data: bytes
    purpose: str
    fresh_only: bool = False
