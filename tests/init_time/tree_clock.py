"""A real-time clock of a tree for the tests: its time lies in `since_epoch`, and every write to it is counted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from hal import Root
from hal.errors import HalError
from hal.init_time.evidence import Health
from hal.model import Change, Cost, Outcome, RtcProblem, RtcState, SetResult
from hal.stdlib import UTC


class FileClock:
    """`since_epoch` holds the time, `fault` what reading it ends with, `health` its health; `deaf` takes no time."""

    def __init__(
        self,
        root: Root,
        name: str = "rtc0",
        moment: datetime | None = None,
        *,
        fault: str = "",
        health: Health = Health.UNKNOWN,
        deaf: bool = False,
    ) -> None:
        self.name, self.root, self.fault, self.health, self.deaf = name, root, fault, health, deaf
        self.writes = 0
        self.file = f"sys/class/rtc/{name}/since_epoch"
        path = root.directory / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "name").write_text("rtc-test\n")
        path.write_text(f"{0 if moment is None else moment.timestamp():.0f}\n")

    def node(self) -> str:
        return f"dev/{self.name}"

    def absence(self) -> None:
        return None

    def state(self) -> RtcState:
        if self.fault:
            return RtcState(
                name=self.name, fault=f"{self.name}: {self.fault}", problems=(RtcProblem.UNREADABLE,), healthy=False
            )
        if self.health is Health.INVALID:
            return RtcState(name=self.name, fault="invalid", problems=(RtcProblem.DATA_INVALID,), healthy=False)
        problems = {Health.WEAK: (RtcProblem.BATTERY_LOW,)}.get(self.health, ())
        healthy = {Health.UNKNOWN: None, Health.GOOD: True}.get(self.health, False)
        return RtcState(name=self.name, time=self.read(), problems=problems, healthy=healthy)

    def preview(self, wanted: datetime) -> Change:
        return Change(previous="", value=wanted.isoformat(), cost=Cost.NONE)

    def read(self) -> datetime:
        if self.fault:
            raise HalError(f"{self.name}: {self.fault}")
        return datetime.fromtimestamp(int(self.root.read_value(self.file) or ""), UTC)

    def set(self, moment: datetime) -> SetResult:
        self.writes += 1
        if self.fault:
            raise HalError(f"{self.name}: {self.fault}")
        if not self.deaf:
            self.root.write(self.file, f"{moment.timestamp():.0f}\n")
            self.health = Health.GOOD
        words = moment.isoformat()
        return SetResult(previous="", value=words, outcome=Outcome.APPLIED, cost=Cost.NONE)


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
