"""The OS build that asks, what a board and its add-ons put into its image, and what came of joining their answers."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen
from attrs.validators import deep_iterable, in_, instance_of, optional

from hal.model.device_type import DeviceType
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

    `flasher` is an image that installs the OS, in place of one that runs it. Raises `ValueError` or `TypeError` for
    what is none.
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


class PartKind(StrEnum):
    """What a part of an image is. `ImagePart` tells what its name and its value are for each of them."""

    KERNEL_SYMBOL = "kernel-symbol"
    KERNEL_ARGUMENT = "kernel-argument"
    MODULE = "module"
    MODULE_OPTIONS = "module-options"
    FIRMWARE_PACKAGE = "firmware-package"
    FIRMWARE_FILE = "firmware-file"
    PACKAGE = "package"
    UDEV_RULE = "udev-rule"
    SERVICE = "service"
    FILE = "file"
    BOOT_FILE = "boot-file"
    RENDERED_FILE = "rendered-file"
    PARTITION = "partition"
    PARTITION_SIZE = "partition-size"
    CONSOLE = "console"
    SPLASH = "splash"
    CONFIG_TXT = "config-txt"
    DEVICE_TREE = "device-tree"
    OVERLAY = "overlay"
    INSTALL_TARGET = "install-target"
    BOOT_MEDIUM = "boot-medium"
    SECURE_BOOT = "secure-boot"


PRESENT, ABSENT = "present", "absent"
"""Values of a package: it must be in the image, or must not be."""
BOOT_MEDIA = ("internal", "sdcard", "usb_mass_storage", "network", "nvme", "sata")
"""What a device can boot from, in the words of balena's hardware contracts."""
EITHER = "y|m"
"""Value of a kernel symbol: built in or a module, as others like it; alone it becomes a module."""


@frozen
class _Form:
    """What name and value of a kind must look like, and the words for it; without a form of the value it has none."""

    name: str
    words: str
    value: str | None = None
    value_words: str = "no value"
    value_optional: bool = False
    value_bytes: bool = False


_PATH = r"(?!/)(?!.*(?:^|/)\.{1,2}(?:/|$))[^\0\n\\]*[^\0\n\\/]"
_PACKAGE = r"[a-z0-9][a-z0-9+._-]*"
_WORD = r"[^\s\"]+(?:\"[^\"\n]*\")?"
_ANY = r"(?s:.*)"
_NUMBER = r"[1-9][0-9]*"
_SECTION = r"\[(?!all\])[^\]\s]+\]"
_ROLE = r"boot|root-a|root-b|state|data|efi"

