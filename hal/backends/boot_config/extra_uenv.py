"""`extra_uEnv.txt` in the boot partition: a device tree and kernel arguments of the user, for U-Boot and L4TLauncher.

The keys are the supervisor's, `fdt` (the line `custom_fdt_file`) and `isolcpus`; all other kernel arguments are one
key, `extra_os_cmdline`. L4TLauncher reads overlays too, and finds a name anywhere in a line, behind a `#` as well. So
there a comment that holds a name is a setting to it, and that name is not changed here before the comment is gone.

Sources: balena-supervisor 19.0.5 (extra-uEnv.ts), meta-balena (env_resin.h), balena-jetson-orin (L4TLauncher patches).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from hal.backends.boot_config import uboot_text, variables
from hal.backends.boot_config.arguments import ISOLCPUS, command_line, cpus, device_tree, replaced, value_of
from hal.backends.boot_config.base import Store, printable
from hal.backends.boot_config.os_version import reads_extra_uenv
from hal.backends.boot_config.text import shown
from hal.errors import ValueRefused
from hal.model import BootSetting, Keeping, KeptLine
from hal.record import Record
from hal.root import Root

TREE, COMMAND_LINE, OVERLAYS = "custom_fdt_file", "extra_os_cmdline", "overlay_files"
RESERVED = ("extra_os_firmware_class_path", "resin_flasher_skip", "resin_root_part", "upgrade_available", "bootcount")
"""Names that the OS sets itself, or that would change which slot boots."""

_PATHS = re.compile(r"/[A-Za-z0-9._+/-]+(?:,/[A-Za-z0-9._+/-]+)*")


@frozen(kw_only=True, repr=False, eq=False)
class Reader(Record):
    """Who reads the file on a device type: its keys, its limits in characters, how it finds a name.

    `anywhere` is whether a name counts wherever it stands in a line.
    """

    keys: tuple[str, ...]
    longest_line: int | None = None
    longest_arguments: int | None = None
    anywhere: bool = False


U_BOOT = Reader(keys=("fdt", ISOLCPUS, COMMAND_LINE))
"""With a device tree of the user's choice: Jetson TX2 and Nano."""
U_BOOT_ARGUMENTS = Reader(keys=(ISOLCPUS, COMMAND_LINE))
"""Any other U-Boot of balenaOS."""
L4T_LAUNCHER = Reader(
    keys=("fdt", ISOLCPUS, COMMAND_LINE, OVERLAYS), longest_line=511, longest_arguments=255, anywhere=True
)
"""Orin. Its buffers have 512 and 256 bytes, and whether the last one is usable is not known."""


