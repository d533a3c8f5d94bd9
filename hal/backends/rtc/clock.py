"""A clock of a board: found through the facts of its row, then read and set by whatever reaches it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from hal.backends.rtc import kernel
from hal.backends.rtc.kernel import KernelClock
from hal.backends.rtc.node import is_there
from hal.backends.rtc.source import TRUSTLESS, Look, Session, Source
from hal.errors import CapabilityAbsent, Damaged, HalError, NotApplied, ValueRefused
from hal.model import Change, Clock, Cost, Outcome, RtcProblem, RtcState, SetResult
from hal.root import Root
from hal.stdlib import UTC

BUILD_TIME = "etc/timestamp"
"""When the running OS was built, as `YYYYMMDDhhmmss` in UTC."""

NEVER_SET_BEFORE = datetime(2001, 1, 1, tzinfo=UTC)
"""Clocks that lost their time begin in 1970 or in 2000, and nobody has set one of these boards' to before 2001."""

_RIGHT = timedelta(seconds=1)
_READ_BACK = timedelta(seconds=2)
"""How far off a clock may read after it was set: it shows whole seconds, and some begin the next one early."""

_STARTS_SECONDS = 1.0
"""How long an oscillator may take to start; by data sheets, milliseconds up to a second."""
_INTERVAL_SECONDS = 0.02


class _Decision(NamedTuple):
    """What the clock shows, and the time to write; `None` where it is right."""

    previous: str
    value: datetime
    due: bool


class BoardClock:
    """The clock of a row's fact or, without one, the kernel's clock of that number."""

    def __init__(self, root: Root, fact: Clock | None, number: int | None = None) -> None:
        self.root = root
        self._fact = fact
        self._number = number
        self.name = fact.driver if fact is not None else f"rtc{number}"

    # -- where it is ---------------------------------------------------------------------------------------------

    def node(self) -> str | None:
        """The device node it is reached by now."""
        source = self._find()
        return None if isinstance(source, str) else source.node

    def absence(self) -> str | None:
        """Why it is not there, or cannot be used."""
        source = self._find()
        return source if isinstance(source, str) else None

    def _find(self) -> Source | str:
        """What reaches it: the kernel's clock if there is one, else its registers; or why nothing does."""
        fact = self._fact
        number = self._number if fact is None else kernel.find(self.root, fact)
        if number is not None:
            found = KernelClock(self.root, number)
            return found if is_there(self.root, found.node) else f"the kernel has it, but there is no {found.node} here"
        assert fact is not None
        return self._bare(fact)

    def _bare(self, fact: Clock) -> Source | str:
        """The chip's registers, if the row names the chip and its address, and no driver is bound there."""
        from hal.backends.i2c import held_by  # most boards' clocks have a driver
        from hal.backends.rtc import bare

        chip = bare.chip_of(fact)
        if chip is None or fact.i2c_address is None:
            return _why(fact)
        bus = bare.bus_of(self.root, fact, chip)
        if bus is None:
            return _why(fact, "which I²C bus it is on is not known")
        driver = held_by(self.root, bus, fact.i2c_address)
        if driver is not None:
            return _why(fact, f"the driver {driver} is bound at its address {fact.i2c_address:#04x} on I²C bus {bus}")
        found = bare.BareClock(self.root, chip, bus, fact.i2c_address, battery=fact.battery is True)
        return found if is_there(self.root, found.node) else _why(fact, f"there is no {found.node}")

    def _source(self) -> Source:
        source = self._find()
        if isinstance(source, str):
            raise CapabilityAbsent(f"{self.name}: {source}", path=self.name)
        return source

    # -- reading -------------------------------------------------------------------------------------------------

    def read(self) -> datetime:
        """Its time in UTC. Raises `Damaged` where the chip says that it is not valid."""
        source = self._source()
        with source.hold() as held:
            look = held.look()
        if look.time is None:
            raise Damaged(f"{look.fault}; set it", path=source.node)
        return look.time

    def state(self) -> RtcState:
        """What it is, its health and its time."""
        fact = self._fact
        note, battery = (fact.note, fact.battery) if fact else ("", None)
        try:
            source = self._find()
        except HalError as error:
            source = error.message
        if isinstance(source, str):
            return RtcState(name=self.name, absence=source, battery=battery, note=note)
        try:
            with source.hold() as held:
                look = held.look()
        except HalError as error:
            look = Look(None, error.message, (RtcProblem.UNREADABLE,))
        problems = (*look.problems, *self._about_time(look.time))
        first, last = source.range()
        return RtcState(
            name=self.name,
            node=source.node,
            **source.facts(),
            battery=battery,
            time=look.time,
            fault=look.fault,
            healthy=False if problems else True if look.told else None,
            problems=problems,
            ran_on_battery=look.ran_on_battery,
            first=first,
            last=last,
            note=note,
        )

    def _about_time(self, shown: datetime | None) -> tuple[RtcProblem, ...]:
        """What is the matter with a time that the chip itself takes for good."""
        built = build_time(self.root)
        found = {
            RtcProblem.NEVER_SET: shown is not None and shown < NEVER_SET_BEFORE,
            RtcProblem.BEFORE_BUILD: shown is not None and built is not None and shown < built,
        }
        return tuple(problem for problem, is_so in found.items() if is_so)

    # -- setting -------------------------------------------------------------------------------------------------

    def preview(self, wanted: datetime) -> Change | None:
        """What `set` would change."""
        source = self._source()
        rounded = _checked(wanted, source)
        with source.hold() as held:
            decision = _decide(held, rounded)
        if not decision.due:
            return None
        return Change(previous=decision.previous, value=decision.value.isoformat(), cost=Cost.NONE)

    def set(self, wanted: datetime) -> SetResult:
        """Set it, and read it back. One that is sound and right to within a second is left alone."""
        source = self._source()
        rounded = _checked(wanted, source)
        with source.hold() as held:
            decision = _decide(held, rounded)
            outcome = Outcome.UNCHANGED
            if decision.due:
                held.put(rounded)
                _read_back(held, rounded, source.node)
                outcome = Outcome.APPLIED
        return SetResult(previous=decision.previous, value=decision.value.isoformat(), outcome=outcome, cost=Cost.NONE)


