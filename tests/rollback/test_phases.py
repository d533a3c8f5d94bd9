"""Which phase a device is in, for every combination of what it follows from."""

from __future__ import annotations

from itertools import product

import pytest

from hal.model import (
    BootloaderKind,
    BootStatus,
    NextBoot,
    Phase,
    SelectionRule,
    Slot,
)
from hal.rollback.crumbs import UpdateRecord
from hal.rollback.phases import MEANING, phase_of

A, B = Slot.A, Slot.B
THIS, OTHER = "this boot", "another boot"
SLOTS = (A, B, None)
RECORDS = ("none", "begun", "switched", "recovering")
BOOTS = (THIS, OTHER, None)


def boot(active: Slot | None, running: Slot | None, pending: bool, following: Slot | None = None) -> BootStatus:
    """`following` is what boots next; by default what is named, else A."""
    return BootStatus(
        kind=BootloaderKind.GRUB,
        rule=SelectionRule.CLASSIC,
        slots=(),
        named=active,
        active=active,
        running=running,
        running_evidence="",
        pending=pending,
        boot_count=0,
        boot_limit=2,
        next_boot=NextBoot(slot=following or active or A, reason="", counts=False, then=()),
        variables=(),
    )


def record(kind: str, boot_id: str | None, source: Slot = A) -> UpdateRecord | None:
    """An update from A to B, unless told otherwise."""
    if kind == "none":
        return None
    return UpdateRecord(
        source=source,
        target=source.other,
        boot_id=boot_id,
        switched=kind != "begun",
        recovering=kind == "recovering",
    )


PRODUCT = tuple(product(SLOTS, SLOTS, (False, True), (False, True), RECORDS, BOOTS, SLOTS))


def phases():
    """Every combination with its phase."""
    for active, running, pending, guarded, kind, made, following in PRODUCT:
        status = boot(active, running, pending, following)
        found = phase_of(status, guarded=guarded, update=record(kind, made), boot_id=THIS)
        yield (active, running, pending, guarded, kind, made, following), found


def test_there_is_one_for_everything() -> None:
    assert len(PRODUCT) == 3 * 3 * 2 * 2 * 4 * 3 * 3
    found = {phase for _, phase in phases()}
    assert found == set(Phase) == set(MEANING)
    assert list(phases()) == list(phases())


@pytest.mark.parametrize(
    ("guarded", "kind", "made", "pending", "active", "running", "wanted"),
    [
        # no update anywhere
        (False, "none", None, False, A, A, "settled"),
        (False, "none", None, False, B, B, "settled"),
        (False, "none", None, False, B, A, "unguarded"),
        (False, "none", None, True, B, A, "unguarded"),
        (False, "none", None, True, A, A, "trial"),
        # an update of balenaOS's own scripts: breadcrumbs, and no record
        (True, "none", None, False, A, A, "prepared"),
        (True, "none", None, True, A, A, "trial"),
        (True, "none", None, True, B, A, "fallen-back"),
        (True, "none", None, False, B, A, "fallen-back"),
        # one of ours, from A to B
        (False, "begun", THIS, False, A, A, "prepared"),
        (False, "begun", OTHER, False, A, A, "prepared"),
        (True, "begun", THIS, False, A, A, "prepared"),
        (True, "switched", THIS, False, A, A, "prepared"),
        (True, "switched", OTHER, False, A, A, "prepared"),
        (True, "switched", THIS, True, B, A, "armed"),
        (True, "switched", OTHER, True, B, A, "fallen-back"),
        (True, "switched", None, True, B, A, "fallen-back"),
        (True, "switched", OTHER, True, B, B, "trial"),
        (False, "switched", OTHER, True, B, B, "trial"),
        (True, "switched", OTHER, False, B, B, "committing"),
        (False, "switched", OTHER, False, B, B, "committing"),
        (True, "recovering", OTHER, True, B, B, "leaving"),
        (True, "recovering", OTHER, False, A, B, "leaving"),
        (True, "recovering", OTHER, False, A, A, "recovering"),
        (True, "recovering", OTHER, True, B, A, "recovering"),
        (False, "recovering", OTHER, False, A, A, "recovering"),
        # nothing tells which slot runs
        (True, "switched", OTHER, True, B, None, "unknown"),
        (False, "none", None, False, A, None, "unknown"),
    ],
)
def test_the_phases_of_an_update(
    guarded: bool, kind: str, made: str | None, pending: bool, active: Slot, running: Slot | None, wanted: str
) -> None:
    found = phase_of(boot(active, running, pending), guarded=guarded, update=record(kind, made), boot_id=THIS)
    assert found == wanted


