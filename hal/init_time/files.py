"""Times in files: when the OS was built, and what the clock was when it was saved last.

    etc/timestamp                         YYYYMMDDhhmmss, UTC, written by the build
    etc/fake-hwclock/fake-hwclock.data    YYYY-MM-DD HH:MM:SS, UTC; its folder is bound from the state partition

Source: meta-balena 8.0.2 (timeinit-buildtime, fake-hwclock).
"""

from __future__ import annotations

import re
from datetime import datetime

from hal.errors import FileFault
from hal.init_time.decision import limits, words
from hal.init_time.evidence import Evidence, Policy, Source
from hal.model import Cost, Outcome, SetResult
from hal.root import Root
from hal.stdlib import UTC

BUILD = "etc/timestamp"
SAVED = "etc/fake-hwclock/fake-hwclock.data"

_BUILD_FORM = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_SAVED_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_MOST_BYTES = 4096
_NOTE = "used at the next boot"


def build_time(root: Root) -> Evidence:
    """When the OS was built."""
    return _read(root, BUILD, Source.BUILD, _BUILD_FORM, "YYYYMMDDhhmmss")


def saved_time(root: Root) -> Evidence:
    """What the clock was when it was saved last."""
    return _read(root, SAVED, Source.SAVED, _SAVED_FORM, "YYYY-MM-DD HH:MM:SS")


def save(root: Root, now: datetime, *, trusted: bool, policy: Policy | None = None) -> SetResult:
    """Keep the time for the next boot: the later of what is saved and `now`.

    A trusted `now` is kept even where it is earlier, because then the saved time was wrong. A time before the build
    time or above the bound is not kept. What is saved is whole after a power cut, the old or the new. Raises
    `FileFault` where it cannot be written.
    """
    policy = Policy() if policy is None else policy
    before = saved_time(root)
    base, bound = limits((build_time(root),), policy)
    previous = f"none ({before.problem})" if before.time is None else text(before.time)
    plausible = before.time if before.time is not None and base <= before.time <= bound else None
    now = now.replace(microsecond=0)
    note = ""
    if now < base:
        note = f"the clock shows {words(now)}, before the build time"
    elif now > bound:
        note = f"the clock shows {words(now)}, more than {policy.years} years after the build time"
    elif plausible is not None and now < plausible and not trusted:
        note = f"the clock shows {words(now)}, and nothing proves that the saved time is wrong"
    elif now != before.time:
        root.make_folder(SAVED.rpartition("/")[0])
        root.replace(SAVED, f"{text(now)}\n".encode())
        return SetResult(previous=previous, value=text(now), outcome=Outcome.ACCEPTED, cost=Cost.NONE, note=_NOTE)
    return SetResult(previous=previous, value=previous, outcome=Outcome.UNCHANGED, cost=Cost.NONE, note=note)


def text(moment: datetime) -> str:
    """The form of the saved time. Fractions of a second are cut off."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def parse(form: re.Pattern[str], line: str) -> datetime | None:
    """The moment in a line of this form; `None` where it has another form or there is no such day or hour."""
    found = form.fullmatch(line.strip())
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(field) for field in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _read(root: Root, name: str, source: Source, form: re.Pattern[str], shown: str) -> Evidence:
    try:
        if not root.exists(name):
            return Evidence(source=source, name=name, problem="not there")
        line = root.read_text(name, limit=_MOST_BYTES)
    except FileFault as fault:
        return Evidence(source=source, name=name, problem=f"damaged: {fault.message}")
    time = parse(form, line)
    if time is None:
        problem = "empty" if not line.strip("\0 \t\r\n") else f"damaged: {line.strip()!r:.40} is not {shown}"
        return Evidence(source=source, name=name, problem=problem)
    return Evidence(source=source, name=name, time=time)
