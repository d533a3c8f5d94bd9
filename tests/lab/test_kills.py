"""Seeded power cuts during an update and its recovery: no device is lost, and no manual step is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from lab.crash import in_order
from lab.device import BOARDS
from lab.kills import Bench, Judge, Stage, Tally, killed, powered_on, recorded

SEED = 20240701
KILLS = {"U-Boot": (18, 420), "GRUB BIOS": (18, 420), "GRUB EFI": (6, 60), "kexec": (8, 100)}
"""Bounded and full; together 50 and 1,000. Where a boot takes long there are fewer: the rule is the same."""
STATES = (600, 5_000)
REAL = (3, 20)
Figures = Callable[..., None]


def named(what: str, name: str) -> str:
    return f"{what}-{name.lower().replace(' ', '-')}"


@pytest.mark.parametrize("name", BOARDS)
def test_a_killed_machine_settles(name: str, tmp_path: Path, full: bool, figures: Figures) -> None:
    bench, tally, draw = Bench(name, tmp_path), Tally(), Random(f"{SEED} {name}")
    while (left := KILLS[name][full] - tally.kills) > 0:
        killed(bench, draw, tally, most=left)
    assert tally.story == [], "\n".join(tally.story)
    figures(named("kills", name), **tally.figures(SEED), stages=dict(tally.stages))


@pytest.mark.parametrize("stage", ["update", "leaving"])
@pytest.mark.parametrize("name", BOARDS)
def test_every_request_leaves_a_device_that_boots(name: str, stage: Stage, tmp_path: Path, figures: Figures) -> None:
    """A disk that writes in order, cut after each request: what `kill -9` leaves, without chance."""
    done = recorded(Bench(name, tmp_path), stage, "good" if stage == "update" else "unhealthy")
    judge, states = Judge(done), in_order(done.image, done.entries).states
    bad = [f"after request {number}: {wrong}" for number, state in enumerate(states) if (wrong := judge.wrong(state))]
    assert bad == []
    figures(named(f"requests-{stage}", name), varies=["states"], states=len(states), bad=len(bad))


@pytest.mark.parametrize("name", BOARDS)
def test_a_disk_that_lost_its_cache_boots_and_settles(name: str, tmp_path: Path, full: bool, figures: Figures) -> None:
    bench, tally, draw = Bench(name, tmp_path), Tally(), Random(f"{SEED} {name}")
    operations = [
        recorded(bench, "update", "good"),
        recorded(bench, "first boot", "good"),
        recorded(bench, "first boot", "unhealthy"),
        recorded(bench, "leaving", "unhealthy"),
    ]
    if full:
        operations += [recorded(bench, "another round", "hangs"), recorded(bench, "fallen back", "hangs")]
    bad: list[str] = []
    for done in operations:
        judge = Judge(done)
        for _ in range(STATES[full] // len(operations)):
            wrong = judge.wrong(done.state(draw))
            tally.cuts += 1
            bad += [f"{done.stage}, B {done.kind}: {wrong}"] if wrong else []
    for _ in range(REAL[full]):
        done = draw.choice(operations)
        powered_on(bench, done, done.state(draw), draw, tally)
    assert Counter(bad) == {}
    assert tally.story == [], "\n".join(tally.story)
    figures(named("cuts", name), **tally.figures(SEED), bad=len(bad))
