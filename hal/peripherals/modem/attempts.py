"""What was tried with the modem at a place since the last boot: so that a stick that comes back unswitched is no loop.

Kept below `/run`, one file a place, which also tells how far a running switch is.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve, frozen

from hal.errors import HalError, ValueRefused
from hal.json_file import read_object
from hal.record import Record
from hal.root import Root

FOLDER = "run/hal/modems"
MOST = 2
"""Attempts for one plugging in."""
FORGOTTEN_SECONDS = 120.0
"""A device that appears so long after the last attempt was plugged in anew."""
_LOCK_SECONDS = 5.0
PLACE = re.compile(r"[0-9]+-[0-9]+(?:\.[0-9]+)*")
"""A place on USB: it is part of file names here."""
BOOT = "proc/sys/kernel/random/boot_id"


@frozen(kw_only=True, repr=False, eq=False)
class Tried(Record):
    """What was tried at a place: how often without success and why, when (since boot), and how it stands."""

    identity: str = ""
    """What it showed then: a device with other ids at the same place is another one."""
    failures: int = 0
    failure: str = ""
    at_seconds: float = 0
    phase: str = ""
    words: str = ""


def read(root: Root, place: str, now: float | None = None) -> Tried:
    """What is known of a place; nothing of another boot, and no failure that is long ago."""
    name = f"{FOLDER}/{place}.json"
    if not root.is_file(name):
        return Tried()
    try:
        told = read_object(root, name)
        if told.get("boot") != root.read_value(BOOT):
            return Tried()
        found = Tried(
            identity=str(told["identity"]),
            failures=int(told["failures"]),
            failure=str(told["failure"]),
            at_seconds=float(told["at_seconds"]),
            phase=str(told["phase"]),
            words=str(told["words"]),
        )
    except (HalError, KeyError, TypeError, ValueError, OverflowError):
        return Tried()
    age = (time.monotonic() if now is None else now) - found.at_seconds
    return found if 0 <= age <= FORGOTTEN_SECONDS else evolve(found, failures=0)


def note(root: Root, place: str, tried: Tried) -> None:
    """Keep it; where that is not possible the switch goes on, and only its record is missing."""
    try:
        root.make_folder(FOLDER)
        told = {
            "boot": root.read_value(BOOT),
            "identity": tried.identity,
            "failures": tried.failures,
            "failure": tried.failure,
            "at_seconds": tried.at_seconds,
            "phase": tried.phase,
            "words": tried.words,
        }
        root.write(f"{FOLDER}/{place}.json", json.dumps(told, indent=1) + "\n", create=True)
    except HalError:
        return


@contextmanager
def held(root: Root, place: str) -> Iterator[None]:
    """One at a time for a place. Raises `FileFault` where another one is at work there for longer than a while."""
    if not PLACE.fullmatch(place):
        raise ValueRefused(f"{place!r}: a place on USB is written as in 1-1.2", path=place)
    root.make_folder(FOLDER)
    name = f"{FOLDER}/{place}.lock"
    if not root.exists(name):
        try:
            root.write(name, "", create=True)
        except HalError:
            if not root.exists(name):  # else another one was quicker
                raise
    with root.lock(name, timeout_seconds=_LOCK_SECONDS):
        yield
