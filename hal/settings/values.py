"""What sound values of config.json mean."""

from __future__ import annotations

import re
from collections.abc import Collection


def truth(value: object) -> bool:
    """A flag, in any of the forms that are allowed for one."""
    return str(value).lower() in ("true", "1")


def sound_part(value: object, wrong: Collection[str]) -> object:
    """A list or object without what was refused of it; `wrong` are places behind the key: `[2]`, `.name`."""
    if isinstance(value, list):
        return [item for place, item in enumerate(value) if f"[{place}]" not in wrong]
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if f".{name}" not in wrong}
    return value


def without_login(text: str) -> str:
    """A text in which no address tells a user's name and password."""
    return re.sub(r"//[^/@\s]*@", "//...@", text)
