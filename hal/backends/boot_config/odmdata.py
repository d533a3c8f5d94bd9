"""ODMDATA of the Jetson TX2: one byte at three places of `mmcblk0boot0`, which chooses how its lanes are used.

Each write is one byte, so a power cut leaves every place old or new, and all three valid. Where they differ, which of
them the board's ROM takes is not known; reading says so, and setting any configuration makes them equal again. The
kernel's guard is on again however a set ends.

Sources: balena-supervisor 19.0.5 (odmdata.ts), balena-jetson (50-resin-bootfiles-jetson-tx2).
"""

from __future__ import annotations

from collections.abc import Mapping

from hal.backends import emmc_boot
from hal.backends.boot_config import variables
from hal.backends.boot_config.base import Decision, Store
from hal.errors import Damaged, NotApplied, ValueRefused
from hal.model import BootSetting, BootSettingChange
from hal.root import Root

DEVICE = "mmcblk0boot0"
OFFSETS = (1659, 5243, 18043)
"""Where the byte stands, counted from the start of the device."""
BYTES = {"1": 0x00, "2": 0x01, "3": 0x06, "4": 0x07, "5": 0x02, "6": 0x03}
"""The byte of each configuration."""
KEY = "configuration"


class Odmdata(Store):
    """One key, `configuration`, from 1 to 6. It has no default, so it cannot be unset."""

    name = "odmdata"
    backend = variables.ODMDATA

    def __init__(self, root: Root) -> None:
        super().__init__(root, f"dev/{DEVICE}")

    def keys(self) -> tuple[str, ...]:
        """One."""
        return (KEY,)

    @property
    def writes(self) -> tuple[str, ...]:
        """The device, and the guard while that is written."""
        return (self.file, emmc_boot.guard_of(DEVICE))

    def read(self) -> bytes:
        """The three bytes."""
        found = b"".join(self.root.span(self.file, offset, 1) for offset in OFFSETS)
        if len(found) != len(OFFSETS):
            raise Damaged(f"ends before byte {OFFSETS[-1]}, so it holds no ODMDATA", path=self.file)
        return found

    def settings(self, data: bytes) -> tuple[BootSetting, ...]:
        """The configuration that all three name."""
        told = ", ".join(f"{byte:#04x}" for byte in data)
        if len(set(data)) > 1:
            raise Damaged(f"ODMDATA differs at its three places: {told}; set {KEY} to mend it", path=self.file)
        for name, byte in BYTES.items():
            if data[0] == byte:
                return (self.setting(KEY, name),)
        raise Damaged(f"ODMDATA is {told}, which is no configuration; set {KEY} to mend it", path=self.file)

    def checked(self, key: str, value: str | None, data: bytes) -> str | None:
        """A number from 1 to 6."""
        found = (value or "").strip().strip('"')
        if found not in BYTES:
            said = "it has no default to go back to" if value is None else f"{value[:40]!r} is none"
            raise ValueRefused(f"{KEY}: {said}; allowed are {', '.join(BYTES)}", path=KEY, allowed=tuple(BYTES))
        return found

    def decide(self, data: bytes, wanted: Mapping[str, str | None]) -> Decision:
        """Three equal bytes, whatever they were."""
        asked = self.wanted(wanted, data)
        value = asked.get(KEY)
        if value is None:
            return Decision(data, ())
        new = bytes([BYTES[value]]) * len(OFFSETS)
        if new == data:
            return Decision(data, ())
        try:
            previous, note = self.settings(data)[0].value, ""
        except Damaged as error:
            previous, note = ", ".join(f"{byte:#04x}" for byte in data), error.message
        return Decision(new, (BootSettingChange(key=KEY, previous=previous, value=value, note=note),))

    def store(self, decision: Decision) -> None:
        """Byte by byte, each read back from the device."""
        guard = emmc_boot.guard_of(DEVICE)
        state = self.root.read_text(guard).strip()
        if state not in ("0", "1"):
            raise ValueRefused(f"{guard}: {state!r}, 0 and 1 are expected", path=guard)
        with emmc_boot.writable(self.root, DEVICE):
            for offset, byte in zip(OFFSETS, decision.data, strict=True):
                self.root.patch(self.file, offset, bytes([byte]))
        if self.read() != decision.data:
            raise NotApplied(f"{self.file}: ODMDATA reads back different from what was written", path=self.file)
