"""The version of balenaOS that runs, where a boot file depends on it."""

from __future__ import annotations

import re

from hal.root import Root

EXTRA_UENV = (2, 47, 0)
"""From here on Jetsons take device tree and kernel arguments from `extra_uEnv.txt`."""

_VERSION = re.compile(r'^META_BALENA_VERSION="?(\d+)\.(\d+)\.(\d+)', re.MULTILINE)


def os_version(root: Root) -> tuple[int, int, int] | None:
    """META_BALENA_VERSION of `/etc/os-release`; `None` where it is not told."""
    match = _VERSION.search(root.read_value("etc/os-release") or "")
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))
