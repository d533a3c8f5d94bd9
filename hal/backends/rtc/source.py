"""What a clock's time goes through, the kernel or a chip's registers: the same few operations."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from hal.model import RtcProblem
from hal.stdlib import UTC

WAIT_SECONDS = 2.0
"""How long another program may hold a clock, or write to its chip, before that is an error."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Before it the kernel takes no time of day, whatever the chip can hold."""

TRUSTLESS = (RtcProblem.DATA_INVALID, RtcProblem.OSCILLATOR_STOPPED)
"""With one of these the time means nothing."""


class Look(NamedTuple):
    """What a clock shows at one moment. `told` is whether it tells of its health at all.

    `set_mends` is whether a write mends something that is the matter besides the time.
    """

    time: datetime | None
    fault: str = ""
    problems: tuple[RtcProblem, ...] = ()
    told: bool = False
    ran_on_battery: bool | None = None
    set_mends: bool = False


class Session(Protocol):
    """A clock that is held: nobody else sets it meanwhile. Both operations raise `FileFault` where it fails."""

    def look(self) -> Look:
        """Its time and health."""

    def put(self, time: datetime) -> None:
        """Write a time, of whole seconds in UTC and within the range."""


class Source(Protocol):
    """A way to a clock's time."""

    node: str
    """The device node, below the root."""

    def facts(self) -> dict[str, Any]:
        """What is known of how it is reached, as fields of `RtcState`."""

    def range(self) -> tuple[datetime | None, datetime | None]:
        """First and last time that it can hold, as far as known."""

    def hold(self) -> AbstractContextManager[Session]:
        """Take the clock; waits until a deadline for who has it. Raises `FileFault`."""
