"""The OS build that asks, and what a board puts into its image."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen
from attrs.validators import deep_iterable, in_, instance_of, optional

from hal.record import Record
from hal.stdlib import StrEnum

YOCTO_RELEASES = (
    "pyro",
    "rocko",
    "sumo",
    "thud",
    "warrior",
    "dunfell",
    "honister",
    "kirkstone",
    "scarthgap",
    "wrynose",
)
"""Releases of the Yocto Project that meta-balena has a layer for, oldest first (meta-balena 8.0.2)."""


class StorageDriver(StrEnum):
    """How the engine stores images; the kernel needs it, too. `aufs` is of old releases."""

    AUFS = "aufs"
    OVERLAY2 = "overlay2"


def _package(_instance: object, attribute: Any, value: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9+._-]*", value):
        raise ValueError(f"{attribute.name}: {value!r} is no name of a package")


@frozen(kw_only=True, repr=False, eq=False)
class Build(Record):
    """The OS build that asks: versions and flags. `hal.image.flags` reads them as the build system writes them.

    Raises `ValueError` or `TypeError` for what is none.
    """

    os_version: str | None = field(default=None, validator=optional(instance_of(str)))
    yocto_release: str | None = field(default=None, validator=optional(in_(YOCTO_RELEASES)))
    os_development: bool = field(default=False, validator=instance_of(bool))
    balena_storage: StorageDriver = field(default=StorageDriver.OVERLAY2, validator=instance_of(StorageDriver))
    network_manager_packages: tuple[str, ...] = field(
        default=("networkmanager",), validator=deep_iterable(_package, instance_of(tuple))
    )
    flasher: bool = field(default=False, validator=instance_of(bool))
    secure_boot: bool = field(default=False, validator=instance_of(bool))


@frozen(kw_only=True, repr=False, eq=False)
class ImagePart(Record):
    """One thing a board puts into an OS image: its kind (`kernel-symbol`, `package`, `file` …), and the reason."""

    kind: str
    name: str
    value: str | None = None
    reason: str
