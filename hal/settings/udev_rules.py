"""What is wrong with a udev rules file: the first token that udev would not take, by line and column.

udev drops a line with a misspelt key and says so in the journal alone. The grammar is that of udev(7) of systemd 252,
with keys of later versions that are documented there. Programs and link names are not judged.
"""

from __future__ import annotations

import difflib
import re

from attrs import frozen

MATCH, ASSIGN, ADD, FINAL, REMOVE = ["==", "!="], ["="], ["+="], [":="], ["-="]
_LIST = [*ASSIGN, *ADD, *FINAL]
KEYS: dict[str, tuple[str, list[str]]] = {
    # key: whether an {attribute} behind it is "no", "may" or "must"; and its operators
    "ACTION": ("no", MATCH),
    "DEVPATH": ("no", MATCH),
    "KERNEL": ("no", MATCH),
    "KERNELS": ("no", MATCH),
    "NAME": ("no", [*MATCH, *ASSIGN, *FINAL, *ADD]),
    "SYMLINK": ("no", [*MATCH, *_LIST]),
    "SUBSYSTEM": ("no", MATCH),
    "SUBSYSTEMS": ("no", MATCH),
    "DRIVER": ("no", MATCH),
    "DRIVERS": ("no", MATCH),
    "ATTR": ("must", [*MATCH, *ASSIGN, *FINAL, *ADD]),
    "ATTRS": ("must", MATCH),
    "SYSCTL": ("must", [*MATCH, *ASSIGN, *FINAL, *ADD]),
    "ENV": ("must", [*MATCH, *ASSIGN, *ADD, *FINAL]),
    "CONST": ("must", MATCH),
    "TAG": ("no", [*MATCH, *_LIST, *REMOVE]),
    "TAGS": ("no", MATCH),
    "TEST": ("may", MATCH),
    "PROGRAM": ("no", [*MATCH, *_LIST]),
    "RESULT": ("no", MATCH),
    "OWNER": ("no", [*ASSIGN, *FINAL, *ADD]),
    "GROUP": ("no", [*ASSIGN, *FINAL, *ADD]),
    "MODE": ("no", [*ASSIGN, *FINAL, *ADD]),
    "SECLABEL": ("must", [*ASSIGN, *FINAL, *ADD]),
    "RUN": ("may", _LIST),
    "LABEL": ("no", ASSIGN),
    "GOTO": ("no", ASSIGN),
    "IMPORT": ("must", [*MATCH, *_LIST]),
    "OPTIONS": ("no", _LIST),
}
"""Operators that udev corrects with a warning (`+=` where only `=` makes sense) count as taken."""
KINDS = {
    "RUN": ("program", "builtin"),
    "IMPORT": ("program", "builtin", "file", "db", "cmdline", "parent"),
    "CONST": ("arch", "virt"),
}
"""What may stand in the braces, where it is not free."""
OPTIONS = (
    "string_escape=none",
    "string_escape=replace",
    "db_persist",
    "watch",
    "nowatch",
    "dump",
    "link_priority=",
    "log_level=",
    "static_node=",
)
_TOKEN = re.compile(r'\s*([A-Z]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|-=|:=|=)\s*(e?)"((?:\\.|[^"\\])*)"')
_SEPARATOR = re.compile(r"[ \t\r,]*")
_FREE = " \t\r,"
"""What may stand between tokens."""


@frozen
class RuleFault:
    """What is wrong, and where: both count from 1."""

    line: int
    column: int
    message: str


def fault(text: str) -> RuleFault | None:
    """The first fault of a rules file; `None` where udev takes every line, and every GOTO has its LABEL."""
    gotos: list[tuple[int, str]] = []
    labels: dict[str, int] = {}
    number = 0
    lines = text.split("\n")
    while number < len(lines):
        first, line = number, lines[number]
        while line.endswith("\\") and number + 1 < len(lines) and not line.lstrip(_FREE).startswith("#"):
            number += 1
            line = line[:-1] + lines[number]
        number += 1
        if not line.strip(_FREE) or line.lstrip(_FREE).startswith("#"):
            continue
        at = 0
        while line[at:].strip(_FREE):
            match = _TOKEN.match(line, at)
            place = at + len(line[at:]) - len(line[at:].lstrip(_FREE))
            if match is None:
                return RuleFault(first + 1, place + 1, _unparsed(line[place:]))
            key, inside, operator, _, value = match.groups()
            if wrong := _wrong(key, inside, operator, value):
                return RuleFault(first + 1, match.start(1) + 1, wrong)
            if key == "GOTO":
                gotos.append((first, value))
            elif key == "LABEL":
                labels[value] = first
            separator = _SEPARATOR.match(line, match.end())
            at = separator.end() if separator else match.end()
    for here, label in gotos:
        if labels.get(label, -1) <= here:
            return RuleFault(here + 1, 1, f"GOTO names the label {label!r}, which does not come after it")
    return None


def _unparsed(rest: str) -> str:
    word = rest.partition(" ")[0][:40]
    key = re.match(r"[A-Za-z]{1,40}", rest)
    if key and key[0] not in KEYS:
        return _unknown(key[0])
    return f'{word!r} is not of the form KEY OPERATOR "VALUE"'


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key.upper(), KEYS, n=1)
    return f"{key!r} is no key of udev's rules" + (f"; {close[0]} is one" if close else "")


def _wrong(key: str, inside: str | None, operator: str, value: str) -> str | None:
    if key not in KEYS:
        return _unknown(key)
    braces, operators = KEYS[key]
    if braces == "no" and inside is not None:
        return f"{key} takes nothing in braces"
    if braces == "must" and not inside:
        return f"{key} needs a name in braces"
    if key in KINDS and inside is not None and inside not in KINDS[key]:
        return f"{key}{{{inside}}}: allowed are {', '.join(KINDS[key])}"
    if operator not in operators and not (key == "TEST" and inside):  # which udev tests whatever the operator
        return f"{key} takes no {operator!r}; allowed are {' '.join(operators)}"
    if key == "OPTIONS" and not any(
        value == each or (each.endswith("=") and value.startswith(each)) for each in OPTIONS
    ):
        return f"OPTIONS {value!r}: allowed are {', '.join(OPTIONS)}"
    return None
