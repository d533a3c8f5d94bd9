"""When to look at sysfs, and where: soon after the last event of several, but never long after the first."""

from __future__ import annotations

from hal.peripherals.events import Heard
from hal.peripherals.view import Places

QUIET_SECONDS = 0.05
"""A plugged device causes some ten events within milliseconds. One look is made when they pause for so long,"""
LATE_SECONDS = 0.4
"""or when the first that was not looked at is so old."""
CONFIRM_SECONDS = 0.45
"""Then once more, as the kernel announces a removal before it removes the folder. Under a stream, only at its end."""
IDLE_SECONDS = 300.0
"""Without any event everything is looked at so often. No wait is without an end."""
MANY_PLACES = 1000
"""More places than a machine has are not kept apart."""

_ALL = ""


class Schedule:
    """Pure: it is told the time, in seconds of a clock that never goes back."""

    def __init__(self, now: float) -> None:
        self._first: float | None = None
        self._last = now
        self._heard: set[str] = set()
        self._later: dict[str, float] = {_ALL: now}

    def hear(self, heard: Heard, now: float) -> None:
        """Events came, or were lost."""
        if not heard.places and not heard.everything:
            return
        self._first = now if self._first is None else self._first
        self._last = now
        self._heard.update((_ALL,) if heard.everything else heard.places)
        if len(self._heard) > MANY_PLACES:
            self._heard = {_ALL}

    def doubt(self, at: float) -> None:
        """Look at everything, at this time or before."""
        self._later[_ALL] = min(at, self._later.get(_ALL, at))

    def due(self) -> float:
        """When to look next."""
        later = min(self._later.values())
        return later if self._first is None else min(later, self._last + QUIET_SECONDS, self._first + LATE_SECONDS)

    def take(self, now: float) -> Places:
        """The places to look at now; none where nothing is due. What events named is due once more a while later."""
        wanted = {place for place, at in self._later.items() if at <= now}
        confirm: dict[str, float] = {}
        if self._first is not None and min(self._last + QUIET_SECONDS, self._first + LATE_SECONDS) <= now:
            wanted |= self._heard
            confirm = dict.fromkeys(self._heard, now + CONFIRM_SECONDS)
            self._first, self._heard = None, set()
        later = {place: at for place, at in self._later.items() if place not in wanted}
        self._later = {_ALL: now + IDLE_SECONDS} | later | confirm
        return None if _ALL in wanted else frozenset(wanted)
