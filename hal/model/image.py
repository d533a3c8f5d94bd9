"""The OS build that asks, and what a board puts into its image."""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(kw_only=True, repr=False, eq=False)
class Build(Record):
    """The OS build that asks: versions and flags, as the build system knows them."""

    os_version: str | None = None
    yocto_release: str | None = None
    os_development: bool = False
    balena_storage: str = "overlay2"
    network_manager_packages: str = "networkmanager"
    flasher: bool = False
    secure_boot: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class ImagePart(Record):
    """One thing a board puts into an OS image: its kind (`kernel-symbol`, `package`, `file` …), and the reason."""

    kind: str
    name: str
    value: str | None = None
    reason: str