@pytest.mark.parametrize("running", [A, B])
def test_a_state_file_that_names_nothing_means_what_boots(running: Slot) -> None:
    """A fresh U-Boot device has no state file; slot A boots, and nothing is wrong."""
    status = boot(None, running, False, following=running)
    assert phase_of(status, guarded=False, update=None, boot_id=THIS) is Phase.SETTLED
    status = boot(None, running, False, following=running.other)
    assert phase_of(status, guarded=False, update=None, boot_id=THIS) is Phase.UNGUARDED


RULES = {
    "unknown only where nothing tells what runs": lambda c, p: (p is Phase.UNKNOWN) == (c[1] is None),
    "no fallback without a guard or a record": lambda c, p: p is not Phase.FALLEN_BACK or c[3] or c[4] != "none",
    "no fallback to the slot that is named": lambda c, p: p is not Phase.FALLEN_BACK or c[0] is not c[1],
    "armed only in the boot of the update": lambda c, p: p is not Phase.ARMED or c[5] == THIS,
    "armed only with a record": lambda c, p: p is not Phase.ARMED or c[4] in ("begun", "switched"),
    "a trial only while it is pending": lambda c, p: p is not Phase.TRIAL or c[2],
    "a trial only of the slot that is named": lambda c, p: p is not Phase.TRIAL or c[0] is c[1],
    "no commit of a slot that was not switched to": lambda c, p: (
        p is not Phase.COMMITTING or (c[4] == "switched" and c[1] is B)
    ),
    "no commit while pending": lambda c, p: p is not Phase.COMMITTING or not c[2],
    "settled only without a guard and a record": lambda c, p: (
        p not in (Phase.SETTLED, Phase.UNGUARDED) or (not c[3] and c[4] == "none")
    ),
    "settled only where nothing is pending": lambda c, p: p is not Phase.SETTLED or not c[2],
    "leaving and recovering only after a decision": lambda c, p: (
        (p in (Phase.LEAVING, Phase.RECOVERING)) == (c[4] == "recovering" and c[1] is not None)
    ),
    "the slot that is left is the target": lambda c, p: p is not Phase.LEAVING or c[1] is B,
    "the slot that is recovered is the source": lambda c, p: p is not Phase.RECOVERING or c[1] is A,
    "an update under way is never settled": lambda c, p: p is not Phase.SETTLED or c[4] == "none",
    "prepared boots what runs": lambda c, p: p is not Phase.PREPARED or c[0] in (c[1], None),
    "prepared has nothing pending": lambda c, p: p is not Phase.PREPARED or not c[2],
}


@pytest.mark.parametrize("rule", RULES)
def test_rules_over_everything(rule: str) -> None:
    wrong = [(case, phase) for case, phase in phases() if not RULES[rule](case, phase)]
    assert wrong == []


@pytest.mark.parametrize("name", ["guarded", "kind", "made", "pending", "active", "following"])
def test_nothing_is_asked_in_vain(name: str) -> None:
    """Each of the facts changes the phase somewhere: one that never did would be dead weight."""
    place = {"active": 0, "pending": 2, "guarded": 3, "kind": 4, "made": 5, "following": 6}[name]
    seen: dict[tuple[object, ...], set[Phase]] = {}
    for case, phase in phases():
        seen.setdefault((*case[:place], *case[place + 1 :]), set()).add(phase)
    assert any(len(found) > 1 for found in seen.values())


def test_slots_are_alike() -> None:
    """A and B exchanged everywhere is the same phase."""
    turn = {A: B, B: A, None: None}
    for active, running, pending, guarded, kind, made, following in PRODUCT:
        if following is None and active is None:
            continue  # then what boots is a matter of the bootloader's default
        here = phase_of(
            boot(active, running, pending, following), guarded=guarded, update=record(kind, made), boot_id=THIS
        )
        there = phase_of(
            boot(turn[active], turn[running], pending, turn[following]),
            guarded=guarded,
            update=record(kind, made, source=B),
            boot_id=THIS,
        )
        assert here is there


def test_no_boot_id_is_not_this_boot() -> None:
    """Where the kernel's name of the boot cannot be read, a switch is never taken for one of this boot."""
    status = boot(B, A, True)
    assert phase_of(status, guarded=True, update=record("switched", None), boot_id=None) is Phase.FALLEN_BACK
