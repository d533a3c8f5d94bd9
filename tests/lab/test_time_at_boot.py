"""The chain on a real kernel's clock: set, read back, thrown back, restored, and left to a time daemon."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

from hal.stdlib import UTC
from lab.guest import REPOSITORY, run_in_guest

SAVED = datetime(2031, 9, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HAL = [str(Path(sys.executable).parent / "hal"), "rtc", "init-time"]
RUN = [*HAL, "--offline", "--wait", "0", "--json"]
FILES = """
mkdir -p /etc/fake-hwclock
echo 20310709214530 >/etc/timestamp
echo '2031-09-01 12:00:00' >/etc/fake-hwclock/fake-hwclock.data
"""
# What a time daemon tells the kernel, `struct timex` of 64 bits: ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS, STA_PLL.
SYNCHRONISE = """
import ctypes, struct
words = ctypes.create_string_buffer(struct.pack("=i4xqqqqi", 0x1C, 0, 0, 0, 0, 1), 512)
raise SystemExit(ctypes.CDLL(None).adjtimex(words))
"""


def at(moment: datetime) -> list[str]:
    return ["date", "-u", "-s", f"@{moment.timestamp():.0f}"]


def test_the_clock_of_a_real_kernel(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1024 * 1024))
    show = ["date", "-u", "+%s"]
    started = datetime(1970, 1, 1, 0, 30, tzinfo=UTC)
    done = run_in_guest(
        disk,
        [
            ["sh", "-c", FILES],
            at(started),
            RUN,  # 2: from 1970
            show,
            RUN,  # 4: right already
            at(started),
            RUN,  # 6: thrown back
            show,
            at(datetime(2060, 1, 1, tzinfo=UTC)),
            RUN,  # 9: where it cannot be
            show,
            at(SAVED - DAY),
            [sys.executable, "-c", SYNCHRONISE],
            RUN,  # 13: a daemon keeps it
            [*HAL, "--save"],
            ["cat", "/etc/fake-hwclock/fake-hwclock.data", "/run/hal/init-time.json"],
        ],
        environment={"PYTHONPATH": str(REPOSITORY)},
    )
    assert [each.status for each in done] == [0] * len(done), [each.stderr for each in done]
    told = {number: json.loads(done[number].stdout) for number in (2, 4, 6, 9, 13)}
    assert {number: (each["source"], each["outcome"]) for number, each in told.items()} == {
        2: ("saved-time", "applied"),
        4: ("system", "unchanged"),
        6: ("last-decision", "applied"),
        9: ("last-decision", "applied"),
        13: ("system", "unchanged"),
    }
    for number in (3, 7, 10):
        assert timedelta(0) <= datetime.fromtimestamp(int(done[number].stdout), UTC) - SAVED < timedelta(minutes=10)
    assert told[13]["trusted"] is True
    assert told[13]["reason"] == "a time daemon keeps it synchronised"
    saved, _, record = done[15].stdout.partition("\n")
    kept = datetime.fromisoformat(f"{saved}+00:00")
    assert timedelta(0) <= kept - (SAVED - DAY) < timedelta(minutes=10)
    assert json.loads(record) == told[13]
