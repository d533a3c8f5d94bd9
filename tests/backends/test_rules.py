"""The selection rules: the dossier's tables line by line, the measured faults of the classic ones, and the mended one
for every combination of what it can see."""

from __future__ import annotations

from itertools import product

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.bootloader.rules import (
    ClassicBalena,
    ClassicGrub,
    ClassicUBoot,
    Decision,
    L4TLauncher,
    Mended,
    Rule,
    Seen,
    predict,
)
from hal.model import Slot

A, B = Slot.A, Slot.B
GRUB = ClassicGrub(values=("2", "3"))
LUKS = ClassicGrub(values=("3", "4"), encrypted=True)
U_BOOT = ClassicUBoot(values=("2", "3"))
TX2 = ClassicUBoot(values=("19", "1a"))
NANO = ClassicUBoot(values=("d", "e"))
BALENA = ClassicBalena()
AGX = L4TLauncher(values=("7", "8"), base=10)
ORIN_NANO = L4TLauncher(values=("f", "10"), base=16)
RULES: dict[str, tuple[Rule, tuple[str, str]]] = {
    "grub": (GRUB, ("2", "3")),
    "luks": (LUKS, ("3", "4")),
    "u-boot": (U_BOOT, ("2", "3")),
    "tx2": (TX2, ("19", "1a")),
    "nano": (NANO, ("d", "e")),
    "balena": (BALENA, ("A", "B")),
    "agx": (AGX, ("7", "8")),
    "orin nano": (ORIN_NANO, ("f", "10")),
}


def boots(rule: Rule, seen: Seen, number: int) -> list[Decision]:
    """So many boots, of which none reaches user space."""
    made = []
    for _ in range(number):
        made.append(rule.decide(seen))
        seen = evolve(seen, count=made[-1].count)
    return made


def word(decisions: list[Decision]) -> str:
    return "".join(str(decision.slot or "-") for decision in decisions)


# -- the dossier's table 1.4 -------------------------------------------------------------------------------------------

SIDE_BY_SIDE = [
    # rule, boots of an update from A to B, boots at the limit with nothing pending
    ("grub", "BAAA", "A"),
    ("luks", "BAAA", "A"),
    ("u-boot", "BBBAA", "A"),
    ("tx2", "BBBAA", "A"),
    ("nano", "BBBAA", "A"),
    ("balena", "BBAA", "A"),
    ("agx", "BBAA", "B"),
    ("orin nano", "BBAA", "B"),
]
LIMIT = {"grub": "2", "luks": "2", "u-boot": "4", "tx2": "4", "nano": "4", "balena": "3", "agx": "3", "orin nano": "3"}


@pytest.mark.parametrize(("name", "update", "at_limit"), SIDE_BY_SIDE)
def test_each_rule_tries_and_falls_back_as_in_the_side_by_side_table(name: str, update: str, at_limit: str) -> None:
    rule, (a, b) = RULES[name]
    for old, new, flip in ((a, b, False), (b, a, True)):
        turned = update.translate(str.maketrans("AB", "BA")) if flip else update
        assert word(boots(rule, Seen(root=new, upgrade="1", count="0"), len(update))) == turned
        steady = Seen(root=old, upgrade="0", count="0")
        assert word(boots(rule, steady, 4)) == ("B" if flip else "A") * 4
        assert all(decision.count == "0" for decision in boots(rule, steady, 4)), "only an update is counted"
    assert word(boots(rule, Seen(root=b, upgrade="0", count=LIMIT[name]), 1)) == at_limit


