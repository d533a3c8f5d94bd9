"""Errors of mobile equipment, by number and by text."""

from __future__ import annotations

import pytest

from hal.backends.at.cme import CME, meaning
from hal.document import error
from hal.errors import AtFault
from hal.model import (
    AtFaultKind,
)

KINDS = {
    AtFaultKind.RETRY: [0, 14, 100],
    AtFaultKind.UNSUPPORTED: [3, 4],
    AtFaultKind.LOCKED: [5, 6, 7, *range(40, 48)],
    AtFaultKind.SIM: [10, 13, 15],
    AtFaultKind.SIM_LOCKED: [11, 12, 17, 18],
    AtFaultKind.STOP: [16],
    AtFaultKind.RADIO: [30, 31, 32],
    AtFaultKind.BUG: [*range(20, 28), 50],
    AtFaultKind.SUBSCRIPTION: [103, 106, 107, 111, 112, 113, 132, 133, 134, 148, 149, 150],
    AtFaultKind.UNKNOWN: [1, 2, 99, 500, 99999],
}


@pytest.mark.parametrize(("kind", "number"), [(kind, number) for kind, found in KINDS.items() for number in found])
def test_an_error_by_number_and_by_text(kind: AtFaultKind, number: int) -> None:
    assert meaning(f" {number}")[::2] == (number, kind)
    if number in CME:
        text = CME[number][0]
        assert meaning(f" {text.upper()}") == meaning(f'"{text}"') == (number, text, kind)


@pytest.mark.parametrize("told", ["", "something new", "٣", "-1", "1e3", "123456"])
def test_an_error_that_no_table_has(told: str) -> None:
    assert meaning(told)[::2] == (None, AtFaultKind.UNKNOWN)


@pytest.mark.parametrize(
    ("number", "told", "extra"),
    [(10, "10", {"number": 10, "told": "10"}), (0, "0", {"number": 0, "told": "0"}), (None, "", {})],
)
def test_an_error_as_json(number: int | None, told: str, extra: dict[str, object]) -> None:
    fault = AtFault("words", path="dev/ttyUSB2", command="AT+CPIN?", kind=AtFaultKind.SIM, number=number, told=told)
    expected = {"code": "at", "message": "words", "path": "dev/ttyUSB2", "command": "AT+CPIN?", "kind": "sim"}
    assert error(fault) == {**expected, **extra}
