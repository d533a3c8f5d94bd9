"""How the boot before this one ended: the kernel and the watchdog leave traces of a crash, a power cut leaves none."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from hal.errors import FileFault
from hal.rollback.phases import boot_id
from hal.root import Root

_WATCHDOG_RESET = 0x20
"""`WDIOF_CARDRESET` of linux/watchdog.h, in a watchdog's `bootstatus`: it reset the machine."""


class Crash(NamedTuple):
    """A trace of a crash: in words, and what tells it from an earlier one."""

    words: str
    identity: str


def crashes(root: Root) -> tuple[Crash, ...]:
    """What shows that a boot crashed; nothing where it was ended in order, by a power cut, or nobody can tell.

    pstore keeps the kernel's last words over resets, until somebody removes them: the same words are the same crash. A
    watchdog that reset the machine says so until the next reset.
    """
    found = []
    for name in root.glob("sys/fs/pstore/dmesg-*"):
        try:
            words = root.read_bytes(name)
        except FileFault:
            continue
        found.append(Crash(f"{name}: the kernel's last words", hashlib.sha256(words).hexdigest()[:16]))
    for name in root.glob("sys/class/watchdog/watchdog*/bootstatus"):
        status = root.read_value(name)
        if status is not None and status.isdecimal() and int(status) & _WATCHDOG_RESET:
            found.append(Crash(f"{name}: the watchdog reset the machine", f"{name} in {boot_id(root)}"))
    return tuple(found)