@pytest.mark.parametrize(
    ("rule", "seen", "told", "counts"),
    [
        # GRUB: 1 to 2 and 0 to 1, 2 is terminal, everything else does not count
        (GRUB, ("3", "1", "0"), "BAAA", "1222"),
        (GRUB, ("3", "1", "1"), "AAA", "222"),
        (GRUB, ("3", "1", "0 "), "BAA", "122"),  # the blank of a script falls away where the word is not quoted
        (GRUB, ("3", "1", "x"), "BBB", "xxx"),
        # U-Boot: hexadecimal counting, decimal comparing
        (U_BOOT, ("3", "1", None), "BBBAA", "12345"),
        (U_BOOT, ("3", "1", "8"), "ABBBBBBA", ("9", "a", "b", "c", "d", "e", "f", "10")),
        (U_BOOT, ("3", "1 ", "0"), "BBBA", "1234"),
        (U_BOOT, ("3", "01", "0"), "BBBB", "0000"),
        (U_BOOT, ("3", "0", "4"), "AAAA", "4444"),  # honoured with no update pending
        (U_BOOT, (None, None, None), "AA", None),  # a fresh device has no file
        (TX2, (None, None, "4"), "BB", "44"),
        (TX2, ("0x19", "0", None), "--", None),  # only the exact text names a slot
        (TX2, ("1A", "0", "4"), "AA", "44"),  # what is not A becomes A
        (NANO, ("d", "0", "4"), "BB", "44"),
        # the balena bootloader
        (BALENA, ("B", "1", "0"), "BBAA", "1234"),
        (BALENA, ("", "0", "3"), "AA", "33"),  # what is not A becomes A
        (BALENA, ("", "0", "0"), "--", "00"),
        (BALENA, ("B", "0", "3"), "AA", "33"),  # honoured with no update pending
        (BALENA, ("a", "0", "0"), "--", "00"),
        (BALENA, ("B", "1", ""), "BBA", "123"),
        # L4TLauncher: reads the count only while an update is pending, one digit
        (AGX, ("8", "1", None), "BBAA", "1234"),
        (AGX, ("8", "0", "9"), "BB", "99"),
        (AGX, ("8", "1", "9"), "ABA", "123"),  # 10 is stored as 1, and the tries begin again
        (AGX, (None, None, None), "AA", None),
        (AGX, ("9", "0", "0"), "AA", "00"),
        (AGX, ("", "0", "0"), "AA", "00"),
        (ORIN_NANO, ("10", "0", "0"), "BB", "00"),
        (ORIN_NANO, ("16", "0", "0"), "AA", "00"),  # decimal where hexadecimal is read
        (ORIN_NANO, ("f", "1", "2"), "BB", "34"),
    ],
)
def test_the_corners_of_the_classic_rules(
    rule: Rule, seen: tuple[str | None, str | None, str | None], told: str, counts: tuple[str, ...] | str | None
) -> None:
    root, upgrade, count = seen
    made = boots(rule, Seen(root=root, upgrade=upgrade, count=count), len(told))
    assert word(made) == told
    if counts is not None:
        assert [decision.count for decision in made] == list(counts)


@pytest.mark.parametrize("name", ["grub", "u-boot", "balena", "agx"])
def test_classic_rules_do_not_look_for_another_kernel(name: str) -> None:
    rule, (a, _) = RULES[name]
    assert rule.decide(Seen(root=a, upgrade="0", count="0", kernels=(False, True))).slot is None
    assert rule.decide(Seen(root=a, upgrade="0", count="0", kernels=(True, False))).slot is A


def test_grub_of_an_encrypted_disk_has_its_own_kernel() -> None:
    assert LUKS.decide(Seen(root="3", upgrade="0", count="0", kernels=(False, False))).slot is A


# -- the dossier's 5.3: measured on real GRUB --------------------------------------------------------------------------


def test_the_classic_grub_boots_the_wrong_slot_for_ever_in_4_of_12_steady_states() -> None:
    """A count of 2, and an absent one: `[ = 2 ]`, two words that are not empty, is true."""
    wrong = []
    for root, count in product("23", ("0", "1", "2", "3", None, "0 ")):
        right = A if root == "2" else B
        if any(made.slot is not right for made in boots(GRUB, Seen(root=root, upgrade="0", count=count), 4)):
            wrong.append((root, count))
    assert wrong == [("2", "2"), ("2", None), ("3", "2"), ("3", None)]


def test_the_classic_grub_never_falls_back_from_3() -> None:
    assert word(boots(GRUB, Seen(root="3", upgrade="1", count="3"), 20)) == "B" * 20


def test_the_classic_grub_falls_back_at_once_where_the_count_is_absent() -> None:
    assert word(boots(GRUB, Seen(root="3", upgrade="1", count=None), 4)) == "AAAA"


@pytest.mark.parametrize("root", ["junk", "9"])
def test_the_classic_grub_takes_slot_b_where_a_wrong_value_names_one(root: str) -> None:
    assert word(boots(GRUB, Seen(root=root, upgrade="0", count="0"), 4)) == "BBBB"
    assert word(boots(LUKS, Seen(root=root, upgrade="0", count="0"), 4)) == "AAAA"


ABSENT = [
    # Asked of real GRUB 2.06: an absent variable leaves `[ = 2 ]`, two words that are not empty, and that is true.
    (None, None, None, "BBB", "222"),
    ("3", "1", None, "AAA", "222"),
    ("2", "0", None, "BBB", (None,) * 3),
    ("2", None, "0", "ABB", "122"),
    ("3", None, "1", "AAA", "222"),
    (None, "0", "0", "AAA", "000"),
    (None, "1", "0", "ABB", "122"),
]


@pytest.mark.parametrize(("root", "upgrade", "count", "told", "counts"), ABSENT)
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_comparison_with_an_absent_variable_is_true_in_grub(
    root: str | None, upgrade: str | None, count: str | None, told: str, counts: object, nothing: str | None
) -> None:
    """R7: a block without `upgrade_available` counts boots, and turns to the other slot at the second."""
    seen = Seen(root=root or nothing, upgrade=upgrade or nothing, count=count or nothing)
    made = boots(GRUB, seen, 3)
    assert word(made) == told
    if None not in tuple(counts):  # type: ignore[arg-type]
        assert [each.count for each in made] == list(counts)  # type: ignore[call-overload]


def test_the_classic_grub_tries_for_ever_where_the_count_cannot_be_stored() -> None:
    assert word(boots(GRUB, Seen(root="3", upgrade="1", count="0", storable=False), 20)) == "B" * 20


