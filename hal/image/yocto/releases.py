"""The releases of the Yocto Project as a table: what a layer must write differently for each of them.

Sources: the release branches of openembedded-core, bitbake, meta-openembedded and meta-raspberrypi; meta-balena 8.0.2
and balena-yocto-scripts 1.42.8, whose `barys` has the same split of the override syntax.
"""

from __future__ import annotations

from attrs import field, frozen

from hal.errors import ValueRefused
from hal.model import YOCTO_RELEASES, Build
from hal.record import Record
from hal.version import OsVersion


@frozen(kw_only=True, repr=False, eq=False)
class Release(Record):
    """One release. `python` is the version of its python3 recipe as major and minor.

    `meta_balena` is the first version whose names this layer uses: `BALENA_*` variables, `balena-image`,
    `packagegroup-balena-connectivity`, and `BALENA_BOOTFILES_BLACKLIST` as a variable.
    """

    name: str
    number: str
    python: tuple[int, int]
    separator: str
    """What stands before an override or an operator: `_` or `:`."""
    meta_balena: str
    own_unpackdir: bool = False
    """Whether sources are unpacked into a folder of their own; it is a fatal error to set it back then."""
    boot_files_folder: str = "${BOOTFILES_DIR_NAME}"
    """Where meta-raspberrypi deploys config.txt, below DEPLOYDIR."""
    rpi_cmdline: bool = False
    """Whether cmdline.txt has a recipe of its own. Before, the kernel's recipe wrote it."""
    packages: dict[str, str] = field(factory=dict)
    """Versions of the recipes that the runtime needs, where the release's Python could run it."""

    @property
    def old_syntax(self) -> bool:
        """Whether overrides are written with `_`. Then `barys` converts meta-balena, and never our layer."""
        return self.separator == "_"


_OLD = "2.99.10"
_LEGACY = "bcm2835-bootfiles"

RELEASES: dict[str, Release] = {
    row.name: row
    for row in (
        Release(name="pyro", number="2.3", python=(3, 5), separator="_", meta_balena=_OLD, boot_files_folder=_LEGACY),
        Release(name="rocko", number="2.4", python=(3, 5), separator="_", meta_balena=_OLD, boot_files_folder=_LEGACY),
        Release(name="sumo", number="2.5", python=(3, 5), separator="_", meta_balena=_OLD, boot_files_folder=_LEGACY),
        Release(name="thud", number="2.6", python=(3, 5), separator="_", meta_balena=_OLD, boot_files_folder=_LEGACY),
        Release(
            name="warrior", number="2.7", python=(3, 7), separator="_", meta_balena=_OLD, boot_files_folder=_LEGACY
        ),
        Release(name="dunfell", number="3.1", python=(3, 8), separator="_", meta_balena=_OLD),
        Release(
            name="honister", number="3.4", python=(3, 9), separator=":", meta_balena="2.99.10", rpi_cmdline=True
        ),
        Release(
            name="kirkstone", number="4.0", python=(3, 10), separator=":", meta_balena="2.103.0", rpi_cmdline=True,
            packages={"attrs": "21.4.0", "click": "8.1.2", "pluggy": "1.0.0"},
        ),
        Release(
            name="scarthgap", number="5.0", python=(3, 12), separator=":", meta_balena="6.5.30", rpi_cmdline=True,
            packages={"attrs": "23.2.0", "click": "8.1.7", "pluggy": "1.4.0"},
        ),
        Release(
            name="wrynose", number="6.0", python=(3, 14), separator=":", meta_balena="7.5.0", rpi_cmdline=True,
            own_unpackdir=True, packages={"attrs": "25.4.0", "click": "8.3.1", "pluggy": "1.6.0"},
        ),
    )
}  # fmt: skip


def release(build: Build, *, slug: str) -> Release:
    """The row of the build's release.

    Raises `ValueRefused` where none is told and the row of `slug` knows none, and for an OS version that is older than
    the names that the layer uses.
    """
    if build.yocto_release is None:
        raise ValueRefused(
            f"{slug}: no Yocto release is known for it; say which: {', '.join(YOCTO_RELEASES)}",
            path="yocto_release",
            allowed=YOCTO_RELEASES,
        )
    found = RELEASES[build.yocto_release]
    if build.os_version is not None and OsVersion.parse(build.os_version) < OsVersion.parse(found.meta_balena):
        raise ValueRefused(
            f"OS version {build.os_version}: a layer for {found.name} needs meta-balena {found.meta_balena} or newer",
            path="os_version",
            allowed=(f">= {found.meta_balena}",),
        )
    return found
