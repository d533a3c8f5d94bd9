"""What a generated tree of a Xavier holds: Cboot's partitions, `tegra-boot-control`, and the signed files of two OSes.

Kernels and device trees are short stand-ins of the real form: a signature of 4 KiB, then the content, whose length a
device tree tells itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.model import DeviceType
from hal.tree import TreeFile

PARTLABELS = "dev/disk/by-partlabel"
METADATA = "var/lib/hal-tree/slot_metadata"
"""The slot metadata: redundancy level (0 off, 1 bootloader, 2 full), then for each slot priority, retry count, mark."""

TREE_BYTES = 16 * 1024
KERNEL_BYTES = 16 * 1024
"""Sizes of the partitions in a tree; the real ones have 512 KiB and 64 MiB."""

_SIGNATURE = b"NVDA" + b"signed".ljust(4092, b".")

_TEGRA_BOOT_CONTROL = """#!/bin/sh
# Stands for tegra-boot-control 3.1.2 in a tree: the same words, exit statuses and changes of the slot metadata.
state="$HAL_ROOT/@METADATA@"
read -r level p0 r0 s0 p1 r1 s1 <"$state" || { echo "boot sector GPT: No such file or directory" >&2; exit 1; }

usage() {
    printf '\\nUsage:\\n\\ttegra-boot-control <option>\\n\\nOptions:\\n'
    printf ' --%-19s\\t%s\\t%s\\n' current-slot -c 'print current boot slot' disable -d 'disable redundant boot' \\
        enable -e 'enable redundant boot' mark-successful -m 'mark current boot slot successful' \\
        set-active -a 'set active slot for next reboot' status -s 'display redundancy and boot slot status' \\
        load -L 'load slot metadata from file' dump -D 'dump slot metadata to file' \\
        help -h 'display this help text' version '  ' 'display version information'
}

wrong() { echo "Error: $1" >&2; usage; exit 1; }

save() { echo "$level $p0 $r0 $s0 $p1 $r1 $s1" >"$state.new" && mv "$state.new" "$state"; }

fail() { echo "$1: $2" >&2; exit 1; }

current() {
    read -r line <"$HAL_ROOT/proc/cmdline" || :
    case " $line " in
        *' boot.slot_suffix=_b'*) echo 1 ;;
        *' boot.slot_suffix=_a'* | *' boot.slot_suffix= '*) echo 0 ;;
        *' boot.slot_suffix='*) return 1 ;;
        *) echo 0 ;;
    esac
}

word() { if [ "$1" = 1 ]; then echo YES; else echo NO; fi; }

action='' number=''
while getopts ':cdema:sh' option; do
    case "$option" in
        h) usage; exit 0 ;;
        c | d | e | m | s | a)
            [ -z "$action" ] || wrong 'multiple actions specified'
            action=$option
            number=$OPTARG
            if [ "$option" = a ] && [ "$number" != 0 ] && [ "$number" != 1 ]; then
                wrong "slot number must be '0' or '1'"
            fi
            ;;
        *) wrong 'unrecognized option' ;;
    esac
