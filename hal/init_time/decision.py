"""Which time is right? A pure function over evidence; the order of trust, and nothing else.

1. The system clock, where the kernel says that a time daemon keeps it synchronised: it is left alone.
2. An HTTPS date whose server was verified: in both directions, down to the build time.
3. A time that was trusted earlier in this boot, and the time since: no clock and no unproved answer overrules it.
4. NTP: in both directions, but never below the floor, because anybody on the path can answer in its place.
5. Without those, the latest of what is plausible, so that time never goes back: the system clock; the best clock whose
   health is not bad; in place of a clock, a web server's date that was not verified; the last decision of this boot;
   the saved time; the build time.

The floor is the later of build time and saved time, the bound the build time and some years. What is outside is
refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hal.init_time.evidence import Alarm, Decision, Evidence, Health, Policy, Source, Weighed
from hal.stdlib import UTC

BUILT_WITHIN_YEARS = 30
"""A build time later than this after the program was written is damage: it would move the bound along with it."""


class _Window(NamedTuple):
    """`base` is the build time, `floor` the later of it and the saved time, `bound` is `years` after the build time."""

    base: datetime
    floor: datetime
    bound: datetime
    years: int


class _Choice(NamedTuple):
    """What was chosen; `lowest` is the earliest time that a choice of this kind may have."""

    evidence: Evidence
    reason: str
    lowest: datetime
    trusted: bool = False


def decide(evidence: Sequence[Evidence], policy: Policy | None = None) -> Decision:
    """The time to have, from evidence that holds at one moment; one piece of it must be the system clock's."""
    policy = Policy() if policy is None else policy
    system = next(each for each in evidence if each.source is Source.SYSTEM)
    window, refused = _weigh(evidence, policy)
    choice = _choose(system, evidence, refused, window, policy)
    step = (_time(choice.evidence) - _time(system)).total_seconds()
    near = abs(step) <= policy.tolerance_seconds and choice.lowest <= _time(system) <= window.bound
    time = _time(system) if near else _time(choice.evidence)
    reason = choice.reason
    if near and choice.evidence is not system:
        reason += f"; the system clock is within {policy.tolerance_seconds:g} s of it and stays"
    return Decision(
        time=time,
        source=choice.evidence.source,
        name=choice.evidence.name,
        reason=reason,
        step_seconds=0.0 if near else step,
        set_system=not near,
        trusted=choice.trusted,
        set_clocks=tuple(_due(evidence, time, policy)) if choice.trusted else (),
        floor=window.floor,
        bound=window.bound,
        weighed=tuple(_told(each, refused.get(id(each), ""), choice) for each in evidence),
        alarms=tuple(_alarms(evidence, refused, time, policy)),
    )


def limits(evidence: Iterable[Evidence], policy: Policy) -> tuple[datetime, datetime]:
    """The build time, or what stands in for it, and the bound."""
    build = next((each.time for each in evidence if each.source is Source.BUILD), None)
    base = build if build is not None and not _odd_build(build, policy) else policy.earliest
    return base, years_after(base, policy.years)


def years_after(moment: datetime, years: int) -> datetime:
    """The same day some years later; the last moment there is, where the calendar ends before."""
    if moment.year + years > 9999:
        return datetime.max.replace(tzinfo=UTC)
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, month=3, day=1)


def _odd_build(build: datetime, policy: Policy) -> str:
    """Why a build time is none; empty where it is one."""
    if build < policy.earliest:
        return (
            f"before {words(policy.earliest)}, when this program was not there to be built in: "
            "the fixed date of a reproducible build, perhaps"
        )
    if build > years_after(policy.earliest, BUILT_WITHIN_YEARS):
        return f"damaged: more than {BUILT_WITHIN_YEARS} years after this program was written"
    return ""


def _weigh(evidence: Sequence[Evidence], policy: Policy) -> tuple[_Window, dict[int, str]]:
    """The window, and why pieces of evidence cannot be taken, by their identity."""
    base, bound = limits(evidence, policy)
    refused = {}
    floor = base
    for each in evidence:
        if each.source is Source.BUILD and each.time is not None and (why := _odd_build(each.time, policy)):
            refused[id(each)] = why
        if each.source is Source.SAVED and each.time is not None and base <= each.time <= bound:
            floor = max(floor, each.time)
    window = _Window(base, floor, bound, policy.years)
    for each in evidence:
        if id(each) not in refused and (why := _refusal(each, window)):
            refused[id(each)] = why
    return window, refused


