"""`uEnv.txt` in the boot partition of a BeagleBone (AM335x): which overlays and device tree U-Boot loads.

A name of an overlay is looked for in `boot/overlays` of the active root, then in `lib/firmware`, then as it is given.

Source: balena-beaglebone (u-boot patches).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hal.backends.boot_config import uboot_text
from hal.backends.boot_config.base import Store
from hal.backends.boot_config.text import shown
from hal.errors import ValueRefused
from hal.model import BootSetting, Keeping, KeptLine

FLAGS = (
    "enable_uboot_overlays",
    "enable_uboot_cape_universal",
    *(
        f"disable_uboot_overlay_{what}"
        for what in ("emmc", "video", "audio", "wireless", "adc", "addr0", "addr1", "addr2", "addr3")
    ),
)
"""Keys whose only known value is 1."""
OVERLAYS = (
    *(f"uboot_overlay_addr{number}" for number in range(8)),
    "uboot_overlay_pru",
    "uboot_overlay_pru_add",
    "dtb_overlay",
)
"""Keys that name an overlay."""
TREE, BUFFER = "dtb", "uboot_fdt_buffer"
FOLDERS = ("boot/overlays", "lib/firmware")

_NAME = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9._+/-]*")
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,8}")


class UEnv(Store):
    """The overlay keys of U-Boot. Other names stay: some decide which slot boots."""

    name = "uEnv.txt"

    def keys(self) -> tuple[str, ...]:
        """Flags, overlays, a device tree, and how much room is left behind it."""
        return (*FLAGS, *OVERLAYS, TREE, BUFFER)

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """What U-Boot imports of these keys."""
        return tuple(
            self.setting(name, shown(value.encode(errors="surrogateescape")))
            for name, value in uboot_text.values(data).items()
            if name in self.keys()
        )

    def rest(self, data: bytes) -> tuple[KeptLine, ...]:
        """Comments and other names."""
        return tuple(
            KeptLine(
                line=number,
                text=shown(text),
                why=Keeping.COMMENT if line is not None and line.name is None else Keeping.UNKNOWN,
            )
            for number, text, line in uboot_text.others(data, self.keys())
        )

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """By the kind of the key."""
        if value is None:
            return None
        rule, sound = "NAME", _NAME.fullmatch(value) is not None and ".." not in value
        if key in FLAGS:
            rule, sound = "1", value == "1"
        elif key == BUFFER:
            rule, sound = "a number in hex, as in 0x60000", _NUMBER.fullmatch(value) is not None
        if not sound:
            raise ValueRefused(f"{key}: {value[:80]!r} is not allowed; {rule} is", path=key, allowed=(rule,))
        return value

    def edited(self, data: bytes, wanted: Mapping[str, str | None]) -> bytes:
        """The lines of these names."""
        return uboot_text.with_values(data, wanted)

    def note(self, key: str, value: str | None, data: bytes) -> str:
        """An overlay that is not where U-Boot looks, as far as the running root tells."""
        if value is None or key not in OVERLAYS or value.startswith("/"):
            return ""
        seen = [folder for folder in FOLDERS if self.root.is_dir(folder)]
        if not seen or any(self.root.exists(f"{folder}/{value}") for folder in seen):
            return ""
        return f"{value} is not in {' or '.join(seen)} of the running root"
