"""Which boot configuration a device type of this family has: config.txt, of every image but two.

Sources: balena-supervisor 19.0.5 (config-txt.ts), raspberrypi/linux (overlay_map.dts: names of platforms).
"""

from __future__ import annotations

from hal.backends.boot_config.config_txt import ConfigTxt
from hal.model import DeviceType
from hal.root import Root

FILE = "mnt/boot/config.txt"

WITHOUT = {
    "npe-x500-m3": "the supervisor does not manage config.txt here",
    "raspberrypicm4-ioboard-sb": "the firmware reads the config.txt inside of the signed boot.img",
}
"""Device types whose config.txt is nobody's to change, and why."""

REQUIRED = {"fincm3": ("balena-fin",)}
"""Overlays without which a board does not work, as the supervisor adds them."""

PLATFORMS = {
    "bcm2708": "bcm2835",
    "bcm2709": "bcm2835",
    "bcm2710": "bcm2835",
    "bcm2711": "bcm2711",
    "bcm2712": "bcm2712",
}
"""The platform in the map of overlays, by how the names of a board's device trees start."""

MACHINES = {"raspberrypi3": "bcm2835", "raspberrypi3-64": "bcm2835", "raspberrypi4-64": "bcm2711"}
"""The same for rows without device trees, by the machine they build on."""


def platform_of(device_type: DeviceType) -> str | None:
    """The platform of all boards of a device type; `None` where it is not known, or they differ."""
    found = {
        platform for tree in device_type.device_trees for start, platform in PLATFORMS.items() if tree[:7] == start
    }
    if not device_type.device_trees:
        found = {MACHINES[each] for each in device_type.machine_overrides if each in MACHINES}
    return found.pop() if len(found) == 1 else None


def stores(device_type: DeviceType, root: Root) -> tuple[ConfigTxt, ...]:
    """config.txt, where it may be changed."""
    if device_type.slug in WITHOUT:
        return ()
    required = REQUIRED.get(device_type.slug, ())
    return (ConfigTxt(root, FILE, platform=platform_of(device_type), required=required),)
