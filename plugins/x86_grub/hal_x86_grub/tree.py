"""What a generated tree of a PC holds: the start of its disk with BIOS, the firmware's boot entries with EFI, what the
kernel shows of its CPU and fans, and files for kernel arguments and ACPI tables. The names of the tables are invented,
their content is none."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hal.backends import efi_variables
from hal.backends.boot_config import configfs
from hal.backends.bootloader import grub
from hal.backends.bootloader.boot_sectors import CODE, SECTOR, pointing_at
from hal.backends.bootloader.envblock import EnvBlock
from hal.model import DeviceType
from hal.tree import TreeFile, sysfs
from hal_x86_grub import boot_config, boot_sectors

DISK = "sda"
GAP = 512
"""Sectors before the first partition. Those of an image are 8192; nothing here depends on it."""

_EFIBOOTMGR = """#!/bin/sh
# Stands for efibootmgr in a tree: the entries are a file of the lines that -v prints.
entries="$HAL_ROOT/var/lib/hal-tree/efi-entries"
case "$1" in
    -v) printf 'BootCurrent: 0001\\nTimeout: 0 seconds\\nBootOrder: 0001\\n'; cat "$entries" ;;
    -B) sed -i "/^Boot$3[* ]/d" "$entries" ;;
    -c)
        free=A
        while grep -q "^Boot000$free" "$entries"; do free=$(printf '%X' $((0x$free + 1))); done
        printf 'Boot000%s* %s\\tHD(%s,GPT,%s,0x2000,0x14000)/File(%s)\\n' \\
            "$free" "$7" "$5" "$(cat "$HAL_ROOT/var/lib/hal-tree/partuuid")" "$9" >>"$entries"
        ;;
    *)
        echo "efibootmgr: $* is not known in a tree" >&2
        exit 1
        ;;
esac
"""
_PARTUUID = "5a7c2f1e-93d0-4b7e-8f11-0d6c2b9a4e01"


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """With BIOS where the image boots so, else with EFI; nothing for device types whose partitions are not known."""
    table = device_type.partitions
    if table is None:
        return ()
    node = f"{DISK}{table.boot}"
    common = (
        TreeFile(name="dev/disk/by-state/resin-boot", link=f"/dev/{node}"),
        TreeFile.text(f"sys/class/block/{node}/partition", f"{table.boot}\n"),
    )
    return (
        *common,
        *_extra(device_type),
        *_kernel(device_type),
        *(_bios() if "bios" in device_type.firmware else _efi(node)),
    )


def _extra(device_type: DeviceType) -> Iterator[TreeFile]:
    for interface, folder in (("bios", grub.LEGACY), ("efi", grub.EFI)):
        if interface in device_type.firmware:
            file = f"{folder}/grub_extraenv"
            yield TreeFile(name=file, data=EnvBlock.new({}, path=file).data)
    if device_type.slug in boot_config.TABLES:
        yield TreeFile.text(boot_config.CONFIGFS, "{}")
        for name in ("i2c-rtc", "spi0.0"):
            yield TreeFile(name=f"{configfs.TABLES}/{name}.aml")


HWP = ("intel-nuc", "surface-go", "surface-pro-6")
PREFERENCES = "default performance balance_performance balance_power power"
GOVERNORS = "conservative ondemand userspace powersave performance schedutil"


def _kernel(device_type: DeviceType) -> Iterator[TreeFile]:
    """CPU and fan of one PC that the image runs on: no device type says which, so each way is there in some tree.

    The governor is performance, as the image's kernel has it by default. The other trees are those of a virtual machine
    without either.
    """
    pstate = {"driver": "intel_pstate", "governors": "performance powersave", "governor": "performance"}
    slug = device_type.slug
    if slug in HWP:
        yield from sysfs.cpufreq(**pstate, mhz=(400, 3400), policies=4, preferences=PREFERENCES, no_turbo=True)
    elif slug == "up-board":
        yield from sysfs.cpufreq(**pstate, mhz=(480, 1840), policies=4, no_turbo=True)
    elif slug == "generic-amd64":
        yield from sysfs.cpufreq(
            driver="acpi-cpufreq", governors=GOVERNORS, governor="performance", mhz=(1400, 3600), policies=2
        )
        chip = {"pwm1": 102, "pwm1_enable": 5, "fan1_input": 1180, "pwm2": 77, "pwm2_enable": 5, "fan2_input": 640}
        yield from sysfs.hwmon(0, "coretemp", {"temp1_input": 41000})
        yield from sysfs.hwmon(1, "nct6775", chip)
        yield from sysfs.thermal_zone(0, "x86_pkg_temp", 41000)
    elif slug == "generic-amd64-av":
        yield TreeFile.text("sys/firmware/acpi/platform_profile", "balanced\n")
        yield TreeFile.text("sys/firmware/acpi/platform_profile_choices", "low-power balanced performance\n")


def _bios() -> tuple[TreeFile, ...]:
    old = pointing_at(boot_image(b"old")[:CODE], 1)
    start = old + b"\xd1\x5c\x51\x60\0\0" + partition_table(GAP) + core_image(b"old", 40)
    return (
        TreeFile(name=f"dev/{DISK}", data=start.ljust(GAP * SECTOR, b"\0")),
        TreeFile(name=f"{boot_sectors.SOURCE}/boot.img", data=boot_image(b"new")),
        TreeFile(name=f"{boot_sectors.SOURCE}/core.img", data=core_image(b"new", 45)),
    )


def _efi(node: str) -> tuple[TreeFile, ...]:
    variable = efi_variables.file_of("BootCurrent", efi_variables.GLOBAL)
    return (
        TreeFile(name=variable, data=b"\x06\0\0\0\x01\0"),
        TreeFile(name=f"dev/disk/by-partuuid/{_PARTUUID}", link=f"/dev/{node}"),
        TreeFile.text("var/lib/hal-tree/partuuid", _PARTUUID),
        TreeFile.text("var/lib/hal-tree/efi-entries", "Boot0001* UEFI OS\tHD(7,GPT,0,0x1,0x2)/File(\\EFI\\X.EFI)\n"),
        TreeFile.program("usr/sbin/efibootmgr", _EFIBOOTMGR),
    )


def boot_image(word: bytes) -> bytes:
    """What is known of a boot.img: it loads sector 1 and ends with the mark."""
    image = bytearray(b"\xeb\x63\x90" + word.ljust(509, b"\0"))
    image[0x5C:0x64] = struct.pack("<Q", 1)
    image[440:] = bytes(70) + b"\x55\xaa"
    return bytes(image)


def core_image(word: bytes, sectors: int) -> bytes:
    """What is known of a core.img of so many sectors: its first one lists the rest."""
    first = b"\x52\x56" + word.ljust(498, b"\0") + struct.pack("<QHH", 2, sectors - 1, 0x820)
    return first + (word * SECTOR * sectors)[: SECTOR * (sectors - 1) - 100]


def partition_table(first: int) -> bytes:
    """An MBR's table and mark, with two partitions; the second entry of the table begins earlier on the disk."""
    entries = struct.pack("<B3xB3xII", 0, 0x83, first + 4096, 4096) + struct.pack("<B3xB3xII", 0x80, 0xE, first, 4096)
    return entries + bytes(32) + b"\x55\xaa"
