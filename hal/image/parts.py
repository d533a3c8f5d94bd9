"""For plugins: a table of image parts, in which one reason stands for several parts, and a group is for what has a tag.

    TABLE = (
        Group("acme-gateway", symbols("y", "SPI SPI_SPIDEV", "its display is on SPI, and must show the boot")),
        Group("acme-gateway+development", arguments("earlycon", "the kernel talks before its console is there")),
    )

`chosen(TABLE, tags(device_type, build))` is then the answer of `hal_image`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from hal.model import PRESENT, Build, DeviceType, ImagePart, PartKind

Parts = tuple[ImagePart, ...]

EVERY = "every"
"""The tag that every device type has, in every build."""


@frozen
class Group:
    """Parts for device types and builds with certain tags: blanks part alternatives, `+` asks for all, `!` for not.

    `"pi4+production fincm3"` is every image of a Pi 4 for production, and every image of the Fin.
    """

    where: str
    parts: Parts

    def fits(self, found: frozenset[str]) -> bool:
        """Whether one of the alternatives has all that it asks for."""
        return any(all((word[1:] not in found) if word[0] == "!" else word in found for word in each) for each in self)

    def __iter__(self) -> Iterator[list[str]]:
        """The alternatives, each as its words."""
        return iter([each.split("+") for each in self.where.split()])


def tags(device_type: DeviceType, build: Build) -> frozenset[str]:
    """What a group can ask for: words of the row as they stand there, and for each flag of the build its word."""
    row = (
        device_type.slug,
        device_type.machine,
        device_type.arch,
        device_type.repository,
        device_type.bootloader,
        device_type.kernel_recipe,
        *device_type.machine_overrides,
        *device_type.firmware,
    )
    return frozenset(str(each) for each in (EVERY, *row, *build_tags(build)) if each is not None)


def build_tags(build: Build) -> tuple[str, ...]:
    """The words of the flags."""
    return (
        "development" if build.os_development else "production",
        "flasher" if build.flasher else "installed",
        "secure-boot" if build.secure_boot else "open-boot",
        str(build.balena_storage),
    )


def chosen(table: Iterable[Group], found: frozenset[str]) -> Parts:
    """The parts of every group that fits, in the table's order."""
    return tuple(part for group in table if group.fits(found) for part in group.parts)


def symbols(value: str, names: str, because: str) -> Parts:
    """Kernel symbols, between blanks, all with this value."""
    return _each(PartKind.KERNEL_SYMBOL, names, because, value)


def arguments(names: str, because: str) -> Parts:
    """Kernel arguments, between blanks."""
    return _each(PartKind.KERNEL_ARGUMENT, names, because)


def modules(names: str, because: str) -> Parts:
    """Kernel modules to load at boot, between blanks."""
    return _each(PartKind.MODULE, names, because)


def packages(names: str, because: str, value: str = PRESENT, *, wish: bool = False) -> Parts:
    """OS packages, between blanks; a `wish` gives way where another contributor says otherwise."""
    return _each(PartKind.PACKAGE, names, because, value, wish)


def firmware(names: str, because: str, value: str = PRESENT, *, wish: bool = False) -> Parts:
    """Firmware packages, between blanks, without the `linux-firmware-` that most begin with; `=` before a full name."""
    full = (name[1:] if name[0] == "=" else f"linux-firmware-{name}" for name in names.split())
    return _each(PartKind.FIRMWARE_PACKAGE, " ".join(full), because, value, wish)


def config_txt(lines: Iterable[str], because: str) -> Parts:
    """Lines of config.txt."""
    return tuple(ImagePart(kind=PartKind.CONFIG_TXT, name=line, reason=because) for line in lines)


def boot_files(pairs: Mapping[str, str], because: str) -> Parts:
    """Files of the boot partition: name there, and the source among what the OS build deploys."""
    return tuple(
        ImagePart(kind=PartKind.BOOT_FILE, name=name, value=source, reason=because) for name, source in pairs.items()
    )


def boot_media(
    words: str, because: str = "what people write the image to, by balena's contract of this board"
) -> Parts:
    """What the device boots from: the first of these words as it comes, the others as well."""
    return tuple(
        ImagePart(kind=PartKind.BOOT_MEDIUM, name=name, value="alternate" if at else "default", reason=because)
        for at, name in enumerate(words.split())
    )


def one(kind: PartKind, name: str, value: str | bytes | None, because: str) -> Parts:
    """A part of any kind: a rule, a service, a file."""
    return (ImagePart(kind=kind, name=name, value=value, reason=because),)


def _each(kind: PartKind, names: str, because: str, value: str | None = None, wish: bool = False) -> Parts:
    return tuple(ImagePart(kind=kind, name=name, value=value, reason=because, optional=wish) for name in names.split())
