"""What a generated tree of an Orin holds around its firmware: an older one than the OS wants, and its programs."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from hal.backends import efi_variables
from hal.model import Capsule, DeviceType
from hal.tree import TreeFile
from hal_jetson_orin import capsule, partition_types

FIRMWARE = "var/lib/hal-tree/firmware"
RUNNING, BROUGHT = "5.15.148-l4t-r36.4", "5.15.185-l4t-r36.5"
"""Releases of the kernel that runs and of the one of the OS that is to boot next."""
GPT = "var/lib/hal-tree/gpt"
"""Lines of a partition's number, name and type."""
SPARE_ESP = {6: 5, 14: 10}
"""Number of the partition `esp`, by that of the boot partition."""

_NVBOOTCTRL = """#!/bin/sh
# Stands for nvbootctrl in a tree.
[ "$1" = dump-slots-info ] || { echo "nvbootctrl: $* is not known in a tree" >&2; exit 1; }
echo "Current version: $(cat "$HAL_ROOT/var/lib/hal-tree/firmware")"
printf 'Capsule update status: 0\\nCurrent bootloader slot: A\\nActive bootloader slot: A\\nnum_slots: 2\\n'
"""

_RULE = """# Stands for NVIDIA's rule in a tree: the same fields, without revisions of board and chip.
gen_compat_spec() {
    IFS=- read boardid fab boardsku boardrev fuselevel chiprev
    echo "$boardid--$boardsku--$fuselevel-"
}
"""

_SFDISK = """#!/bin/sh
# Stands for sfdisk in a tree: it asks and sets names and types of partitions.
table="$HAL_ROOT/var/lib/hal-tree/gpt"
grep -q "^$3 " "$table" || { echo "sfdisk: $2: partition $3: no such partition" >&2; exit 1; }
case "$1 $#" in
    "--part-label 3") sed -n "s/^$3 \\([^ ]*\\) .*/\\1/p" "$table" ;;
    "--part-type 3") sed -n "s/^$3 [^ ]* //p" "$table" ;;
    "--part-type 4") sed -i "s/^$3 \\([^ ]*\\) .*/$3 \\1 $4/" "$table" ;;
    *) exit 1 ;;
esac
"""

_MKFS = """#!/bin/sh
# Stands for mkfs.vfat in a tree: what a partition holds is a folder beside it.
rm -rf "$1.files"
mkdir "$1.files"
"""
_MOUNT = """#!/bin/sh
# Stands for mount in a tree: the folder becomes a link to what the partition holds.
[ -d "$5.files" ] || { echo "mount: $6: wrong fs type, bad superblock on $5." >&2; exit 32; }
rmdir "$6" && ln -s "${5#"$HAL_ROOT"}.files" "$6"
"""
_UMOUNT = """#!/bin/sh
rm "$1" && mkdir "$1"
"""


def files(device_type: DeviceType, staged: Capsule) -> Iterator[TreeFile]:
    """Firmware 36.4 under an OS of L4T 36.4, and an OS of L4T 36.5 that brings a capsule."""
    table = device_type.partitions
    assert table is not None
    disk = "mmcblk0" if device_type.slug.startswith("jetson-agx") else "nvme0n1"
    names = {table.boot: "resin-boot", SPARE_ESP[table.boot]: "esp"}
    for number, name in names.items():
        yield TreeFile(name=f"dev/disk/by-state/{name}", link=f"/dev/{disk}p{number}")
        yield TreeFile.text(f"sys/class/block/{disk}p{number}/partition", f"{number}\n")
        yield TreeFile(name=f"dev/{disk}p{number}")
    numbers = (names.get(number, f"vendor{number}") for number in range(1, table.boot + 1))
    lines = [f"{number} {name} {partition_types.DATA}" for number, name in enumerate(numbers, start=1)]
    lines[SPARE_ESP[table.boot] - 1] = f"{SPARE_ESP[table.boot]} esp {partition_types.ESP}"
    yield TreeFile.text(GPT, "\n".join(lines) + "\n")
    yield TreeFile(name=f"{capsule.FOLDER}/{staged.file}", data=gzip.compress(image(b"36.5"), mtime=0))
    yield TreeFile.text(FIRMWARE, "36.4\n")
    yield TreeFile.text("proc/sys/kernel/osrelease", f"{RUNNING}\n")
    yield TreeFile.text(f"lib/modules/{BROUGHT}/modules.order", "")
    name = efi_variables.file_of("BootCurrent", efi_variables.GLOBAL)
    yield TreeFile(name=name, data=b"\x06\0\0\0\x01\0")
    spec = (staged.tnspec or "3767-300-0000-A.3-1-1-").removesuffix("-")
    yield TreeFile.program("usr/bin/tegra-boardspec", f"#!/bin/sh\necho {spec}\n")
    yield TreeFile.text(capsule.RULE, _RULE)
    yield TreeFile.program("usr/sbin/nvbootctrl", _NVBOOTCTRL)
    yield TreeFile.program("usr/sbin/sfdisk", _SFDISK)
    yield TreeFile.program("usr/sbin/mkfs.vfat", _MKFS)
    yield TreeFile.program("usr/bin/mount", _MOUNT)
    yield TreeFile.program("usr/bin/umount", _UMOUNT)
    for program in ("sh", "mkdir", "rmdir"):
        yield TreeFile.program(f"usr/bin/{program}", f'#!/bin/sh\nexec {program} "$@"\n')
    yield TreeFile.program("usr/bin/sync", "#!/bin/sh\n")


def image(word: bytes) -> bytes:
    """What is known of a capsule: its header states its own size and the whole one."""
    body = word.ljust(16, b"\0") * 256
    size = 28 + len(body)
    guid = bytes.fromhex("edd5cb6d2de8444cbda17194199ad92a")
    return guid + (28).to_bytes(4, "little") + bytes(4) + size.to_bytes(4, "little") + body
