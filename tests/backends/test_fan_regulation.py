"""Curves, doubt about a sensor, and the loop that drives a fan: also with a sensor that lies, and however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends import sensor
from hal.backends.fan.curve import CURVES, FULL, SAFE_DUTY, Curve, of_name
from hal.backends.fan.regulation import FAILURES, STEP_SECONDS, decide, regulate
from hal.backends.sensor import FROZEN_SECONDS, Watch
from hal.errors import FileFault, HalError, NotApplied

QUIET = CURVES[0]
COOL = CURVES[1]
temperatures = st.integers(-40_000, 125_000)


class Chip:
    """A controller that remembers; `failing` writes fail."""

    def __init__(self) -> None:
        self.duties: list[int] = []
        self.failing = 0

    def set_drive(self, fan: int, duty: int) -> None:
        if self.failing:
            self.failing -= 1
            raise FileFault("dev/i2c-10: remote i/o error")
        self.duties.append(duty)


class Over(BaseException):
    """Ends a loop from the outside, as a signal does."""


def drive(
    readings: Iterator[int | None], chip: Chip, *, curve: Callable[[], Curve] = lambda: QUIET, step_seconds: float = 0.0
) -> list[str]:
    """Run the loop over readings, two seconds apart, until they are over. Returns its log."""
    now = [0.0]
    log: list[str] = []

    def temperature() -> int | None:
        now[0] += step_seconds
        try:
            return next(readings)
        except StopIteration:
            raise Over from None

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(Over):
        regulate(
            chip,
            1,
            curve=curve,
            temperature=temperature,
            interval_seconds=2.0,
            log=log.append,
            clock=lambda: now[0],
            sleep=sleep,
        )
    return log


# -- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("celsius", "previous", "percent"),
    [
        (30, None, 25),
        (54, None, 40),  # within the hysteresis, and nothing known: more cooling
        (54, 25, 25),
        (55, 25, 40),
        (53, 40, 40),
        (51, 40, 25),
        (65, 25, 60),
        (90, 25, 100),
        (74, 100, 100),
        (72, 100, 80),
        (30, 100, 25),
        (-40, 100, 25),
    ],
)
def test_a_curve_and_its_hysteresis(celsius: int, previous: int | None, percent: int) -> None:
    before = None if previous is None else round(previous * 2.55)
    assert round(QUIET.duty(celsius * 1000, before) / FULL * 100) == percent


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_every_curve_of_the_table(curve: Curve) -> None:
    assert list(curve.duties) == sorted(curve.duties)
    assert [step.millicelsius for step in curve.steps] == sorted(step.millicelsius for step in curve.steps)
    assert curve.least > 0, "a fan is never stopped"
    assert curve.duty(80_000, None) == FULL, "full speed before the chip throttles"
    assert of_name(curve.name) is curve
    assert all(word in curve.summary() for word in ("%", *(f"{s.millicelsius // 1000} °C" for s in curve.steps)))


@given(st.sampled_from(CURVES), temperatures, st.none() | st.integers(0, 255))
def test_a_duty_is_one_of_the_curve(curve: Curve, temperature: int, previous: int | None) -> None:
    assert curve.duty(temperature, previous) in curve.duties


@given(st.sampled_from(CURVES), temperatures, temperatures, st.none() | st.integers(0, 255))
def test_warmer_is_never_slower(curve: Curve, one: int, other: int, previous: int | None) -> None:
    low, high = sorted((one, other))
    assert curve.duty(low, previous) <= curve.duty(high, previous)


@given(st.sampled_from(CURVES), temperatures, st.integers(0, 255))
def test_the_same_temperature_changes_a_duty_once(curve: Curve, temperature: int, previous: int) -> None:
    settled = curve.duty(temperature, previous)
    assert curve.duty(temperature, settled) == settled


@given(st.sampled_from(CURVES), st.integers(0, 90_000), st.lists(st.integers(0, 1999), min_size=2, max_size=30))
def test_less_than_the_hysteresis_never_hunts(curve: Curve, around: int, jitter: list[int]) -> None:
    duties = [curve.duty(around, None)]
    for each in jitter:
        duties.append(curve.duty(around + each, duties[-1]))
    assert len([1 for before, after in pairwise(duties) if before != after]) <= 1


# -- doubt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (None, "cannot be read"),
        (0, "exactly 0"),
        (-40_001, "outside of -40 to 125"),
        (125_001, "outside of -40 to 125"),
        (2**31 - 1, "outside of -40 to 125"),
        (1, None),
        (-1, None),
        (-40_000, None),
        (125_000, None),
        (48_312, None),
    ],
)
def test_what_a_sensor_cannot_mean(reading: int | None, words: str | None) -> None:
    told = sensor.doubt(reading)
    assert (told is None) == (words is None)
    assert words is None or words in (told or "")


def test_a_reading_that_never_changes_is_doubted_until_it_does() -> None:
    watch = Watch()
    assert watch.doubt(48_000, 0) is None
    assert watch.doubt(48_000, FROZEN_SECONDS - 1) is None
    assert "without any change" in (watch.doubt(48_000, FROZEN_SECONDS) or "")
    assert "for 10 min" in (watch.doubt(48_000, FROZEN_SECONDS + 500) or "")
    assert watch.doubt(48_500, FROZEN_SECONDS + 502) is None
    assert watch.doubt(48_500, FROZEN_SECONDS * 2 + 501) is None


def test_an_idle_board_is_not_doubted() -> None:
    """A sensor of a running chip moves by its step: here one of half a degree, once a minute."""
    watch = Watch()
    for second in range(0, 7200, 2):
        assert watch.doubt(48_312 + 487 * (second // 60 % 2), second) is None


@given(st.sampled_from(CURVES), st.none() | st.integers(0, 255))
def test_doubt_never_lowers_a_duty(curve: Curve, previous: int | None) -> None:
    found = decide(curve, 0, "doubt", previous)
    assert found.duty >= max(SAFE_DUTY, curve.least, previous or 0)


# -- the loop --------------------------------------------------------------------------------------------------------


def test_r31_a_temperature_of_constantly_0_leads_to_the_safe_floor_and_a_warning() -> None:
    """balena-jetson-orin 155: the sensor read 0, and nobody was told."""
    chip = Chip()
    log = drive(iter([0] * 50), chip)
    assert set(chip.duties[:-1]) == {SAFE_DUTY}
    assert log[0].startswith("70 %: warning: the temperature reads exactly 0")
    assert len(log) == 2, "told once, and the end"


@pytest.mark.parametrize("reading", [None, 0, 130_000, -273_150])
def test_a_sensor_that_is_lost_and_comes_back(reading: int | None) -> None:
    chip = Chip()
    log = drive(iter([80_000, reading, reading, 40_000]), chip)
    assert chip.duties == [FULL, FULL, FULL, QUIET.least, FULL], "on a hot board doubt does not slow the fan down"
    assert ["warning" in line for line in log] == [False, True, False, False]


def test_a_frozen_sensor_leads_to_the_safe_floor() -> None:
    chip = Chip()
    log = drive(iter([45_000] * 400 + [45_500]), chip)
    assert chip.duties[0] == QUIET.least
    assert SAFE_DUTY in chip.duties
    assert [line for line in log if "without any change" in line] == [log[1]]
    assert chip.duties[-2:] == [QUIET.least, FULL]


def test_one_line_for_each_change() -> None:
    chip = Chip()
    log = drive(iter([40_000, 41_000, 56_000, 57_000, 54_000, 50_000]), chip)
    assert [line.partition(" ")[0] for line in log] == ["25", "40", "25", "100"]
    assert len(chip.duties) == 7, "written at every step all the same: that is what the watchdog waits for"


def test_a_profile_that_is_chosen_meanwhile_counts_at_the_next_step() -> None:
    chip, chosen = Chip(), iter([QUIET, QUIET, COOL, COOL])
    drive(iter([50_000, 50_100, 50_200]), chip, curve=lambda: next(chosen))
    assert chip.duties == [QUIET.least, QUIET.least, COOL.duty(50_200, QUIET.least), FULL]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, ZeroDivisionError, Over])
def test_however_it_ends_the_fan_is_left_at_full_speed(end: type[BaseException]) -> None:
    chip = Chip()

    def temperature() -> int:
        if len(chip.duties) == 3:
            raise end
        return 40_000

    with pytest.raises(end):
        regulate(
            chip,
            1,
            curve=lambda: QUIET,
            temperature=temperature,
            interval_seconds=0,
            log=lambda _: None,
            sleep=lambda _: None,
        )
    assert chip.duties[-1] == FULL


def test_every_fan_is_left_at_full_speed_although_one_fails() -> None:
    class Half(Chip):
        def set_drive(self, fan: int, duty: int) -> None:
            if fan == 0 and duty == FULL:
                raise FileFault("fan 0 is gone")
            super().set_drive(fan, duty)

    chip, log = Half(), []

    def temperature() -> int:
        if chip.duties:
            raise Over
        return 40_000

    with pytest.raises(Over):
        regulate(
            chip,
            2,
            curve=lambda: QUIET,
            temperature=temperature,
            interval_seconds=0,
            log=log.append,
            sleep=lambda _: None,
        )
    assert chip.duties[-1] == FULL
    assert "not set: fan 0 is gone" in log[-1]


@pytest.mark.parametrize(("failures", "ends"), [(1, False), (FAILURES - 1, False), (FAILURES, True)])
def test_a_controller_that_does_not_answer(failures: int, ends: bool) -> None:
    chip, log, steps = Chip(), [], iter([40_000 + step for step in range(20)])
    chip.failing = failures

    def temperature() -> int:
        try:
            return next(steps)
        except StopIteration:
            raise Over from None

    with pytest.raises(HalError if ends else Over):
        regulate(
            chip,
            1,
            curve=lambda: QUIET,
            temperature=temperature,
            interval_seconds=0,
            log=log.append,
            sleep=lambda _: None,
        )
    assert [line for line in log if "failed" in line] == log[:failures]
    assert chip.duties[-1] == FULL, "tried once more at the end"


def test_steps_that_take_too_long_end_it() -> None:
    chip, log, now = Chip(), [], [0.0]

    def temperature() -> int:
        now[0] += STEP_SECONDS + 0.5
        return 40_000 + round(now[0])

    with pytest.raises(NotApplied, match="a step took longer than 3 s"):
        regulate(
            chip,
            1,
            curve=lambda: QUIET,
            temperature=temperature,
            interval_seconds=2,
            log=log.append,
            clock=lambda: now[0],
            sleep=lambda _: None,
        )
    assert chip.duties[-1] == FULL
    assert len(log) == FAILURES + 1
