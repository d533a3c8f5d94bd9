"""Device types and the boards they run on: the rows of the support table."""

from __future__ import annotations

import re

from attrs import Attribute, field, frozen

from hal.record import Record
from hal.stdlib import StrEnum


class Arch(StrEnum):
    """CPU architecture, in balena's words."""

    AARCH64 = "aarch64"
    ARMV7HF = "armv7hf"
    RPI = "rpi"
    """ARMv6 with hardware floating point: Raspberry Pi 1 and Zero."""
    AMD64 = "amd64"


class BootloaderKind(StrEnum):
    """Which program selects the root file system."""

    BALENA = "balena-bootloader"
    U_BOOT = "u-boot"
    GRUB = "grub"
    CBOOT = "cboot"
    L4TLAUNCHER = "uefi-l4tlauncher"


class SlotEncoding(StrEnum):
    """How `resin_root_part` writes a slot in this device type's bootloader state file."""

    DECIMAL = "decimal"
    HEX = "hex"
    """Lower case, without `0x`: partition 26 is `1a`."""
    LETTER = "letter"
    """Upper case: `A` or `B`."""


class ReleaseState(StrEnum):
    """What the device repository says about the maturity of a device type."""

    RELEASED = "released"
    NEW = "new"
    DISCONTINUED = "discontinued"


class ImageKind(StrEnum):
    """What a user downloads."""

    DIRECT = "image"
    """Written straight to the medium the device boots from."""
    FLASHER = "flasher"
    """Boots once from removable media and installs itself to the internal medium."""


class PartitionTable(StrEnum):
    """How a medium is divided."""

    MSDOS = "msdos"
    GPT = "gpt"


class Filesystem(StrEnum):
    """What a partition is formatted with."""

    FAT16 = "fat16"
    FAT32 = "fat32"
    EXT4 = "ext4"


class UpdatePhase(StrEnum):
    """When a step of an OS update runs, as balenaOS orders its hooks."""

    BEFORE = "before"
    FORWARD = "forward"
    AFTER = "after"
    COMMIT = "commit"


class PowerLevel(StrEnum):
    """Portable power intents of config.json `os.power.mode`; each board resolves them to a mode of its own."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


SLUG = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
"""What a slug may look like: lower-case words joined by `-`, as in `raspberrypi4-64`."""


def _slug(_instance: object, _attribute: object, value: str) -> None:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        raise ValueError(f"slug {value!r}: lower-case words joined by '-' are allowed, as in 'raspberrypi4-64'")


def _texts(_instance: object, attribute: Attribute[tuple[str, ...]], values: tuple[str, ...]) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{attribute.name} {values!r}: a tuple of texts is expected")


def _slugs(instance: object, attribute: Attribute[tuple[str, ...]], values: tuple[str, ...]) -> None:
    if not isinstance(values, tuple):
        raise ValueError(f"aliases {values!r}: a tuple of slugs is expected")  # noqa: TRY004 - one error for every mistake in a row
    for value in values:
        _slug(instance, attribute, value)


def _boards(_instance: object, attribute: Attribute[tuple[Board, ...]], values: tuple[Board, ...]) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, Board) for value in values):
        raise ValueError(f"{attribute.name} {values!r}: a tuple of Board is expected")


@frozen(kw_only=True, repr=False, eq=False)
class Board(Record):
    """A piece of hardware, as it names itself.

    `compatible` holds the spellings of this board's *own* name in the root node of a device tree (mainline, vendor and
    older kernels differ), not the fallbacks behind it: a board matches best where one of them stands first in the
    device's list. SoC names (`brcm,bcm2711`) never belong here. `models` are prefixes of `/proc/device-tree/model`
    (firmware appends a revision); where boards share a compatible string, a fitting model tells them apart, and a
    model never identifies a board alone. `dmi` are glob patterns over the kernel's DMI modalias.
    """

    name: str
    compatible: tuple[str, ...] = field(default=(), validator=_texts)
    models: tuple[str, ...] = field(default=(), validator=_texts)
    dmi: tuple[str, ...] = field(default=(), validator=_texts)


@frozen(kw_only=True, repr=False, eq=False)
class Partitions(Record):
    """Partition numbers on the installed medium; resolve by label wherever there is one, numbers are for boot files.

    `boot` to `data` are the decimal partition numbers. `slot_encoding` is how the bootloader's state file writes
    `root_a` and `root_b`. `luks` is the layout of the same device type with disk encryption, where it has one.
    """

    table: PartitionTable
    boot: int
    root_a: int
    root_b: int
    state: int | None = None
    data: int | None = None
    efi: int | None = None
    slot_encoding: SlotEncoding
    boot_filesystem: Filesystem | None = None
    luks: Partitions | None = None

    def slot_values(self) -> tuple[str, str]:
        """The values of `resin_root_part` for slots A and B."""
        if self.slot_encoding is SlotEncoding.LETTER:
            return "A", "B"
        form = "x" if self.slot_encoding is SlotEncoding.HEX else "d"
        return format(self.root_a, form), format(self.root_b, form)


@frozen(kw_only=True, repr=False, eq=False)
class Sizes(Record):
    """Sizes of the partitions an image is built with, in KiB."""

    boot_kib: int | None = None
    rootfs_kib: int | None = None
    state_kib: int | None = None
    vendor_kib: int | None = None
    """Before the boot partition: room for the vendor's partitions, or for what the chip's ROM reads there."""


@frozen(kw_only=True, repr=False, eq=False)
class Console(Record):
    """A serial console: the tty name below `/dev`, and its speed in baud where known."""

    tty: str
    baud: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Clock(Record):
    """A real-time clock that a board is known to carry.

    `rtc` is the kernel's number (0 for `rtc0`) where it is fixed. `driver` is the text of `/sys/class/rtc/rtcN/name`
    or the chip's name. `i2c_address` is 7 bits. `battery` is whether a cell keeps it while the board has no power.
    """

    driver: str
    rtc: int | None = None
    i2c_address: int | None = None
    battery: bool | None = None
    overlay: str | None = None
    """Device-tree overlay that must be active before the clock appears."""
    note: str = ""
    i2c_bus: int | None = None
    """The kernel's number of the I²C bus it is on, where that is fixed."""
    chip: str | None = None
    """Its name in `hal.backends.rtc.chips`, where the very chip is known: it is then read where no driver is bound."""
    registers_after_seconds: int | None = None
    """How long after boot its driver registers, where that is a module loaded late."""


