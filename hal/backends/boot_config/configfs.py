"""`configfs.json` of UP boards: the ACPI tables (SSDT) that the supervisor loads through configfs when it starts.

A JSON object with a list of names; a table is the file `boot/acpi-tables/NAME.aml` of the root file system. Other keys
of the object stay.

Source: balena-supervisor 19.0.5 (config-fs.ts).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from hal.backends.boot_config import variables
from hal.backends.boot_config.base import Store
from hal.errors import Damaged, ValueRefused
from hal.json_file import parse_object
from hal.model import BootSetting, Keeping, KeptLine

KEY = "ssdt"
TABLES = "boot/acpi-tables"
_END = ".aml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class ConfigFs(Store):
    """One key, `ssdt`, with several values."""

    name = "configfs.json"
    backend = variables.CONFIGFS

    def keys(self) -> tuple[str, ...]:
        """One."""
        return (KEY,)

    @property
    def reads(self) -> tuple[str, ...]:
        """It must be one JSON object. A missing file is an empty one."""
        return (self.file,)

    def read(self) -> bytes:
        """A missing file is an empty object; an empty file is damage."""
        return self.root.read_bytes(self.file) if self.root.exists(self.file) else b"{}"

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """The tables, in order."""
        names = self._tables(self._object(data))
        return (self.setting(KEY, variables.listed(names)),) if names else ()

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """The other keys of the object."""
        others = {key: value for key, value in self._object(data).items() if key != KEY}
        return tuple(
            KeptLine(line=1, text=json.dumps({key: value}), why=Keeping.UNKNOWN) for key, value in others.items()
        )

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """Names of tables that this OS has, where it can be looked up."""
        if value is None:
            return None
        found = [each.strip() for each in variables.elements(value, key=key)]
        present = [each.removesuffix(_END) for each in self.root.listdir(TABLES) if each.endswith(_END)]
        for name in found:
            if not _NAME.fullmatch(name):
                raise ValueRefused(
                    f"{KEY}: {name[:80]!r} is no name of a table; letters, digits and . _ + - are allowed",
                    path=KEY,
                    allowed=tuple(present) or ('"NAME","NAME"',),
                )
            if present and name not in present:
                raise ValueRefused(
                    f"{KEY}: {TABLES}/{name}{_END} does not exist; there are {', '.join(present)}",
                    path=KEY,
                    allowed=tuple(present),
                )
        if len(set(found)) != len(found):
            raise ValueRefused(f"{KEY}: {value!r} names a table twice", path=KEY, allowed=tuple(present))
        return variables.listed(found) if found else None

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The object written as the supervisor writes it, so that it has nothing to reformat."""
        found = self._object(data)
        value = wanted.get(KEY)
        if value is None:
            found.pop(KEY, None)
        else:
            found[KEY] = list(variables.elements(value, key=KEY))
        return json.dumps(found, separators=(",", ":")).encode()

    def note(self, key: str, value: str | None, data: bytes) -> str:
        """Where nothing could be looked up."""
        if value is None or any(each.endswith(_END) for each in self.root.listdir(TABLES)):
            return ""
        return f"{TABLES} holds no tables, so the names were not checked"

    def _object(self, data: bytes) -> dict[str, Any]:
        return parse_object(data, self.file)

    def _tables(self, found: dict[str, Any]) -> list[str]:
        names = found.get(KEY, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Damaged(f"{KEY} is no list of names", path=self.file)
        return names
