"""When it is looked: after a pause, never late under a stream, and once more; for any stream of events."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.peripherals.events import Heard
from hal.peripherals.schedule import (
    CONFIRM_SECONDS,
    IDLE_SECONDS,
    LATE_SECONDS,
    MANY_PLACES,
    QUIET_SECONDS,
    Schedule,
)
from hal.peripherals.view import Places

Look = tuple[float, Places]
GAP = st.floats(0, 1, allow_nan=False)
EVENT = st.tuples(GAP, st.frozensets(st.sampled_from(["1-1", "1-2", "1-3"]), max_size=2), st.booleans())


def looks(stream: list[tuple[float, Heard]], until: float) -> list[Look]:
    """Run a schedule over a stream of events, each at its time, looking whenever it is due."""
    schedule = Schedule(0.0)
    found: list[Look] = []

    def up_to(end: float) -> None:
        while (due := schedule.due()) <= end:
            found.append((due, schedule.take(due)))

    for at, heard in stream:
        up_to(at)
        schedule.hear(heard, at)
    up_to(until)
    return found


def includes(places: Places, place: str) -> bool:
    return places is None or place in places


@given(st.lists(EVENT, max_size=60))
def test_every_event_is_looked_at_in_time_and_once_more(events: list[tuple[float, frozenset[str], bool]]) -> None:
    now, stream = 0.0, []
    for gap, places, everything in events:
        now += gap
        stream.append((now, Heard(count=1, places=places, everything=everything)))
    end = now + 2 * (LATE_SECONDS + CONFIRM_SECONDS)
    found = looks(stream, end)
    for at, heard in stream:
        for place in heard.places | ({"9-9"} if heard.everything else set()):
            after = [when for when, places in found if at <= when and includes(places, place)]
            assert after[0] - at <= LATE_SECONDS + 1e-9
            assert after[-1] - at >= CONFIRM_SECONDS - 1e-9
    assert all(second[0] > first[0] for first, second in pairwise(found))
    assert len([when for when, _ in found if when > now + LATE_SECONDS + CONFIRM_SECONDS + 1e-9]) == 0


def test_at_first_everything_is_looked_at() -> None:
    assert looks([], 1.0) == [(0.0, None)]


def test_a_burst_is_one_look_and_another_to_confirm() -> None:
    stream = [(10 + number / 1000, Heard(count=1, places=frozenset({f"1-{number % 3}"}))) for number in range(30)]
    places = frozenset({"1-0", "1-1", "1-2"})
    first = 10.029 + QUIET_SECONDS
    assert looks(stream, 20)[1:] == [
        (pytest.approx(first), places),
        (pytest.approx(first + CONFIRM_SECONDS), places),
    ]


def test_a_stream_without_a_pause_is_looked_at_all_the_same() -> None:
    stream = [(10 + number / 100, Heard(count=1, places=frozenset({"1-1"}))) for number in range(300)]
    found = [at for at, _ in looks(stream, 14)][1:]
    assert max(b - a for a, b in pairwise(found[:-1])) <= LATE_SECONDS + 0.011
    assert len(found) <= 3 / LATE_SECONDS + 3


def test_events_about_other_things_are_none() -> None:
    assert looks([(5.0, Heard(count=1000))], 100) == [(0.0, None)]


def test_without_events_everything_is_looked_at_now_and_then() -> None:
    assert looks([], 2 * IDLE_SECONDS) == [(0.0, None), (IDLE_SECONDS, None), (2 * IDLE_SECONDS, None)]


def test_more_places_than_there_are_become_all() -> None:
    names = frozenset(f"9-{number}" for number in range(MANY_PLACES + 1))
    assert looks([(5.0, Heard(count=1, places=names))], 5.5)[1][1] is None


def test_a_doubt_is_looked_at_when_it_says() -> None:
    schedule = Schedule(0.0)
    schedule.take(0.0)
    schedule.doubt(3.0)
    schedule.doubt(7.0)
    assert schedule.due() == 3.0
    assert schedule.take(2.9) == frozenset()
    assert schedule.take(3.0) is None
    assert schedule.due() == pytest.approx(3.0 + IDLE_SECONDS)
