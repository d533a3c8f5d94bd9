"""Watches which USB devices are present, and tells each difference once. Nothing ends it but `stop`."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from math import ceil
from select import POLLERR, POLLHUP, POLLIN, POLLNVAL, poll
from threading import Event, Lock, Thread, current_thread

from attrs import frozen

from hal.errors import HalError, blame
from hal.model import UsbDevice
from hal.peripherals.events import EventSource
from hal.peripherals.schedule import Schedule
from hal.peripherals.view import Difference, View
from hal.record import Record
from hal.root import Root

REOPEN_SECONDS = (0.1, 10.0)
"""How long to wait before a source is opened again: at first, and at most; each time twice as long."""
EMPTY_WAKES = 100
"""A source that is ready so often in a row, and then has nothing to say, would cost a CPU: it is opened again."""
AGAIN_SECONDS = 1.0
"""How long after a look that failed everything is looked at."""
STOP_SECONDS = 5.0
START_SECONDS = 30.0
KEPT_PROBLEMS = 20


@frozen(kw_only=True, repr=False, eq=False)
class WatchState(Record):
    """What a watch has done since it was made."""

    listening: str | None
    """The source of events; `None` while there is none, and sysfs is looked at whenever opening it is tried again."""
    events: int
    overflows: int
    """How often the source said that its buffer had been full; everything was looked at each time."""
    lost: int
    """Events that were dropped then, where the kernel tells (4.12)."""
    looks: int
    differences: int
    reopened: int
    """How often the source was opened after the first time."""
    failed_calls: int
    """Calls of `told` that raised."""
    problems: tuple[str, ...]
    """The last 20 things that went wrong, in words."""


class Watch:
    """Computes the present USB devices whenever events say that they may be others, and calls `told` with differences.

    `told` hears every presence once: everything that is there at first, then what vanished, appeared or changed. A
    device that came and went between two looks is not told. At the latest 1 s after something happened it is told,
    but for the time that reading sysfs takes and `told` itself: it is called in the watch's thread. What it raises is
    reported, and not told again. `log` hears in a sentence what goes wrong.

    `listen` opens the source of events; by default the events of this machine (pyudev). A tree has none of its own.
    """

    def __init__(
        self,
        root: Root,
        told: Callable[[Difference], None],
        *,
        listen: Callable[[], EventSource] | None = None,
        log: Callable[[str], None] = lambda words: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._told, self._log, self._clock = root, told, log, clock
        self._listen = listen or self._listen_to_machine
        self._view = View(root)
        self._schedule = Schedule(clock())
        self._counts: Counter[str] = Counter()
        self._problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)
        self._source: EventSource | None = None
        self._reopen_at = clock()
        self._pause = REOPEN_SECONDS[0]
        self._empty_wakes = 0
        self._wake: int | None = None
        self._lock = Lock()
        self._stopped = False
        self._looked = Event()
        self._thread: Thread | None = None

    # -- for every thread --------------------------------------------------------------------------------------------

    @property
    def present(self) -> Mapping[str, UsbDevice]:
        """The devices by place, as of the last look. It never changes: the next look makes a new one."""
        return self._view.devices

    @property
    def state(self) -> WatchState:
        """What was done so far."""
        source = self._source
        names = ("events", "overflows", "lost", "looks", "differences", "reopened", "failed_calls")
        return WatchState(
            listening=None if source is None else str(source),
            **{name: self._counts[name] for name in names},
            problems=tuple(self._problems),
        )

    def start(self) -> None:
        """Watch in a thread of its own; returns after the first look. Raises `HalError` where nothing can be heard."""
        if self._thread is not None:
            raise HalError("this watch was started before: make another one")
        try:
            self._open()
        except HalError:
            self._close()
            raise
        self._thread = Thread(target=self.run, name="hal-usb-watch", daemon=True)
        self._thread.start()
        if not self._looked.wait(START_SECONDS):
            raise HalError(f"sysfs could not be read within {START_SECONDS:g} s")

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """End the watch and wait for it, unless called by `told`. Raises `HalError` where `told` does not return."""
        self._stopped = True
        with self._lock:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(timeout_seconds)
            if self._thread.is_alive():
                raise HalError(f"the watch of USB has not ended within {timeout_seconds:g} s: `told` does not return")

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch in this thread until `stop` is called. Raises `HalError` where nothing can be heard at first."""
        try:
            self._open()
            while not self._stopped:
                self._look_when_due()
                self._wait()
                self._reopen_when_due()
        finally:
            self._close()

    def _open(self) -> None:
        """Listen first, look then: what happens in between is heard and looked at again."""
        if self._wake is None:
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if self._source is None:
            self._source = self._listen()
            self._empty_wakes = 0
            self._schedule.doubt(self._clock())

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
        with self._lock:
            if self._wake is not None:
                os.close(self._wake)
                self._wake = None

    def _look_when_due(self) -> None:
        now = self._clock()
        if now < self._schedule.due():
            return
        try:
            difference = self._view.look(self._schedule.take(now))
        except HalError as error:
            self._report(f"looking at USB devices: {error.message}")
            self._schedule.doubt(now + AGAIN_SECONDS)
            return
        self._counts["looks"] += 1
        self._looked.set()
        if not difference:
            return
        self._counts["differences"] += 1
        try:
            with blame(self._told):
                self._told(difference)
        except HalError as error:
            self._counts["failed_calls"] += 1
            self._report(f"telling a difference: {error.message}")

    def _wait(self) -> None:
        """Until there is something to hear, to look at or to try again, or until `stop`."""
        until = self._schedule.due() if self._source is not None else min(self._schedule.due(), self._reopen_at)
        waiting = poll()
        assert self._wake is not None
        waiting.register(self._wake, POLLIN)
        if self._source is not None:
            waiting.register(self._source.fileno(), POLLIN)
        for descriptor, mask in waiting.poll(max(0, ceil((until - self._clock()) * 1000))):
            if descriptor != self._wake:
                self._hear(mask)

    def _hear(self, mask: int) -> None:
        assert self._source is not None
        try:
            heard = self._source.drain()
            nothing = not heard.count and not heard.everything
            self._empty_wakes = self._empty_wakes + 1 if nothing else 0
            if mask & (POLLHUP | POLLNVAL) or (nothing and mask & POLLERR) or self._empty_wakes >= EMPTY_WAKES:
                raise HalError(f"{self._source}: nothing more to hear")
        except HalError as error:
            return self._lose(error)
        if not nothing:
            self._pause = REOPEN_SECONDS[0]
        for name in ("events", "overflows", "lost"):
            self._counts[name] += heard.count if name == "events" else getattr(heard, name)
        if heard.overflows:
            self._report(
                f"{self._source}: a full buffer, {heard.lost or 'some'} events lost; all devices are read anew"
            )
        self._schedule.hear(heard, self._clock())

    def _lose(self, error: HalError) -> None:
        """The source is of no more use. Until another one is open, each try is also a look."""
        self._report(f"{error.message}; it is opened again")
        if self._source is not None:
            self._source.close()
            self._source = None
        self._reopen_at = self._clock() + self._pause
        self._pause = min(self._pause * 2, REOPEN_SECONDS[1])
        self._schedule.doubt(self._clock())

    def _reopen_when_due(self) -> None:
        if self._source is not None or self._stopped or self._clock() < self._reopen_at:
            return
        try:
            self._open()
        except HalError as error:
            return self._lose(error)
        self._counts["reopened"] += 1

    def _listen_to_machine(self) -> EventSource:
        from hal.peripherals.udev import UdevEvents

        return UdevEvents(self._root)

    def _report(self, words: str) -> None:
        self._problems.append(words)
        self._log(words)
