"""The names and value texts of balenaOS's supervisor: `BALENA_HOST_CONFIG_gpu_mem` is the key `gpu_mem` of config.txt.

A variable is a prefix (`BALENA_`, the older `RESIN_`, or none), the name of a backend, and the key. Its value is plain
text; a key that may stand several times takes one value, or several as the inside of a JSON list: `"a","b"`.

Source: balena-supervisor 19.0.5 (src/config/backends).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from hal.errors import ValueRefused

PREFIXES = ("BALENA_", "RESIN_", "")
"""In order of preference; names are given out with the first."""

CONFIG_TXT = "HOST_CONFIG_"
EXTLINUX = "HOST_EXTLINUX_"
ODMDATA = "HOST_ODMDATA_"
CONFIGFS = "HOST_CONFIGFS_"

KEYS: dict[str, tuple[str, ...]] = {
    CONFIG_TXT: (),
    EXTLINUX: ("fdt", "isolcpus"),
    ODMDATA: ("configuration",),
    CONFIGFS: ("ssdt",),
}
"""The keys of each backend that have a variable; none listed: every key."""

ELSEWHERE = {
    "power_mode": "it is os.power.mode in config.json, see `hal power`",
    "fan_profile": "it is os.fan.profile in config.json, see `hal fan`",
}
"""Keys of `HOST_CONFIG_` that are no lines of config.txt, and where they belong."""


def name_of(backend: str | None, key: str) -> str:
    """The variable of a key; empty where it has none."""
    if backend is None or (KEYS[backend] and key not in KEYS[backend]):
        return ""
    return f"{PREFIXES[0]}{backend}{key}"


def is_variable(word: str) -> bool:
    """Whether a word is meant as a variable rather than as a plain key."""
    return any(word.startswith(f"{prefix}HOST_") for prefix in PREFIXES)


def key_of(backend: str | None, word: str) -> str | None:
    """The key that a variable names in a backend; `None` where it is none of that backend's."""
    if backend is None:
        return None
    for prefix in PREFIXES:
        start = f"{prefix}{backend}"
        key = word.removeprefix(start)
        if key and key != word and (not KEYS[backend] or key in KEYS[backend]):
            return key
    return None


def elements(text: str, *, key: str) -> tuple[str, ...]:
    """The values in the text of a variable. Raises `ValueRefused` for what starts like a list and is none."""
    text = text.strip()
    if not text.startswith('"'):
        return (text,)
    try:
        found = json.loads(f"[{text}]")
    except (ValueError, RecursionError) as error:
        raise ValueRefused(
            f'{key}: {text!r} is no list; values are written as "one","other"', path=key, allowed=('"one","other"',)
        ) from error
    if not all(isinstance(item, str) for item in found):
        raise ValueRefused(f"{key}: {text!r} lists something that is no text", path=key, allowed=('"one","other"',))
    return tuple(found)


def listed(values: Iterable[str]) -> str:
    """Values as one text, in the supervisor's form."""
    return ",".join(json.dumps(value, ensure_ascii=False) for value in values)
