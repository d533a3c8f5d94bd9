"""The names that boot files and back ends agree on."""

from __future__ import annotations

MENDED_MARK = b"slot selection: mended rule, version 1"
"""A comment in every boot file that selects slots by `rules.Mended`; its absence means balenaOS's own logic."""

COMMITTED = "committed_slot.env"
"""The committed slot, beside the state file: a GRUB environment block of 512 bytes, which U-Boot reads as text."""

COMMITTED_KEY = "committed_slot"
"""Its one variable, with the same values as `resin_root_part`."""

ROOT, UPGRADE, COUNT = "resin_root_part", "upgrade_available", "bootcount"
"""The variables of every state file."""
