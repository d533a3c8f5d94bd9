"""What a generated tree holds: U-Boot's files, as shipped, on an AM335x its CPU's frequencies, and on an AI-64 its
eMMC's boot partition and an `mmc`."""

from __future__ import annotations

from collections.abc import Iterator

from hal.backends import emmc_boot
from hal.model import DeviceType
from hal.tree import TreeFile, sysfs
from hal_beaglebone import boot_config, tiboot

BOOT0_BYTES = 64 * 1024
"""A real one has 4 MiB and more; nothing here depends on it."""

_MMC = """#!/bin/sh
# Stands for mmc in a tree: it keeps the bytes of EXT_CSD as lines NAME=VALUE.
state="$HAL_ROOT/var/lib/hal-tree/extcsd"
put() { sed -i "s/^$1=.*/$1=$2/" "$state"; }
case "$1 $2" in
    "extcsd read")
        . "$state"
        echo "H/W reset function [RST_N_FUNCTION]: $RST_N_FUNCTION"
        echo "Boot bus Conditions [BOOT_BUS_CONDITIONS: $BOOT_BUS_CONDITIONS]"
        echo "Boot configuration bytes [PARTITION_CONFIG: $PARTITION_CONFIG]"
        ;;
    "bootpart enable") put PARTITION_CONFIG 0x48 ;;
    "bootbus set") put BOOT_BUS_CONDITIONS 0x02 ;;
    "hwreset enable") put RST_N_FUNCTION 0x01 ;;
    *)
        echo "mmc: $* is not known in a tree" >&2
        exit 1
        ;;
esac
"""


def _frequencies() -> Iterator[TreeFile]:
    """CPU frequencies of an AM335x with the modules of its governors loaded; performance is built in, and is set."""
    governors = "conservative ondemand userspace powersave performance"
    return sysfs.cpufreq(driver="cpufreq-dt", governors=governors, governor="performance", mhz=(300, 1000))


def tree_files(device_type: DeviceType) -> tuple[TreeFile, ...]:
    """Empty files of U-Boot; an AI-64 whose eMMC holds an older loader than the OS brings."""
    shipped: tuple[TreeFile, ...] = ()
    if device_type.bootloader is not None:
        shipped = (TreeFile(name=boot_config.EXTRA_FILE),)
    if device_type.slug in boot_config.AM335X:
        shipped += (TreeFile(name=boot_config.FILE), *_frequencies())
    if not any(fact.name == tiboot.NAME for fact in device_type.update_steps):
        return shipped
    old, new = (f"tiboot3 {age} ".encode() * 512 for age in ("old", "new"))
    return (
        *shipped,
        TreeFile(name=tiboot.SOURCE, data=new),
        TreeFile(name=f"dev/{tiboot.DEVICE}", data=old.ljust(BOOT0_BYTES, b"\0")),
        TreeFile.text(emmc_boot.guard_of(tiboot.DEVICE), "1\n"),
        TreeFile.text(
            "var/lib/hal-tree/extcsd", "RST_N_FUNCTION=0x00\nBOOT_BUS_CONDITIONS=0x00\nPARTITION_CONFIG=0x00\n"
        ),
        TreeFile.program("usr/bin/mmc", _MMC),
    )
