"""Which firmware an Orin runs, and which one an OS wants: versions `X.Y` of NVIDIA's L4T.

Sources: balena-jetson-orin 7.0.5+rev2 (99-resin-bootfiles-*, rollback-board-healthcheck).
"""

from __future__ import annotations

import re

from hal.errors import HalError, ProgramFault
from hal.model import HealthCheck, HealthVerdict
from hal.root import Root

SECONDS = 30.0
_RUNNING = re.compile(r"^Current version:\s*(\d+\.\d+)", re.MULTILINE)
_KERNEL = re.compile(r"l4t-r(\d+\.\d+)")


def running(root: Root) -> str:
    """The version of the firmware, of nvbootctrl's dump of its slots. Raises `ProgramFault`."""
    text = root.run(["nvbootctrl", "dump-slots-info"], timeout_seconds=SECONDS).stdout
    match = _RUNNING.search(text)
    if match is None:
        raise ProgramFault("nvbootctrl dump-slots-info: tells no current version of the firmware", path="nvbootctrl")
    return match[1]


def of_kernel(root: Root) -> str | None:
    """The version that the running kernel was made for, by its release."""
    match = _KERNEL.search(root.read_value("proc/sys/kernel/osrelease") or "")
    return match[1] if match else None


def wanted(root: Root, source: str) -> str | None:
    """The version that the OS below `source` was made for, by the name its kernel gives its modules.

    `None` where there is no such folder, or several that differ.
    """
    names = root.listdir(f"{source}/lib/modules")
    found = {match[1] for match in map(_KERNEL.search, names) if match is not None}
    return found.pop() if len(found) == 1 else None


def health_check(root: Root) -> HealthCheck:
    """The firmware must be that of the running kernel: an older one may start it, and then lacks parts of it."""
    return HealthCheck(
        name="firmware",
        purpose="the UEFI firmware has the version of the kernel's L4T release",
        check=lambda: _verdict(root),
        timeout_seconds=SECONDS,
    )


def _verdict(root: Root) -> HealthVerdict:
    kernel = of_kernel(root)
    if kernel is None:
        return HealthVerdict(healthy=False, reason="the kernel's release names no L4T version")
    try:
        firmware = running(root)
    except HalError as error:
        return HealthVerdict(healthy=False, reason=str(error))
    if firmware != kernel:
        reason = f"the firmware is {firmware}, the kernel is made for {kernel}: the capsule was not applied"
        return HealthVerdict(healthy=False, reason=reason)
    return HealthVerdict(healthy=True, reason=f"firmware and kernel are both {kernel}")