_FORMS: dict[PartKind, _Form] = {
    PartKind.KERNEL_SYMBOL: _Form(
        name=r"(?!CONFIG_)[A-Z0-9][A-Za-z0-9_]*",
        words="a symbol without CONFIG_",
        value=r'y|m|n|y\|m|[0-9]+|0x[0-9a-fA-F]+|"[^"\n]*"',
        value_words="y, m, n, y|m, a number, or a text in double quotes",
    ),
    PartKind.KERNEL_ARGUMENT: _Form(name=_WORD, words="one argument, as in console=tty0"),
    PartKind.MODULE: _Form(name=r"[A-Za-z0-9_-]+", words="a module without .ko"),
    PartKind.MODULE_OPTIONS: _Form(
        name=r"[A-Za-z0-9_-]+", words="a module without .ko", value=r"\S[^\n]*", value_words="its parameters, one line"
    ),
    PartKind.FIRMWARE_PACKAGE: _Form(
        name=_PACKAGE, words="a package", value=f"{PRESENT}|{ABSENT}", value_words=f"{PRESENT} or {ABSENT}"
    ),
    PartKind.FIRMWARE_FILE: _Form(
        name=_PATH, words="a name below lib/firmware", value=_PACKAGE, value_words="the package that carries it"
    ),
    PartKind.PACKAGE: _Form(
        name=_PACKAGE, words="a package", value=f"{PRESENT}|{ABSENT}", value_words=f"{PRESENT} or {ABSENT}"
    ),
    PartKind.UDEV_RULE: _Form(
        name=r"[0-9A-Za-z][0-9A-Za-z_.@-]*\.rules",
        words="a file name as in 70-x.rules",
        value=_ANY,
        value_words="the text of the rules",
    ),
    PartKind.SERVICE: _Form(
        name=r"[A-Za-z0-9:_.@\\-]+\.(?:service|socket|timer|path|target|mount)",
        words="a unit as in x.service",
        value="enabled|disabled",
        value_words="enabled or disabled",
    ),
    PartKind.FILE: _Form(
        name=_PATH,
        words="a name below the root file system, without leading slash",
        value=_ANY,
        value_words="its content",
        value_bytes=True,
    ),
    PartKind.BOOT_FILE: _Form(
        name=f"{_PATH}/?",
        words="a name in the boot partition, without leading slash",
        value=_PATH,
        value_words="the name of its source among what the build deploys",
    ),
    PartKind.RENDERED_FILE: _Form(
        name=rf"(?:boot|root|initramfs)/{_PATH}",
        words="a name below boot/, root/ or initramfs/",
        value=_ANY,
        value_words="its content",
        value_bytes=True,
    ),
    PartKind.PARTITION: _Form(
        name=_ROLE, words="boot, root-a, root-b, state, data or efi", value=_NUMBER, value_words="its number"
    ),
    PartKind.PARTITION_SIZE: _Form(
        name=_ROLE, words="boot, root-a, root-b, state, data or efi", value=_NUMBER, value_words="its size in KiB"
    ),
    PartKind.CONSOLE: _Form(
        name=r"[A-Za-z][A-Za-z0-9]*", words="a tty", value=_NUMBER, value_words="baud, or none", value_optional=True
    ),
    PartKind.SPLASH: _Form(
        name=rf"splash/{_PATH}\.png",
        words="a PNG below splash/ of the boot partition",
        value=_ANY,
        value_words="the picture",
        value_bytes=True,
    ),
    PartKind.CONFIG_TXT: _Form(name=rf"(?:{_SECTION} )?(?!\[)\S[^\n]*", words="one line, behind its section if any"),
    PartKind.DEVICE_TREE: _Form(name=r"[^/\s]+(?<!\.dtb)", words="a DTB without .dtb"),
    PartKind.OVERLAY: _Form(name=r"[^/\s]+(?<!\.dtbo)", words="an overlay without .dtbo"),
    PartKind.INSTALL_TARGET: _Form(name=r"[A-Za-z0-9?*/\[\]-]+", words="a device below /dev, or a glob"),
    PartKind.BOOT_MEDIUM: _Form(
        name="|".join(BOOT_MEDIA),
        words=", ".join(BOOT_MEDIA),
        value="default|alternate",
        value_words="default or alternate",
    ),
    PartKind.SECURE_BOOT: _Form(
        name=r"[a-z0-9][a-z0-9-]*", words="lower-case words joined by -", value=r"\S[^\n]*", value_words="what it takes"
    ),
}


_IN_BOOT = (PartKind.BOOT_FILE, PartKind.SPLASH)


@frozen(kw_only=True, repr=False, eq=False)
class ImagePart(Record):
    """One thing that a board or an add-on puts into an OS image, and why. Raises `ValueError` for what cannot be one.

    | kind | name | value |
    | --- | --- | --- |
    | kernel-symbol | without `CONFIG_` | `y`, `m`, `n`; `y\\|m` where either will do; a number; a text in quotes |
    | kernel-argument | one argument, `console=tty0` | – |
    | module | loaded at boot | – |
    | module-options | module | its parameters |
    | firmware-package, package | Yocto's name | `present` or `absent` |
    | firmware-file | below `lib/firmware` | the package that carries it |
    | udev-rule | `70-x.rules` | its text |
    | service | unit | `enabled` or `disabled`; the unit itself is a file or comes with a package |
    | file | below the root file system | text or bytes |
    | boot-file | in the boot partition; with a `/` behind it a folder | its source among what the OS build deploys |
    | rendered-file | below `boot/`, `root/` or `initramfs/` | text or bytes |
    | partition | `boot`, `root-a`, `root-b`, `state`, `data`, `efi` | its number |
    | partition-size | the same | KiB |
    | console | tty | baud, where known |
    | splash | a PNG in the boot partition, `splash/balena-logo.png` | its bytes |
    | config-txt | a line of the Raspberry Pi's config.txt, behind its section: `[cm4] otg_mode=1` | – |
    | device-tree, overlay | file without suffix | – |
    | install-target | where a flasher installs to, in order of preference | – |
    | boot-medium | `sdcard`, `internal` and the like, as balena's contracts call them | `default` or `alternate` |
    | secure-boot | a need | what it takes, in words |

    A boot-file that is a folder takes every file that lies in the source folder, none of folders below it.

    An `optional` part is a wish: it gives way where another contributor says otherwise, and is told. A `fresh_only`
    file of the boot partition holds state: it belongs on a new medium, and an update must leave it alone.
    """

    kind: PartKind = field(converter=PartKind)
    name: str = field(validator=instance_of(str))
    value: str | bytes | None = field(default=None, validator=optional(instance_of((str, bytes))))
    reason: str = field(validator=instance_of(str))
    optional: bool = False
    fresh_only: bool = False

    def __attrs_post_init__(self) -> None:
        form = _FORMS[self.kind]
        if not re.fullmatch(form.name, self.name):
            raise ValueError(f"{self.kind} {self.name!r:.80}: its name must be {form.words}")
        in_boot = self.name.startswith("boot/") if self.kind is PartKind.RENDERED_FILE else self.kind in _IN_BOOT
        if self.fresh_only and (not in_boot or self.name.endswith("/")):
            raise ValueError(f"{self.kind} {self.name}: fresh_only is for files of the boot partition alone")
        if not self.reason.strip():
            raise ValueError(f"{self.kind} {self.name}: it has no reason")
        if isinstance(self.value, bytes):
            sound = form.value_bytes
        elif self.value is None:
            sound = form.value is None or form.value_optional
        else:
            sound = form.value is not None and re.fullmatch(form.value, self.value) is not None
        if not sound:
            raise ValueError(f"{self.kind} {self.name}: {self.value!r:.60} is no value; allowed: {form.value_words}")


