"""The chain: ask every source, decide, and put the decision into effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve, field, frozen

from hal.errors import HalError, ValueRefused
from hal.init_time import clocks, files, last
from hal.init_time.clocks import PutResult
from hal.init_time.decision import decide, limits
from hal.init_time.evidence import Decision, Evidence, InitTime, Policy, Source
from hal.init_time.system_clock import SystemClock, system_clock
from hal.model import Outcome, SetResult
from hal.protocols import Rtc
from hal.record import Record
from hal.root import Root


@frozen(kw_only=True, repr=False, eq=False)
class Chain(Record):
    """The clock chain of one device.

    `expected` names the clocks that the board should have (`rtc0`); they are waited for. `find_clocks` answers the
    device's clocks, best first, and is called after that wait. `config` is config.json, from which come the address of
    the web server, the time servers, and a further root certificate.
    """

    root: Root
    system: SystemClock
    find_clocks: Callable[[], Iterable[Rtc]] = tuple
    expected: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(factory=dict)
    policy: Policy = field(factory=Policy)

    @classmethod
    def of(cls, root: Root, **facts: Any) -> Chain:
        """The chain with the clock that belongs to the root: the kernel's, or a tree's stand-in."""
        return cls(root=root, system=system_clock(root), **facts)

    def run(self, *, offline: bool = False, dry_run: bool = False) -> InitTime:
        """Decide, set the system clock where that is due, then clocks that a proved time shows to be wrong.

        With `offline` no server is asked. Running it again changes nothing, unless something else did in between.
        Raises `HalError` where the system clock cannot be set or a file cannot be written.
        """
        missing = clocks.wait(self.root, self.expected, self.system, self.policy.clock_seconds)
        found, fault = self._found()
        stored = (files.build_time(self.root), files.saved_time(self.root))
        window = limits(stored, self.policy)
        network = () if offline or self._is_kept(*window) else tuple(self._network(*window))
        told = (
            *(clocks.read(each) for each in found),
            *(each for each in (*missing, *fault) if each.name not in {clock.name for clock in found}),
        )
        # Both last, and together: what the system clock should show is compared with what it shows.
        before, system = last.read(self.root, self.system), self._system_time()
        moment = time.monotonic()
        evidence = (*stored, before.evidence, *told, *network, system)
        decision = decide(tuple(carried_on(each, moment) for each in evidence), self.policy)
        clocks_set, failed = ((), ()) if dry_run else self._put_into_effect(decision, moment, found)
        alarms = (*decision.alarms, *failed)
        done = InitTime(
            decision=decision,
            outcome=None if dry_run else Outcome.APPLIED if decision.set_system else Outcome.UNCHANGED,
            time=decision.time if dry_run else self.system.now(),
            up_seconds=self.system.up_seconds(),
            clocks_set=clocks_set,
            alarms=alarms,
            new_alarms=tuple(each for each in alarms if (each.about, each.code) not in before.alarms),
        )
        if not dry_run:
            last.write(self.root, done)
        return done

    def save(self) -> SetResult:
        """Keep the system clock's time for the next boot; hourly, and at shutdown."""
        system = self._system_time()
        assert system.time is not None
        return files.save(self.root, system.time, trusted=system.synchronised, policy=self.policy)

    def document(self, done: InitTime) -> dict[str, Any]:
        """What a run did, as JSON."""
        return last.document(self.root, done)

    def _found(self) -> tuple[tuple[Rtc, ...], tuple[Evidence, ...]]:
        """The device's clocks; where a plugin cannot name them, the time is set without them."""
        try:
            return tuple(self.find_clocks()), ()
        except HalError as error:
            return (), (Evidence(source=Source.CLOCK, problem=error.message),)

    def _system_time(self) -> Evidence:
        synchronised = self.system.synchronised()
        taken_at = time.monotonic() if self.root.is_machine else None
        return Evidence(source=Source.SYSTEM, time=self.system.now(), synchronised=synchronised, taken_at=taken_at)

    def _is_kept(self, base: datetime, bound: datetime) -> bool:
        """Whether a time daemon keeps a plausible time: then no server need be asked."""
        return self.system.synchronised() and base <= self.system.now() <= bound

    def _network(self, base: datetime, bound: datetime) -> Iterator[Evidence]:
        """The web server; the time servers only where it proves nothing, since a time daemon asks them anyway."""
        from hal.init_time import ntp

        date = self._date()
        yield date
        if date.verified and date.time is not None and base <= date.time <= bound:
            yield Evidence(source=Source.NTP, problem="not asked: a verified date is known")
        else:
            yield ntp.ask(self.root, ntp.directives(self.config), self.policy.ntp_seconds)

    def _date(self) -> Evidence:
        from hal.init_time import https  # early at boot, offline, nothing of TLS is loaded

        try:
            where = https.address(self.config)
        except ValueRefused as error:
            return Evidence(source=Source.HTTPS, problem=f"config.json: {error.message}")
        if where is None:
            return Evidence(source=Source.HTTPS, problem="config.json names no address for it")
        roots, wrong = https.authorities(self.config)
        date = https.ask(where, self.policy.https_seconds, roots=roots)
        return evolve(date, problem=f"{date.problem}; {wrong}") if date.problem and wrong else date

    def _put_into_effect(self, decision: Decision, moment: float, found: Sequence[Rtc]) -> PutResult:
        if decision.set_system:
            self.system.set(decision.time + timedelta(seconds=time.monotonic() - moment))
        if decision.trusted:  # a saved time in the future would bring the wrong time back at the next boot
            saved = files.saved_time(self.root)
            if saved.time is not None and saved.time > decision.time + timedelta(seconds=self.policy.tolerance_seconds):
                files.save(self.root, self.system.now(), trusted=True, policy=self.policy)
        return clocks.put(found, decision.set_clocks, self.system, self.policy.tolerance_seconds)


def carried_on(evidence: Evidence, moment: float) -> Evidence:
    """A time that goes on, as it is at `moment` of `time.monotonic()`."""
    if evidence.time is None or evidence.taken_at is None:
        return evidence
    try:
        return evolve(evidence, time=evidence.time + timedelta(seconds=moment - evidence.taken_at), taken_at=moment)
    except OverflowError:
        return evolve(evidence, time=None, problem="at the end of the calendar")
