"""The layout of a device type's medium, as meta-balena lays it out, or the reason why there can be none.

Partitions follow each other: boot, root A, root B, state, data. An msdos table has the last two in an extended
partition, each behind a gap for the record that heads it. What a vendor's boot ROM or bootloader has in front of the
boot partition is not made here; a device type whose numbers leave room for it is refused.

Source: meta-balena 8.0.2 classes/image_types_balena.bbclass, balena-image-flasher.bb.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID, uuid5

from attrs import evolve

from hal.errors import CapabilityAbsent, ValueRefused
from hal.image import row
from hal.image.disk.layout import KIB, MIB, SECTOR, Layout, Volume
from hal.model import Filesystem, Image, Partitions, PartitionTable, PartKind

ROLES = ("boot", "root-a", "root-b", "state", "data")
NUMBERS: dict[PartitionTable, tuple[int, ...]] = {
    PartitionTable.MSDOS: (1, 2, 3, 5, 6),
    PartitionTable.GPT: (1, 2, 3, 4, 5),
}
"""The numbers of the roles where nothing is in front of the boot partition; 4 of msdos is the extended partition."""
ALIGNMENT = 4096 * KIB
"""Every size is a multiple of it, and it is the gap in front of the boot partition and of each logical one."""
SIZES_KIB = {"boot": 40960, "root-a": 327680, "root-b": 327680, "state": 20480, "data": 196608}
"""What meta-balena 7 gives a device type that says nothing else, and 192 MiB of data as its supervisor image has."""
LABELS = {
    "boot": "resin-boot",
    "root-a": "resin-rootA",
    "root-b": "resin-rootB",
    "state": "resin-state",
    "data": "resin-data",
}
FLASHER_LABELS = {role: label.replace("resin", "flash") for role, label in LABELS.items()}
TYPES: dict[PartitionTable, str] = {
    PartitionTable.MSDOS: "83",
    PartitionTable.GPT: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
}
"""A Linux file system."""
BOOT_TYPES: dict[tuple[PartitionTable, Filesystem], str] = {
    (PartitionTable.MSDOS, Filesystem.FAT16): "e",
    (PartitionTable.MSDOS, Filesystem.FAT32): "c",
    (PartitionTable.GPT, Filesystem.FAT16): "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    (PartitionTable.GPT, Filesystem.FAT32): "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
}
LARGEST_MSDOS = 0xFFFF_FFFF * SECTOR
FAT_SIZES = {Filesystem.FAT16: (ALIGNMENT, 2044 * MIB), Filesystem.FAT32: (36 * MIB, 32768 * MIB)}
"""The least and the most that a boot partition of each kind may have, for the number of clusters tells them apart."""
GEOMETRIES = ((128 * MIB, (8, 32)), (256 * MIB, (16, 32)), (LARGEST_MSDOS, (32, 63)))
"""Up to which size mkfs.vfat counts in which heads and sectors; a file system is whole tracks long."""
SMALL = 512 * MIB
"""Below this, the blocks of a root file system have 1 KiB, as mke2fs chooses by itself; else 4 KiB."""
_NAMESPACE = UUID("6f4b2a86-6b9d-5c1e-9a53-51d0f6c1a7e4")


def partitions(image: Image) -> Partitions:
    """The partitions of this image. Raises `CapabilityAbsent` where no disk of it can be made, and says why."""
    slug, flasher = image.device_type.slug, image.build.flasher
    found = image.device_type.partitions if flasher else row.layout(image.device_type, image.build)
    if found is None:
        raise CapabilityAbsent(f"{slug}: its partitions are not known, so no disk image can be made", path="partitions")
    if flasher and found.boot_filesystem is not Filesystem.EXT4:
        return found  # its medium is plain, and nothing is in front of its boot partition
    if image.build.secure_boot or found.efi is not None or found.boot_filesystem is Filesystem.EXT4:
        raise CapabilityAbsent(
            f"{slug}: its disk is encrypted with a key that only the machine itself has; such a disk is made on the"
            " machine, by its flasher",
            path="secure_boot",
        )
    numbers = {part.name: int(part.text) for part in image.of(PartKind.PARTITION)}
    wanted = dict(zip(ROLES, NUMBERS[found.table], strict=True))
    first = numbers.get("boot", 0)
    if first > 1:
        raise CapabilityAbsent(
            f"{slug}: its boot partition has number {first}: the vendor's partitions before it are made by the vendor's"
            " own flashing tool",
            path="partitions",
        )
    if numbers != wanted:
        told = ", ".join(f"{role} {number}" for role, number in wanted.items())
        said = ", ".join(f"{role} {number}" for role, number in numbers.items())
        raise CapabilityAbsent(f"{slug}: partitions {said}; what can be made is {told}", path="partitions")
    return found


def all_sizes(image: Image, given: Mapping[str, int], needed: Mapping[str, int]) -> dict[str, int]:
    """The size of each partition in bytes: as given (KiB), else the image's, else as needed (bytes), else the default.

    Rounded up to the alignment. Raises `ValueRefused`.
    """
    for role, kib in given.items():
        if role not in ROLES:
            raise ValueRefused(f"size of {role!r:.40}: no such partition", path="sizes", allowed=ROLES)
        if isinstance(kib, bool) or not isinstance(kib, int) or not 0 < kib <= LARGEST_MSDOS // KIB:
            raise ValueRefused(f"size of {role}: {kib!r:.40} is no number of KiB", path="sizes")
    own = {part.name: int(part.text) for part in image.of(PartKind.PARTITION_SIZE)}
    if image.build.flasher:  # its root holds an OS, its second root, state and data are the least there can be
        own = {"boot": own.get("boot", SIZES_KIB["boot"]), **dict.fromkeys(ROLES[2:], ALIGNMENT // KIB)}
    found = {}
    for role in ROLES:
        size = needed.get(role, SIZES_KIB[role] * KIB)
        if role in own:
            size = own[role] * KIB
        if role in given:
            size = given[role] * KIB
        found[role] = -(-size // ALIGNMENT) * ALIGNMENT
    if "root-a" in given and "root-b" not in given and not image.build.flasher:
        found["root-b"] = found["root-a"]
    return found


def plan(image: Image, found: Mapping[str, int]) -> Layout:
    """The layout with these sizes in bytes. Raises `CapabilityAbsent`, and `ValueRefused` for sizes that do not go."""
    layout = partitions(image)
    table = layout.table
    filesystem = layout.boot_filesystem or Filesystem.FAT16
    numbers = dict(zip(ROLES, NUMBERS[table], strict=True))
    labels = FLASHER_LABELS if image.build.flasher else LABELS
    least, most = FAT_SIZES[filesystem]
    if not least <= found["boot"] <= most:
        raise ValueRefused(
            f"size of boot: {found['boot'] // KIB} KiB; {filesystem} has from {least // KIB} to {most // KIB} KiB",
            path="sizes",
        )
    msdos = table is PartitionTable.MSDOS
    place, volumes, extended = ALIGNMENT, [], 0
    for role in ROLES:
        if msdos and numbers[role] > 4:
            extended = extended or place
            place += ALIGNMENT
        kind = BOOT_TYPES[table, filesystem] if role == "boot" else TYPES[table]
        formatted = None if image.build.flasher and role in ("state", "data") else Filesystem.EXT4
        volumes.append(
            Volume(
                role=role,
                number=numbers[role],
                start=place,
                size=found[role],
                type=kind,
                label=labels[role],
                filesystem=filesystem if role == "boot" else formatted,
                uuid=_id(image, role)[:8] if role == "boot" else str(UUID(_id(image, role))),
                partition_uuid=None if msdos else str(UUID(_id(image, f"partition {role}"))),
                options=_options(role, filesystem, found[role]),
            )
        )
        place += found[role]
    # The file is as large as meta-balena's in both cases; data goes to its end, for gpt to the last whole MiB.
    total = place + (1 if msdos else 3) * ALIGNMENT
    end = total if msdos else (total - 34 * SECTOR) // MIB * MIB
    volumes[-1] = evolve(volumes[-1], size=end - volumes[-1].start)
    if msdos and total > LARGEST_MSDOS:
        raise ValueRefused(f"sizes: {total // KIB} KiB in all, and an msdos table ends at 2 TiB", path="sizes")
    return Layout(
        table=table,
        disk_id=f"0x{_id(image, 'disk')[:8]}" if msdos else str(UUID(_id(image, "disk"))),
        size=total,
        volumes=tuple(volumes),
        extended=(extended, total) if msdos else None,
    )


def _options(role: str, filesystem: Filesystem, size: int) -> tuple[str, ...]:
    """What meta-balena tells the programs that format; the state partition has blocks of 4 KiB whatever its size."""
    if role == "boot":
        heads, sectors = next(geometry for most, geometry in GEOMETRIES if size <= most)
        width, cluster = filesystem.removeprefix("fat"), _cluster(filesystem, size)
        return ("-F", width, "-s", str(cluster), "-g", f"{heads}/{sectors}")
    block = 1024 if size < SMALL and role.startswith("root") else 4096
    return ("-b", str(block), "-i", "8192", "-I", "256")


def _cluster(filesystem: Filesystem, size: int) -> int:
    """Sectors of a cluster, as mkfs.vfat chooses them for a partition of its own; which FAT it is follows from them."""
    if filesystem is Filesystem.FAT32:
        return 1 if size <= 260 * MIB else 8
    cluster = 4
    while size // SECTOR // cluster > 65536:
        cluster *= 2
    while cluster > 1 and size // SECTOR // cluster < 4300:
        cluster //= 2
    return cluster


def _id(image: Image, what: str) -> str:
    """32 hexadecimal digits of a UUID that follows from the device type, the build and what it is for."""
    build = image.build
    flags = (build.os_version, build.yocto_release, build.os_development, build.flasher, build.secure_boot)
    facts = (*flags, str(build.balena_storage), *build.network_manager_packages)
    digest = sha256("\n".join(str(each) for each in facts).encode()).hexdigest()
    return uuid5(_NAMESPACE, f"{image.device_type.slug}\n{digest}\n{what}").hex