@frozen(kw_only=True, repr=False, eq=False)
class Asked(Record):
    """Who asked for a part, in which words, and why. `said` is the value as that contributor gave it."""

    contributor: str
    """A plugin's import name; `hal` for what follows from the build's flags."""
    said: str
    reason: str
    gave_way: bool = False
    """Whether this was a wish that another contributor overruled."""
    wish: bool = False
    """Whether this was a wish."""


@frozen(kw_only=True, repr=False, eq=False)
class JoinedPart(Record):
    """A part of the image as all contributors agree on it, with everybody who asked for it."""

    kind: PartKind
    name: str
    value: str | bytes | None
    asked: tuple[Asked, ...]
    fresh_only: bool = False

    @property
    def data(self) -> bytes:
        """The value as bytes; empty where there is none."""
        return self.value if isinstance(self.value, bytes) else (self.value or "").encode()

    @property
    def text(self) -> str:
        """The value as text. Raises `TypeError` for bytes."""
        if isinstance(self.value, bytes):
            raise TypeError(f"{self.kind} {self.name}: bytes, not text")
        return self.value or ""


@frozen(kw_only=True, repr=False, eq=False)
class Lacking(Record):
    """A fact that is not known, and what the image therefore does not get from here."""

    fact: str
    message: str


@frozen(kw_only=True, repr=False, eq=False)
class Image(Record):
    """Everything that goes into the image of a board for one build: the joined answer, which every writer starts from.

    `parts` are in the order of `PartKind`, and within a kind in the order in which they were asked for. `plugins` are
    the import names of the board's owner and of the add-ons in the image. `installs` is the image that a flasher
    carries and installs: one OS build makes both.
    """

    device_type: DeviceType
    build: Build
    plugins: tuple[str, ...]
    parts: tuple[JoinedPart, ...]
    lacking: tuple[Lacking, ...] = ()
    installs: Image | None = None

    def of(self, *kinds: PartKind) -> tuple[JoinedPart, ...]:
        """The parts of these kinds, in order."""
        return tuple(part for part in self.parts if part.kind in kinds)

    def names(self, *kinds: PartKind) -> tuple[str, ...]:
        """Their names."""
        return tuple(part.name for part in self.of(*kinds))

    def wanted(self, kind: PartKind) -> tuple[str, ...]:
        """The names of packages of this kind that must be in the image."""
        return tuple(part.name for part in self.of(kind) if part.value == PRESENT)

    def sourceless(self) -> tuple[str, ...]:
        """Files that the row names for the boot partition, and that nobody renders or knows the source of.

        Of the medium that a flasher installs, files that hold state are none of the flasher's.
        """
        states = () if self.installs is None else self.installs.of(PartKind.RENDERED_FILE)
        found = (*self.of(PartKind.BOOT_FILE, PartKind.RENDERED_FILE), *(each for each in states if each.fresh_only))
        there = {part.name.removeprefix("boot/").casefold() for part in found}
        return tuple(name for name in self.device_type.boot_files if name.casefold() not in there)

    def refused(self, kind: PartKind) -> tuple[str, ...]:
        """The names of packages of this kind that must not be in it."""
        return tuple(part.name for part in self.of(kind) if part.value == ABSENT)
