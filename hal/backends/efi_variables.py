"""EFI variables, as efivarfs shows them: a file `NAME-GUID` of 4 bytes of attributes and then the value.

Source: kernel documentation `filesystems/efivarfs`, UEFI specification 2.10 section 8.2.
"""

from __future__ import annotations

import re

from attrs import frozen

from hal.errors import Damaged, FileFault, ValueRefused
from hal.record import Record
from hal.root import Root

FOLDER = "sys/firmware/efi/efivars"
FIRMWARE = "sys/firmware/efi"
"""There only where the firmware that started this machine is UEFI."""

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""The GUID of the variables that the UEFI specification defines."""

KEPT = 0x07
"""Attributes: non-volatile, for boot services, at run time."""

_NAME = re.compile(r"[A-Za-z0-9_.]+")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ATTRIBUTES = 4
_LIMIT = 64 * 1024


@frozen(kw_only=True, repr=False, eq=False)
class Variable(Record):
    """A variable's attributes and value."""

    attributes: int
    value: bytes


def booted_by_efi(root: Root) -> bool:
    """Whether UEFI firmware started this machine."""
    return root.is_dir(FIRMWARE)


def file_of(name: str, guid: str) -> str:
    """The file of a variable. Raises `ValueRefused` for what cannot be one."""
    if not _NAME.fullmatch(name) or not _GUID.fullmatch(guid):
        raise ValueRefused(f"{name}-{guid}: not the name of an EFI variable", path=f"{name}-{guid}")
    return f"{FOLDER}/{name}-{guid}"


def read(root: Root, name: str, guid: str) -> Variable | None:
    """A variable; `None` where there is none.

    A file of 0 bytes is a variable that was created and never set, so it is none. One with less than its attributes
    and a byte is `Damaged`.
    """
    file = file_of(name, guid)
    if not root.exists(file):
        return None
    data = root.read_bytes(file, limit=_LIMIT)
    if not data:
        return None
    if len(data) <= _ATTRIBUTES:
        raise Damaged(f"an EFI variable of {len(data)} bytes; 4 of attributes and a value are expected", path=file)
    return Variable(attributes=int.from_bytes(data[:_ATTRIBUTES], "little"), value=data[_ATTRIBUTES:])


def write(root: Root, name: str, guid: str, value: bytes, *, attributes: int = KEPT) -> None:
    """Set a variable with one write of attributes and value, and read it back; equal is left alone.

    The kernel marks variables immutable so that no `rm -r` breaks a machine; that mark is taken off first. An empty
    value would delete the variable and is refused.
    """
    file = file_of(name, guid)
    if not value or len(value) > _LIMIT - _ATTRIBUTES:
        raise ValueRefused(f"{file}: a value of {len(value)} bytes; 1 to {_LIMIT - _ATTRIBUTES} are allowed", path=file)
    if not root.is_dir(FOLDER):
        raise FileFault(f"{FOLDER}: no such folder, so no EFI variable can be set", path=FOLDER)
    wanted = Variable(attributes=attributes, value=value)
    if root.exists(file):
        data = root.read_bytes(file, limit=_LIMIT)
        if data == attributes.to_bytes(_ATTRIBUTES, "little") + value:
            return
        root.unlock_immutable(file)
    root.write(file, attributes.to_bytes(_ATTRIBUTES, "little") + value, create=True)
    if read(root, name, guid) != wanted:
        raise FileFault(f"{file}: reads back different from what was written", path=file)
