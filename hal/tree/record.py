"""Captures a machine's relevant files as a tree archive, without what is secret or personal.

What is captured: the evidence that identifies the device, the kernel's description of clocks, fans, sensors, CPU
frequencies and USB devices, and every file that the board's capabilities say they read or write, but for the boot
splash: a logo names its owner. From config.json only values that say nothing about their owner are kept. In every file,
values of secret keys, the serial numbers of the device tree, UUIDs, hardware addresses and long hexadecimal tokens are
replaced by as many zeros, but for the files that only say which device type this is.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from hal.device import NOUNS, Device
from hal.errors import FileFault, HalError
from hal.identify import CONFIG, DEVICE_TYPE, OS_RELEASE
from hal.json_file import read_object
from hal.record import Record
from hal.root import Root
from hal.settings.keys import PUBLIC

_CPU = "sys/devices/system/cpu/cpufreq/policy*"
_USB = "sys/bus/usb/devices/*"
PATTERNS = (
    DEVICE_TYPE,
    *OS_RELEASE,
    "proc/device-tree/compatible",
    "proc/device-tree/model",
    "proc/cmdline",
    "sys/class/dmi/id/modalias",
    *(f"sys/class/rtc/rtc*/{name}" for name in ("name", "hctosys", "range")),
    "sys/bus/i2c/devices/*/name",
    "etc/timestamp",
    "etc/fake-hwclock/fake-hwclock.data",
    *(f"sys/class/hwmon/hwmon*/{name}" for name in ("name", "pwm[0-9]*", "fan[0-9]*", "temp[0-9]*", "rpm")),
    "sys/class/hwmon/hwmon*/in0_lcrit_alarm",
    *(f"sys/class/thermal/thermal_zone*/{name}" for name in ("type", "temp", "trip_point_*_type", "trip_point_*_temp")),
    *(f"sys/class/thermal/cooling_device*/{name}" for name in ("type", "max_state", "cur_state")),
    *(f"{_CPU}/{name}" for name in ("scaling_driver", "scaling_governor", "scaling_available_governors")),
    *(f"{_CPU}/{name}" for name in ("scaling_min_freq", "scaling_max_freq", "cpuinfo_min_freq", "cpuinfo_max_freq")),
    *(f"{_CPU}/{name}" for name in ("energy_performance_preference", "energy_performance_available_preferences")),
    *(f"sys/devices/system/cpu/intel_pstate/{name}" for name in ("status", "no_turbo")),
    "sys/firmware/acpi/platform_profile*",
    *(f"{_USB}/{name}" for name in ("modalias", "idVendor", "idProduct", "bcdDevice", "bDeviceClass")),
    *(f"{_USB}/{name}" for name in ("bDeviceSubClass", "bDeviceProtocol", "bConfigurationValue", "bInterfaceNumber")),
)
"""What every recording holds, below the root, as far as it is there."""

IMPERSONAL = (DEVICE_TYPE, *OS_RELEASE, "proc/device-tree/compatible", "proc/device-tree/model")
"""The evidence that identifies a device type. It is the same on every device of its kind, and is kept as it is,
whatever words its owner has chosen for a host name."""

_SERIALS = ("proc/device-tree/serial-number", "sys/class/dmi/id/product_serial", "sys/class/dmi/id/board_serial")
_PERSONAL = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"  # UUID
    r"|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}"  # hardware address
    r"|[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}(?![0-9A-Za-z+-])"  # FAT serial
    r"|[0-9A-Fa-f]{24,}"  # token
    r")(?![0-9A-Za-z])"
)


@frozen(kw_only=True, repr=False, eq=False)
class Recording(Record):
    """The names in an archive, and what was left out with the reason."""

    names: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def record(root: Root, file: Path, *, board: str | None = None) -> Recording:
    """Write the archive. The same tree gives the same bytes. Raises `FileFault`; an unknown board is recorded, too."""
    secrets = frozenset(_secrets(root))
    left_out: list[tuple[str, str]] = []
    found: dict[str, bytes] = {}
    for name in _names(root, board):
        try:
            if name == CONFIG:
                data = _json(_public(read_object(root, name)))
            elif name in IMPERSONAL or name.endswith("/modalias"):
                data = root.read_bytes(name)
            else:
                data = scrub(root.read_bytes(name), secrets)
        except HalError as error:
            left_out.append((name, error.message))
        else:
            found[name] = data
    file = file.absolute()
    if not file.parent.is_dir():
        raise FileFault(f"{file.parent}: no such folder", path=str(file.parent))
    Root(file.parent).replace(file.name, _archive(found))
    return Recording(names=tuple(sorted(found)), left_out=tuple(left_out))


def scrub(data: bytes, secrets: frozenset[str]) -> bytes:
    """Replace secrets, and everything that looks like an address or a token, by as many zeros."""
    text = data.decode("latin-1")
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])", "0" * len(secret), text)
    return _PERSONAL.sub(lambda match: re.sub(r"[0-9A-Fa-f]", "0", match[0]), text).encode("latin-1")


def _names(root: Root, board: str | None) -> Iterator[str]:
    seen = set()
    for pattern in (CONFIG, *PATTERNS, *_of_capabilities(root, board)):
        for name in root.glob(pattern):
            if name not in seen and root.is_file(name):
                seen.add(name)
                yield name


def _of_capabilities(root: Root, board: str | None) -> Iterator[str]:
    """The files that this board's capabilities read or write, without pictures; none where the board is not known."""
    try:
        device = Device.open(root, board=board)
    except HalError:
        return
    for noun in NOUNS:
        capability = getattr(device, noun)
        if capability is not None and noun != "splash":
            yield from (*capability.reads, *capability.writes)


def _secrets(root: Root) -> Iterator[str]:
    """Serial numbers, and every text in config.json that is not known to be public."""
    for name in _SERIALS:
        value = root.read_value(name)
        if value and len(value) >= 6:
            yield value
    try:
        config = read_object(root, CONFIG)
    except HalError:
        return
    yield from _private_texts(config)


def _private_texts(value: Any, path: str = "") -> Iterator[str]:
    if path in PUBLIC:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _private_texts(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _private_texts(item, path)
    elif isinstance(value, str) and len(value) >= 6:
        yield value


def _public(value: Any, path: str = "") -> Any:
    """config.json with every value replaced that is not known to be public; keys are kept."""
    if path in PUBLIC:
        return value
    if isinstance(value, dict):
        return {key: _public(item, f"{path}.{key}" if path else key) for key, item in value.items()}
    return "scrubbed" if isinstance(value, str) else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _archive(files: dict[str, bytes]) -> bytes:
    """A gzip-compressed tar without times, owners or anything else of this machine."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
