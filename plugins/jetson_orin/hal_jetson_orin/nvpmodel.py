"""The grammar of NVIDIA's nvpmodel.conf: which power modes a Jetson has, and which one it starts with.

Line-oriented; `#` starts a comment. A header in angle brackets opens a section that runs to the next header:

    < PARAM TYPE=FILE NAME=CPU_ONLINE >        body: <argument> <sysfs path>
    < POWER_MODEL ID=0 NAME=MAXN >             body: <param> <argument> <value>
    < PM_CONFIG DEFAULT=2 >                    exactly one; names a POWER_MODEL

Attributes come in any order, ids are neither contiguous nor ordered by power, white space inside the brackets varies,
and a final newline may be missing. Other sections (older releases have FAN_CONFIG) are kept as they are. Source:
dossier of public sources, L4T 36.5 recipes and the vendor's files for p3701 and p3767 modules.
"""

from __future__ import annotations

import re

from attrs import frozen

from hal.errors import Damaged
from hal.record import Record
from hal_jetson_orin.stored import lines

_HEADER = re.compile(r"<\s*(?P<kind>[A-Z_]+)(?P<attributes>[^<>]*)>")
_ATTRIBUTE = re.compile(r"\s*([A-Z_]+)\s*=\s*([^\s=]+)\s*")
_INTEGER = re.compile(r"-?[0-9]+")
_KNEXT = "_KNEXT"


@frozen(kw_only=True, repr=False, eq=False)
class Mode(Record):
    """One POWER_MODEL: its number, its name, the line of its header, and its body as (param, argument, value)."""

    id: int
    name: str
    line: int
    lines: tuple[tuple[str, str, str], ...]

    @property
    def short_name(self) -> str:
        """The name without the prefix that only the AGX files use: `MODE_30W` is `30W`."""
        return self.name.removeprefix("MODE_")

    @property
    def budget_watt(self) -> int | None:
        """Watts in the name, `None` for MAXN and its kin: a name, not a measurement."""
        match = re.match(r"([0-9]+)W", self.short_name)
        return int(match[1]) if match else None


@frozen(kw_only=True, repr=False, eq=False)
class NvpModel(Record):
    """A parsed file. `params` maps a PARAM's name to its type and its argument's paths."""

    path: str
    text: str
    modes: tuple[Mode, ...]
    params: dict[str, tuple[str, dict[str, str]]]
    default: int
    default_at: tuple[int, int]
    """Where the digits of `DEFAULT=` stand in the text: start and end."""

    def mode(self, mode_id: int) -> Mode | None:
        """The mode with this number."""
        return next((mode for mode in self.modes if mode.id == mode_id), None)

    def named(self, name: str) -> Mode | None:
        """The mode with this name, with or without `MODE_`."""
        wanted = name.removeprefix("MODE_")
        return next((mode for mode in self.modes if mode.short_name == wanted), None)

    def with_default(self, mode_id: int) -> str:
        """The text with another default, and no other byte changed."""
        start, end = self.default_at
        return f"{self.text[:start]}{mode_id}{self.text[end:]}"


