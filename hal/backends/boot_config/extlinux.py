"""`extlinux.conf` in the boot partition, where Jetsons had it before balenaOS 2.47.0: FDT and `isolcpus` of one label.

The label that DEFAULT names is edited. Indentation, comments and every other directive stay. From 2.47.0 on the file is
in the root file system, which is read-only, and `extra_uEnv.txt` takes its place.

Sources: balena-supervisor 19.0.5 (extlinux.ts, extlinux-file.ts), balena-jetson (u-boot-tegra patches).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hal.backends.boot_config import variables
from hal.backends.boot_config.arguments import ISOLCPUS, cpus, device_tree, replaced, value_of
from hal.backends.boot_config.base import Store
from hal.backends.boot_config.os_version import reads_extra_uenv
from hal.backends.boot_config.text import cut, plain, shown
from hal.errors import Damaged, ValueRefused
from hal.model import BootSetting, Keeping, KeptLine

_LINE = re.compile(rb"([ \t]*)([A-Za-z]+)([ \t]+|$)(.*?)([ \t]*)", re.DOTALL)


class Directive(NamedTuple):
    """A line with a directive: where it is, its parts, and whether it is the label's that boots."""

    start: int
    end: int
    indent: bytes
    name: str
    gap: bytes
    value: bytes
    chosen: bool


class Extlinux(Store):
    """`fdt` and `isolcpus`, as in `extra_uEnv.txt`."""

    name = "extlinux.conf"
    backend = variables.EXTLINUX

    def keys(self) -> tuple[str, ...]:
        """Two."""
        return ("fdt", ISOLCPUS)

    @property
    def reads(self) -> tuple[str, ...]:
        """It must name a label that it has."""
        return (self.file,)

    def absence(self) -> str | None:
        """Before 2.47.0 only, and only where the file is."""
        moved = reads_extra_uenv(self.root)
        if moved is None:
            return "the version of the OS is not known, and from 2.47.0 on nothing reads this file"
        if moved:
            return "from OS 2.47.0 on nothing reads this file"
        return None if self.root.exists(self.file) else f"{self.file} does not exist"

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """What the chosen label says."""
        found = []
        for each in directives(data, path=self.file):
            if each.chosen and each.name == "FDT":
                found.append(self.setting("fdt", shown(each.value)))
            elif each.chosen and each.name == "APPEND":
                value = value_of(shown(each.value).split(), ISOLCPUS)
                if value is not None:
                    found.append(self.setting(ISOLCPUS, value))
        return tuple({each.key: each for each in found}.values())

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """Every line that is not FDT or APPEND of the label."""
        found = directives(data, path=self.file)
        known = {each.start for each in found}
        edited = {each.start for each in found if each.chosen and each.name in ("FDT", "APPEND")}
        lines = []
        for number, (start, _, text) in enumerate(_cut(data), start=1):
            if text.strip() and start not in edited:
                comment = text.lstrip().startswith(b"#")
                why = Keeping.COMMENT if comment else Keeping.RESERVED if start in known else Keeping.UNKNOWN
                lines.append(KeptLine(line=number, text=shown(text), why=why))
        return tuple(lines)

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """Numbers of CPUs, or the name of a device tree."""
        if value is None:
            return None
        return cpus(value) if key == ISOLCPUS else device_tree(key, value)

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """FDT replaced or put behind the label's last line; `isolcpus` among the arguments of APPEND."""
        for key, value in wanted.items():
            data = self._with(data, "FDT" if key == "fdt" else "APPEND", value)
        return data

    def _with(self, data: bytes, name: str, value: str | None) -> bytes:
        chosen = [each for each in directives(data, path=self.file) if each.chosen]
        same = [each for each in chosen if each.name == name]
        if name == "APPEND":
            words = shown(same[-1].value).split(" ") if same else []
            if same and not plain(same[-1].value):
                raise ValueRefused(f"{self.file}: APPEND is no ASCII text, so it is not edited", path=ISOLCPUS)
            line = " ".join(replaced(words, ISOLCPUS, value))
        else:
            line = value or ""
        if same:
            last = same[-1]
            data = _without(data, same[:-1] if line else same)
            shift = sum(each.end - each.start for each in same[:-1])
            if not line:
                return data
            head = data[last.start - shift : last.end - shift]
            body = head.rstrip(b"\r\n")
            new = last.indent + body[len(last.indent) :][: len(name)] + (last.gap or b" ") + line.encode()
            return data[: last.start - shift] + new + head[len(body) :] + data[last.end - shift :]
        if not line:
            return data
        last = chosen[-1]
        head = data[last.start : last.end]
        end = head[len(head.rstrip(b"\r\n")) :]
        added = last.indent + name.encode() + b" " + line.encode()
        if last.name == "LABEL":
            added = name.encode() + b" " + line.encode()
        if end:
            return data[: last.end] + added + end + data[last.end :]
        newline = b"\r\n" if b"\r\n" in data else b"\n"
        return data[: last.end] + newline + added


def directives(data: bytes, *, path: str) -> tuple[Directive, ...]:
    """The directives in order; `chosen` are those of the label that DEFAULT names, its own line included.

    Raises `Damaged` where there is no DEFAULT, or no such label.
    """
    found: list[tuple[int, int, bytes, str, bytes, bytes, bytes | None]] = []
    label: bytes | None = None
    default: bytes | None = None
    for start, end, text in _cut(data):
        match = _LINE.fullmatch(text)
        if match is None:
            continue
        name, value = match[2].decode().upper(), match[4]
        if name == "LABEL":
            label = value
        elif name == "DEFAULT" and label is None:
            default = value
        found.append((start, end, match[1], name, match[3], value, label))
    if default is None:
        raise Damaged("no DEFAULT, so it is not known which label boots", path=path, line=1)
    if not any(each[6] == default for each in found):
        raise Damaged(f"DEFAULT names {shown(default)!r}, and there is no such label", path=path, line=1)
    return tuple(Directive(*each[:6], chosen=each[6] == default) for each in found)


def _cut(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each line starts and ends, and its text without its end."""
    at = 0
    for text, end in cut(data):
        yield at, at + len(text) + len(end), text
        at += len(text) + len(end)


def _without(data: bytes, lines: list[Directive]) -> bytes:
    for each in reversed(lines):
        data = data[: each.start] + data[each.end :]
    return data