done
case "$action" in
    '') wrong 'no action specified' ;;
    c) current || fail 'retrieving current boot slot' 'No such process' ;;
    d)
        level=0 p0=15 r0=7 s0=1 p1=0 r1=0 s1=0
        echo 'Disabled redundancy.'
        save
        ;;
    e)
        [ "$level" != 0 ] || { p0=15 r0=7 s0=1 p1=14 r1=7 s1=1; }
        level=2
        echo 'Enabled redundancy.'
        save
        ;;
    m)
        here=$(current) || fail 'marking slot successful' 'No such process'
        [ "$level" != 0 ] || [ "$here" = 0 ] || fail 'marking slot successful' 'Invalid argument'
        if [ "$here" = 0 ]; then
            p0=15 r0=7 s0=1
            [ "$p1" -lt 15 ] || p1=14
        else
            p1=15 r1=7 s1=1
            [ "$p0" -lt 15 ] || p0=14
        fi
        echo "Slot $here marked successful."
        save
        ;;
    a)
        [ "$level" != 0 ] || [ "$number" = 0 ] || fail 'setting active slot' 'Invalid argument'
        if [ "$number" = 0 ]; then p0=15 p1=14 r0=7 s0=0; else p1=15 p0=14 r1=7 s1=0; fi
        echo "Slot $number set active for next boot."
        save
        ;;
    s)
        here=$(current) || fail 'getting current boot slot' 'No such process'
        case "$level" in
            0) echo 'Redundancy: disabled'; exit 0 ;;
            1) echo 'Redundancy: enabled (bootloader only)' ;;
            *) echo 'Redundancy: enabled (full)' ;;
        esac
        echo "Current slot: $here"
        echo "Slot 0: priority: $p0, suffix: _a, retry_count: $r0, successful: $(word "$s0")"
        echo "Slot 1: priority: $p1, suffix: _b, retry_count: $r1, successful: $(word "$s1")"
        ;;
esac
"""


def cboot_files(device_type: DeviceType) -> Iterator[TreeFile]:
    """A Xavier as flashed, some boots later: boot slot 0 has root A, boot slot 1 is empty, the OS in B is newer."""
    yield TreeFile.program("usr/bin/tegra-boot-control", _TEGRA_BOOT_CONTROL.replace("@METADATA@", METADATA))
    yield TreeFile.text(METADATA, "2 15 7 1 14 7 1\n")
    yield TreeFile.text("proc/cmdline", "boot.slot_suffix= root=LABEL=resin-rootA ro rootwait rootfstype=ext4\n")
    if device_type.partitions is not None:
        first = device_type.partitions.slot_values()[0]
        yield TreeFile.text("mnt/boot/resinOS_uEnv.txt", f"resin_root_part={first}\nupgrade_available=0\n")
    yield TreeFile(name=f"{PARTLABELS}/kernel", data=signed_kernel("1").ljust(KERNEL_BYTES, b"\0"))
    yield TreeFile(name=f"{PARTLABELS}/kernel_b", data=bytes(KERNEL_BYTES))
    yield TreeFile(name=f"{PARTLABELS}/kernel-dtb", data=signed_tree("1", "A").ljust(TREE_BYTES, b"\0"))
    yield TreeFile(name=f"{PARTLABELS}/kernel-dtb_b", data=bytes(TREE_BYTES))
    for release, folder in (("1", ""), ("2", "mnt/sysroot/inactive/current/")):
        yield TreeFile.text(f"{folder}boot/Image", f"kernel of release {release}\n")
        yield from signed_files(device_type, release, folder)


def signed_files(device_type: DeviceType, release: str, folder: str = "") -> Iterator[TreeFile]:
    """What an OS release installs for Cboot, below `folder`, which ends with a slash or is empty."""
    binaries = f"{folder}opt/tegra-binaries"
    for slot in ("A", "B"):
        name = f"{device_type.default_device_tree}-root{slot}_sigheader.dtb.encrypt"
        yield TreeFile(name=f"{binaries}/{name}", data=signed_tree(release, slot))
    yield TreeFile(name=f"{binaries}/boot_sigheader.img.encrypt", data=signed_kernel(release))


def signed_tree(release: str, slot: str) -> bytes:
    """A signed device tree of this OS release that boots this root slot."""
    arguments = f"root=LABEL=resin-root{slot} ro rootwait rootfstype=ext4 console=null quiet splash\0"
    content = f"device tree of release {release}\0".ljust(1024, "#").encode() + arguments.encode()
    return _SIGNATURE + b"\xd0\x0d\xfe\xed" + (8 + len(content)).to_bytes(4, "big") + content


def signed_kernel(release: str) -> bytes:
    """A signed kernel of this OS release."""
    return _SIGNATURE + f"ANDROID!kernel of release {release}\0".encode() + release.encode() * 4000
