"""Every reader, with any lines."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.backends.at.commands import COMMANDS
from hal.backends.at.fields import Unreadable


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text or "AT")
def test_any_lines_are_read_or_refused(command: Any) -> None:
    piece = st.one_of(
        st.text(max_size=20),
        st.text('0123456789,";:+-/ ABFf', max_size=30),
        st.sampled_from(['"LTE"', "255", "99", '"usbnet"', "1", ",", ";", "0x1143", "80/01/06,00:00:17+00"]),
    )

    @settings(max_examples=40)
    @given(st.lists(st.lists(piece, max_size=10).map("".join), max_size=4).map(tuple))
    def check(lines: tuple[str, ...]) -> None:
        with suppress(Unreadable):
            command.read(lines)

    check()
