"""The device's own config.json, and the last good copy of it.

A file that is no JSON is nobody's wish: somebody edited it, or a write of another program was cut off. It is left as it
is for whoever mends it. What it said last is kept on the state partition, and stands in for it.
"""

from __future__ import annotations

from typing import Any

from hal.errors import Damaged, HalError
from hal.identify import CONFIG
from hal.json_file import MAX_BYTES, parse_object, read_object
from hal.root import Root

KEPT = "mnt/state/hal-config.json"
"""Readable for root alone, as config.json is: both hold keys."""


def read(root: Root) -> tuple[dict[str, Any], Damaged | None, bytes | None]:
    """What config.json says, what is wrong with it where its copy stands in, and its bytes where they are good.

    Raises `FileFault` where there is none, and `Damaged` where neither the file nor its copy can be read.
    """
    try:
        if root.size(CONFIG) > MAX_BYTES:
            raise Damaged(f"larger than {MAX_BYTES} bytes", path=CONFIG)
        data = root.read_bytes(CONFIG, limit=MAX_BYTES)
        return parse_object(data, CONFIG), None, data
    except Damaged as damage:
        try:
            kept = read_object(root, KEPT)
        except HalError:
            raise damage from None
        return kept, damage, None


def keep(root: Root, data: bytes) -> None:
    """Keep these bytes as the last good copy, where there is a state partition and they are news."""
    if not root.is_dir("mnt/state"):
        return
    try:
        if root.read_bytes(KEPT, limit=MAX_BYTES) == data:
            return
    except HalError:
        pass
    root.replace(KEPT, data, mode=0o600)
