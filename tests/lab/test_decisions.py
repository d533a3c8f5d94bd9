"""Real GRUB and real U-Boot decide as the model says, and with this project's boot files never to the owner's harm."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product
from pathlib import Path
from random import Random

import pytest

from lab.decisions import BOOTS, DAMAGE, Environment, Sweep, environments, fault

SEED = 20261124
DECISIONS = {False: (40, 2_000), True: (15, 300)}
"""Of the mended and of the classic boot files, bounded and full."""
Figures = Callable[..., None]


def named(sweep: Sweep, what: str) -> str:
    return f"{what}-{'classic' if sweep.classic else 'mended'}-{sweep.name.lower().replace(' ', '-')}"


@pytest.mark.parametrize("classic", [False, True], ids=["mended", "classic"])
@pytest.mark.parametrize("name", ["U-Boot", "GRUB BIOS"])
def test_the_loader_decides_as_the_model_says(
    name: str, classic: bool, tmp_path: Path, full: bool, figures: Figures
) -> None:
    sweep = Sweep(name, classic, tmp_path)
    # Each kind of damage once at least, while an update is pending; the others are drawn.
    for damage in DAMAGE:
        sweep.ask(Environment(upgrade="1", count="1", committed="3", damage=damage))
    source = environments(Random(f"{SEED} {name}"))
    while sweep.decisions < DECISIONS[classic][full]:
        sweep.ask(next(source))
    assert sweep.disagreements == [], "\n".join(sweep.disagreements)
    assert sweep.wrong if classic else sweep.wrong == [], "\n".join(sweep.wrong)
    figures(named(sweep, "sweep"), **sweep.figures(seed=SEED))


@pytest.mark.parametrize("classic", [False, True], ids=["mended", "classic"])
@pytest.mark.parametrize("name", ["U-Boot", "GRUB BIOS"])
def test_nothing_is_pending_and_the_named_slot_boots(
    name: str, classic: bool, tmp_path: Path, figures: Figures
) -> None:
    """Section 5.3 of the dossier's note on reliability: its twelve steady states."""
    sweep = Sweep(name, classic, tmp_path)
    for root, count in product("23", ("0", "1", "2", "3", None, "0 ")):
        sweep.ask(Environment(root=root, upgrade="0", count=count, committed=root))
    assert sweep.disagreements == [], "\n".join(sweep.disagreements)
    assert len(sweep.wrong) == (4 if classic and name == "GRUB BIOS" else 0), "\n".join(sweep.wrong)
    figures(named(sweep, "steady"), **sweep.figures())


@pytest.mark.parametrize(
    ("environment", "slots", "wrong"),
    [
        (Environment(), "BBBBBB", None),
        (Environment(), "BBBBBA", "nothing pending, and another slot"),
        (Environment(root="2"), "------", "nothing pending, and another slot"),
        (Environment(upgrade="1"), "BBAAAA", None),
        (Environment(upgrade="1"), "AAAAAA", "falls back without a try"),
        (Environment(upgrade="1", count="3"), "AAAAAA", None),
        (Environment(upgrade="1 ", root="3 "), "BBBBBB", "never falls back"),
        (Environment(upgrade="1"), "BBAABA", "falls back, but not for good"),
        (Environment(upgrade="1"), "BB----", "falls back, but not for good"),
        (Environment(damage="ones"), "AAAAAA", None),
        (
            Environment(damage="ones", committed="3"),
            "AAAAAA",
            "a lost environment, and another slot than the committed one",
        ),
        (Environment(damage="ones", committed=None), "AAAAAA", None),
        (Environment(damage="second half"), "------", "does not boot"),
        (Environment(root="9"), "AAAAAA", None),
        (Environment(root="9"), "------", "does not boot"),
        (Environment(kernels="A"), "AAAAAA", None),
        (Environment(kernels="A"), "------", "does not boot, though a slot has a kernel"),
        (Environment(kernels=""), "------", None),
    ],
)
def test_what_is_wrong_is_called_so(environment: Environment, slots: str, wrong: str | None) -> None:
    assert len(slots) == BOOTS
    assert fault(environment, [None if slot == "-" else slot for slot in slots]) == wrong


def test_environments_are_different_and_the_same_for_a_seed() -> None:
    drawn = list(islice(environments(Random(SEED)), 500))
    assert len(set(drawn)) == 500
    assert drawn == list(islice(environments(Random(SEED)), 500))
