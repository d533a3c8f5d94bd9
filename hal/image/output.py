"""What a writer makes: files, and for every line of them who asked for it. Writers make these; one place writes them.

A line carries the parts it says, or the reason why the format needs it. So `hal image explain` can answer for every
line, and a line that nobody can answer for cannot be written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from attrs import field, frozen

from hal.errors import Disagreement
from hal.model import JoinedPart
from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class Line(Record):
    """One line of a text file, without its newline: the parts that it says, and why it is there where none asked."""

    text: str = field()
    parts: tuple[JoinedPart, ...] = ()
    why: str = ""

    @text.validator
    def _one_line(self, _attribute: object, value: str) -> None:
        if "\n" in value:
            raise ValueError(f"{value!r:.80}: more than one line")

    def __attrs_post_init__(self) -> None:
        if self.text.strip() and not self.parts and not self.why:
            raise ValueError(f"line {self.text!r:.80}: nobody asked for it, and no reason is given")


@frozen(kw_only=True, repr=False, eq=False)
class OutputFile(Record):
    """A file below the output folder: either lines, or `data` that the parts are as a whole.

    `mode` is the permission bits. A file has a `why` or parts of its own where it is data, and its lines have where it
    is text.
    """

    name: str
    lines: tuple[Line, ...] = ()
    data: bytes = b""
    parts: tuple[JoinedPart, ...] = ()
    why: str = ""
    mode: int = 0o644

    @property
    def content(self) -> bytes:
        """The bytes of the file. Text ends in a newline."""
        if self.lines:
            return "".join(f"{line.text}\n" for line in self.lines).encode()
        return self.data


def text_file(name: str, lines: Iterable[Line], mode: int = 0o644) -> OutputFile:
    """A file of these lines."""
    return OutputFile(name=name, lines=tuple(lines), mode=mode)


def part_file(name: str, part: JoinedPart, mode: int = 0o644) -> OutputFile:
    """A file whose content is a part as a whole."""
    return OutputFile(name=name, data=part.data, parts=(part,), mode=mode)


def placed(files: Iterable[OutputFile]) -> tuple[OutputFile, ...]:
    """The files in order of name. Raises `Disagreement` for two in one place."""
    taken: dict[str, OutputFile] = {}
    for file in files:
        other = taken.setdefault(file.name, file)
        if other is not file:
            raise Disagreement((f"{file.name}: {_who(other)} puts a file there, but so does {_who(file)}",))
    return tuple(taken[name] for name in sorted(taken))


def _who(file: OutputFile) -> str:
    parts = [*file.parts, *(part for line in file.lines for part in line.parts)]
    told = {
        f"{' and '.join(each.contributor for each in part.asked)} ({part.kind} {part.name})": None for part in parts
    }
    return ", ".join(told) or "the format"


def json_lines(document: Mapping[str, object], why: Mapping[str, str], indent: str | int = "\t") -> Iterator[Line]:
    """The lines of a JSON object; each is there for the reason of the key of the object that it belongs to."""
    yield Line(text="{", why="it is a JSON object")
    for place, (key, value) in enumerate(document.items(), 1):
        lines = json.dumps({key: value}, indent=indent, ensure_ascii=False).split("\n")[1:-1]
        comma = "," if place < len(document) else ""
        yield from (Line(text=line, why=why[key]) for line in lines[:-1])
        yield Line(text=f"{lines[-1]}{comma}", why=why[key])
    yield Line(text="}", why="it is a JSON object")
