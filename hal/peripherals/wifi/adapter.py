"""One adapter: its driver, its files, its interface, what the log says of it; and the verdict that follows."""

from __future__ import annotations

from hal.backends.kernel_config import options
from hal.backends.kernel_log import Message, belongs, word
from hal.backends.kernel_modules import driver as look_up
from hal.backends.usb.present import DEVICES
from hal.errors import HalError
from hal.model import AdapterReport, DriverReport, DriverState, LogMeaning
from hal.peripherals.wifi.advice import advice
from hal.peripherals.wifi.files import file_report
from hal.peripherals.wifi.recognise import Seen
from hal.peripherals.wifi.verdict import Facts, judge
from hal.root import Root

SECONDS = 5.0
_KILLS = ("soft", "hard")
_UP = 0x1
"""IFF_UP. The kernel sets it after the driver has opened the interface, so after the firmware was loaded."""


def report(root: Root, seen: Seen, said: tuple[Message, ...]) -> AdapterReport:
    """All about one adapter."""
    device, row = seen.device, seen.row
    about = [(each, means) for each in said if (means := meaning(root, seen, each)) is not None]
    facts = Facts(
        driver=driver_report(root, seen),
        files=tuple(file_report(root, file) for file in row.files),
        loaded_at=row.loaded_at,
        configured=device.configuration is not None,
        interface=bool(seen.interfaces),
        up=any(is_up(root, seen, name) for name in seen.interfaces),
        blocked=is_blocked(root, seen),
        last=about[-1][1] if about else None,
    )
    verdict, reason = judge(facts)
    return AdapterReport(
        place=device.name,
        identity=device.identity,
        name=row.name,
        modalias=seen.modalias,
        configured=facts.configured,
        driver=facts.driver,
        files=facts.files,
        interfaces=seen.interfaces,
        up=facts.up,
        blocked=facts.blocked,
        loaded_at=row.loaded_at,
        running=next((told for name in seen.interfaces if (told := running(root, name))), ""),
        bands_ghz=row.bands_ghz,
        said=tuple(f"{' '.join(filter(None, (each.driver, each.device)))}: {each.text}" for each, _ in about),
        verdict=verdict,
        reason=reason,
        advice=advice(root, seen, facts, verdict),
    )


def driver_report(root: Root, seen: Seen) -> DriverReport:
    """Where the row's driver stands, from what drives the adapter now down to the lists of modules."""
    name = seen.row.driver
    drivers = {each.driver for each in seen.device.interfaces if each.driver}
    if name in drivers:
        return DriverReport(name=name, state=DriverState.BOUND)
    if drivers:
        return DriverReport(name=name, state=DriverState.OTHER, note=", ".join(sorted(drivers)))
    found = look_up(root, name, seen.modaliases)
    loaded = root.is_dir(f"sys/bus/usb/drivers/{name}")
    if found.claims is False:
        state = DriverState.UNCLAIMED
    elif loaded:
        state = DriverState.LOADED
    elif not found.listed:
        state = DriverState.UNKNOWN
    elif found.built_in:
        state = DriverState.BUILT_IN
    else:
        state = DriverState.MISSING if found.path is None else DriverState.AVAILABLE
    lacking = state in (DriverState.UNCLAIMED, DriverState.MISSING)
    return DriverReport(name=name, state=state, module=found.path, note=without(root, seen) if lacking else "")


def without(root: Root, seen: Seen) -> str:
    """The options of the row that the running kernel was built without, where it tells."""
    known = options(root)
    missing = [f"CONFIG_{each}" for each in seen.row.kernel_symbols if known is not None and known.get(each) is None]
    return ", ".join(missing)


def is_up(root: Root, seen: Seen, name: str) -> bool:
    """Whether the network interface is set up, whatever it is connected to."""
    for each in seen.device.interfaces:
        if name in each.network:
            value = root.read_value(f"{DEVICES}/{each.name}/net/{name}/flags")
            try:
                return bool(int(value or "0", 16) & _UP)
            except ValueError:
                return False
    return False


def is_blocked(root: Root, seen: Seen) -> bool:
    """Whether rfkill holds one of its radios."""
    switches = (
        f"{DEVICES}/{each.name}/ieee80211/*/rfkill*/{kind}" for each in seen.device.interfaces for kind in _KILLS
    )
    return any(root.read_value(name) == "1" for pattern in switches for name in root.glob(pattern))


def running(root: Root, name: str) -> str:
    """The firmware version that the driver tells, through `ethtool`; empty where there is none."""
    if root.which("ethtool") is None:
        return ""
    try:
        told = root.run(["ethtool", "-i", name], timeout_seconds=SECONDS, check=False).stdout
    except HalError:
        return ""
    values = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("firmware-version:")]
    return next((value for value in values if value != "N/A"), "")


def meaning(root: Root, seen: Seen, message: Message) -> LogMeaning | None:
    """What a message says about the firmware of this adapter; `None` where it is not about that."""
    mine = belongs(message, seen.device.name) or message.device in radios(root, seen)
    if not mine and (message.device or message.driver != seen.row.driver):
        return None
    for text in seen.row.log_texts:
        if text.text in message.text:
            return text.means
    said = word(message) if mine else None
    return None if said is None or said.file in seen.row.optional_files else said.means


def radios(root: Root, seen: Seen) -> tuple[str, ...]:
    """Its radios, as in `phy0`: mac80211 drivers log by them."""
    patterns = (f"{DEVICES}/{each.name}/ieee80211/*" for each in seen.device.interfaces)
    return tuple(path.rpartition("/")[2] for pattern in patterns for path in root.glob(pattern))
