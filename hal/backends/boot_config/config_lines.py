"""The text of config.txt: its lines, and what they mean.

A line is `key=value`, a condition in brackets that holds until the next one of its kind or `[all]`, a comment that
starts with `#`, or something else (`include`, `initramfs`). Of two lines with one key the later counts, but for five
keys that may stand several times. `dtparam` means the overlay before it, or the base device tree where there is none
or `dtoverlay=` closed it; names of the base device tree always mean that. One line takes several parameters.

What an included file holds is not looked at: it is taken to leave conditions and overlays as they are.

So `dtoverlay=name,a,b` and `dtoverlay=name` with `dtparam=a` and `dtparam=b` behind it are equal, and read the same.

Sources: Raspberry Pi documentation (config.txt, conditional filters), balena-supervisor 19.0.5 (config-txt.ts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from hal.backends.boot_config.text import cut

ARRAYS = ("dtparam", "dtoverlay", "device_tree_param", "device_tree_overlay", "gpio")
"""Keys that may stand several times."""

BASE = frozenset(("audio", "spi", "i2c", "i2c_arm", "i2c_vc", "i2c_baudrate", "i2c_arm_baudrate", "i2c_vc_baudrate"))
"""Parameters that mean the base device tree wherever they stand."""

LONGEST = 98
"""Characters of a line that the firmware reads; it ignores the rest."""

_SETTING = re.compile(rb"[ \t]*([A-Za-z][A-Za-z0-9_]*(?::[0-9]+)?)=([\t -~]*)")
_CONDITION = re.compile(r"[ \t]*\[([^\]]*)\]")


class Kind(Enum):
    """What a line is."""

    BLANK = "blank"
    COMMENT = "comment"
    CONDITION = "condition"
    SETTING = "setting"
    OTHER = "other"


class Line(NamedTuple):
    """A line: its bytes, its end (LF, CR LF or none), the conditions it stands under, and key and value of a setting.

    `value` has no blanks around it.
    """

    text: bytes
    end: bytes
    kind: Kind
    section: str = ""
    key: str = ""
    value: str = ""


class Parameter(NamedTuple):
    """A `dtparam` that is not part of a listed overlay: of the base tree, or of an overlay under other conditions."""

    value: str
    line: int
    place: int
    section: str
    overlay: str


class Overlay(NamedTuple):
    """A `dtoverlay` and the parameters that are its own; `places` are those of the `dtparam` lines behind it."""

    name: str
    section: str
    line: int
    parameters: list[str]
    places: list[tuple[int, int]]

    @property
    def value(self) -> str:
        """As one text."""
        return ",".join((self.name, *self.parameters))


class Content(NamedTuple):
    """What the lines mean."""

    lines: tuple[Line, ...]
    parameters: tuple[Parameter, ...]
    overlays: tuple[Overlay, ...]

    def array(self, key: str, section: str = "") -> list[str]:
        """The values of a key that may stand several times."""
        if key == "dtparam":
            return [each.value for each in self.parameters if (each.section, each.overlay) == (section, "")]
        if key == "dtoverlay":
            return [each.value for each in self.overlays if each.section == section]
        return [line.value for _, line in self.settings(key, section)]

    def settings(self, key: str, section: str = "") -> Iterator[tuple[int, Line]]:
        """The lines of a key."""
        for number, line in enumerate(self.lines):
            if line.kind is Kind.SETTING and (line.key, line.section) == (key, section):
                yield number, line

    def meaning(self, edited: str) -> tuple[object, ...]:
        """Everything but the values that `edited` has for every board: what an edit of it must leave as it is."""
        scalars = {
            (line.section, line.key): line.value
            for line in self.lines
            if line.kind is Kind.SETTING and line.key not in ARRAYS and (line.key, line.section) != (edited, "")
        }
        several = [
            (line.section, line.key, line.value)
            for line in self.lines
            if line.kind is Kind.SETTING
            and line.key in ARRAYS
            and line.key not in ("dtparam", "dtoverlay")
            and (line.key, line.section) != (edited, "")
        ]
        parameters = [
            (each.value, each.section, each.overlay)
            for each in self.parameters
            if edited != "dtparam" or (each.section, each.overlay) != ("", "")
        ]
        overlays = [(each.section, each.value) for each in self.overlays if edited != "dtoverlay" or each.section]
        others = [(line.section, line.text) for line in self.lines if line.kind not in (Kind.BLANK, Kind.SETTING)]
        return scalars, several, parameters, overlays, others


# -- reading ---------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Content:
    """What bytes mean. There is nothing that it refuses; `join` of its lines is the same bytes."""
    lines = tuple(_lines(data))
    parameters: list[Parameter] = []
    overlays: list[Overlay] = []
    current: Overlay | None = None
    for number, line in enumerate(lines):
        if line.kind is Kind.OTHER and line.text.lstrip().startswith(b"dtoverlay="):
            # Odd bytes: it is not listed, but takes effect.
            current = Overlay(_shown_name(line.text), "[?]", number, [], [])
        if line.kind is not Kind.SETTING:
            continue
        if line.key == "dtoverlay":
            name, *own = [word for word in line.value.split(",") if word] or [""]
            current = Overlay(name, line.section, number, own, []) if name else None
            if current is not None:
                overlays.append(current)
        elif line.key == "dtparam":
            for place, value in enumerate(line.value.split(",")):
                if not value:
                    continue
                if current is None or value.partition("=")[0] in BASE:
                    parameters.append(Parameter(value, number, place, line.section, ""))
                elif current.section == line.section:
                    current.parameters.append(value)
                    current.places.append((number, place))
                else:
                    section = line.section or current.section
                    parameters.append(Parameter(value, number, place, section, current.name))
    return Content(lines, tuple(parameters), tuple(overlays))


def join(lines: Iterable[Line]) -> bytes:
    """The bytes of lines."""
    return b"".join(line.text + line.end for line in lines)


def _shown_name(text: bytes) -> str:
    """The name of an overlay in a line that has odd bytes."""
    return text.partition(b"=")[2].partition(b",")[0].decode("ascii", "backslashreplace") or "?"


def _lines(data: bytes) -> Iterator[Line]:
    conditions: dict[str, str] = {}
    for text, end in cut(data):
        section = "".join(conditions.values())
        bare = text.strip(b" \t")
        if not bare:
            yield Line(text, end, Kind.BLANK, section)
        elif bare.startswith(b"#"):
            yield Line(text, end, Kind.COMMENT, section)
        elif bare.startswith(b"["):
            match = _CONDITION.match(text.decode("latin-1"))
            if match is not None and match[1] == "all":
                conditions.clear()
            else:
                written = f"[{match[1]}]" if match else bare.decode("latin-1")
                kind = _kind_of(written[1:-1] if match else written)
                conditions.pop(kind, None)
                conditions[kind] = written
            yield Line(text, end, Kind.CONDITION, section)
        elif (setting := _SETTING.fullmatch(text)) is not None:
            key, value = setting[1].decode("ascii"), setting[2].decode("ascii").strip()
            yield Line(text, end, Kind.SETTING, section, key, value)
        else:
            yield Line(text, end, Kind.OTHER, section)


def _kind_of(condition: str) -> str:
    """Conditions of one kind replace each other, others add up."""
    if re.fullmatch(r"(?:pi|cm)[0-9a-z+]*", condition) or condition.startswith("board-type="):
        return "model"
    if condition.startswith("0x"):
        return "serial"
    return re.split(r"[=:]", condition, maxsplit=1)[0]