def _why(fact: Clock, bare_fault: str = "") -> str:
    """Why neither the kernel has it nor its registers can be reached, as far as the row tells."""
    words = [f"the kernel has no clock of the driver {fact.driver}"]
    if fact.overlay:
        words.append(f"it appears where the overlay {fact.overlay} is active")
    if fact.registers_after_seconds is not None:
        words.append(f"its driver is a module, and registers about {fact.registers_after_seconds} s after boot")
    return "; ".join([*words, *filter(None, (bare_fault, fact.note))])


def build_time(root: Root) -> datetime | None:
    """When the running OS was built; `None` where that is not told."""
    text = root.read_value(BUILD_TIME) or ""
    if len(text) != 14 or not (text.isascii() and text.isdecimal()):
        return None
    try:
        # By hand, because strptime loads the names of every month and day.
        year, *rest = (int(text[a:b]) for a, b in pairwise((0, 4, 6, 8, 10, 12, 14)))
        month, day, hour, minute, second = rest
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _checked(wanted: datetime, source: Source) -> datetime:
    """The wanted time in UTC, rounded to the second, if the clock can hold it."""
    if not isinstance(wanted, datetime) or wanted.utcoffset() is None:
        raise ValueRefused(
            f"{source.node}: {wanted!s} says no time zone, and a clock holds UTC",
            path=source.node,
            allowed=("a time with its zone, as 2031-07-09T21:45:30+00:00",),
        )
    try:
        rounded = (wanted.astimezone(UTC) + timedelta(milliseconds=500)).replace(microsecond=0)
    except OverflowError:
        rounded = wanted.replace(tzinfo=UTC, microsecond=0)
    first, last = source.range()
    if (first is not None and rounded < first) or (last is not None and rounded > last):
        ends = [f"{end.isoformat()} at the {word}" for end, word in ((first, "earliest"), (last, "latest")) if end]
        raise ValueRefused(
            f"{source.node}: {rounded.isoformat()} is a time that it cannot hold; allowed is {', '.join(ends)}",
            path=source.node,
            allowed=ends,
        )
    return rounded


def _decide(held: Session, rounded: datetime) -> _Decision:
    """Whether a write is due: a write resets the chip's divider, so it costs up to a second where nothing was wrong."""
    look = held.look()
    previous = look.time.isoformat() if look.time else look.fault
    right = look.time is not None and abs(look.time - rounded) <= _RIGHT
    right = right and not look.set_mends
    return _Decision(previous=previous, value=look.time if right and look.time else rounded, due=not right)


def _read_back(held: Session, rounded: datetime, node: str) -> None:
    """Wait until it shows the time and calls it valid; an oscillator takes a moment to start."""
    begun = time.monotonic()
    while True:
        look, passed = held.look(), time.monotonic() - begun
        right = look.time is not None and abs(look.time - rounded - timedelta(seconds=passed)) <= _READ_BACK
        if right or passed >= _STARTS_SECONDS:
            break
        time.sleep(_INTERVAL_SECONDS)
    if not right:
        shown = look.time.isoformat() if look.time else look.fault
        stopped = [problem.value for problem in look.problems if problem in TRUSTLESS]
        raise NotApplied(
            f"{node}: set to {rounded.isoformat()}, but it shows: {shown}"
            + (f" ({', '.join(stopped)})" if stopped else ""),
            path=node,
        )
