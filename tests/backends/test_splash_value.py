"""What asks for a boot splash: bytes, base64 and data URIs as balenaOS's supervisor takes them."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress

import pytest
from backends.pictures import SOUND, WIDE
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.splash_value import MAX_TEXT, asks_for_default, image_of
from hal.errors import HalError, ValueRefused

TEXT = b64encode(WIDE).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  {TEXT}\n",
        "\r\n".join(TEXT[place : place + 76] for place in range(0, len(TEXT), 76)),
        TEXT.rstrip("="),
        urlsafe_b64encode(WIDE).decode(),
        f"data:image/png;base64,{TEXT}",
        f"data:image/png;charset=utf-8;base64,{TEXT}",
        f"DATA:image/png;BASE64,{TEXT}",
        f"data:;base64,{TEXT}",
        f"data:image/jpeg;base64,{TEXT}",
    ],
    ids=[
        "base64",
        "blanks",
        "lines",
        "no padding",
        "URL-safe",
        "URI",
        "parameters",
        "capitals",
        "no type",
        "other type",
    ],
)
def test_text_that_the_supervisor_takes(text: str) -> None:
    assert image_of(text) == WIDE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not base64!", "neither a data URI nor base64"),
        ("A", "neither a data URI nor base64"),
        ("data:image/png,plain", "not marked as base64"),
        ("data:image/svg+xml;utf8,<svg/>", "not marked as base64"),
        ("data:image/png;base64,@@@@", "neither a data URI nor base64"),
        ("data:image/png;base64", "neither a data URI nor base64"),
        ("ÄÖÜ=", "neither a data URI nor base64"),
        ("/path/to/logo.png", "neither a data URI nor base64"),
        ("A" * (MAX_TEXT + 1), "too many"),
    ],
)
def test_text_that_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueRefused, match=words) as refusal:
        image_of(text)
    assert refusal.value.allowed
    assert refusal.value.path == "splash"
    assert len(refusal.value.message) < 300


@pytest.mark.parametrize(
    ("wanted", "is_so"), [(None, True), ("", True), (" \n", True), (b"", False), (b" ", False), (SOUND, False)]
)
def test_nothing_and_blank_text_ask_for_the_default(wanted: bytes | str | None, is_so: bool) -> None:
    assert asks_for_default(wanted) is is_so


@given(st.text(max_size=60) | st.text("data:;,base64AQ=-_/+ \n", max_size=60))
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    with suppress(HalError):
        assert isinstance(image_of(text), bytes)
