"""The page of cases is in step with the tests that it names."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/cases.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("|")]
TESTS = sorted({name for row in ROWS for name in re.findall(r"`([^`]+::[^`]+)`", row[-1])})
CASES = [*(f"R{number}" for number in range(1, 43)), *(f"P{number}" for number in range(1, 47)), "P42b"]


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((REPOSITORY / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("test", TESTS)
def test_every_test_that_is_named_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert name.startswith("test_")
    assert name in functions(file)


def test_every_case_stands_there_once() -> None:
    assert Counter(re.findall(r"\b[RP]\d+\w*", PAGE)) == Counter(CASES)


def test_every_case_has_a_test_or_a_reason() -> None:
    told = {row[0]: row for row in ROWS if row[0] in CASES}
    assert set(told) == set(CASES)
    for case, row in told.items():
        assert all(row), case
        if len(row) == 3:
            assert re.fullmatch(r"`\S+::\w+`(<br>`\S+::\w+`)*", row[2]), case
        else:
            assert len(row) == 2, case
