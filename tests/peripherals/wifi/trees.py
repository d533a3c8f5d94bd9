"""Adapters and kernels in generated trees: each step changes one thing, as a table of cases wants it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from backends.firmware.files import ralink, trx, xz
from backends.usb.sysfs import BUS, configuration, device, interface, plug

from hal.device import Device
from hal.model import AdapterReport, WifiReport
from hal.peripherals.wifi import check
from hal.root import Root

RELEASE = "6.1.77-v8"
MODULES = f"lib/modules/{RELEASE}"
PARAMETER = "sys/module/firmware_class/parameters/path"
VOLUME = "/var/lib/docker/volumes/extra-firmware/_data"
BULK = [(0x81, 2), (0x01, 2)]
BCM = device(0x0A5C, 0xBD1E, configuration(1, interface(0, (0xFF, 2, 0xFF), BULK)), revision=1, triple=(0xFF, 2, 0xFF))
PAU = device(0x148F, 0x5572, configuration(1, interface(0, (0xFF, 0xFF, 0xFF), BULK)), revision=0x0101)
STICK = device(0x0BDA, 0x8172, configuration(1, interface(0, (0xFF, 0xFF, 0xFF), BULK)), revision=0x0200)
"""An RTL8191SU, which no row knows."""
BCM_FILE, PAU_FILE = "brcm/brcmfmac43143.bin", "rt2870.bin"
PATHS = {
    "brcmfmac": "kernel/drivers/net/wireless/broadcom/brcm80211/brcmfmac/brcmfmac.ko",
    "rt2800usb": "kernel/drivers/net/wireless/ralink/rt2x00/rt2800usb.ko",
    "r8712u": "kernel/drivers/staging/rtl8712/r8712u.ko",
    "btusb": "kernel/drivers/bluetooth/btusb.ko",
}
ALIASES = (
    "alias usb:v0A5CpBD1Ed*dc*dsc*dp*ic*isc*ip*in* brcmfmac\nalias usb:v148Fp5572d*dc*dsc*dp*ic*isc*ip*in* rt2800usb\n"
)
CONFIG = "CONFIG_FW_LOADER_COMPRESS=y\nCONFIG_FW_LOADER_COMPRESS_XZ=y\n# CONFIG_FW_LOADER_COMPRESS_ZSTD is not set\n"

Step = Callable[[Root], None]


def put(root: Root, name: str, data: bytes | str) -> None:
    path = Path(root.directory, name.lstrip("/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def program(root: Root, name: str, script: str) -> None:
    put(root, name, f"#!/bin/sh\n{script}\n")
    Path(root.directory, name).chmod(0o755)


# -- the kernel --------------------------------------------------------------------------------------------------------


def kernel(*modules: str, config: str = CONFIG, aliases: str = ALIASES, built_in: tuple[str, ...] = ()) -> Step:
    """A running kernel with these modules, and those drivers built in."""

    def step(root: Root) -> None:
        put(root, "proc/sys/kernel/osrelease", f"{RELEASE}\n")
        put(root, "proc/config.gz", gzip.compress(config.encode(), mtime=0))
        put(root, f"{MODULES}/modules.dep", "".join(f"{PATHS[each]}.xz:\n" for each in modules) or "kernel/x.ko:\n")
        put(root, f"{MODULES}/modules.alias", aliases)
        put(root, f"{MODULES}/modules.builtin", "".join(f"{PATHS[each]}\n" for each in built_in))

    return step


def release_only(root: Root) -> None:
    """A kernel that tells its release, and nothing that lists its modules."""
    put(root, "proc/sys/kernel/osrelease", f"{RELEASE}\n")


def loaded(driver: str) -> Step:
    """The driver is in the kernel."""
    return lambda root: Path(root.directory, "sys/bus/usb/drivers", driver).mkdir(parents=True, exist_ok=True)


def volume(root: Root) -> None:
    """The extra firmware volume is in use."""
    put(root, PARAMETER, f"{VOLUME}\n")


def says(*lines: str) -> Step:
    """`dmesg` prints these lines, each with a time before it."""
    told = "".join(f"[{number:5}.000000] {line}\n" for number, line in enumerate(lines, 1))

    def step(root: Root) -> None:
        put(root, "run/kernel-log", told)
        program(root, "bin/dmesg", 'cat "$HAL_ROOT/run/kernel-log"')

    return step


# -- adapters ----------------------------------------------------------------------------------------------------------


def bcm(*, works: bool = False, place: str = "1-1.2") -> Step:
    """A BCM43143: with an interface where it works, else left without a configuration, as its driver leaves it."""

    def step(root: Root) -> None:
        if works:
            plug(root.directory, place, BCM, drivers={0: "brcmfmac"}, nodes={0: ("net/wlan1",)})
            flags(root, f"{place}:1.0", "wlan1", up=False)
        else:
            plug(root.directory, place, BCM, chosen=None)

    return step


def bcm_driven(driver: str | None) -> Step:
    """A BCM43143 with its configuration, and with this driver, but without an interface."""
    return lambda root: plug(root.directory, "1-1.2", BCM, drivers={0: driver} if driver else {})


def pau(*, up: bool = False, driver: str | None = "rt2800usb") -> Step:
    """A PAU09, whose interface is there from the first moment on."""

    def step(root: Root) -> None:
        if driver is None:
            plug(root.directory, "1-1.3", PAU, number=6)
            return
        nodes = {0: ("net/wlan2", "ieee80211/phy3")}
        plug(root.directory, "1-1.3", PAU, number=6, drivers={0: driver}, nodes=nodes)
        flags(root, "1-1.3:1.0", "wlan2", up=up)

    return step


def held(kind: str) -> Step:
    """rfkill holds the radio of the PAU09: by software (`soft`) or by a switch (`hard`)."""

    def step(root: Root) -> None:
        for each in ("soft", "hard"):
            put(root, f"{BUS}/1-1.3:1.0/ieee80211/phy3/rfkill1/{each}", f"{int(each == kind)}\n")

    return step


def stick(root: Root) -> None:
    """The adapter that no row knows."""
    plug(
        root.directory,
        "1-1.4",
        STICK,
        number=7,
        strings={"manufacturer": "Realtek", "product": "RTL8191S WLAN Adapter"},
    )


def flags(root: Root, name: str, network: str, *, up: bool) -> None:
    put(root, f"{BUS}/{name}/net/{network}/flags", "0x1003\n" if up else "0x1002\n")


# -- files -------------------------------------------------------------------------------------------------------------


def file(name: str, data: bytes, folder: str = "lib/firmware") -> Step:
    return lambda root: put(root, f"{folder}/{name}", data)


BCM_WHOLE = file(BCM_FILE, trx())
PAU_WHOLE = file(PAU_FILE, ralink())
PAU_PACKED = file(f"{PAU_FILE}.xz", xz(ralink()))


# -- the look ----------------------------------------------------------------------------------------------------------


def look(root: Root, *steps: Step, log: str | None = None) -> WifiReport:
    """Take the steps, and look as the command line does."""
    for step in steps:
        step(root)
    device = Device.open(root)
    return check(root, device.wifi_firmware, log=log)


def only(found: WifiReport) -> AdapterReport:
    (adapter,) = found.adapters
    return adapter
