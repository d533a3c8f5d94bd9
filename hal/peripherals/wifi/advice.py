"""What to do about an adapter: the file by its name, the packages that carry it, the place, and what tries it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hal.backends.firmware.search import PARAMETER, VOLUMES, extra_volume, parameter
from hal.backends.usb.present import DEVICES
from hal.model import FileState, FirmwareTime, WifiVerdict
from hal.peripherals.wifi.recognise import Seen
from hal.peripherals.wifi.verdict import Facts
from hal.root import Root

KEY = "os.kernel.extraFirmwareVol"
USUAL = "extra-firmware"
"""The volume that balenaOS's supervisor knows by itself."""


def advice(root: Root, seen: Seen, facts: Facts, verdict: WifiVerdict) -> tuple[str, ...]:
    """Steps, in order; none where all is well."""
    return tuple(_steps(root, seen, facts, verdict))


def _steps(root: Root, seen: Seen, facts: Facts, verdict: WifiVerdict) -> Iterator[str]:
    if verdict is WifiVerdict.WORKING:
        return
    if verdict is WifiVerdict.UNKNOWN:
        yield f"look at the kernel's log: dmesg | grep -e {seen.row.driver} -e {seen.device.name}"
        return
    if verdict is WifiVerdict.DRIVER_MISSING:
        symbols = facts.driver.note or ", ".join(f"CONFIG_{each}" for each in seen.row.kernel_symbols)
        with_these = f" with {symbols}" if symbols else f" with the driver {seen.row.driver}"
        yield f"the OS needs a kernel that is built{with_these}; no file on the device mends that"
        return
    lacking = [each for each in facts.files if each.state in (FileState.MISSING, FileState.DAMAGED)]
    if verdict is WifiVerdict.REJECTED:
        lacking = list(facts.files)
    for file in lacking:
        yield f"get {_kind(file.state)} {file.name}{packages(file.packages)}"
        yield from place(root, file.name)
        if file.state is FileState.DAMAGED and file.file:
            yield f"or replace {file.file}, where it is writable"
    if verdict is WifiVerdict.DRIVER_NOT_LOADED or (lacking and not _in_kernel(root, seen, facts)):
        yield f"load the driver: modprobe {seen.row.driver}"
    if facts.blocked:
        yield "free the radio: rfkill unblock wifi, or its switch"
    if verdict is not WifiVerdict.DRIVER_NOT_LOADED:
        yield again(seen)


def place(root: Root, name: str) -> Iterator[str]:
    """Where to put a file on a device with a root file system that nobody writes to."""
    if not root.exists(PARAMETER):
        return
    volume, first = extra_volume(root), parameter(root)
    if volume is not None:
        yield f"put it to {first}/{name}, in the extra firmware volume ({KEY})"
    elif first and "\n" not in first:
        yield f"put it to {first.rstrip('/')}/{name}: there this kernel looks first"
    else:
        yield f"put it into a volume of the engine, as /{VOLUMES}/{USUAL}/_data/{name}"
        yield f"run `hal config set {KEY}={USUAL}`, then `hal apply`: from then on the kernel looks there first"


def packages(names: Iterable[str]) -> str:
    """The packages that carry a file, in words."""
    listed = ", ".join(names)
    return f"; packages with it: {listed}" if listed else ""


def again(seen: Seen) -> str:
    """What makes the driver ask once more."""
    if seen.row.loaded_at is FirmwareTime.FIRST_UP and seen.interfaces:
        return f"set the interface up: ip link set {seen.interfaces[0]} up"
    device = seen.device
    value = device.configuration or next((each.value for each in device.configurations), 1)
    return f"unplug it and plug it in again, or: echo {value} > /{DEVICES}/{device.name}/bConfigurationValue"


def _kind(state: FileState) -> str:
    return {FileState.DAMAGED: "a whole", FileState.MISSING: "the file"}.get(state, "another build of")


def _in_kernel(root: Root, seen: Seen, facts: Facts) -> bool:
    """Whether the driver is loaded, as far as can be seen."""
    bound = any(each.driver for each in seen.device.interfaces)
    return bound or root.is_dir(f"sys/bus/usb/drivers/{seen.row.driver}") or facts.driver.module is None
