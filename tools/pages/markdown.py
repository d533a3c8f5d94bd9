"""Markdown for the generated pages: the same data gives the same bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WRITTEN_BY = "<!-- Written by tools/generate_docs.py; `make docs-write` writes it again. -->"


def cell(value: object) -> str:
    """Text for a table's cell: one line, with no bar that would end it."""
    return " ".join(str(value).split()).replace("|", "\\|")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; nothing is aligned, so that a change of one row changes one line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)


def code(value: object) -> str:
    """Inline code, or nothing."""
    return f"`{value}`" if value not in (None, "") else ""


def prose(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", WRITTEN_BY, *(part.strip("\n") for part in parts if part))) + "\n"
