"""`config.txt` of the Raspberry Pi: every key but those the OS depends on; overlays checked against those there are.

Only what holds for every board is set. Lines under a condition are shown, and stay.

Sources: Raspberry Pi documentation (config.txt), balena-supervisor 19.0.5 (config-txt.ts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hal.backends.boot_config import overlays, variables
from hal.backends.boot_config.base import Store, printable
from hal.backends.boot_config.config_edit import with_values
from hal.backends.boot_config.config_lines import ARRAYS, LONGEST, Content, Kind, parse
from hal.backends.boot_config.text import shown
from hal.errors import ValueRefused
from hal.model import BootSetting, Keeping, KeptLine
from hal.root import Root

FORBIDDEN = (
    "disable_commandline_tags",
    "cmdline",
    "kernel",
    "kernel_address",
    "kernel_old",
    "ramfsfile",
    "ramfsaddr",
    "initramfs",
    "device_tree_address",
    "init_emmc_clock",
    "avoid_safe_mode",
)
"""Keys that decide whether the OS boots at all."""

OTHERS = "any other key of letters, digits and _"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?::[0-9]+)?")
_OVERLAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class ConfigTxt(Store):
    """`platform` is the name of the board's chip in the map of overlays, `None` where it is not known.

    `required` are overlays that a board needs: they are added wherever `dtoverlay` is set or removed.
    """

    name = "config.txt"
    backend = variables.CONFIG_TXT

    def __init__(self, root: Root, file: str, *, platform: str | None = None, required: tuple[str, ...] = ()) -> None:
        super().__init__(root, file)
        self.platform = platform
        self.required = required

    def keys(self) -> tuple[str, ...]:
        """Those that may stand several times, and whatever else the firmware has."""
        return (*ARRAYS, OTHERS)

    def knows(self, key: str) -> bool:
        """Any word that can be a key. Forbidden ones too: they are refused by name."""
        return _KEY.fullmatch(key) is not None

    # -- reading -------------------------------------------------------------------------------------------------

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """The settings for every board in file order, then those under conditions."""
        content = parse(data)
        return tuple(sorted(self._settings(content), key=lambda each: bool(each.section)))

    def _settings(self, content: Content) -> Iterator[BootSetting]:
        seen: set[tuple[str, str]] = set()
        for number, line in enumerate(content.lines):
            if line.kind is not Kind.SETTING or _reserved(line.key):
                continue
            if line.key == "dtparam":
                yield from self._foreign(content, number)
            if (line.key, line.section) in seen:
                continue
            seen.add((line.key, line.section))
            same = [each for _, each in content.settings(line.key, line.section)]
            note = "; ".join(
                f"the firmware reads {LONGEST} of {len(each.text)} characters"
                for each in same
                if len(each.text) > LONGEST
            )
            if line.key not in ARRAYS:
                yield self.setting(line.key, same[-1].value, section=line.section, note=note)
            elif found := content.array(line.key, line.section):
                yield self.setting(line.key, variables.listed(found), section=line.section, note=note)

    def _foreign(self, content: Content, number: int) -> Iterator[BootSetting]:
        """Parameters of an overlay under other conditions than their own."""
        for each in content.parameters:
            if each.line == number and each.overlay:
                note = f"of dtoverlay={each.overlay}, which stands under other conditions"
                yield self.setting("dtparam", variables.listed((each.value,)), section=each.section, note=note)

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """Comments, conditions, reserved keys, and what is no setting."""
        return tuple(self._rest(parse(data)))

    def _rest(self, content: Content) -> Iterator[KeptLine]:
        for number, line in enumerate(content.lines, start=1):
            text = shown(line.text)
            if line.kind is Kind.COMMENT:
                yield KeptLine(line=number, text=text, why=Keeping.COMMENT)
            elif line.kind is Kind.CONDITION:
                yield KeptLine(line=number, text=text, why=Keeping.CONDITION)
            elif line.kind is Kind.SETTING and _reserved(line.key):
                yield KeptLine(line=number, text=text, why=Keeping.RESERVED, note=_reason(line.key))
            elif line.kind is Kind.SETTING and line.key == "dtoverlay" and not line.value:
                yield KeptLine(line=number, text=text, why=Keeping.CONDITION, note="ends the overlay before it")
            elif line.kind is Kind.OTHER:
                reserved = line.text.split()[:1] == [b"initramfs"]
                yield KeptLine(line=number, text=text, why=Keeping.RESERVED if reserved else Keeping.UNKNOWN)

    # -- changing ------------------------------------------------------------------------------------------------

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """The canonical text: several values in the supervisor's form, parameters one by one."""
        if _reserved(key):
            raise ValueRefused(
                f"config.txt: {key} is not changed here: {_reason(key)}; "
                f"not allowed are {', '.join(FORBIDDEN)}, allowed is {OTHERS}",
                path=key,
                allowed=self.keys(),
            )
        if key not in ARRAYS:
            return value if value is None else printable(key, value, longest=LONGEST - len(key) - 1)
        found = [] if value is None else self._elements(key, value)
        if key == "dtoverlay":
            names = [each.partition(",")[0] for each in found]
            found += [each for each in self.required if each not in names]
            old = parse(data).array(key)
            for each in found:
                if each not in old:
                    overlays.choose(self.root, self._folder, each.partition(",")[0], self.platform)
        return variables.listed(found) if found else None

    def _elements(self, key: str, value: str) -> list[str]:
        found = [printable(key, each) for each in variables.elements(value, key=key)]
        if key == "dtparam":
            found = [word for each in found for word in each.split(",")]
        for each in found:
            words = each.split(",") if key in ("dtparam", "dtoverlay") else [each]
            if not all(words) or any(word != word.strip() for word in words):
                raise ValueRefused(
                    f"{key}: {value!r} holds an empty value; unset {key} to remove it",
                    path=key,
                    allowed=('"VALUE","VALUE"',),
                )
            if key == "dtoverlay" and not _OVERLAY.fullmatch(words[0]):
                raise ValueRefused(
                    f"dtoverlay: {words[0]!r} is no name of an overlay", path=key, allowed=("NAME[,PARAMETER…]",)
                )
        return found

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The lines of these keys, all others as they were."""
        return with_values(
            data,
            {
                key: variables.elements(value, key=key) if key in ARRAYS and value is not None else value
                for key, value in wanted.items()
            },
        )

    def note(self, key: str, value: str | None, data: bytes) -> str:
        """Which file an overlay is on this board, and where a condition has the last word."""
        notes = []
        if key == "dtoverlay" and value is not None:
            for each in variables.elements(value, key=key):
                try:
                    choice = overlays.choose(self.root, self._folder, each.partition(",")[0], self.platform)
                except ValueRefused as error:  # it was there before, and stays
                    choice = overlays.Choice(None, error.message)
                notes.append(choice.note)
        if key not in ARRAYS:
            others = dict.fromkeys(e.section for e in self.settings(data) if e.key == key and e.section)
            notes += [f"{section} sets it too, and counts on the boards it fits" for section in others]
        return "; ".join(dict.fromkeys(note for note in notes if note))

    @property
    def _folder(self) -> str:
        return f"{self.file.rpartition('/')[0]}/overlays"


def _reserved(key: str) -> bool:
    return key in FORBIDDEN or key in variables.ELSEWHERE


def _reason(key: str) -> str:
    return variables.ELSEWHERE.get(key, "the OS or its bootloader depends on it")