@frozen(kw_only=True, repr=False, eq=False)
class PowerLevelNames(Record):
    """Which vendor mode a portable level means on a board.

    `names` are mode names in order of preference, compared without a `MODE_` prefix: the first that the vendor's file
    on the device defines is the answer. Mode numbers move between releases and are never listed.
    """

    level: PowerLevel
    names: tuple[str, ...]


@frozen(kw_only=True, repr=False, eq=False)
class UpdateStepFact(Record):
    """A board step that balenaOS runs around an OS update: the name of its hook, when, and what it does."""

    name: str
    phase: UpdatePhase = UpdatePhase.FORWARD
    purpose: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class Capsule(Record):
    """UEFI firmware capsule that an OS update stages on a Jetson Orin."""

    file: str
    written_to: str
    spec_suffix: str | None = None
    """Suffix of the TNSPEC in `nv_boot_control.conf`."""
    tnspec: str | None = None
    compatible_spec: str | None = None
    esp_fix: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class DeviceType(Record):
    """One row of the support table: a software target, named by its slug.

    Absent facts are unknown facts. `boards` are the pieces of hardware this target is made for; empty means that no
    hardware evidence is known, so only software evidence can identify it. `machine` is the Yocto `MACHINE`.
    """

    slug: str = field(validator=_slug)
    name: str
    aliases: tuple[str, ...] = field(default=(), validator=_slugs)
    arch: Arch | None = None
    machine: str | None = None
    machine_overrides: tuple[str, ...] = ()
    repository: str | None = None
    """balenaOS device repository, `balena-raspberrypi`."""
    yocto_release: str | None = None
    state: ReleaseState | None = None
    image: ImageKind | None = None
    boards: tuple[Board, ...] = field(default=(), validator=_boards)

    bootloader: BootloaderKind | None = None
    firmware: tuple[str, ...] = ()
    """PC firmware interfaces the image boots with: `bios`, `efi`."""
    partitions: Partitions | None = None
    sizes: Sizes | None = None
    kernel_image: str | None = None
    kernel_version: str | None = None
    kernel_recipe: str | None = None
    """Yocto's name of the recipe that builds its kernel, `linux-raspberrypi`."""
    boot_files: tuple[str, ...] = ()
    """Bootloader files in the boot partition."""
    install_targets: tuple[str, ...] = ()
    """Where a flasher installs to: names below `/dev`, globs allowed, in order of preference."""
    default_device_tree: str | None = None
    """DTB name without `.dtb`."""
    device_trees: tuple[str, ...] = ()
    """Further DTB names the image carries."""
    overlays: tuple[str, ...] = ()
    kernel_arguments: tuple[str, ...] = ()
    config_txt: tuple[str, ...] = ()
    """config.txt lines a Raspberry Pi image ships."""
    odmdata: str | None = None
    capsule: Capsule | None = None

    consoles: tuple[Console, ...] = ()
    clocks: tuple[Clock, ...] = ()
    no_clock: str | None = None
    """Why the board carries none, where that is known."""
    power_levels: tuple[PowerLevelNames, ...] = ()
    fan_profiles: tuple[str, ...] = ()
    """Profile names the OS offers on this device type."""
    fan_default: str | None = None
    """The profile that config.json's `"default"` means here."""
    update_steps: tuple[UpdateStepFact, ...] = ()
    wifi: bool | None = None
    bluetooth: bool | None = None
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The slug and every alias accepted for it on input."""
        return (self.slug, *self.aliases)
