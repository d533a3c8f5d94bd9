"""How the boot before this one ended: the kernel and the watchdog leave traces of a crash, a power cut leaves none."""

from __future__ import annotations

from hal.root import Root

_WATCHDOG_RESET = 0x20
"""`WDIOF_CARDRESET` of linux/watchdog.h, in a watchdog's `bootstatus`: it reset the machine."""


def crash_evidence(root: Root) -> tuple[str, ...]:
    """What shows that the last boot crashed; nothing where it was ended in order, by a power cut, or nobody can tell.

    pstore keeps the kernel's last words over a reset; a watchdog that reset the machine says so once.
    """
    found = [f"{name}: the kernel's last words" for name in root.glob("sys/fs/pstore/dmesg-*")]
    for name in root.glob("sys/class/watchdog/watchdog*/bootstatus"):
        status = root.read_value(name)
        if status is not None and status.isdecimal() and int(status) & _WATCHDOG_RESET:
            found.append(f"{name}: the watchdog reset the machine")
    return tuple(found)