class ExtraUEnv(Store):
    """`managed` is whether the supervisor manages the file on this device type."""

    name = "extra_uEnv.txt"

    def __init__(self, root: Root, file: str, reader: Reader, *, managed: bool = True) -> None:
        super().__init__(root, file)
        self.reader = reader
        self.backend = variables.EXTLINUX if managed else None

    def keys(self) -> tuple[str, ...]:
        """Those that the reader knows."""
        return self.reader.keys

    def key_for(self, word: str) -> str | None:
        """Also the name of the line, where a key is called otherwise."""
        return super().key_for("fdt" if word == TREE else word)

    def absence(self) -> str | None:
        """From 2.47.0 on, where the supervisor manages it; an unknown version is no old one."""
        if self.backend is not None and reads_extra_uenv(self.root) is False:
            return "before OS 2.47.0 nothing reads this file"
        return None

    # -- reading -------------------------------------------------------------------------------------------------

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """What the lines say to U-Boot."""
        found = []
        for name, value in uboot_text.values(data).items():
            text = value.removesuffix("\r")
            note = "its line ends with CR LF, and U-Boot takes the CR into the value" if text != value else ""
            text = shown(text.encode(errors="surrogateescape"))
            if name == TREE and "fdt" in self.reader.keys:
                found.append(self.setting("fdt", text, note=self._doubt(data, TREE, note)))
            elif name == OVERLAYS and OVERLAYS in self.reader.keys:
                found.append(self.setting(OVERLAYS, text, note=self._doubt(data, OVERLAYS, note)))
            elif name == COMMAND_LINE:
                words = text.split()
                cpu = value_of(words, ISOLCPUS)
                others = replaced(words, ISOLCPUS, None)
                if others:
                    found.append(self.setting(COMMAND_LINE, " ".join(others), note=self._doubt(data, name, note)))
                if cpu is not None:
                    found.append(self.setting(ISOLCPUS, cpu, note=self._doubt(data, name, note)))
        return tuple(found)

    def values(self, data: bytes) -> dict[str, str]:
        """With the CR that U-Boot takes into a value, so that setting the value mends it."""
        held = uboot_text.values(data)
        lines = {"fdt": TREE, ISOLCPUS: COMMAND_LINE}
        return {
            key: value + "\r" * held[lines.get(key, key)].endswith("\r") for key, value in super().values(data).items()
        }

    def _doubt(self, data: bytes, name: str, note: str) -> str:
        lines = self._mentions(data, name)
        if not lines:
            return note
        return f"line {lines[0]} holds this name too, and which one L4TLauncher takes is not known"

    def _mentions(self, data: bytes, name: str) -> list[int]:
        """Lines where a reader that looks anywhere would find a name, besides the ones that set it."""
        if not self.reader.anywhere:
            return []
        return [number for number, text, _ in uboot_text.others(data, (name,)) if name.encode() in text]

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """Comments, names that are reserved or unknown, and what is behind the end of the import."""
        ours = {COMMAND_LINE, *((TREE,) if "fdt" in self.reader.keys else ()), *self.reader.keys}
        found = []
        for number, text, line in uboot_text.others(data, ours):
            why = Keeping.UNKNOWN
            if line is not None and line.name is None:
                why = Keeping.COMMENT
            elif line is not None and line.name in RESERVED:
                why = Keeping.RESERVED
            found.append(KeptLine(line=number, text=shown(text), why=why, note=self._found_here(data, number)))
        return tuple(found)

    def _found_here(self, data: bytes, number: int) -> str:
        names = [name for name in (TREE, COMMAND_LINE, OVERLAYS) if number in self._mentions(data, name)]
        return f"L4TLauncher reads {' and '.join(names)} here" if names else ""

    # -- changing ------------------------------------------------------------------------------------------------

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """By the kind of the key; and no comment may hold its name where that would count."""
        name = {"fdt": TREE, ISOLCPUS: COMMAND_LINE}.get(key, key)
        lines = self._mentions(data, name)
        if lines:
            raise ValueRefused(
                f"{self.file}: line {lines[0]} holds {name} too, and L4TLauncher reads it wherever it stands; "
                f"remove that line first",
                path=key,
                allowed=(f"{name} in no other line",),
            )
        if value is None:
            return None
        if key == "fdt":
            return device_tree(key, value)
        if key == ISOLCPUS:
            return cpus(value)
        if key == OVERLAYS:
            if not _PATHS.fullmatch(value) or ".." in value:
                raise ValueRefused(
                    f"{key}: {value[:80]!r} is no list of files; full paths with commas between are allowed",
                    path=key,
                    allowed=("/PATH.dtbo[,/PATH.dtbo…]",),
                )
            return value
        value = command_line(key, printable(key, value))
        if value_of(value.split(), ISOLCPUS) is not None:
            raise ValueRefused(f"{key}: {ISOLCPUS} is a key of its own; set it there", path=key, allowed=(ISOLCPUS,))
        return value

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The lines of these keys; arguments of one line are joined, and none of the others is lost."""
        lines: dict[str, str | None] = {}
        if "fdt" in wanted:
            lines[TREE] = wanted["fdt"]
        if OVERLAYS in wanted:
            lines[OVERLAYS] = wanted[OVERLAYS]
        if ISOLCPUS in wanted or COMMAND_LINE in wanted:
            words = uboot_text.values(data).get(COMMAND_LINE, "").removesuffix("\r").split()
            if COMMAND_LINE in wanted:
                mine = [word for word in words if word.partition("=")[0] == ISOLCPUS]
                words = [*(wanted[COMMAND_LINE] or "").split(), *mine]
            if ISOLCPUS in wanted:
                words = replaced(words, ISOLCPUS, wanted[ISOLCPUS])
            lines[COMMAND_LINE] = self._fitting(COMMAND_LINE, " ".join(words)) if words else None
        for name, value in lines.items():
            if value is not None and self.reader.longest_line and len(name) + 1 + len(value) > self.reader.longest_line:
                raise ValueRefused(
                    f"{self.file}: {name} would have a line of more than {self.reader.longest_line} characters",
                    path=name,
                    allowed=(f"at most {self.reader.longest_line - len(name) - 1} characters",),
                )
        return uboot_text.with_values(data, lines)

    def _fitting(self, key: str, value: str) -> str:
        """What others wrote is written again, so it must be what a line can hold; the reader's room is for all."""
        if not value.isascii() or not value.isprintable() or "\\" in value:
            raise ValueRefused(f"{self.file}: {key} holds what cannot be written again: {value[:120]!r}", path=key)
        longest = self.reader.longest_arguments
        if longest is not None and len(value) > longest:
            raise ValueRefused(
                f"{self.file}: {key} would have {len(value)} characters, and the bootloader has room for {longest}",
                path=key,
                allowed=(f"at most {longest} characters",),
            )
        return value
