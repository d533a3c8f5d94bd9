"""`grub_extraenv`: kernel arguments of the user, in an environment block that GRUB also runs as a script.

The classic `grub.cfg` of balenaOS sources the block, so a value with blanks stands in quotes; the one rendered here
reads it as a block and takes quotes off. Nothing that means anything to a shell is written. With disk encryption GRUB
does not read the file.

Sources: meta-balena (grub.cfg_internal_template, os-helpers-bootloader-config).
"""

from __future__ import annotations

from collections.abc import Mapping

from hal.backends.boot_config.arguments import command_line
from hal.backends.boot_config.base import Store
from hal.backends.boot_config.text import shown
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.grub import GrubBootloader
from hal.errors import Damaged, FileFault, ValueRefused
from hal.model import BootSetting, DeviceType, Keeping, KeptLine
from hal.root import Root

KEY = "extra_os_cmdline"
RESERVED = ("extra_os_firmware_class_path",)
"""What the OS sets itself."""


class GrubExtraEnv(Store):
    """One key, `extra_os_cmdline`. The file lies beside `grubenv`, wherever GRUB has that on this device."""

    name = "grub_extraenv"

    def __init__(self, device_type: DeviceType, root: Root) -> None:
        super().__init__(root, "")
        self._grub = GrubBootloader(device_type, root)

    @property
    def file(self) -> str:
        """Beside `grubenv`; found out when it is asked for, because a hook reads nothing."""
        return f"{self._grub.folder}/grub_extraenv"

    def keys(self) -> tuple[str, ...]:
        """One."""
        return (KEY,)

    @property
    def reads(self) -> tuple[str, ...]:
        """It must be an environment block, where it is there."""
        return (self.file,)

    def absence(self) -> str | None:
        """With an encrypted disk."""
        if self._grub.encrypted:
            return "GRUB does not read it where the disk is encrypted"
        if not self.root.is_dir(self._grub.folder):
            return f"{self._grub.folder} does not exist"
        return None

    def read(self) -> bytes:
        """A missing file is an empty block; an empty file is damage."""
        if self.root.exists(self.file):
            return self.root.read_bytes(self.file)
        if not self.root.is_dir(self._grub.folder):
            raise FileFault(f"{self._grub.folder}: no such folder", path=self._grub.folder)
        return EnvBlock.new({}, path=self.file).data

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """The last record of the name counts: GRUB runs one line after the other."""
        found = [value for name, value in EnvBlock(data, path=self.file).records() if name == KEY]
        return (self.setting(KEY, _bare(found[-1])),) if found and found[-1] else ()

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """The other records; each is told with the number of its record."""
        found = []
        for number, (name, value) in enumerate(EnvBlock(data, path=self.file).records(), start=1):
            if name != KEY:
                text = shown(f"{name}={value}".encode(errors="surrogateescape"))
                why = Keeping.RESERVED if name in RESERVED else Keeping.UNKNOWN
                found.append(KeptLine(line=number, text=text, why=why))
        return tuple(found)

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """Arguments without anything that a shell would take apart."""
        return None if value is None else command_line(key, value)

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The record in its place, the block as long as it was."""
        block = EnvBlock(data, path=self.file)
        value = wanted[KEY]
        if value is None or [name for name, _ in block.records()].count(KEY) > 1:
            block.unset(KEY)
        if value is not None:
            block.set(KEY, f'"{value}"' if " " in value else value)
        if len(block.data) != len(data):
            raise ValueRefused(f"{self.file}: the block would change its size", path=KEY)
        if [each.text for each in self.rest(block.data)] != [each.text for each in self.rest(data)]:
            raise Damaged(
                f"changing {KEY} would change another record, as where a line without = takes it into its name; "
                "mend that line first",
                path=self.file,
            )
        return block.data


def _bare(value: str) -> str:
    """Without the quotes of the script."""
    text = shown(value.encode(errors="surrogateescape"))
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