def _refusal(each: Evidence, window: _Window) -> str:
    """Why the time of a source cannot be taken; empty where it can."""
    if each.time is None:
        return each.problem or "tells no time"
    if each.health in (Health.INVALID, Health.UNREADABLE):
        return f"its health is bad: {each.problem or each.health.value}"
    if each.time > window.bound:
        return f"too far in the future: more than {window.years} years after the build time"
    proved = each.verified or each.synchronised
    lowest = window.base if proved or each.source in (Source.BUILD, Source.SAVED) else window.floor
    if each.time < lowest:
        name = "build time" if lowest == window.base else "saved time"
        return f"too old: before the {name}, {words(lowest)}"
    return ""


def _choose(
    system: Evidence, evidence: Sequence[Evidence], refused: dict[int, str], window: _Window, policy: Policy
) -> _Choice:
    """The rule that is first met."""
    usable = [each for each in evidence if id(each) not in refused]

    def first(source: Source, *, verified: bool = False) -> Evidence | None:
        return next((each for each in usable if each.source is source and each.verified is verified), None)

    if system in usable and system.synchronised:
        return _Choice(system, "a time daemon keeps it synchronised", window.base, trusted=True)
    if proved := first(Source.HTTPS, verified=True):
        below = _time(proved) < window.floor
        words = "; it is proved, so the saved time, which is later, was wrong" if below else ""
        return _Choice(proved, f"the date of a verified server{words}", window.base, trusted=True)
    if last := first(Source.LAST, verified=True):
        return _Choice(last, "trusted earlier in this boot, and the time since", window.base, trusted=True)
    if answer := first(Source.NTP):
        return _Choice(answer, "time servers, not below the floor: no date is verified", window.floor)
    return _latest(system, usable, window, policy)


def _latest(system: Evidence, usable: Sequence[Evidence], window: _Window, policy: Policy) -> _Choice:
    """The latest plausible time; the system clock stays where nothing is later by more than the tolerance."""
    found = {each.source: each for each in reversed(usable)}  # of several clocks, the first
    if Source.CLOCK in found:
        found.pop(Source.HTTPS, None)
    built = Evidence(source=Source.BUILD, name="this program", time=window.base)
    best = _Choice(found.get(Source.BUILD, built), "the build time: nothing later can be believed", window.floor)
    for source, reason in (
        (Source.SAVED, "the saved time: nothing later can be believed"),
        (Source.LAST, "the system clock was set back after the last decision of this boot"),
        (Source.HTTPS, "a server's date, not verified, with no clock to ask: forward only"),
        (Source.CLOCK, "the best clock that is healthy and plausible"),
    ):
        each = found.get(source)
        if each is not None and _time(each) > _time(best.evidence):
            best = _Choice(each, reason, window.floor)
    if system in usable and _time(best.evidence) <= _time(system) + timedelta(seconds=policy.tolerance_seconds):
        return _Choice(system, "plausible, and nothing that can be believed is later", window.floor)
    return best


def _time(evidence: Evidence) -> datetime:
    assert evidence.time is not None
    return evidence.time


def _due(evidence: Iterable[Evidence], time: datetime, policy: Policy) -> Iterable[str]:
    """Clocks to be set: those that lost their time, and those that are wrong. One that cannot be read is left alone."""
    for each in evidence:
        if each.source is not Source.CLOCK:
            continue
        wrong = each.time is not None and abs((each.time - time).total_seconds()) > policy.tolerance_seconds
        if each.health is Health.INVALID or (each.health is not Health.UNREADABLE and wrong):
            yield each.name


def _told(each: Evidence, why: str, choice: _Choice) -> Weighed:
    taken = each is choice.evidence
    if taken:
        verdict = f"taken: {choice.reason}"
    elif why:
        verdict = why
    else:
        verdict = f"plausible; {choice.evidence.source.value} stands above it"
    return Weighed(source=each.source, name=each.name, time=each.time, taken=taken, verdict=verdict)


def _alarms(evidence: Iterable[Evidence], refused: dict[int, str], time: datetime, policy: Policy) -> Iterable[Alarm]:
    """Clocks that a person should look at: those that do not answer, are empty, tell nonsense, or lag behind."""
    for each in evidence:
        if each.source is not Source.CLOCK:
            continue
        code, message = "", ""
        if each.health is Health.UNREADABLE:
            code, message = "unreadable", f"cannot be read, and is not written: {each.problem}"
        elif each.health is Health.INVALID:
            code, message = "invalid", "has lost its time, or was never set; is its battery in order?"
        elif each.time is not None and id(each) in refused:
            code, message = "implausible", f"tells {words(each.time)}; {refused[id(each)]}"
        elif each.health is Health.WEAK:
            code, message = "weak", "its battery is low"
        elif each.time is not None and (time - each.time).total_seconds() > policy.tolerance_seconds:
            code, message = (
                "behind",
                f"tells {words(each.time)}, and the time is {words(time)}; is its battery in order?",
            )
        if code:
            yield Alarm(about=each.name, code=code, message=message)


def words(moment: datetime) -> str:
    """A moment as people and logs read it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
