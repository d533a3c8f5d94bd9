"""The facts of a device type, asked for by what needs them; and the kernel arguments that follow from them.

Sources: meta-balena 8.0.2 conf/distro/include/balena-os.inc and recipes-bsp/grub/grub-conf.bb.
"""

from __future__ import annotations

from typing import TypeVar

from hal.errors import HalError
from hal.model import BootloaderKind, DeviceType, Partitions

T = TypeVar("T")

QUIET = ("console=null", "quiet", "splash", "vt.global_cursor_default=0", "consoleblank=0")
"""What balenaOS gives a kernel that is not for development."""

SECURE_BOOT = ("module.sig_enforce", "lockdown=integrity")
"""What balenaOS adds for secure boot on every machine."""


ORIN_TALKS = ("mminit_loglevel=4", "console=tty0")
"""What an Orin's kernel is given for development, before its serial consoles."""


def need(device_type: DeviceType, fact: str, value: T | None, *, for_what: str) -> T:
    """This value, or `HalError` with the name of the fact where the row does not know it."""
    if value is None or value == "":
        raise HalError(f"{device_type.slug}: {fact} is not known, and {for_what} needs it", path=fact)
    return value


def partitions(device_type: DeviceType, *, for_what: str) -> Partitions:
    """The layout of the medium."""
    return need(device_type, "partitions", device_type.partitions, for_what=for_what)


def kernel_image(device_type: DeviceType, *, for_what: str) -> str:
    """The name of the kernel below `/boot`."""
    return need(device_type, "kernel_image", device_type.kernel_image, for_what=for_what)


def consoles(device_type: DeviceType, *, development: bool) -> tuple[str, ...]:
    """Where the kernel talks: nowhere, or on every serial console known. Without a known one the kernel chooses."""
    if not development:
        return QUIET
    orin = device_type.bootloader is BootloaderKind.L4TLAUNCHER
    talks = ORIN_TALKS if orin else ()
    form = "" if orin else "n8"
    return (
        *talks,
        *(f"console={each.tty}" + (f",{each.baud}{form}" if each.baud else "") for each in device_type.consoles),
    )


def arguments(device_type: DeviceType, *, development: bool) -> tuple[str, ...]:
    """Every kernel argument that follows from the row, each once; `root=` and the like are the bootloader's."""
    return tuple(dict.fromkeys((*consoles(device_type, development=development), *device_type.kernel_arguments)))
