"""The templates: strict about names, blind to the languages they are written in."""

from __future__ import annotations

import pytest

from hal.errors import HalError
from hal.image.boot_files.template import fill, fill_text


@pytest.mark.parametrize(
    ("text", "values", "wrong"),
    [
        ("@{a}", {}, "'a' is not given"),
        ("@{a}", {"a": "1", "b": "2"}, "'b' is not used"),
        ("@a", {"a": "1"}, "neither"),
        ("a@", {}, "neither"),
        ("@{A}", {"A": "1"}, "neither"),
        ("@{a b}", {}, "neither"),
    ],
)
def test_templates_are_strict(text: str, values: dict[str, str], wrong: str) -> None:
    with pytest.raises(HalError, match=f"^template t: .*{wrong}"):
        fill_text(text, values, name="t")


def test_templates_leave_the_languages_alone() -> None:
    assert fill_text("$x ${x} @@ @{a}", {"a": "@{b} $a"}, name="t") == "$x ${x} @ @{b} $a"
    with pytest.raises(OSError, match="no_such"):
        fill("no_such", {})
