"""The version of balenaOS that runs, where a boot file depends on it."""

from __future__ import annotations

import re

from hal.errors import ValueRefused
from hal.root import Root
from hal.version import OsVersion

EXTRA_UENV = OsVersion.parse("2.47.0")
"""From here on Jetsons take device tree and kernel arguments from `extra_uEnv.txt`."""

_VERSION = re.compile(r'^META_BALENA_VERSION="?([^"\n]*)', re.MULTILINE)


def os_version(root: Root) -> OsVersion | None:
    """META_BALENA_VERSION of `/etc/os-release`; `None` where it is not told."""
    match = _VERSION.search(root.read_value("etc/os-release") or "")
    try:
        return OsVersion.parse(match[1]) if match else None
    except ValueRefused:
        return None
