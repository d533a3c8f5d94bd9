"""The regulatory domain: what `iw` tells, and the database of countries."""

from __future__ import annotations

from pathlib import Path

import pytest
from backends.firmware.files import regdb
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.regulatory import Database, database, domains, parse_domains
from hal.root import Root

OLD = "country DE: DFS-ETSI\n\t(2400 - 2483 @ 40), (N/A, 20), (N/A)\n"
NEW = f"global\n{OLD}\nphy#1 (self-managed)\ncountry US: DFS-UNSET\n\nphy#0\ncountry 99: DFS-UNSET\n"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("", {}),
        ("global\n", {}),
        (OLD, {"global": "DE"}),
        ("global\ncountry 00: DFS-UNSET\n", {"global": "00"}),
        (NEW, {"global": "DE", "phy1": "US", "phy0": "99"}),
        ("nl80211 not found.\n", {}),
        ("phy#0\ncountry US: DFS-FCC\n", {"phy0": "US"}),
    ],
)
def test_what_iw_tells(told: str, found: dict[str, str]) -> None:
    assert parse_domains(told) == found


def test_without_iw_nothing_is_told(tmp_path: Path) -> None:
    assert domains(Root(tmp_path)) == {}


def put(root: Root, name: str, data: bytes) -> None:
    (root.directory / name).parent.mkdir(parents=True, exist_ok=True)
    (root.directory / name).write_bytes(data)


FILE = "lib/firmware/regulatory.db"
CASES: dict[str, tuple[bytes, tuple[str, ...], str]] = {
    "whole": (regdb("00", "DE", "US"), ("00", "DE", "US"), ""),
    "of the old format": (regdb("DE", magic=b"REGD"), ("DE",), "not a regulatory database"),
    "of another version": (regdb("DE", version=19), ("DE",), "version 19 instead of 20"),
    "without countries": (regdb(), (), "names no country"),
    "text": (b"<html>", (), "not a regulatory database"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_database(case: str, tmp_path: Path) -> None:
    data, countries, problem = CASES[case]
    put(Root(tmp_path), FILE, data)
    found = database(Root(tmp_path))
    assert (found.file, found.signature) == (FILE, None)
    assert problem in found.problem
    assert bool(problem) == bool(found.problem)
    if not problem:
        assert found.countries == countries


def test_none_and_one_that_is_passed_over(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert database(root) == Database(problem="no regulatory.db where the kernel looks for firmware")
    put(root, FILE, b"")
    put(root, f"{FILE}.p7s", b"0")
    assert database(root) == Database(problem=f"{FILE}: empty", signature=f"{FILE}.p7s")


@given(data=st.binary(max_size=100) | st.binary(max_size=60).map(lambda data: regdb("DE", "FR")[: len(data)] + data))
def test_any_bytes_are_judged(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = Root(tmp_path_factory.mktemp("tree"))
    put(root, FILE, data)
    found = database(root)
    assert found.problem or found.countries


@given(st.text(max_size=200))
def test_any_text_of_iw_is_read(told: str) -> None:
    assert all(len(country) == 2 for country in parse_domains(told).values())
