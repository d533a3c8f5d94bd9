"""The system clock: the stand-in of a tree, and the kernel's without ever changing this machine's."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timedelta

import pytest

from hal import Root
from hal.errors import FileFault, HalError, NotApplied
from hal.init_time.system_clock import STAND_IN, KernelClock, TreeClock, system_clock
from hal.stdlib import UTC

MOMENT = datetime(2031, 9, 1, 12, 0, 0, 250000, tzinfo=UTC)


def test_a_tree_has_a_clock_of_its_own(root: Root) -> None:
    clock = system_clock(root)
    assert isinstance(clock, TreeClock)
    before = time.time()
    assert clock.now() == datetime(1970, 1, 1, tzinfo=UTC)
    clock.set(MOMENT)
    assert (clock.now(), clock.synchronised()) == (MOMENT, False)
    assert abs(time.time() - before) < 60, "the machine's clock was changed"
    assert isinstance(system_clock(Root("/")), KernelClock)


def test_a_stand_in_that_is_damaged(root: Root) -> None:
    (root.directory / "run/hal-tree").mkdir(parents=True)
    (root.directory / STAND_IN).write_text("noon")
    with pytest.raises(FileFault, match="not a time"):
        TreeClock(root).now()


def test_a_tree_s_uptime(root: Root) -> None:
    assert TreeClock(root).up_seconds() == 86400
    (root.directory / "proc").mkdir()
    (root.directory / "proc/uptime").write_text("5.25 9.00\n")
    assert TreeClock(root).up_seconds() == 5.25


def test_the_kernel_s_clock_is_read() -> None:
    clock = KernelClock()
    assert abs(clock.now().timestamp() - time.time()) < 5
    assert clock.up_seconds() > 1
    assert clock.synchronised() in (True, False)


def test_without_the_right_to_set_it() -> None:
    """A process of its own gives up the right first, and asks for the time that there is: nothing can change."""
    script = (
        "import os, ctypes, hal.errors, hal.model\n"
        "from hal.init_time.system_clock import KernelClock\n"
        "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "clock = KernelClock()\n"
        "try: clock.set(clock.now())\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "HalError the system clock cannot be set: that needs CAP_SYS_TIME\n", done.stderr


@pytest.mark.parametrize("moment", [datetime.max.replace(tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_moment_that_the_kernel_refuses(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_clock: int, _seconds: float) -> None:
        raise OverflowError("timestamp out of range for platform time_t")

    monkeypatch.setattr(time, "clock_settime", refuse)
    with pytest.raises(HalError, match="cannot be set to"):
        KernelClock().set(moment)


def test_a_clock_that_does_not_take_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []
    monkeypatch.setattr(time, "clock_settime", lambda _clock, seconds: taken.append(seconds))
    with pytest.raises(NotApplied, match="and shows"):
        KernelClock().set(MOMENT)
    assert taken == [MOMENT.timestamp()]
    now = KernelClock().now()
    KernelClock().set(now + timedelta(seconds=0.2))  # what reads back so near is right


def test_a_stand_in_that_does_not_take_the_time(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Root, "replace", lambda *_args, **_named: None)
    with pytest.raises(NotApplied, match="reads back"):
        TreeClock(root).set(MOMENT)
