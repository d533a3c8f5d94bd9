"""Output: a line that nobody answers for cannot be made; content is what the lines say."""

from __future__ import annotations

import pytest

from hal.image.output import Line, OutputFile, part_file, text_file
from hal.model import JoinedPart, PartKind

PART = JoinedPart(kind=PartKind.FILE, name="etc/x", value="a\n", asked=())


@pytest.mark.parametrize("wrong", [{"text": "x"}, {"text": "x\ny", "why": "w"}, {"text": "x\n", "why": "w"}])
def test_lines_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"nobody asked|more than one line"):
        Line(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (text_file("a", [Line(text="x", why="w"), Line(text=""), Line(text="ä", parts=(PART,))]), "x\n\nä\n".encode()),
        (part_file("a", PART), b"a\n"),
        (OutputFile(name="a", why="a flag"), b""),
    ],
)
def test_content(file: OutputFile, content: bytes) -> None:
    assert file.content == content