# -- the mended rule, for all it can see -------------------------------------------------------------------------------

MENDED = (
    Mended(values=("2", "3"), tries=2),
    Mended(values=("3", "4"), tries=2),
    Mended(values=("19", "1a"), tries=3, count_pattern="[0-9a-f]"),
    Mended(values=("A", "B"), tries=3),
)
JUNK = (None, "", " ", "junk", "-1", "99", "0x2")
UPGRADES = ("1", "1 ", "0", None, "", "2", "yes", "11")
COUNTS = (*(str(i) for i in range(0, 12)), "0 ", "2 ", "99", "a", "f", "100", "x", "-1", "", " ", None)


def every(rule: Mended) -> list[Seen]:
    a, b = rule.values
    return [
        Seen(root=root, upgrade=upgrade, count=count, committed=committed, kernels=kernels, storable=storable)
        for root, upgrade, count, committed, kernels, storable in product(
            (a, b, f"{a} ", *JUNK),
            UPGRADES,
            COUNTS,
            (a, b, *JUNK[:3]),
            product((True, False), repeat=2),
            (True, False),
        )
    ]


@pytest.mark.parametrize("rule", MENDED, ids=lambda rule: "/".join(rule.values))
def test_the_mended_rule_for_every_combination(rule: Mended) -> None:
    """Invariants rather than a second copy of the rule."""
    a, b = rule.values
    tried = 0
    for seen in every(rule):
        made = boots(rule, seen, rule.tries + 3)
        slots = [each.slot for each in made]
        named = {a: A, f"{a} ": A, b: B}.get(seen.root or "")
        pending = seen.upgrade in ("1", "1 ") and named is not None
        if seen.kernels == (False, False):
            assert slots == [None] * len(slots)
            continue
        assert None not in slots, seen
        assert all(seen.kernels[slot is B] for slot in slots), f"a slot without a kernel: {seen}"
        if seen.kernels != (True, True):
            assert len(set(slots)) == 1
            continue
        if not pending:
            base = named or {a: A, b: B}.get(seen.committed or "") or A
            assert slots == [base] * len(slots), f"nothing pending: {seen}"
            assert all(each.count == seen.count for each in made), f"nothing pending, yet counted: {seen}"
            continue
        assert named is not None
        tries = slots.index(named.other)
        assert slots == [named] * tries + [named.other] * (len(slots) - tries), f"goes back and forth: {seen}"
        assert tries <= rule.tries
        if not seen.storable:
            assert tries == 0, f"a try that cannot be counted: {seen}"
        assert all(each.count == seen.count for each in made) or seen.storable
        if seen.storable and (seen.count or "").strip() in ("0", "", "x", "-1", "100"):
            assert tries == rule.tries, f"an absent or junk count is zero: {seen}"
        tried += tries
    assert tried > 100, "the tries were really seen"


def test_a_mended_decision_depends_on_nothing_but_what_is_seen() -> None:
    for rule in MENDED:
        for seen in every(rule)[::7]:
            first, second = rule.decide(seen), rule.decide(evolve(seen))
            assert (first.slot, first.count, first.reason) == (second.slot, second.count, second.reason)


@pytest.mark.parametrize("rule", MENDED, ids=lambda rule: "/".join(rule.values))
def test_a_fallback_does_not_depend_on_the_committed_file(rule: Mended) -> None:
    """It is there for a lost state file only; while the state names a slot, it has no say."""
    for root, count in product(rule.values, ("0", "1", "2", "3", None)):
        made = {
            word(boots(rule, Seen(root=root, upgrade="1", count=count, committed=committed), 6))
            for committed in (*rule.values, None, "junk")
        }
        assert len(made) == 1


TEXT = st.one_of(st.none(), st.text(st.sampled_from("0123456789abfxAB -\t\n"), max_size=4), st.text(max_size=5))


@given(TEXT, TEXT, TEXT, TEXT, st.tuples(st.booleans(), st.booleans()), st.booleans())
def test_every_rule_decides_whatever_the_texts(
    root: str | None,
    upgrade: str | None,
    count: str | None,
    committed: str | None,
    kernels: tuple[bool, bool],
    storable: bool,
) -> None:
    seen = Seen(root=root, upgrade=upgrade, count=count, committed=committed, kernels=kernels, storable=storable)
    for rule in (*(rule for rule, _ in RULES.values()), *MENDED):
        told = predict(rule, seen)
        assert told.slot in (A, B, None)
        assert len(told.then) == 5
        assert told.reason


def test_a_prediction_follows_the_count() -> None:
    told = predict(Mended(values=("2", "3"), tries=2), Seen(root="3", upgrade="1", count="0"))
    assert (told.slot, told.counts, told.then) == (B, True, (B, A, A, A, A))
    told = predict(GRUB, Seen(root="2", upgrade="0", count="0"))
    assert (told.slot, told.counts, told.then) == (A, False, (A,) * 5)
