"""The version of balenaOS that runs, where a boot file depends on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hal.errors import ValueRefused
from hal.root import Root

if TYPE_CHECKING:
    from hal.version import OsVersion

_VERSION = re.compile(r'^META_BALENA_VERSION="?([^"\n]*)', re.MULTILINE)


def os_version(root: Root) -> OsVersion | None:
    """META_BALENA_VERSION of `/etc/os-release`; `None` where it is not told."""
    from hal.version import OsVersion

    match = _VERSION.search(root.read_value("etc/os-release") or "")
    try:
        return OsVersion.parse(match[1]) if match else None
    except ValueRefused:
        return None


def reads_extra_uenv(root: Root) -> bool | None:
    """From 2.47.0 on Jetsons take device tree and kernel arguments from `extra_uEnv.txt`; `None`: version not told."""
    from hal.version import OsVersion

    version = os_version(root)
    return None if version is None else version >= OsVersion.parse("2.47.0")
