"""The grammar of NVIDIA's nvfancontrol.conf: fan profiles, their curves, and which one the daemon starts with.

A statement is a keyword with its values on one line, or with a block in braces; statements of a fan stand behind its
`<FAN n>` header, and a closing `</FAN n>` is optional:

    POLLING_INTERVAL 2
    <FAN 1>
        TMARGIN ENABLED
        FAN_PROFILE quiet {
            #TEMP HYST PWM RPM
            0 0 255 6000
        }
        THERMAL_GROUP 0 {
            GROUP_MAX_TEMP 105
        }
        FAN_DEFAULT_PROFILE quiet

A row is TEMP and HYST in °C, PWM 0 to 255, RPM; TEMP ascends. With `TMARGIN ENABLED`, TEMP is the distance *below*
GROUP_MAX_TEMP. FAN_DEFAULT_PROFILE must name a profile of the same fan, or the daemon does not start.
Source: dossier of public sources, the vendor's documentation and files for p3701 and p3767 modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from attrs import frozen

from hal.errors import Damaged
from hal.record import Record
from hal_jetson_orin.stored import lines

_TOKEN = re.compile(r"[{}]|<[^<>\n]*>?|[^\s{}<]+")
_KEYWORD = re.compile(r"[A-Z][A-Z0-9_]*")
_FAN = re.compile(r"<\s*(/?)\s*FAN\s+([0-9]+)\s*>")


@frozen(kw_only=True, repr=False, eq=False)
class Row(Record):
    """One point of a curve, as written: temperature (or margin) and hysteresis in °C, duty 0 to 255, speed."""

    temperature_celsius: int
    hysteresis_celsius: int
    pwm: int
    rpm: int


@frozen(kw_only=True, repr=False, eq=False)
class Profile(Record):
    """A FAN_PROFILE: its name, the line it starts on, and its rows."""

    name: str
    line: int
    rows: tuple[Row, ...]


@frozen(kw_only=True, repr=False, eq=False)
class FanBlock(Record):
    """One fan: its profiles, and where its default profile is written in the text (start and end)."""

    number: int
    profiles: tuple[Profile, ...]
    default: str
    default_at: tuple[int, int]
    margin: bool
    group_max_celsius: int | None

    def absolute(self, profile: Profile) -> tuple[Row, ...]:
        """The curve over absolute temperature, coldest row first; as written where no maximum is known."""
        if not self.margin or self.group_max_celsius is None:
            return profile.rows
        top = self.group_max_celsius
        return tuple(
            Row(
                temperature_celsius=top - row.temperature_celsius,
                hysteresis_celsius=row.hysteresis_celsius,
                pwm=row.pwm,
                rpm=row.rpm,
            )
            for row in reversed(profile.rows)
        )


@frozen(kw_only=True, repr=False, eq=False)
class NvFanControl(Record):
    """A parsed file."""

    path: str
    text: str
    polling_seconds: int | None
    fans: tuple[FanBlock, ...]

    def profile_names(self) -> tuple[str, ...]:
        """The profiles that every fan has, in the order of the first: only these can be chosen for the board."""
        common = set.intersection(*({p.name for p in fan.profiles} for fan in self.fans))
        return tuple(profile.name for profile in self.fans[0].profiles if profile.name in common)

    def with_default(self, name: str) -> str:
        """The text with another default profile for every fan, and no other byte changed."""
        text = self.text
        for start, end in sorted((fan.default_at for fan in self.fans), reverse=True):
            text = f"{text[:start]}{name}{text[end:]}"
        return text


class _Token(NamedTuple):
    text: str
    line: int
    start: int


class _Statement(NamedTuple):
    """A keyword with its values, and the statements of its block where it has one."""

    words: tuple[_Token, ...]
    block: tuple[_Statement, ...] | None = None

    @property
    def keyword(self) -> str:
        return self.words[0].text

    @property
    def line(self) -> int:
        return self.words[0].line


def parse(text: str, path: str) -> NvFanControl:
    """Parse a whole file. Raises `Damaged` with the line of the first thing that is not in the grammar."""
    if "\0" in text:
        raise Damaged("a NUL byte: this is not a text file", path=path, line=text.count("\n", 0, text.index("\0")) + 1)
    statements, _ = _statements(_tokens(text), 0, path, None)
    polling: int | None = None
    fans: list[FanBlock] = []
    inside: list[_Statement] = []
    number: int | None = None
    for statement in statements:
        header = _FAN.fullmatch(statement.keyword)
        if not header and not _KEYWORD.fullmatch(statement.keyword):
            raise Damaged(
                f"'<FAN n>' or a keyword is expected, not {statement.keyword!r}", path=path, line=statement.line
            )
        if header and not header[1]:
            if number is not None:
                fans.append(_fan(number, inside, path))
            number, inside = int(header[2]), [statement]
        elif header:
            if number != int(header[2]):
                raise Damaged(f"{statement.keyword} closes a fan that is not open", path=path, line=statement.line)
            fans.append(_fan(number, inside, path))
            number, inside = None, []
        elif number is not None:
            inside.append(statement)
        elif statement.keyword == "POLLING_INTERVAL":
            polling = _integer(_value(statement, path), path)
    if number is not None:
        fans.append(_fan(number, inside, path))
    if not fans:
        raise Damaged("no '<FAN n>' block: empty or cut off", path=path, line=max(text.count("\n"), 1))
    return NvFanControl(path=path, text=text, polling_seconds=polling, fans=tuple(fans))


def _tokens(text: str) -> list[_Token]:
    tokens = []
    offset = 0
    for number, line in enumerate(lines(text.replace("\ufeff", " ", 1)), start=1):
        content = line.partition("#")[0]
        tokens += [_Token(text=m[0], line=number, start=offset + m.start()) for m in _TOKEN.finditer(content)]
        offset += len(line)
    return tokens


def _statements(tokens: list[_Token], at: int, path: str, opened: _Token | None) -> tuple[tuple[_Statement, ...], int]:
    """The statements from `at` to the end, or to the brace that closes the block opened by `opened`."""
    found: list[_Statement] = []
    while at < len(tokens):
        token = tokens[at]
        if token.text == "}":
            if opened is None:
                raise Damaged("'}' closes nothing", path=path, line=token.line)
            return tuple(found), at + 1
        if token.text == "{":
            raise Damaged("'{' without a keyword", path=path, line=token.line)
        end = at + 1
        while end < len(tokens) and tokens[end].line == token.line and tokens[end].text not in "{}":
            end += 1
        words = tuple(tokens[at:end])
        if end < len(tokens) and tokens[end].text == "{":
            if opened is not None:
                raise Damaged("a block inside a block: a '}' is missing above", path=path, line=tokens[end].line)
            block, at = _statements(tokens, end + 1, path, token)
            found.append(_Statement(words=words, block=block))
        else:
            found.append(_Statement(words=words))
            at = end
    if opened is not None:
        raise Damaged(f"the block of {opened.text} is not closed: cut off", path=path, line=opened.line)
    return tuple(found), at


def _fan(number: int, statements: list[_Statement], path: str) -> FanBlock:
    header, *body = statements
    profiles: list[Profile] = []
    default: _Token | None = None
    margin = False
    group_max: int | None = None
    for statement in body:
        if statement.keyword == "FAN_PROFILE":
            name = _value(statement, path).text
            if name in [profile.name for profile in profiles]:
                raise Damaged(f"a second FAN_PROFILE {name}", path=path, line=statement.line)
            profiles.append(Profile(name=name, line=statement.line, rows=tuple(_rows(statement, path))))
        elif statement.keyword == "FAN_DEFAULT_PROFILE":
            if default is not None:
                raise Damaged("a second FAN_DEFAULT_PROFILE for this fan", path=path, line=statement.line)
            default = _value(statement, path)
        elif statement.keyword == "TMARGIN":
            word = _value(statement, path).text
            if word not in ("ENABLED", "DISABLED"):
                raise Damaged(f"TMARGIN is ENABLED or DISABLED, not {word!r}", path=path, line=statement.line)
            margin = word == "ENABLED"
        elif statement.keyword == "THERMAL_GROUP":
            for inner in statement.block or ():
                if inner.keyword == "GROUP_MAX_TEMP":
                    group_max = _integer(_value(inner, path), path)
    if not profiles:
        raise Damaged(f"FAN {number} has no FAN_PROFILE: cut off", path=path, line=header.line)
    if default is None:
        raise Damaged(f"FAN {number} has no FAN_DEFAULT_PROFILE: cut off", path=path, line=header.line)
    if default.text not in [profile.name for profile in profiles]:
        known = ", ".join(profile.name for profile in profiles)
        raise Damaged(f"FAN_DEFAULT_PROFILE {default.text} is none of {known}", path=path, line=default.line)
    return FanBlock(
        number=number,
        profiles=tuple(profiles),
        default=default.text,
        default_at=(default.start, default.start + len(default.text)),
        margin=margin,
        group_max_celsius=group_max,
    )


def _rows(profile: _Statement, path: str) -> Iterator[Row]:
    """The rows of a curve: four integers a line, temperature ascending, duty within 0 to 255."""
    if not profile.block:
        raise Damaged("a FAN_PROFILE needs a block of rows '{ TEMP HYST PWM RPM … }'", path=path, line=profile.line)
    before: int | None = None
    for statement in profile.block:
        numbers = [_integer(word, path) for word in statement.words]
        if len(numbers) != 4:
            raise Damaged(f"a row is TEMP HYST PWM RPM, not {len(numbers)} values", path=path, line=statement.line)
        temperature, hysteresis, pwm, rpm = numbers
        if not 0 <= pwm <= 255:
            raise Damaged(f"PWM {pwm} is not within 0 to 255", path=path, line=statement.line)
        if before is not None and temperature <= before:
            raise Damaged(f"TEMP {temperature} does not ascend from {before}", path=path, line=statement.line)
        before = temperature
        yield Row(temperature_celsius=temperature, hysteresis_celsius=hysteresis, pwm=pwm, rpm=rpm)


def _value(statement: _Statement, path: str) -> _Token:
    if len(statement.words) != 2:
        raise Damaged(f"{statement.keyword} takes one value", path=path, line=statement.line)
    return statement.words[1]


def _integer(token: _Token, path: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", token.text):
        raise Damaged(f"a number is expected, not {token.text!r}", path=path, line=token.line)
    return int(token.text)
