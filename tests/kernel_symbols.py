"""Kernel symbols of every image, those that Linux 6.1 lacks or mainline cannot show, and the names that it has.

`kernel_symbols.json` is what `make lab` found in the kernel's own Kconfig files, for the symbols that images use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from hal.image.asking import image
from hal.image.row import secure_boot
from hal.model import EITHER, Build, JoinedPart, PartKind, StorageDriver
from hal.plugins import Catalog

RECORD = Path(__file__).parent / "kernel_symbols.json"


@frozen
class Kernel:
    """One image's kernel: the board's architecture, and its symbols. Images with the same are listed together."""

    arch: str
    slugs: tuple[str, ...]
    wanted: tuple[JoinedPart, ...]


OUTSIDE: dict[str, str] = {
    "AUFS_FS AUFS_XATTR": "aufs is a patch to every kernel",
    "TEGRA21X_WATCHDOG RTL8822CE RTK_BTUSB EQOS_DISABLE_EEE MTTCAN MTTCAN_IVC VIDEO_TEGRA_VI_TPG INPUT_KEYCHORD": (
        "of NVIDIA's kernels"
    ),
    "STAGING_GASKET_FRAMEWORK STAGING_APEX_DRIVER": "Linux 4.19 to 5.12, and a patch of balena-jetson",
    "CFG80211_INTERNAL_REGDB": "until Linux 4.14; the Jetsons' is 4.9",
    "NFSD_V3": "until Linux 5.18; the Jetsons' are 4.9 and 5.15",
    "ANDROID ASHMEM": "until Linux 5.19; the Orins' is 5.15",
    "MODULE_COMPRESS": "until Linux 5.12; the BeagleBone's is 5.10",
    "HM3301": "a patch of balena-beaglebone",
    "CH432T_SPI": "a patch of balena-raspberrypi",
    "MFD_TPS68470": "until Linux 5.15; the Surface Go's is 5.8",
    "INTEL_IPTS": "a patch of balena-intel",
    "I2C_HID": "not a symbol in Linux 6.1 alone: before and after it is",
    "ATH12K": "from Linux 6.3 on; balena-generic's is 6.18",
    "DRM_ACCEL DRM_ACCEL_HABANALABS DRM_ACCEL_QAIC DRM_ACCEL_IVPU": "from Linux 6.2 on; balena-generic's is 6.18",
    "DRM_XE DRM_XE_DISPLAY DRM_XE_ENABLE_SCHEDTIMEOUT_LIMIT DRM_XE_FORCE_PROBE DRM_XE_JOB_TIMEOUT_MAX "
    "DRM_XE_JOB_TIMEOUT_MIN DRM_XE_PREEMPT_TIMEOUT DRM_XE_PREEMPT_TIMEOUT_MAX DRM_XE_PREEMPT_TIMEOUT_MIN "
    "DRM_XE_TIMESLICE_MAX DRM_XE_TIMESLICE_MIN": "from Linux 6.8 on; balena-generic's is 6.18",
    "USB_USBIO GPIO_USBIO": "from Linux 6.18 on, which balena-generic's is",
    "AAEON_IWMI_WDT GPIO_AAEON LEDS_AAEON MFD_AAEON SENSORS_AAEON LEDS_UPBOARD MFD_UPBOARD_FPGA PINCTRL_UPBOARD "
    "UPBOARD_LEGACY": "of the UP board's kernel",
}
"""Symbols that Linux 6.1 does not have, and why they are none the less right."""

BESIDES: dict[str, tuple[str, ...]] = {"rpi": ("MWIFIEX",)}
"""Symbols that another configuration has than the one to begin with: bcmrpi_defconfig is larger than Linux's own."""

SELECTED: dict[str, str] = {
    "BACKLIGHT_CLASS_DEVICE": "drivers that mainline's configuration has built in select it",
    "INPUT_FF_MEMLESS": "drivers that mainline's configuration has built in select it",
    "PSTORE": "ACPI's error records select it, which mainline's configuration has and NVIDIA's has not",
}
"""Symbols whose value mainline's configuration cannot show."""


def outside() -> frozenset[str]:
    """The names of all symbols that Linux 6.1 lacks."""
    return frozenset(name for names in OUTSIDE for name in names.split())


def kernels() -> Iterator[Kernel]:
    """Every kernel that an image of a known architecture has, with both storage drivers and with secure boot."""
    catalog = Catalog()
    found: dict[tuple[str, tuple[tuple[str, object], ...]], tuple[list[str], tuple[JoinedPart, ...]]] = {}
    for module in catalog.index.board_modules():
        for row in catalog.table(module):
            builds = [Build(), Build(balena_storage=StorageDriver.AUFS)]
            builds += [Build(secure_boot=True)] if secure_boot(row) else []
            for build in builds if row.arch else ():
                parts = image(catalog, row.slug, build).of(PartKind.KERNEL_SYMBOL)
                key = str(row.arch), tuple((part.name, part.value) for part in parts)
                found.setdefault(key, ([], parts))[0].append(row.slug)
    for (arch, _), (slugs, parts) in found.items():
        yield Kernel(arch, tuple(dict.fromkeys(slugs)), parts)


def free(part: JoinedPart) -> bool:
    """Whether built in and module are both fine for everybody who asked."""
    return all(each.said == EITHER for each in part.asked)


def used() -> dict[str, list[str]]:
    """The symbols of every image, by architecture, in order of name."""
    names: dict[str, set[str]] = {}
    for each in kernels():
        names.setdefault(each.arch, set()).update(part.name for part in each.wanted)
    return {arch: sorted(each) for arch, each in sorted(names.items())}


def recorded() -> dict[str, list[str]]:
    """Those of them that Linux 6.1 has."""
    known: dict[str, list[str]] = json.loads(RECORD.read_text())
    return known
