"""The flags of an OS build, as balenaOS's build system has them, and what each may be.

Source: meta-balena 8.0.2, README and conf/distro/include/balena-os.inc.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hal.errors import ValueRefused
from hal.model import Build, StorageDriver
from hal.version import OsVersion

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+._-]*")
RETIRED = {"DOCKER_STORAGE": "BALENA_STORAGE"}
"""Flags of old releases, and what they are called now."""


@frozen
class Flag:
    """One flag: the field of `Build`, what it may be in words, and its value of a text; `None` where it is none."""

    field: str
    allowed: tuple[str, ...]
    value: Callable[[str], Any]
    effect: str


def _packages(text: str) -> tuple[str, ...] | None:
    names = tuple(text.split())
    return names if names and all(PACKAGE.fullmatch(name) for name in names) else None


FLAGS: dict[str, Flag] = {
    "OS_DEVELOPMENT": Flag(
        field="os_development",
        allowed=("0", "1"),
        value={"0": False, "1": True}.get,
        effect="consoles that talk, GRUB's menu for 3 s, an open boot shell, developmentMode in config.json",
    ),
    "BALENA_STORAGE": Flag(
        field="balena_storage",
        allowed=tuple(StorageDriver),
        value={str(each): each for each in StorageDriver}.get,
        effect="the engine's storage driver, and the kernel options it needs",
    ),
    "NETWORK_MANAGER_PACKAGES": Flag(
        field="network_manager_packages",
        allowed=("names of packages between blanks",),
        value=_packages,
        effect="the packages of the connectivity group; without networkmanager, keys of config.json for it do nothing",
    ),
}


def build(flags: Mapping[str, str], **facts: Any) -> Build:
    """A build with these flags; `facts` are the other fields of `Build`.

    Raises `ValueRefused` for a flag that is not known, and for a value or a version that is not allowed.
    """
    fields: dict[str, Any] = dict(facts)
    for name, text in flags.items():
        if name in RETIRED:
            raise ValueRefused(f"{name} is called {RETIRED[name]} now", path=name, allowed=(RETIRED[name],))
        if name not in FLAGS:
            raise ValueRefused(f"{name!r:.60} is no flag; allowed are {', '.join(FLAGS)}", path=name, allowed=FLAGS)
        flag = FLAGS[name]
        value = flag.value(text)
        if value is None:
            allowed = ", ".join(flag.allowed)
            raise ValueRefused(f"{name}={text!r:.60}: allowed are {allowed}", path=name, allowed=flag.allowed)
        fields[flag.field] = value
    if fields.get("os_version") is not None:
        OsVersion.parse(fields["os_version"])
    try:
        return Build(**fields)
    except (TypeError, ValueError) as error:
        raise ValueRefused(f"no such build: {error.args[0]}", path="build") from error
