"""The system clock: the kernel's own, and what stands for it in a tree."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Protocol

from hal.errors import FileFault, HalError, NotApplied
from hal.root import Root
from hal.stdlib import UTC, read_time

STAND_IN = "run/hal-tree/clock"
"""What the clock of a tree shows. It stands still; where there is none, the device was just switched on: 1970."""

STAND_IN_SYNCHRONISED = "run/hal-tree/clock-synchronised"
"""There where a time daemon keeps the clock of a tree."""

_OFF_SECONDS = 1.0
_NOT_SYNCHRONISED = 5
"""`TIME_ERROR` of adjtimex(2): no daemon has said within the last hours that the clock is right."""
_TIMEX_BYTES = 512
"""More than `struct timex` on any architecture; zeros ask and change nothing."""


class SystemClock(Protocol):
    """The clock that programs see."""

    def now(self) -> datetime:
        """What it shows, in UTC and aware."""

    def up_seconds(self) -> float:
        """Seconds since the kernel started, those asleep included."""

    def synchronised(self) -> bool:
        """Whether the kernel says that a time daemon keeps it."""

    def set(self, moment: datetime) -> None:
        """Set it, and read it back. Raises `HalError`."""


class KernelClock:
    """The clock of the running machine."""

    def now(self) -> datetime:
        """What it shows."""
        return datetime.fromtimestamp(time.time(), UTC)

    def up_seconds(self) -> float:
        """Seconds since the kernel started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def synchronised(self) -> bool:
        """What adjtimex(2) answers; `False` where it cannot be asked."""
        from ctypes import CDLL, create_string_buffer

        try:
            state = CDLL(None).adjtimex(create_string_buffer(_TIMEX_BYTES))
        except (OSError, AttributeError):
            return False
        return bool(0 <= state < _NOT_SYNCHRONISED)

    def set(self, moment: datetime) -> None:
        """Set it. Raises `HalError` where that is not allowed, and `NotApplied` where it shows something else."""
        before = time.monotonic()
        try:
            time.clock_settime(time.CLOCK_REALTIME, moment.timestamp())
        except PermissionError as error:
            raise HalError("the system clock cannot be set: that needs CAP_SYS_TIME", path="system clock") from error
        except (OSError, OverflowError, ValueError) as error:
            raise HalError(f"the system clock cannot be set to {moment}: {error}", path="system clock") from error
        shown = self.now()
        off = (shown - moment).total_seconds() - (time.monotonic() - before)
        if abs(off) > _OFF_SECONDS:
            raise NotApplied(f"the system clock was set to {moment}, and shows {shown}", path="system clock")


class TreeClock:
    """The clock of a tree, a file that stands still: nothing done to a tree changes the machine it lies on."""

    def __init__(self, root: Root) -> None:
        self.root = root

    def now(self) -> datetime:
        """What the stand-in shows."""
        try:
            text = self.root.read_text(STAND_IN).strip() if self.root.exists(STAND_IN) else "1970-01-01T00:00:00"
            return read_time(text).replace(tzinfo=UTC)
        except ValueError as error:
            raise FileFault(f"{STAND_IN}: not a time as YYYY-MM-DDThh:mm:ss", path=STAND_IN) from error

    def up_seconds(self) -> float:
        """The first number of the tree's `proc/uptime`; without one, long enough for nothing to come late."""
        try:
            return float((self.root.read_value("proc/uptime") or "").split()[0])
        except (ValueError, IndexError):
            return timedelta(days=1).total_seconds()

    def synchronised(self) -> bool:
        """Whether the stand-in says so."""
        return self.root.exists(STAND_IN_SYNCHRONISED)

    def set(self, moment: datetime) -> None:
        """Write the stand-in, and read it back."""
        self.root.make_folder(STAND_IN.rpartition("/")[0])
        self.root.replace(STAND_IN, f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}\n".encode())
        if self.now() != moment:
            raise NotApplied(f"{STAND_IN}: reads back {self.now()} and not {moment}", path=STAND_IN)


def system_clock(root: Root) -> SystemClock:
    """The kernel's clock where the root is this machine, else the stand-in."""
    return KernelClock() if root.is_machine else TreeClock(root)
