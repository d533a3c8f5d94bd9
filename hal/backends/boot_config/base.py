"""What the stores have in common: keys and variables, deciding on bytes, one durable write, reading back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hal.backends.boot_config import variables
from hal.backends.bootloader import fatrw
from hal.backends.bootloader.base import perform
from hal.backends.bootloader.lock import locked
from hal.errors import CapabilityAbsent, NotApplied, ValueRefused
from hal.model import (
    BootConfigResult,
    BootSetting,
    BootSettingChange,
    BootWrite,
    Cost,
    KeptLine,
    Outcome,
    WriteKind,
)
from hal.root import Root

_LOCK_SECONDS = 20.0


class Decision(NamedTuple):
    """What a set comes to: the content afterwards, and the settings that differ. Without any, nothing is written."""

    data: bytes
    changes: tuple[BootSettingChange, ...]


class Store:
    """Settings of one file. A subclass reads and edits bytes; here is everything around that.

    Every method may raise `HalError`.
    """

    name: str
    backend: str | None = None
    """The supervisor's backend, where it manages this file on this board; see `variables`."""

    def __init__(self, root: Root, file: str) -> None:
        self.root = root
        self._file = file

    @property
    def file(self) -> str:
        """Its name below the root."""
        return self._file

    # -- of each format ------------------------------------------------------------------------------------------

    def keys(self) -> tuple[str, ...]:
        """The keys that can be set, as a refusal lists them."""
        raise NotImplementedError

    def knows(self, key: str) -> bool:
        """Whether a key is one of this store's, allowed or not."""
        return key in self.keys()

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """What bytes say, those that hold for every board first. Raises `Damaged`."""
        raise NotImplementedError

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """What else is in the bytes."""
        return ()

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """The canonical form of a wanted value. Raises `ValueRefused` for what is not allowed."""
        raise NotImplementedError

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The bytes with these values, checked before, and everything else as it was."""
        raise NotImplementedError

    def note(self, key: str, value: str | None, data: bytes) -> str:
        """What follows from a change, where that is worth a word; `data` is the content afterwards."""
        return ""

    # -- the protocol --------------------------------------------------------------------------------------------

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing must be intact, where every content of the file has a meaning."""
        return ()

    @property
    def writes(self) -> tuple[str, ...]:
        """The file."""
        return (self.file,)

    def absence(self) -> str | None:
        """In use, unless a subclass knows better."""
        return None

    def key_for(self, word: str) -> str | None:
        """A variable of the backend, else a key of this store."""
        if variables.is_variable(word):
            return variables.key_of(self.backend, word)
        return word if self.knows(word) else None

    def items(self) -> tuple[BootSetting, ...]:
        """The settings in the file; none where the firmware does not read it here."""
        return () if self.absence() else self.settings(self.read())

    def kept(self) -> tuple[KeptLine, ...]:
        """The other lines of the file."""
        return () if self.absence() else self.rest(self.read())

    def preview(self, wanted: Mapping[str, str | None]) -> tuple[BootSettingChange, ...]:
        """What `set` would change."""
        return self.decide(self.read(), wanted).changes

    def set(self, wanted: Mapping[str, str | None]) -> BootConfigResult:
        """Decide and write in one turn, so that two writers never mix; then read back."""
        with locked(self.root, timeout_seconds=_LOCK_SECONDS):
            decision = self.decide(self.read(), wanted)
            if decision.changes:
                self.store(decision)
        return result(decision.changes)

    # -- inside --------------------------------------------------------------------------------------------------

    def setting(self, key: str, value: str, *, section: str = "", note: str = "") -> BootSetting:
        """A setting with its variable; what stands under a condition has none."""
        variable = "" if section else variables.name_of(self.backend, key)
        return BootSetting(key=key, value=value, section=section, variable=variable, note=note)

    def values(self, data: bytes) -> dict[str, str]:
        """The settings that hold for every board."""
        return {each.key: each.value for each in self.settings(data) if not each.section}

    def read(self) -> bytes:
        """The file as the firmware sees it: what fatrw left beside it in a power cut does not count. None is empty."""
        return self.root.read_bytes(self.file) if self.root.exists(self.file) else b""

    def wanted(self, wanted: Mapping[str, str | None], data: bytes) -> dict[str, str | None]:
        """Keys and values as this store writes them. Raises for an unknown key, and for two words for one key."""
        asked: dict[str, str | None] = {}
        for word, value in wanted.items():
            key = self.key_for(word)
            if key is None:
                raise ValueRefused(
                    f"{self.name}: {word!r} is no key here; allowed are {', '.join(self.keys())}",
                    path=word,
                    allowed=self.keys(),
                )
            found = self.checked(key, value, data)
            if key in asked and asked[key] != found:
                raise ValueRefused(f"{self.name}: {key} is asked for twice, with different values", path=key)
            asked[key] = found
        return asked

    def decide(self, data: bytes, wanted: Mapping[str, str | None]) -> Decision:
        """What these bytes become. Where every value is as wanted they stay, in whatever spelling they have."""
        reason = self.absence()
        if reason is not None:
            raise CapabilityAbsent(f"{self.name}: {reason}", path=self.name)
        asked = self.wanted(wanted, data)
        before = self.values(data)
        due = {key: value for key, value in asked.items() if before.get(key) != value}
        if not due:
            return Decision(data, ())
        new = self.edited(data, due)
        after = self.values(new)
        for key in dict.fromkeys((*due, *before, *after)):
            wrong = after.get(key) != due[key] if key in due else _bare(after, key) != _bare(before, key)
            if wrong:
                raise ValueRefused(
                    f"{self.name}: {key} would read back as {after.get(key)!r}; nothing was written", path=key
                )
        return Decision(new, tuple(self._changes(before, after, new)))

    def _changes(self, before: dict[str, str], after: dict[str, str], data: bytes) -> Iterable[BootSettingChange]:
        for key in dict.fromkeys((*before, *after)):
            old, new = before.get(key), after.get(key)
            if old != new:
                yield BootSettingChange(key=key, previous=old, value=new, note=self.note(key, new, data))

    def store(self, decision: Decision) -> None:
        """Give up interrupted writes of others, replace the file, and read it back."""
        gone = tuple(
            BootWrite(file=each.name, kind=WriteKind.REMOVE, data=None, step="a write that was interrupted is given up")
            for each in fatrw.journals(self.root, self.file)
        )
        write = BootWrite(file=self.file, kind=WriteKind.REPLACE, data=decision.data, step="the settings are as wanted")
        perform(self.root, (*gone, write))
        if self.read() != decision.data:
            raise NotApplied(f"{self.file}: reads back different from what was written", path=self.file)


def _bare(values: Mapping[str, str], key: str) -> str:
    return values.get(key, "").removesuffix("\r")


def result(changes: tuple[BootSettingChange, ...]) -> BootConfigResult:
    """What a set with these changes answers."""
    return BootConfigResult(
        changes=changes,
        outcome=Outcome.ACCEPTED if changes else Outcome.UNCHANGED,
        cost=Cost.REBOOT if changes else Cost.NONE,
    )


def printable(key: str, value: str, *, longest: int | None = None) -> str:
    """A value that a line of text can hold: printable ASCII without blanks around it. Raises `ValueRefused`."""
    rule = "printable ASCII without blanks around it" + (f", at most {longest} characters" if longest else "")
    if value != value.strip() or not value.isascii() or not (value.isprintable() or not value):
        raise ValueRefused(f"{key}: {value[:120]!r} is not allowed; {rule} is", path=key, allowed=(rule,))
    if longest is not None and len(value) > longest:
        raise ValueRefused(f"{key}: {len(value)} characters are too many; {rule} is allowed", path=key, allowed=(rule,))
    return value
