"""What a board does around an OS update."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hal.model.bootloader import Slot
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
class Update(Record):
    """The update that a step works for, below the device's root.

    `target` is the slot that is to boot next. `recovering` is false while an update goes forward, and true where the
    boot files of the OS in `target` are put back after a failed one. `source` is the folder that holds that OS's root
    file system: `""` where the step runs inside of it. With `dry_run` nothing is written.
    """

    target: Slot
    recovering: bool = False
    source: str = ""
    dry_run: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class UpdateStep(Record):
    """A board step around an OS update.

    `run` makes it so and answers what it changed, or would with `dry_run`, one sentence each; nothing where all is as
    it should be, so running it again is safe. It raises `HalError` where its inputs do not match, before any write.
    """

    name: str
    phase: UpdatePhase
    purpose: str
    run: Callable[[Update], tuple[str, ...]]
    owns: tuple[str, ...] = ()
