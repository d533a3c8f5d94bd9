"""The data model: every class and enum that crosses a hook or the public API.

All classes are frozen and keyword-only. A fact that is not known is absent: `None` for a single value, `()` for a
list. Nothing here touches hardware, and nothing is guessed. Units are part of a name where a number has one
(`temperature_millicelsius`, `size_kib`). Facts about device types come from the public balenaOS device
repositories and from kernel device trees; a row names its own under `sources`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from attrs import field, frozen

# ---------------------------------------------------------------------------------------------------------------
# Closed sets


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


class Cost(StrEnum):
    """What a change costs before it is in effect."""

    NONE = "none"
    SERVICE_RESTART = "service-restart"
    REBOOT = "reboot"


class Outcome(StrEnum):
    """What a setter achieved. *Accepted* is stored and waits; *applied* was read back from what is running."""

    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"
    APPLIED = "applied"


class PowerLevel(StrEnum):
    """Portable power intents of config.json `os.power.mode`; each board resolves them to a mode of its own."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


class ModemState(StrEnum):
    """What a USB modem is while it shows a given identity."""

    STORAGE = "storage"
    """A virtual CD-ROM or card reader: no port answers AT commands until the modem is switched."""
    SERVICE = "service"
    """Its ports are there."""
    DOWNLOAD = "download"
    """Emergency firmware download: not a modem, never to be probed."""


# ---------------------------------------------------------------------------------------------------------------
# Boards and device types

SLUG = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
"""What a slug may look like: lower-case words joined by `-`, as in `raspberrypi4-64`."""


def _slug(_instance: object, _attribute: object, value: str) -> None:
    if not isinstance(value, str) or not SLUG.fullmatch(value):
        raise ValueError(f"slug {value!r}: lower-case words joined by '-' are allowed, as in 'raspberrypi4-64'")


def _slugs(instance: object, attribute: object, values: tuple[str, ...]) -> None:
    for value in values:
        _slug(instance, attribute, value)


@frozen(kw_only=True)
class Board:
    """A piece of hardware, as it names itself.

    `compatible` holds the spellings of this board's *own* name in the root node of a device tree (mainline, vendor and
    older kernels differ), not the fallbacks behind it: a board matches best where one of them stands first in the
    device's list. SoC names (`brcm,bcm2711`) never belong here. `models` are prefixes of `/proc/device-tree/model`
    (firmware appends a revision); where boards share a compatible string, a fitting model tells them apart, and a
    model never identifies a board alone. `dmi` are glob patterns over the kernel's DMI modalias.
    """

    name: str
    compatible: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    dmi: tuple[str, ...] = ()


@frozen(kw_only=True)
class Partitions:
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


@frozen(kw_only=True)
class Sizes:
    """Sizes of the partitions an image is built with, in KiB."""

    boot_kib: int | None = None
    rootfs_kib: int | None = None
    state_kib: int | None = None


@frozen(kw_only=True)
class Console:
    """A serial console: the tty name below `/dev`, and its speed in baud where known."""

    tty: str
    baud: int | None = None


@frozen(kw_only=True)
class Clock:
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


@frozen(kw_only=True)
class PowerLevelNames:
    """Which vendor mode a portable level means on a board.

    `names` are mode names in order of preference, compared without a `MODE_` prefix: the first that the vendor's file
    on the device defines is the answer. Mode numbers move between releases and are never listed.
    """

    level: PowerLevel
    names: tuple[str, ...]


@frozen(kw_only=True)
class UpdateStepFact:
    """A board step that balenaOS runs around an OS update: the name of its hook, when, and what it does."""

    name: str
    phase: UpdatePhase = UpdatePhase.FORWARD
    purpose: str = ""


@frozen(kw_only=True)
class Capsule:
    """UEFI firmware capsule that an OS update stages on a Jetson Orin."""

    file: str
    written_to: str
    spec_suffix: str | None = None
    """Suffix of the TNSPEC in `nv_boot_control.conf`."""
    tnspec: str | None = None
    compatible_spec: str | None = None
    esp_fix: str | None = None


@frozen(kw_only=True)
class DeviceType:
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
    boards: tuple[Board, ...] = ()

    bootloader: BootloaderKind | None = None
    firmware: tuple[str, ...] = ()
    """PC firmware interfaces the image boots with: `bios`, `efi`."""
    partitions: Partitions | None = None
    sizes: Sizes | None = None
    kernel_image: str | None = None
    kernel_version: str | None = None
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


# ---------------------------------------------------------------------------------------------------------------
# Identification


@frozen(kw_only=True)
class Evidence:
    """One thing read from the device, and what it decided.

    `kind` is `software` (what the system was built for), `hardware` (what it runs on) or `override`. `source` is the
    file and key. `value` is `None` where there was nothing to read, and `verdict` says why.
    """

    kind: str
    source: str
    value: str | None = None
    verdict: str


@frozen(kw_only=True)
class Candidate:
    """A device type that fits, with the reasons; `rank` sorts candidates, the lowest first."""

    slug: str
    name: str
    plugin: str
    rank: int
    reasons: tuple[str, ...]


