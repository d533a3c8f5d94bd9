"""Whether a temperature can be believed.

A sensor that is not connected, or whose driver lost it, does not say so: it reads 0, or the end of its range, or the
same number for ever. To take that for a cool board is how a fan comes to stand still on a hot one.
"""

from __future__ import annotations

LOWEST, HIGHEST = -40_000, 125_000
"""What silicon is specified for, in m°C: no running chip is colder or hotter."""

FROZEN_SECONDS = 600.0
"""How long one and the same reading is believed.

The sensor of a chip under power moves by a step within seconds, also on an idle board. Ten minutes without any is no
proof of a fault, but a wrong doubt costs some noise until the next change, and a wrong trust costs the board.
"""


def doubt(millicelsius: int | None) -> str | None:
    """Why a single reading cannot be right; `None` where it can."""
    if millicelsius is None:
        return "the temperature cannot be read"
    if millicelsius == 0:
        return "the temperature reads exactly 0, as of a sensor that is not connected"
    if not LOWEST <= millicelsius <= HIGHEST:
        return f"the temperature reads {millicelsius / 1000:g} °C, outside of {LOWEST // 1000} to {HIGHEST // 1000} °C"
    return None


class Watch:
    """The readings of one sensor in the order of time."""

    def __init__(self, *, frozen_seconds: float = FROZEN_SECONDS) -> None:
        self._frozen_seconds = frozen_seconds
        self._last: int | None = None
        self._since: float | None = None

    def doubt(self, millicelsius: int | None, now_seconds: float) -> str | None:
        """Why this reading is not believed; the clock must never run backwards."""
        if millicelsius != self._last or self._since is None:
            self._last, self._since = millicelsius, now_seconds
        reason = doubt(millicelsius)
        if reason is None and millicelsius is not None and now_seconds - self._since >= self._frozen_seconds:
            reason = (
                f"the temperature has read {millicelsius / 1000:g} °C for {self._frozen_seconds / 60:g} min without "
                "any change"
            )
        return reason