def parse(text: str, path: str) -> NvpModel:
    """Parse a whole file. Raises `Damaged` with the line of the first thing that is not in the grammar."""
    params: dict[str, tuple[str, dict[str, str]]] = {}
    modes: list[Mode] = []
    body: list[tuple[str, str, str]] = []
    default: tuple[int, int, int, int] | None = None
    section = ""
    arguments: dict[str, str] = {}
    offset = line_number = 0

    for line_number, line in enumerate(lines(text), start=1):
        content = line.partition("#")[0].strip("\ufeff \t\r\n\v\f")
        start, offset = offset, offset + len(line)
        if not content:
            continue
        if "\0" in content:
            raise Damaged("a NUL byte: this is not a text file", path=path, line=line_number)
        if content.startswith("<"):
            section, attributes = _header(content, path, line_number)
            if section == "PARAM":
                arguments = {}
                name = _required(attributes, "NAME", section, path, line_number)
                params[name] = (_required(attributes, "TYPE", section, path, line_number), arguments)
            elif section == "POWER_MODEL":
                body = []
                modes.append(_mode(attributes, modes, path, line_number))
            elif section == "PM_CONFIG":
                if default is not None:
                    raise Damaged("a second PM_CONFIG section", path=path, line=line_number)
                number = _number(attributes, "DEFAULT", section, path, line_number)
                at = re.compile(r"\bDEFAULT\s*=\s*").search(line)
                assert at is not None  # the attribute was just read from this line
                default = number, line_number, start + at.end(), start + at.end() + len(attributes["DEFAULT"])
            continue
        words = content.split(None, 2 if section == "POWER_MODEL" else 1)
        if section == "PARAM":
            if len(words) != 2 or not words[1].startswith("/"):
                raise Damaged(
                    f"in a PARAM, '<argument> <path>' is expected, not {content!r}", path=path, line=line_number
                )
            arguments[words[0]] = words[1]
        elif section == "POWER_MODEL":
            if len(words) != 3:
                raise Damaged(
                    f"in a POWER_MODEL, '<param> <argument> <value>' is expected, not {content!r}",
                    path=path,
                    line=line_number,
                )
            _knob(words, params, path, line_number)
            body.append((words[0], words[1], words[2]))
            modes[-1] = Mode(id=modes[-1].id, name=modes[-1].name, line=modes[-1].line, lines=tuple(body))
        elif not section:
            raise Damaged(f"a section header '< … >' is expected first, not {content!r}", path=path, line=line_number)

    last = max(line_number, 1)
    if not modes:
        raise Damaged("no POWER_MODEL section: empty or cut off", path=path, line=last)
    if default is None:
        raise Damaged("no PM_CONFIG section with the default mode: cut off", path=path, line=last)
    if default[0] not in [mode.id for mode in modes]:
        known = ", ".join(str(mode.id) for mode in modes)
        raise Damaged(f"PM_CONFIG DEFAULT={default[0]} names no POWER_MODEL ({known})", path=path, line=default[1])
    return NvpModel(
        path=path, text=text, modes=tuple(modes), params=params, default=default[0], default_at=(default[2], default[3])
    )


def _header(content: str, path: str, line: int) -> tuple[str, dict[str, str]]:
    match = _HEADER.fullmatch(content)
    if match is None:
        raise Damaged(
            f"a section header '< KIND ATTRIBUTE=value … >' is cut off or malformed: {content!r}", path=path, line=line
        )
    attributes: dict[str, str] = {}
    rest = match["attributes"]
    at = 0
    while at < len(rest.rstrip()):
        attribute = _ATTRIBUTE.match(rest, at)
        if attribute is None or attribute[1] in attributes:
            raise Damaged(f"'ATTRIBUTE=value' is expected in the header, once each: {content!r}", path=path, line=line)
        attributes[attribute[1]] = attribute[2]
        at = attribute.end()
    return match["kind"], attributes


def _required(attributes: dict[str, str], name: str, section: str, path: str, line: int) -> str:
    if name not in attributes:
        raise Damaged(f"{section} lacks {name}=", path=path, line=line)
    return attributes[name]


def _number(attributes: dict[str, str], name: str, section: str, path: str, line: int) -> int:
    value = _required(attributes, name, section, path, line)
    if not re.fullmatch(r"[0-9]{1,4}", value):
        raise Damaged(f"{section} {name}={value}: a number is expected", path=path, line=line)
    return int(value)


def _mode(attributes: dict[str, str], modes: list[Mode], path: str, line: int) -> Mode:
    number = _number(attributes, "ID", "POWER_MODEL", path, line)
    name = _required(attributes, "NAME", "POWER_MODEL", path, line)
    for other in modes:
        if other.id == number or other.name == name:
            raise Damaged(
                f"POWER_MODEL ID={number} NAME={name}: line {other.line} has the same id or name", path=path, line=line
            )
    return Mode(id=number, name=name, line=line, lines=())


def _knob(words: list[str], params: dict[str, tuple[str, dict[str, str]]], path: str, line: int) -> None:
    """A mode's line must use a declared PARAM and argument, and a clock's value is a number."""
    param, argument, value = words
    if param not in params:
        raise Damaged(f"{param} is not declared as a PARAM above", path=path, line=line)
    kind, arguments = params[param]
    if argument not in arguments and f"{argument}{_KNEXT}" not in arguments:
        raise Damaged(f"{param} has no argument {argument}", path=path, line=line)
    if kind == "CLOCK" and not _INTEGER.fullmatch(value):
        raise Damaged(f"{param} {argument}: a frequency is expected, not {value!r}", path=path, line=line)
