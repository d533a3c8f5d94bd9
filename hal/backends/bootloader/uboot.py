"""U-Boot: `resinOS_uEnv.txt` names the slot, `bootcount.env` counts."""

from __future__ import annotations

from hal.backends.bootloader import uenv
from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.names import MENDED_MARK, ROOT, UPGRADE
from hal.backends.bootloader.rules import ClassicUBoot, L4TLauncher, Mended, Rule
from hal.backends.bootloader.storage import KEYS, Committed, Stored, Texts, readable
from hal.model import BootloaderKind, SlotEncoding

TRIES = 3

COUNT_FILE = b"bootcount=0\n\0"
"""What U-Boot's `env export` writes: 13 bytes. Made beforehand, because a full directory has no entry left for it."""

BOOT = "mnt/boot"


class UBootBootloader(SlotBootloader):
    """`resin_root_part` is a partition number in lower-case hexadecimal without `0x`.

    balenaOS's own U-Boot imports `extra_uEnv.txt` behind the state file, and the boot count behind that, so that either
    may override the slot; the boot script this project renders takes from each file only what belongs there.
    """

    kind = BootloaderKind.U_BOOT

    def storage(self) -> Texts:
        """The two texts."""
        default = {ROOT: self.values()[0], UPGRADE: "0"}
        return Texts(self.root, BOOT, count=COUNT_FILE, default=default)

    def committed(self) -> Committed:
        """Beside them."""
        return Committed(self.root, BOOT)

    def rule(self) -> Rule:
        """What the boot script says; a board without one has the logic compiled into its U-Boot."""
        if MENDED_MARK in (readable(self.root, f"{BOOT}/boot.scr") or b""):
            return Mended(values=self.values(), tries=TRIES, count_pattern="[0-9a-f]")
        return ClassicUBoot(values=self.values())

    def seen(self, stored: Stored) -> dict[str, str]:
        """What U-Boot sees."""
        texts = dict(stored.texts)
        if isinstance(self.rule(), ClassicUBoot):
            for name in ("extra_uEnv.txt", "bootcount.env"):
                found = uenv.import_text(readable(self.root, f"{BOOT}/{name}") or b"").values
                texts.update({key: value for key, value in found.items() if key in KEYS and value is not None})
        return texts


class L4TLauncherBootloader(SlotBootloader):
    """L4TLauncher of a Jetson Orin, which reads the same files. Its rule is compiled in, and no file changes it."""

    kind = BootloaderKind.L4TLAUNCHER

    def storage(self) -> Texts:
        """The two texts; it writes the count without a newline, 11 bytes."""
        return Texts(self.root, BOOT, count=b"bootcount=0", default={ROOT: self.values()[0], UPGRADE: "0"})

    def rule(self) -> Rule:
        """The numbers are decimal where the device type says so, else hexadecimal."""
        table = self.device_type.partitions
        decimal = table is not None and table.slot_encoding is SlotEncoding.DECIMAL
        return L4TLauncher(values=self.values(), base=10 if decimal else 16)
