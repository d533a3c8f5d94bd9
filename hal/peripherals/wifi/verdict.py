"""From what was seen to one verdict. The order of the rules is the order in which an adapter comes to life.

An interface that is there, and up where that matters, proves that all is well, whatever the files look like now.
Without a driver nothing else matters. The log is asked last, and only its last word counts.
"""

from __future__ import annotations

from attrs import frozen

from hal.model import DriverReport, DriverState, FileReport, FileState, FirmwareTime, LogMeaning, WifiVerdict
from hal.record import Record

Judged = tuple[WifiVerdict, str]


@frozen(kw_only=True, repr=False, eq=False)
class Facts(Record):
    """What a verdict follows from."""

    driver: DriverReport
    files: tuple[FileReport, ...]
    loaded_at: FirmwareTime | None
    configured: bool
    interface: bool
    up: bool
    blocked: bool = False
    """Whether rfkill holds its radio."""
    last: LogMeaning | None = None
    """The last word of the kernel's log about its firmware."""


def judge(facts: Facts) -> Judged:
    """The verdict and its reason, in words."""
    return _proved(facts) or _driver_lacks(facts) or _files_lack(facts) or _not_loaded(facts) or _tried(facts)


def _proved(facts: Facts) -> Judged | None:
    gone = [each for each in facts.files if each.state in (FileState.MISSING, FileState.DAMAGED)]
    later = f"; but {gone[0].name} is {gone[0].state.value} now, so it will not start again" if gone else ""
    if facts.interface and facts.up:
        return WifiVerdict.WORKING, f"its network interface is up{later}"
    if facts.interface and facts.loaded_at is FirmwareTime.PROBE:
        return WifiVerdict.WORKING, f"its network interface is there, and the driver makes none without firmware{later}"
    return None


def _driver_lacks(facts: Facts) -> Judged | None:
    name = facts.driver.name
    without = f": it was built without {facts.driver.note}" if facts.driver.note else ""
    if facts.driver.state is DriverState.MISSING:
        return WifiVerdict.DRIVER_MISSING, f"the running kernel has no driver {name}{without}"
    if facts.driver.state is DriverState.UNCLAIMED:
        return WifiVerdict.DRIVER_MISSING, f"the running kernel's {name} does not know this adapter{without}"
    if facts.driver.state is DriverState.OTHER:
        return WifiVerdict.UNKNOWN, f"another driver has it: {facts.driver.note}"
    return None


def _files_lack(facts: Facts) -> Judged | None:
    missing = [each.name for each in facts.files if each.state is FileState.MISSING]
    if missing:
        return WifiVerdict.FIRMWARE_MISSING, f"{', '.join(missing)} is nowhere where the kernel looks"
    damaged = [each.problem for each in facts.files if each.state is FileState.DAMAGED]
    return (WifiVerdict.FIRMWARE_DAMAGED, "; ".join(damaged)) if damaged else None


def _not_loaded(facts: Facts) -> Judged | None:
    if facts.driver.state is DriverState.AVAILABLE:
        return WifiVerdict.DRIVER_NOT_LOADED, f"the module {facts.driver.name} is there, and is not loaded"
    if facts.driver.state is DriverState.UNKNOWN:
        return WifiVerdict.UNKNOWN, f"{facts.driver.name} is not loaded, and nothing lists the modules of this kernel"
    return None


def _tried(facts: Facts) -> Judged:
    """Driver and files are there: what happened when it was tried, or that it was not tried since."""
    if facts.last is LogMeaning.REJECTED:
        return WifiVerdict.REJECTED, "the driver says that the chip does not take this firmware"
    before = "; by the log it was not, or not whole, when the driver asked" if _failed(facts.last) else ""
    unseen = [each.name for each in facts.files if each.state is FileState.UNSEEN]
    if facts.interface and facts.loaded_at is FirmwareTime.FIRST_UP:
        held = "; rfkill holds the radio, so that cannot be done yet" if facts.blocked else ""
        return (
            WifiVerdict.WAITING_FOR_UP,
            f"the firmware is there, and is loaded when the interface is set up{held}{before}",
        )
    if facts.interface:
        return WifiVerdict.UNKNOWN, "the interface is not up, and the table does not say when the firmware is loaded"
    bound = facts.driver.state is DriverState.BOUND
    if unseen:
        return WifiVerdict.UNKNOWN, f"{unseen[0]} is there, but cannot be looked into here"
    if facts.driver.state is DriverState.BUILT_IN:
        return WifiVerdict.UNKNOWN, f"{facts.driver.name} is built in, but not among the drivers of the bus"
    if bound and not before:
        return WifiVerdict.UNKNOWN, f"{facts.driver.name} has it, but has made no network interface"
    left = "" if facts.configured else "; the device was left without a configuration"
    return WifiVerdict.REPROBE_NEEDED, f"driver and firmware are there, but nobody has tried it since{left}{before}"


def _failed(last: LogMeaning | None) -> bool:
    return last in (LogMeaning.MISSING, LogMeaning.DAMAGED)
