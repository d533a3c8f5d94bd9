"""Versions: the dossier's order and history, how older releases wrote them, and what is none."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import ValueRefused
from hal.version import OsVersion, following, order

ORDER = [
    "1.26.0",
    "2.0.0-beta.1",
    "2.0.0-beta.10",
    "2.0.0-rc1.rev1",
    "2.0.0+rev1.dev",
    "2.0.0+rev1",
    "2.0.0.rev2.dev",
    "2.0.0.rev2",
    "2.47.0",
    "6.4.1",
    "6.4.1+rev1.dev",
    "6.4.1+rev1.prod",
    "6.4.1+rev9",
    "6.4.1+rev10",
    "6.4.2",
    "7.0.0-beta1",
    "7.0.0",
    "10.0.0",
]


def test_the_order_of_releases() -> None:
    versions = [OsVersion.parse(text) for text in ORDER]
    for older, newer in pairwise(versions):
        assert older < newer, (older, newer)
        assert newer > older
        assert older != newer
    mixed = versions[:]
    random.Random(1).shuffle(mixed)
    assert sorted(mixed) == versions


def test_nothing_comes_before_what_is_no_version_and_that_before_versions() -> None:
    texts = [None, "", "latest", "6.4", *ORDER]
    mixed = texts[:]
    random.Random(2).shuffle(mixed)
    found = sorted(mixed, key=order)
    assert found[:4] == [None, "", "6.4", "latest"]
    assert found[4:] == ORDER


@pytest.mark.parametrize(
    ("text", "written", "revision", "development"),
    [
        ("6.4.1", "6.4.1", 0, False),
        ("  v6.4.1 ", "6.4.1", 0, False),
        ("6.4.1+rev12", "6.4.1+rev12", 12, False),
        ("balenaOS 2.47.0+rev1", "2.47.0+rev1", 1, False),
        ("Resin OS 2.0.0+rev2 (prod)", "2.0.0+rev2.prod", 2, False),
        ("Resin OS 2.0.0.rev1 (dev)", "2.0.0+rev1.dev", 1, True),
        ("resinOS 1.26.0 (dev)", "1.26.0+dev", 0, True),
        ("2.0.0.rev1.dev", "2.0.0+rev1.dev", 1, True),
        ("2.0.0_rev1.prod", "2.0.0+rev1.prod", 1, False),
        ("2.0.0-rc1.rev1", "2.0.0-rc1+rev1", 1, False),
        ("2.0.0.dev", "2.0.0+dev", 0, True),
        ("7.0.0-beta1", "7.0.0-beta1", 0, False),
        ("6.4.1+dev.rev3", "6.4.1+dev.rev3", 3, True),
        ("6.4.1+revision9", "6.4.1+revision9", 0, False),
    ],
)
def test_what_a_text_states(text: str, written: str, revision: int, development: bool) -> None:
    found = OsVersion.parse(text)
    assert (str(found), found.revision, found.development) == (written, revision, development)
    assert OsVersion.parse(written) == found
    assert hash(OsVersion.parse(written)) == hash(found)


@pytest.mark.parametrize("text", ["", "6", "6.4", "6.4.1.2", "06.4.1", "6.4.x", "six", "6.4.1+", "6.4.1-", "6.4.1\n7"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ValueRefused, match=r"is no version of balenaOS: X\.Y\.Z") as refused:
        OsVersion.parse(text)
    assert refused.value.path == "version"


def test_a_refusal_of_something_long_is_short() -> None:
    with pytest.raises(ValueRefused) as refused:
        OsVersion.parse("9" * 10_000_000)
    assert len(refused.value.message) < 300


HISTORY = [
    # the last release of the board, the meta-balena of the next one, its version
    ("6.4.0+rev3", "6.4.1", "6.4.1"),
    ("6.4.1", "6.4.1", "6.4.1+rev1"),
    ("6.4.1+rev1", "6.4.1", "6.4.1+rev2"),
    ("6.4.1+rev9", "6.4.1", "6.4.1+rev10"),
    ("6.4.1+rev2", "6.4.2", "6.4.2"),
    ("6.4.2", "7.0.0-beta1", "7.0.0-beta1"),
    ("7.0.0-beta1", "7.0.0-beta1", "7.0.0-beta1+rev1"),
    ("7.0.0-beta1+rev1", "7.0.0", "7.0.0"),
]


@pytest.mark.parametrize(("last", "adopted", "expected"), HISTORY)
def test_the_version_of_the_next_release(last: str, adopted: str, expected: str) -> None:
    found = following(OsVersion.parse(last), OsVersion.parse(adopted))
    assert str(found) == expected
    assert found > OsVersion.parse(last)


def test_a_release_never_goes_back() -> None:
    with pytest.raises(ValueRefused, match=r"meta-balena 6.4.0 is older than 6.4.1, which 6.4.1\+rev1 adopted"):
        following(OsVersion.parse("6.4.1+rev1"), OsVersion.parse("6.4.0"))
    with pytest.raises(ValueRefused, match=r"6.4.1\+rev1 is no release of meta-balena"):
        following(OsVersion.parse("6.4.1"), OsVersion.parse("6.4.1+rev1"))


@given(
    st.text(max_size=40) | st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}([-+._][0-9a-z.]{0,9})?", fullmatch=True)
)
def test_a_text_states_a_version_or_is_refused(text: str) -> None:
    try:
        found = OsVersion.parse(text)
    except ValueRefused:
        assert order(text)[0] == 1
        return
    assert OsVersion.parse(str(found)) == found
    assert order(text) == (2, found)
    assert not found < found


pieces = st.sampled_from(["0", "1", "9", "10", "a", "b", "rc1", "beta", "-", "1a", "00", "01", "+", ".", ""])


@given(st.lists(pieces, max_size=4), st.lists(pieces, max_size=4))
def test_the_library_for_semantic_versions_agrees(one: list[str], other: list[str]) -> None:
    found = []
    for words in (one, other):
        text = f"1.2.3-{'.'.join(words)}" if words else "1.2.3"
        try:
            known = semver.Version.parse(text)
        except ValueError:
            with pytest.raises(ValueRefused):
                OsVersion.parse(text)
            return
        found.append((known, OsVersion.parse(text)))
    (known, ours), (known_other, ours_other) = found
    if known.compare(known_other):
        assert (ours < ours_other) == (known < known_other)
    assert ours.meta_balena == str(known.replace(build=None))


numbers = st.integers(0, 12)


@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=2, max_size=2))
def test_the_order_is_that_of_the_numbers(both: list[tuple[int, int, int, int]]) -> None:
    one, other = (OsVersion.parse(f"{a}.{b}.{c}+rev{d}") for a, b, c, d in both)
    assert (one < other) == (both[0] < both[1])
