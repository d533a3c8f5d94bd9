"""Goal 6: 20,000 events in one burst while devices come and go. The view is right within a second, nothing is lost.

A second is promised, so it is asserted. Not counted is what the watch's thread was ready to run while others had the
CPU (`/proc/…/schedstat`): that is the machine's delay, and a busy one would fail the test for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

SECOND = 1.0
MEMORY_KIB = 32 * 1024
IDLE_CPU_SECONDS = 0.05
"""In two seconds: 2.5 % of a CPU, some hundred times what was measured. A loop that spins takes two seconds."""
Script = Callable[..., Any]


def holds(found: Mapping[str, Any]) -> None:
    """What is promised of every storm, with events lost or without."""
    for run in found["runs"]:
        assert run["equal"], run
        assert run["late"] - run["waited"] <= SECOND, run
    assert found["faults"] == []
    assert found["here"]
    assert found["events"] + found["lost"] == found["sent"], "an event that was neither read nor counted as lost"
    assert found["grown_kib"] < MEMORY_KIB
    assert found["idle_cpu_seconds"] < IDLE_CPU_SECONDS
    assert found["idle_looks"] == 0


def figures(name: str, found: Mapping[str, Any]) -> str:
    runs = found["runs"]
    rates = sorted(found["sent"] / (len(runs) + 1) / run["sending"] for run in runs)
    return (
        f"hotplug {name}: {len(runs)} bursts at {rates[0]:,.0f} to {rates[-1]:,.0f}/s, view equal after at most "
        f"{max(run['late'] for run in runs):.2f} s, {found['lost']:,} of {found['sent']:,} events lost, "
        f"{found['looks']} looks, {found['grown_kib']} KiB more"
    )


def test_a_burst_of_20000_events(script: Script, full: bool, record_property: Callable[[str, object], None]) -> None:
    found = script("storm.py", "burst", "100" if full else "5", timeout_seconds=600)
    record_property("lab figures", figures("burst", found))
    holds(found)
    # With the right to a buffer of the size that is asked for, nothing is ever lost.
    if "udev (65536 KiB)" in found["listening"]:
        assert (found["lost"], found["overflows"]) == (0, 0)


@pytest.mark.parametrize("rights", [True, False])
def test_r30_a_buffer_that_overflows_under_load_is_noticed_and_the_cpu_is_idle_afterwards(
    script: Script, full: bool, record_property: Callable[[str, object], None], rights: bool
) -> None:
    found = script("storm.py", "overflow", "100" if full and rights else "3", rights=rights, timeout_seconds=900)
    record_property("lab figures", figures("overflow", found))
    holds(found)
    assert found["overflows"] > 0
    assert found["lost"] > 0
    assert found["problems"] > 0


def test_the_observer_of_pyudev_does_not_survive_such_a_storm(script: Script) -> None:
    """If this fails, pyudev has mended its issue 194, and decision 0022 can say so."""
    found = script("storm.py", "observer")
    assert not found["alive"]
    assert found["errors"]


def test_a_stream_that_does_not_pause(
    script: Script, full: bool, record_property: Callable[[str, object], None]
) -> None:
    found = script("storm.py", "soak", "60" if full else "5", timeout_seconds=300)
    record_property(
        "lab figures",
        f"hotplug stream of 1,000/s: {found['changes']} changes seen after at most {found['latest']:.2f} s, "
        f"{found['cpu_share']:.0%} of a CPU",
    )
    assert found["changes"] >= 4
    assert found["latest"] <= SECOND
    assert (found["faults"], found["lost"], found["events"]) == ([], 0, found["sent"])
    assert found["grown_kib"] < MEMORY_KIB
