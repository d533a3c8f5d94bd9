"""What a board does around an OS update."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hal.model.device_type import UpdatePhase
from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class HealthVerdict(Record):
    """The answer of one health check, with the reason a person can act on."""

    healthy: bool
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class HealthCheck(Record):
    """A board check that decides whether a new OS is healthy. `check` touches hardware; it is called repeatedly."""

    name: str
    purpose: str
    check: Callable[[], HealthVerdict]
    timeout_seconds: float = 30.0


@frozen(kw_only=True, repr=False, eq=False)
class UpdateStep(Record):
    """A board step around an OS update. `run` is idempotent and raises `HalError` where its inputs do not match."""

    name: str
    phase: UpdatePhase
    purpose: str
    run: Callable[[], None]
