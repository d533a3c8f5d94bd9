"""By how much a fan is driven at a temperature: steps, and a hysteresis so that it does not hunt around one of them."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record

FULL = 255


@frozen(kw_only=True, repr=False, eq=False)
class Step(Record):
    """From this temperature on the fan gets this duty, 0 to 255."""

    millicelsius: int
    duty: int


@frozen(kw_only=True, repr=False, eq=False)
class Curve(Record):
    """Steps in rising order of both; below the first the duty is `least`. `hysteresis` is in m°C.

    A step is left only once the temperature is below it by the hysteresis.
    """

    name: str
    least: int
    steps: tuple[Step, ...]
    hysteresis: int

    @property
    def duties(self) -> tuple[int, ...]:
        """Every duty of the curve, rising."""
        return (self.least, *(step.duty for step in self.steps))

    def duty(self, millicelsius: int, previous: int | None) -> int:
        """The duty at a temperature, where it was `previous` before; `None` where nothing was decided yet."""
        reached = sum(millicelsius >= step.millicelsius for step in self.steps)
        kept = sum(millicelsius > step.millicelsius - self.hysteresis for step in self.steps)
        if previous is None:
            return self.duties[kept]
        before = sum(duty <= previous for duty in self.duties) - 1
        return self.duties[min(max(before, reached), kept)]

    def summary(self) -> str:
        """In words, as a table shows it."""
        parts = [f"{_percent(self.least)} %"]
        parts += [f"{_percent(step.duty)} % from {step.millicelsius / 1000:g} °C" for step in self.steps]
        return ", ".join(parts)


def _percent(duty: int) -> int:
    return round(duty / FULL * 100)


def _curve(name: str, least: int, hysteresis: int, *steps: tuple[int, int]) -> Curve:
    return Curve(
        name=name,
        least=round(least * FULL / 100),
        steps=tuple(Step(millicelsius=celsius * 1000, duty=round(percent * FULL / 100)) for celsius, percent in steps),
        hysteresis=hysteresis * 1000,
    )


CURVES = (
    _curve("quiet", 25, 4, (55, 40), (65, 60), (72, 80), (77, 100)),
    _curve("cool", 40, 4, (45, 55), (55, 75), (65, 100)),
    _curve("full", 100, 4),
)
"""For chips that throttle from 80 °C on: each reaches full speed before. None ever stops the fan, because many a fan
does not start again at the duty it was still turning at."""

SAFE_DUTY = round(70 * FULL / 100)
"""Where the temperature is not known: enough for full load in a warm room, as far as a fan can be, and bearable to hear
for as long as it takes somebody to read the warning. The CPU's own throttling stays in force behind it."""


def of_name(name: str) -> Curve | None:
    """The curve of a profile; `None` for a name that is none."""
    return next((curve for curve in CURVES if curve.name == name), None)
