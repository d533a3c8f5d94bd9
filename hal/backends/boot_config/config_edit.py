"""Edits of config.txt: the lines of one key change, the bytes and the meaning of all others stay.

A new line goes where it holds for every board: before the first condition, and, where it is a parameter of the base
device tree, before the first overlay. An edit is made in the smallest way first, then by writing all lines of the key
anew, and is taken where reading it back gives what is wanted and everything else as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from hal.backends.boot_config.config_lines import ARRAYS, BASE, LONGEST, Content, Kind, Line, parse
from hal.errors import ValueRefused


def with_values(data: bytes, wanted: Mapping[str, str | Sequence[str] | None]) -> bytes:
    """The bytes with these values for every board; `None` or no value at all removes a key.

    Raises `ValueRefused` where a line would be too long, or another one would change its meaning.
    """
    for key, value in wanted.items():
        if key in ARRAYS:
            data = _with_array(data, key, list(value or ()))
        elif value is None:
            content = parse(data)
            edit = _Edit(content)
            edit.drop((number, None) for number, _ in content.settings(key))
            data = edit.data()
        else:
            assert isinstance(value, str)
            data = _with_scalar(data, key, value)
    return data


def _with_scalar(data: bytes, key: str, value: str) -> bytes:
    content = parse(data)
    edit = _Edit(content)
    line = _line(key, value)
    places = [number for number, _ in content.settings(key)]
    if not places:
        edit.insert(_end(content), (line,))
    elif content.lines[places[-1]].value != value:
        edit.rewrite(places[-1], line)
    return edit.data()


def _with_array(data: bytes, key: str, values: list[str]) -> bytes:
    content = parse(data)
    if content.array(key) == values:
        return data
    for anew in (False, True):
        for closed in (False, True) if key == "dtoverlay" else (False,):
            edit = _Edit(content)
            _replace(edit, key, values, anew=anew, closed=closed)
            new = edit.data()
            after = parse(new)
            if after.array(key) == values and after.meaning(key) == content.meaning(key):
                return new
    raise ValueRefused(
        f"config.txt: {key} cannot become {values!r} without another line changing its meaning: a dtparam under a "
        "condition belongs to an overlay that goes or moves; remove it first",
        path=key,
    )


def _replace(edit: _Edit, key: str, values: list[str], *, anew: bool, closed: bool) -> None:
    """Record what to do with the old values and where the new ones go."""
    content = edit.content
    units = _units(content, key)
    old = [value for value, _ in units]
    steps = (
        [("replace", 0, len(old), 0, len(values))] if anew else SequenceMatcher(None, old, values, False).get_opcodes()
    )
    for step, old_start, old_end, new_start, new_end in steps:
        if step == "equal":
            continue
        for _, places in units[old_start:old_end]:
            edit.drop(places)
        lines = [line for value in values[new_start:new_end] for line in _lines(key, value)]
        if not lines:
            continue
        if closed:
            lines.append("dtoverlay=")
        if anew or not units:
            edit.insert(_base(content) if key == "dtparam" else _end(content), lines)
        elif step == "replace" or old_start == 0:
            edit.insert(units[old_start][1][0][0], lines)
        else:
            edit.insert(max(line for line, _ in units[old_start - 1][1]) + 1, lines)


def _units(content: Content, key: str) -> list[tuple[str, list[tuple[int, int | None]]]]:
    """Every value for every board, with its places: a line, and where in it; `None` is the whole line."""
    if key == "dtparam":
        return [
            (each.value, [(each.line, each.place)])
            for each in content.parameters
            if (each.section, each.overlay) == ("", "")
        ]
    if key == "dtoverlay":
        return [(each.value, [(each.line, None), *each.places]) for each in content.overlays if not each.section]
    return [(line.value, [(number, None)]) for number, line in content.settings(key)]


def _lines(key: str, value: str) -> Iterator[str]:
    """The lines of a value. An overlay's parameters get lines of their own, because a line must not be long.

    A name that would mean the base device tree there stays behind the overlay's own.
    """
    if key != "dtoverlay":
        yield _line(key, value)
        return
    name, *parameters = value.split(",")
    inline = max((at + 1 for at, each in enumerate(parameters) if each.partition("=")[0] in BASE), default=0)
    yield _line(key, ",".join((name, *parameters[:inline])))
    for each in parameters[inline:]:
        yield _line("dtparam", each)


def _line(key: str, value: str) -> str:
    line = f"{key}={value}"
    if len(line) > LONGEST:
        raise ValueRefused(
            f"config.txt: {line[:40]}… has {len(line)} characters, and the firmware reads {LONGEST} of a line",
            path=key,
            allowed=(f"at most {LONGEST - len(key) - 1} characters",),
        )
    return line


def _end(content: Content) -> int:
    """Behind the last line before the first condition; comments right before that belong to it."""
    return _behind(content, next((n for n, line in enumerate(content.lines) if line.kind is Kind.CONDITION), None))


def _base(content: Content) -> int:
    """The same before the first overlay."""
    ends = (
        number
        for number, line in enumerate(content.lines)
        if line.kind is Kind.CONDITION or line.text.lstrip().startswith(b"dtoverlay=")
    )
    return _behind(content, next(ends, None))


def _behind(content: Content, limit: int | None) -> int:
    stop = len(content.lines) if limit is None else limit
    said = [number for number in range(stop) if content.lines[number].kind in (Kind.SETTING, Kind.OTHER)]
    if said:
        return said[-1] + 1
    # Only comments and blank lines: those right before what comes next are about that.
    while limit is not None and stop > 0 and content.lines[stop - 1].kind is Kind.COMMENT:
        stop -= 1
    return stop


class _Edit:
    """What is to be done to lines, by their numbers; done at once, so that numbers stay what they are."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self._inserted: dict[int, list[str]] = {}
        self._rewritten: dict[int, str] = {}
        self._dropped: set[tuple[int, int | None]] = set()

    def insert(self, before: int, lines: Iterable[str]) -> None:
        self._inserted.setdefault(before, []).extend(lines)

    def rewrite(self, number: int, line: str) -> None:
        self._rewritten[number] = line

    def drop(self, places: Iterable[tuple[int, int | None]]) -> None:
        self._dropped.update(places)

    def data(self) -> bytes:
        """The bytes afterwards. A last line without an end stays so, or one added behind it has none."""
        old = self.content.lines
        end = next((line.end for line in old if line.end.endswith(b"\n")), b"\n")
        made: list[bytes] = []
        added = False
        for number in range(len(old) + 1):
            for line in self._inserted.get(number, ()):
                made.append(line.encode() + end)
                added = True
            if number < len(old) and (text := self._left(number, old[number])) is not None:
                made.append(text + old[number].end)
                added = False
        if added and old and not old[-1].end:
            made[-1] = made[-1].removesuffix(end)
        return b"".join(line if line.endswith(b"\n") else line + b"\n" for line in made[:-1]) + b"".join(made[-1:])

    def _left(self, number: int, line: Line) -> bytes | None:
        """What stays of a line."""
        if (number, None) in self._dropped:
            return None
        if number in self._rewritten:
            return self._rewritten[number].encode()
        places = {place for at, place in self._dropped if at == number}
        if not places:
            return line.text
        left = [word for place, word in enumerate(line.value.split(",")) if place not in places and word]
        return f"dtparam={','.join(left)}".encode() if left else None