@frozen(kw_only=True)
class Identity:
    """Which device type a system was built for, on which board it runs, and how that was decided."""

    device_type: DeviceType
    plugin: str
    """Import name of the plugin that owns the device type."""
    board: Board | None = None
    """The hardware, where a row of the owner's table fits it."""
    compatible: tuple[str, ...] = ()
    model: str | None = None
    dmi: str | None = None
    evidence: tuple[Evidence, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    warnings: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------------------------
# Answers of capabilities


@frozen(kw_only=True)
class Unsupported:
    """A hook's honest no: this board lacks the capability, and why. Absence needs no exception."""

    reason: str


@frozen(kw_only=True)
class FanProfile:
    """A fan profile a user can choose. `default` marks the one that `"default"` means on this board."""

    name: str
    summary: str = ""
    default: bool = False


@frozen(kw_only=True)
class FanReading:
    """What is measured at one fan and its sensor; `None` where the board does not tell."""

    name: str
    rpm: int | None = None
    pwm_percent: float | None = None
    temperature_millicelsius: int | None = None


@frozen(kw_only=True)
class FanState:
    """`configured` is the profile stored for the next start of the fan control, `running` the one in force now."""

    configured: str
    running: str | None = None
    readings: tuple[FanReading, ...] = ()


@frozen(kw_only=True)
class PowerMode:
    """A power mode of this board. `id` is the vendor's number; `levels` are the portable levels that mean it."""

    name: str
    id: int
    levels: tuple[PowerLevel, ...] = ()
    default: bool = False
    budget_watt: int | None = None
    """From the mode's name; a cap on clocks, not a measured draw."""


@frozen(kw_only=True)
class PowerState:
    """`configured` takes effect at the next boot; `running` is in force now, `None` where that cannot be read."""

    configured: PowerMode
    running: PowerMode | None = None
    reboot_required: bool = False


@frozen(kw_only=True)
class Change:
    """What a setter would do: from which value to which, and what it costs until it is in effect."""

    previous: str
    value: str
    cost: Cost
    note: str = ""


@frozen(kw_only=True)
class SetResult:
    """What a setter did: from which value to which, how far it got, and what is still to come."""

    previous: str
    value: str
    outcome: Outcome
    cost: Cost
    note: str = ""


@frozen(kw_only=True)
class RtcClock:
    """A clock found on this device. `name` is `rtc0`; `healthy` is `None` where the chip does not tell."""

    name: str
    driver: str
    healthy: bool | None = None
    reason: str = ""


@frozen(kw_only=True)
class UsbIdentity:
    """A USB vendor and product id (0 to 0xffff), and what the device is while it shows them."""

    vendor_id: int
    product_id: int
    state: ModemState
    note: str = ""

    def modalias(self) -> str:
        """The kernel's modalias pattern for any interface of a device with this identity."""
        return f"usb:v{self.vendor_id:04X}p{self.product_id:04X}*"


@frozen(kw_only=True)
class ModemModel:
    """A modem model: its identity in each state, and how it is told from others. Ids alone do not always tell."""

    name: str
    maker: str
    identities: tuple[UsbIdentity, ...]
    form_factor: str
    """`usb` for a stick, `mpcie` for a card, `module` for one that is soldered or on a board of its maker."""
    ambiguous_with: tuple[str, ...] = ()
    """Models that show the same ids."""
    sources: tuple[str, ...] = ()


@frozen(kw_only=True)
class FirmwareFile:
    """A firmware file by its name below `/lib/firmware`; size in bytes and SHA-256 are of the uncompressed file."""

    name: str
    size_bytes: int | None = None
    sha256: str | None = None
    packages: tuple[str, ...] = ()
    """Packages that carry it: Debian's or Yocto's names, each with its origin as in `debian:firmware-misc-nonfree`."""


@frozen(kw_only=True)
class WifiFirmware:
    """A WiFi adapter: the modalias that asks for firmware, the driver that loads it, and the files."""

    name: str
    modaliases: tuple[str, ...]
    driver: str
    files: tuple[FirmwareFile, ...]
    bands_ghz: tuple[str, ...] = ()
    missing_symptom: str = ""
    sources: tuple[str, ...] = ()


@frozen(kw_only=True)
class HealthVerdict:
    """The answer of one health check, with the reason a person can act on."""

    healthy: bool
    reason: str


@frozen(kw_only=True)
class HealthCheck:
    """A board check that decides whether a new OS is healthy. `check` touches hardware; it is called repeatedly."""

    name: str
    purpose: str
    check: Callable[[], HealthVerdict]
    timeout_seconds: float = 30.0


@frozen(kw_only=True)
class UpdateStep:
    """A board step around an OS update. `run` is idempotent and raises `HalError` where its inputs do not match."""

    name: str
    phase: UpdatePhase
    purpose: str
    run: Callable[[], None]


@frozen(kw_only=True)
class Build:
    """The OS build that asks: versions and flags, as the build system knows them."""

    os_version: str | None = None
    yocto_release: str | None = None
    os_development: bool = False
    balena_storage: str = "overlay2"
    network_manager_packages: str = "networkmanager"
    flasher: bool = False
    secure_boot: bool = False


@frozen(kw_only=True)
class ImagePart:
    """One thing a board puts into an OS image: its kind (`kernel-symbol`, `package`, `file` …), and the reason."""

    kind: str
    name: str
    value: str | None = None
    reason: str


# ---------------------------------------------------------------------------------------------------------------
# Plugins


@frozen(kw_only=True)
class Problem:
    """Something wrong with a plugin: which one, what, and what to do about it. Everything else still works."""

    plugin: str
    message: str
    advice: str
