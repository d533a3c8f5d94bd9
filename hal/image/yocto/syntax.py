"""bitbake's language: values that it expands to exactly what they are, lists over several lines, and operators.

bitbake knows no escapes. A value may hold `$`, `%`, `#` and backslashes as they are, and quotes, but for a single one
of the kind that it stands in; a newline ends it, and `${` is expanded whatever is done to hide it, because bitbake
expands the outcome again until nothing changes. What cannot be carried is refused by name; files are for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hal.errors import ValueRefused
from hal.image.output import Line
from hal.image.yocto.releases import Release
from hal.model import JoinedPart

_BREAKS = re.compile(r"[\n\r]|\$\{")
_LISTED = re.compile(r"(?!#)\S(?:.*\S)?")
_PATH = re.compile(r"[A-Za-z0-9@%+=,._/-]+")


def quoted(text: str, *, what: str) -> str:
    """This text as a bitbake value in quotes. Raises `ValueRefused`, with `what` it is, where that cannot be."""
    _check(text, what)
    mark = _mark(text, what)
    return f"{mark}{text}{mark}"


def _check(text: str, what: str) -> None:
    if _BREAKS.search(text):
        raise ValueRefused(f"{what}: {text!r:.80} cannot be a value of bitbake: a newline, or '${{'", path=what)


def _mark(text: str, what: str) -> str:
    """The kind of quotes around it. bitbake takes any number of the same kind within, except one."""
    for mark in ('"', "'"):
        if text.count(mark) != 1:
            return mark
    raise ValueRefused(f"{what}: {text!r:.80} cannot be a value of bitbake: one quote of each kind", path=what)


def shell_quoted(text: str, *, what: str) -> str:
    """This text as one word of a shell function in a recipe. Raises `ValueRefused` as `quoted` does."""
    _check(text, what)
    return "'" + text.replace("'", "'\\''") + "'"


def path(text: str, *, what: str) -> str:
    """A name of a file that a list of bitbake and a shell take as it is. Raises `ValueRefused`."""
    if not _PATH.fullmatch(text):
        raise ValueRefused(
            f"{what}: {text!r:.80} cannot be carried in a list of files: letters, digits and @%+=,._/- are allowed",
            path=what,
        )
    return text


def listed(name: str, operator: str, words: Iterable[tuple[str, JoinedPart]], *, why: str) -> Iterator[Line]:
    """`NAME = " \\`, a word a line, and the closing quote. Nothing where there are no words.

    A word may hold blanks; bitbake keeps them. Raises `ValueRefused` for a word that a list cannot carry.
    """
    every = list(words)
    if not every:
        return
    mark = _mark("".join(word for word, _ in every), what=name)
    yield Line(text=f"{name} {operator} {mark} \\", why=why)
    for word, part in every:
        _check(word, f"{part.kind} {part.name}")
        if not _LISTED.fullmatch(word):
            raise ValueRefused(f"{part.kind} {part.name}: a word of a list cannot start with '#'", path=part.name)
        yield Line(text=f"    {word} \\", parts=(part,))
    yield Line(text=f"    {mark}", why="the end of the list")


def named(release: Release, variable: str, *overrides: str) -> str:
    """A variable with overrides or an operator behind it: `X:append` or `X_append`."""
    return release.separator.join((variable, *overrides))


def fixed(lines: Iterable[str], why: str) -> Iterator[Line]:
    """Lines that the format or the mechanism needs, all for one reason."""
    for text in lines:
        yield Line(text=text, why=why)
