"""The decision as a table: one row a case; then what holds for every evidence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hal.init_time.decision import decide, years_after
from hal.init_time.evidence import Decision, Evidence, Health, Policy, Source
from hal.stdlib import UTC

DAY = timedelta(days=1)
BUILD = datetime(2031, 7, 9, 21, 45, 30, tzinfo=UTC)
POLICY = Policy(earliest=datetime(2026, 1, 1, tzinfo=UTC))
BOUND = BUILD.replace(year=2041)
SAVED, LATER = BUILD + 100 * DAY, BUILD + 130 * DAY
SWITCHED_ON = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def build(time: datetime | None = BUILD, problem: str = "") -> Evidence:
    return Evidence(source=Source.BUILD, time=time, problem=problem)


def saved(time: datetime | None = SAVED, problem: str = "") -> Evidence:
    return Evidence(source=Source.SAVED, time=time, problem=problem)


def system(time: datetime = SWITCHED_ON, *, synchronised: bool = False) -> Evidence:
    return Evidence(source=Source.SYSTEM, time=time, synchronised=synchronised)


def clock(time: datetime | None, health: Health = Health.GOOD, *, name: str = "rtc0", problem: str = "") -> Evidence:
    return Evidence(source=Source.CLOCK, name=name, time=time, health=health, problem=problem)


def https(time: datetime | None, *, verified: bool = True, problem: str = "") -> Evidence:
    return Evidence(source=Source.HTTPS, time=time, verified=verified and time is not None, problem=problem)


def ntp(time: datetime | None, problem: str = "") -> Evidence:
    return Evidence(source=Source.NTP, time=time, problem=problem)


def last(time: datetime, *, trusted: bool = False) -> Evidence:
    return Evidence(source=Source.LAST, time=time, verified=trusted)


class Row(NamedTuple):
    evidence: tuple[Evidence, ...]
    time: datetime
    source: Source
    name: str = ""
    verdicts: tuple[tuple[Source, str], ...] = ()
    """A part of what is said of a source."""
    clocks: tuple[str, ...] = ()
    alarms: tuple[tuple[str, str], ...] = ()


ROWS = {
    # -- the stages of today's chain -------------------------------------------------------------------------------
    "system before build": Row((build(), system()), BUILD, Source.BUILD),
    "system at build": Row((build(), system(BUILD)), BUILD, Source.SYSTEM),
    "system a second before build": Row((build(), system(BUILD - SECOND)), BUILD, Source.BUILD),
    "system before saved": Row((build(), saved(), system(BUILD + DAY)), SAVED, Source.SAVED),
    "system after saved": Row((build(), saved(), system(LATER)), LATER, Source.SYSTEM),
    "clock ahead by more than 2 s": Row((build(), clock(LATER), system(SAVED)), LATER, Source.CLOCK, "rtc0"),
    "clock ahead by 2 s": Row((build(), clock(SAVED + 2 * SECOND), system(SAVED)), SAVED, Source.SYSTEM),
    "clock behind by more than 2 s": Row(
        (build(), clock(SAVED), system(LATER)), LATER, Source.SYSTEM, alarms=(("rtc0", "behind"),)
    ),
    "clock behind by 2 s": Row((build(), clock(LATER - 2 * SECOND), system(LATER)), LATER, Source.SYSTEM),
    "no clock": Row((build(), saved(), clock(None, problem="not shown"), system()), SAVED, Source.SAVED),
    "clock cannot be read": Row(
        (build(), saved(), clock(None, Health.UNREADABLE, problem="input/output error"), system()),
        SAVED,
        Source.SAVED,
        verdicts=((Source.CLOCK, "input/output error"),),
        alarms=(("rtc0", "unreadable"),),
    ),
    "https ahead": Row((build(), https(LATER), system(SAVED)), LATER, Source.HTTPS),
    "https behind": Row((build(), saved(), https(SAVED + DAY), system(LATER)), SAVED + DAY, Source.HTTPS),
    "https within 2 s": Row((build(), https(LATER + 2 * SECOND), system(LATER)), LATER, Source.HTTPS),
    "https has no address": Row(
        (build(), https(None, problem="names no address"), system(LATER)),
        LATER,
        Source.SYSTEM,
        verdicts=((Source.HTTPS, "names no address"),),
    ),
    "https sets the clock": Row(
        (build(), clock(SAVED), https(LATER), system(SAVED)),
        LATER,
        Source.HTTPS,
        clocks=("rtc0",),
        alarms=(("rtc0", "behind"),),
    ),
    "https leaves a right clock": Row((build(), clock(LATER), https(LATER), system(SAVED)), LATER, Source.HTTPS),
    # -- their weaknesses ------------------------------------------------------------------------------------------
    "a clock in 2099": Row(
        (build(), saved(), clock(datetime(2099, 1, 1, tzinfo=UTC)), system()),
        SAVED,
        Source.SAVED,
        verdicts=((Source.CLOCK, "too far in the future"),),
        alarms=(("rtc0", "implausible"),),
    ),
    "a clock in 2099 had set the system clock": Row(
        (build(), saved(), system(datetime(2099, 1, 1, tzinfo=UTC))),
        SAVED,
        Source.SAVED,
        verdicts=((Source.SYSTEM, "too far in the future"),),
    ),
    "a clock in 1970": Row(
        (build(), clock(SWITCHED_ON + DAY), system()),
        BUILD,
        Source.BUILD,
        verdicts=((Source.CLOCK, "too old: before the build time"),),
        alarms=(("rtc0", "implausible"),),
    ),
    "a clock before the saved time": Row(
        (build(), saved(), clock(BUILD + DAY), system()),
        SAVED,
        Source.SAVED,
        verdicts=((Source.CLOCK, "too old: before the saved time"),),
        alarms=(("rtc0", "implausible"),),
    ),
    "a clock whose voltage flag is up": Row(
        (build(), saved(), clock(LATER, Health.INVALID), system()),
        SAVED,
        Source.SAVED,
        verdicts=((Source.CLOCK, "its health is bad"),),
        alarms=(("rtc0", "invalid"),),
    ),
    "a clock whose battery is low": Row(
        (build(), saved(), clock(LATER, Health.WEAK), system()),
        LATER,
        Source.CLOCK,
        "rtc0",
        alarms=(("rtc0", "weak"),),
    ),
    "a clock that does not tell its health": Row(
        (build(), saved(), clock(LATER, Health.UNKNOWN), system()), LATER, Source.CLOCK, "rtc0"
    ),
    "the second clock is the good one": Row(
        (build(), clock(SWITCHED_ON), clock(LATER, name="rtc1"), system()),
        LATER,
        Source.CLOCK,
        "rtc1",
        alarms=(("rtc0", "implausible"),),
    ),
    "of two good clocks the first": Row(
        (build(), clock(LATER), clock(LATER + DAY, name="rtc1"), system()), LATER, Source.CLOCK, "rtc0"
    ),
    "the kernel set 1970 late": Row((build(), saved(), last(LATER), system()), LATER, Source.LAST),
    "the clock went back a little": Row((build(), last(LATER), system(LATER - SECOND)), LATER - SECOND, Source.SYSTEM),
    "the clock went on": Row((build(), last(SAVED), system(LATER)), LATER, Source.SYSTEM),
    "no answer with a date: fall through to NTP": Row(
        (build(), https(None, problem="no Date"), ntp(LATER), system()),
        LATER,
        Source.NTP,
        verdicts=((Source.HTTPS, "no Date"),),
    ),
    "nobody answers": Row(
        (build(), saved(), https(None, problem="no answer"), ntp(None, problem="no answer"), system()),
        SAVED,
        Source.SAVED,
    ),
    "a verified date before the build time": Row(
        (build(), https(BUILD - DAY), system(LATER)),
        LATER,
        Source.SYSTEM,
        verdicts=((Source.HTTPS, "too old: before the build time"),),
    ),
    "a verified date after the bound": Row(
        (build(), https(BOUND + DAY), system(LATER)),
        LATER,
        Source.SYSTEM,
        verdicts=((Source.HTTPS, "too far in the future"),),
    ),
    "a date that is not verified goes forward": Row(
        (build(), https(LATER, verified=False), system(SAVED)), LATER, Source.HTTPS
    ),
    "a date that is not verified never goes back": Row(
        (build(), https(SAVED, verified=False), system(LATER)), LATER, Source.SYSTEM
    ),
    "a date that is not verified stands below a clock": Row(
        (build(), clock(SAVED), https(LATER, verified=False), system()), SAVED, Source.CLOCK, "rtc0"
    ),
    # -- the saved time ----------------------------------------------------------------------------------------------
    "saved in the future, a verified date": Row(
        (build(), saved(LATER + 900 * DAY), https(LATER), system()),
        LATER,
        Source.HTTPS,
        verdicts=((Source.HTTPS, "the saved time, which is later, was wrong"),),
    ),
    "saved in the future, NTP alone": Row(
        (build(), saved(LATER + 900 * DAY), ntp(LATER), system()),
        LATER + 900 * DAY,
        Source.SAVED,
        verdicts=((Source.NTP, "too old: before the saved time"),),
    ),
    "saved in the future, a date not verified": Row(
        (build(), saved(LATER + 900 * DAY), https(LATER, verified=False), system()), LATER + 900 * DAY, Source.SAVED
    ),
    "saved in the future, a daemon has corrected it": Row(
        (build(), saved(LATER + 900 * DAY), system(LATER, synchronised=True)), LATER, Source.SYSTEM
    ),
    "saved after the bound": Row(
        (build(), saved(BOUND + DAY), clock(LATER), system()),
        LATER,
        Source.CLOCK,
        "rtc0",
        verdicts=((Source.SAVED, "too far in the future"),),
    ),
    "saved before the build": Row(
        (build(), saved(BUILD - DAY), system()),
        BUILD,
        Source.BUILD,
        verdicts=((Source.SAVED, "too old: before the build time"),),
    ),
    "saved file empty": Row(
        (build(), saved(None, "empty"), system()), BUILD, Source.BUILD, verdicts=((Source.SAVED, "empty"),)
    ),
    # -- the build time ----------------------------------------------------------------------------------------------
    "no build time": Row((build(None, "not there"), system()), POLICY.earliest, Source.BUILD, "this program"),
    "no build time, a saved time": Row(
        (build(None, "not there"), saved(POLICY.earliest + DAY), system()), POLICY.earliest + DAY, Source.SAVED
    ),
    "a fixed build time of long ago": Row(
        (build(datetime(2018, 3, 9, 4, 34, 56, tzinfo=UTC)), system()),
        POLICY.earliest,
        Source.BUILD,
        "this program",
        verdicts=((Source.BUILD, "reproducible build"),),
    ),
    "a build time in the far future": Row(
        (build(datetime(2099, 1, 1, tzinfo=UTC)), system()),
        POLICY.earliest,
        Source.BUILD,
        "this program",
        verdicts=((Source.BUILD, "damaged"),),
    ),
    # -- the order of trust ------------------------------------------------------------------------------------------
    "synchronised stands above all": Row(
        (build(), saved(), clock(SAVED), https(SAVED), last(SAVED, trusted=True), system(LATER, synchronised=True)),
        LATER,
        Source.SYSTEM,
        clocks=("rtc0",),
        alarms=(("rtc0", "behind"),),
    ),
    "synchronised to what is implausible": Row(
        (build(), https(LATER), system(BOUND + DAY, synchronised=True)), LATER, Source.HTTPS
    ),
    "verified stands above NTP": Row((build(), https(SAVED), ntp(LATER), system()), SAVED, Source.HTTPS),
    "NTP is near the system clock, which is below the floor": Row(
        (build(), saved(), ntp(SAVED + SECOND), system(SAVED - SECOND)), SAVED + SECOND, Source.NTP
    ),
    "a clock is near the system clock, which is below the floor": Row(
        (build(), saved(), clock(SAVED + SECOND), system(SAVED - SECOND)), SAVED + SECOND, Source.CLOCK, "rtc0"
    ),
    "NTP stands above a clock, whose time is left": Row(
        (build(), clock(LATER), ntp(SAVED), system()), SAVED, Source.NTP
    ),
    "a time trusted in this boot stands above NTP": Row(
        (build(), ntp(SAVED), last(LATER, trusted=True), system(LATER)), LATER, Source.LAST
    ),
    "a time trusted in this boot stands above a clock ahead": Row(
        (build(), clock(LATER + DAY), last(LATER, trusted=True), system(LATER + DAY)),
        LATER,
        Source.LAST,
        clocks=("rtc0",),
    ),
    "an empty clock is set from a verified date": Row(
        (build(), clock(None, Health.INVALID), https(LATER), system()),
        LATER,
        Source.HTTPS,
        clocks=("rtc0",),
        alarms=(("rtc0", "invalid"),),
    ),
    "an empty clock is not set from NTP": Row(
        (build(), clock(None, Health.INVALID), ntp(LATER), system()),
        LATER,
        Source.NTP,
        alarms=(("rtc0", "invalid"),),
    ),
    "a clock that cannot be read is not set": Row(
        (build(), clock(None, Health.UNREADABLE, problem="no such device"), https(LATER), system()),
        LATER,
        Source.HTTPS,
        alarms=(("rtc0", "unreadable"),),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_decision(row: Row) -> None:
    made = decide(row.evidence, POLICY)
    assert (made.time, made.source, made.name) == (row.time, row.source, row.name)
    shown = next(each for each in row.evidence if each.source is Source.SYSTEM).time
    assert made.set_system is (made.time != shown)
    assert made.step_seconds == (made.time - shown).total_seconds()
    for source, words in row.verdicts:
        assert words in next(each.verdict for each in made.weighed if each.source is source)
    assert made.set_clocks == row.clocks
    assert tuple((each.about, each.code) for each in made.alarms) == row.alarms


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_every_piece_of_evidence_is_told_with_a_reason(row: Row) -> None:
    made = decide(row.evidence, POLICY)
    assert [(each.source, each.name, each.time) for each in made.weighed] == [
        (each.source, each.name, each.time) for each in row.evidence
    ]
    assert all(each.verdict for each in made.weighed)
    assert sum(each.taken for each in made.weighed) == (0 if made.name == "this program" else 1)
    assert made.reason


def test_r35_a_clock_older_than_the_https_date_does_not_win_and_is_set() -> None:
    """meta-balena 2577: the date was right, then the daemon believed the clock and went back."""
    slow = clock(LATER - 40 * DAY)
    made = decide((build(), saved(), slow, https(LATER), system(LATER - 40 * DAY)), POLICY)
    assert (made.time, made.source, made.set_clocks) == (LATER, Source.HTTPS, ("rtc0",))
    # Should the clock have refused to be set, it wins no later either, while the network is away.
    after = decide((build(), saved(), slow, last(LATER, trusted=True), system(LATER)), POLICY)
    assert (after.time, after.set_system, after.set_clocks) == (LATER, False, ("rtc0",))
    fast = decide((build(), saved(), clock(LATER + DAY), last(LATER, trusted=True), system(LATER)), POLICY)
    assert (fast.time, fast.set_system) == (LATER, False)


@pytest.mark.parametrize(
    ("moment", "years", "after"),
    [
        (datetime(2024, 2, 29, tzinfo=UTC), 10, datetime(2034, 3, 1, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 4, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(9995, 1, 1, tzinfo=UTC), 10, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_years_after(moment: datetime, years: int, after: datetime) -> None:
    assert years_after(moment, years) == after


# -- what holds for every evidence -----------------------------------------------------------------------------------

# Two thirds of the moments lie where they compete; the others anywhere in the calendar.
NEAR = st.integers(-400 * 86400, 4000 * 86400).map(lambda seconds: BUILD + seconds * SECOND)
ANY = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
MOMENT = st.one_of(NEAR, NEAR, ANY)
MAYBE = st.none() | MOMENT
CLOCKS = st.lists(
    st.builds(
        lambda time, health: clock(time if health is not Health.UNREADABLE else None, health),
        MAYBE,
        st.sampled_from(Health),
    ),
    max_size=3,
).map(lambda found: tuple(evolve(each, name=f"rtc{number}") for number, each in enumerate(found)))
QUIET = st.builds(
    lambda built, kept, clocks, before, shown: (build(built), saved(kept), *clocks, *before, system(shown)),
    MAYBE,
    MAYBE,
    CLOCKS,
    st.lists(st.builds(last, MOMENT), max_size=1),
    MOMENT,
)
"""Without a network, and without anything trusted before."""
ALL = st.builds(
    lambda quiet, date, verified, served, synchronised, trusted: (
        *(evolve(e, verified=trusted) if e.source is Source.LAST else e for e in quiet[:-1]),
        https(date, verified=verified),
        ntp(served),
        evolve(quiet[-1], synchronised=synchronised),
    ),
    QUIET,
    MAYBE,
    st.booleans(),
    MAYBE,
    st.booleans(),
    st.booleans(),
)


def seen_after(evidence: tuple[Evidence, ...], made: Decision) -> tuple[Evidence, ...]:
    return tuple(evolve(each, time=made.time) if each.source is Source.SYSTEM else each for each in evidence)


@given(ALL)
def test_never_above_the_bound_and_never_below_the_build_time(evidence: tuple[Evidence, ...]) -> None:
    made = decide(evidence, POLICY)
    assert POLICY.earliest <= made.time <= made.bound
    built = evidence[0].time
    if built is not None and POLICY.earliest <= built <= years_after(POLICY.earliest, 30):
        assert built <= made.time <= years_after(built, POLICY.years)


@given(ALL)
def test_below_the_floor_only_by_what_is_trusted(evidence: tuple[Evidence, ...]) -> None:
    made = decide(evidence, POLICY)
    assert made.time >= made.floor or made.trusted
    if made.trusted:
        taken = next(each for each in made.weighed if each.taken)
        origin = evidence[made.weighed.index(taken)]
        assert origin.verified or origin.synchronised


@given(ALL)
def test_deciding_again_changes_nothing(evidence: tuple[Evidence, ...]) -> None:
    made = decide(evidence, POLICY)
    again = decide(seen_after(evidence, made), POLICY)
    assert (again.time, again.set_system) == (made.time, False)


@given(QUIET)
def test_without_a_network_time_goes_back_only_from_where_it_cannot_be(evidence: tuple[Evidence, ...]) -> None:
    made = decide(evidence, POLICY)
    shown = evidence[-1].time
    assert shown is not None
    assert made.time >= shown or shown > made.bound
    assert not made.trusted
    assert made.set_clocks == ()


@given(ALL)
def test_a_clock_that_cannot_be_read_is_never_written(evidence: tuple[Evidence, ...]) -> None:
    made = decide(evidence, POLICY)
    assert not set(made.set_clocks) & {each.name for each in evidence if each.health is Health.UNREADABLE}


@given(st.permutations(ROWS["verified stands above NTP"].evidence))
def test_the_order_of_different_sources_does_not_matter(evidence: list[Evidence]) -> None:
    assert decide(evidence, POLICY).source is Source.HTTPS


def test_times_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        build(datetime(2031, 7, 9))
