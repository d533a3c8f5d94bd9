"""Switches of usb_modeswitch's own configuration, `/etc/usb_modeswitch.conf`, that this project heeds."""

from __future__ import annotations

import re

from hal.errors import HalError
from hal.root import Root

FILE = "etc/usb_modeswitch.conf"


def is_on(root: Root, name: str) -> bool:
    """Whether a switch is on, as in `DisableSwitching=1`; not where there is no such file, or it cannot be read."""
    try:
        text = root.read_text(FILE) if root.is_file(FILE) else ""
    except HalError:
        return False
    return bool(re.search(rf"^\s*{re.escape(name)}\s*=\s*(?:1|yes|true)\b", text, re.MULTILINE | re.IGNORECASE))
