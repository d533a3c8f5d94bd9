"""Fields of an answer line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.at.fields import Unreadable, fields, number, numbers


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("1", ("1",)),
        ("0,1", ("0", "1")),
        ('"usbnet",0', ("usbnet", "0")),
        ('2,"a,b" , 3', ("2", "a,b", "3")),
        ('2,"ECM",,"0x1143"', ("2", "ECM", "", "0x1143")),
        ('"open', ("open",)),
        ("1,", ("1", "")),
        ("", ("",)),
    ],
)
def test_fields(line: str, found: tuple[str, ...]) -> None:
    assert fields(line) == found


@pytest.mark.parametrize("line", ['"a"b', 'a"b"', '1,"a"b,2'])
def test_no_fields(line: str) -> None:
    with pytest.raises(Unreadable):
        fields(line)


@pytest.mark.parametrize("text", ["", "٣", "1.5", "0x1", "1 2", "1234567890", "--1", "²"])
def test_no_number(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)


@given(st.lists(st.text(st.characters(exclude_characters='"', codec="utf-8"), max_size=6), min_size=1, max_size=6))
def test_quoted_fields_come_back(texts: list[str]) -> None:
    assert fields(",".join(f'"{text}"' for text in texts)) == tuple(text.strip() for text in texts)


def test_numbers_are_counted() -> None:
    assert numbers("1,2", 2) == (1, 2)
    with pytest.raises(Unreadable, match="1 fields, 2 are expected"):
        numbers("1", 2)
