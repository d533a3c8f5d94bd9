"""A real-time clock of a tree for the tests: its time lies in `since_epoch`, and every write to it is counted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hal import Root
from hal.errors import HalError
from hal.init_time.evidence import Health


class FileClock:
    """`since_epoch` holds the time, `fault` what reading it ends with, `state` its health; `deaf` takes no time."""

    def __init__(
        self,
        root: Root,
        name: str = "rtc0",
        moment: datetime | None = None,
        *,
        fault: str = "",
        state: Health = Health.UNKNOWN,
        deaf: bool = False,
    ) -> None:
        self.name, self.root, self.fault, self.state, self.deaf = name, root, fault, state, deaf
        self.writes = 0
        self.file = f"sys/class/rtc/{name}/since_epoch"
        path = root.directory / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "name").write_text("rtc-test\n")
        path.write_text(f"{0 if moment is None else moment.timestamp():.0f}\n")

    def health(self) -> Health:
        return self.state

    def read(self) -> datetime:
        if self.fault:
            raise HalError(f"{self.name}: {self.fault}")
        return datetime.fromtimestamp(int(self.root.read_value(self.file) or ""), UTC)

    def set(self, moment: datetime) -> None:
        self.writes += 1
        if self.fault:
            raise HalError(f"{self.name}: {self.fault}")
        if not self.deaf:
            self.root.write(self.file, f"{moment.timestamp():.0f}\n")
            self.state = Health.GOOD


def times(
    root: Root,
    *,
    system: datetime | None = None,
    build: str | None = None,
    saved: str | None = None,
    boot_id: str = "first",
) -> None:
    """The times in the files of a tree; what is not named is left as it is."""
    for name, text in {
        "run/hal-tree/clock": None if system is None else system.replace(tzinfo=None).isoformat(),
        "etc/timestamp": build,
        "etc/fake-hwclock/fake-hwclock.data": saved,
        "proc/sys/kernel/random/boot_id": boot_id,
    }.items():
        if text is not None:
            path: Path = root.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
