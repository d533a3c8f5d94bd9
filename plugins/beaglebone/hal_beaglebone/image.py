"""What a BeagleBone puts into an OS image. `beaglebone` is the layer's word for every board of the AM335x.

The unit has the name of the package's own, and stands before it; other files have names of their own, so that both may
be in one image.

Source: balena-beaglebone 7.7.2+rev2 recipes-core/images, recipes-kernel/linux, recipes-bsp/u-boot, recipes-support,
conf/layer.conf; meta-ti 9818c93. Kernel and device trees are read from the root file system.
"""

from __future__ import annotations

from hal.image.parts import Group, Parts, boot_files, boot_media, chosen, firmware, one, packages, symbols, tags
from hal.model import ABSENT, Build, DeviceType, PartKind

REPOSITORY = "balena-beaglebone"
AM335X = "beaglebone"
XM = "beagleboard-xm"
AI64 = "beaglebone-ai64"
OLD = "linux-beagleboard"

SYMBOLS = (
    Group(
        OLD,
        symbols("n", "MODULE_COMPRESS MODULE_COMPRESS_XZ", "the build cannot package modules that are packed (146e048)")
        + symbols(
            "y", "SERIAL_OMAP SERIAL_OMAP_CONSOLE", "the serial ports; their names are ttyO, for which there is a rule"
        )
        + symbols("n", "SERIAL_8250", "that driver drops bytes and doubles others (3004e40)")
        + symbols("m", "BT_HCIUART", "Bluetooth of a WL18xx is at a serial port (1727aa6)")
        + symbols(
            "y", "BT_HCIUART_SERDEV BT_HCIUART_H4 BT_HCIUART_LL", "the protocol of TI's Bluetooth chips (1727aa6)"
        )
        + symbols("m", "HM3301", "Seeed's dust sensor, by a driver that the layer adds (aa047aa)")
        + symbols("y", "CC_OPTIMIZE_FOR_SIZE", "kernel and root file system have little room left (e63e5a8)"),
    ),
    Group(
        AM335X,
        symbols("y", "AUFS_FS AUFS_XATTR", "the other root may still use aufs while an old device updates")
        + symbols(
            "n",
            "USB_XHCI_HCD DRM_ETNAVIV MTD_RAW_NAND MTD_UBI UBIFS_FS JFFS2_FS",
            "an AM335x board has no USB 3, no such graphics and no raw flash, and the kernel must stay small",
        ),
    ),
    Group(
        XM,
        symbols("y", "ARCH_OMAP3", "its chip is of the generation before")
        + symbols(
            "y",
            "USB_MUSB_HDRC USB_MUSB_OMAP2PLUS REGULATOR_TWL4030 TWL4030_USB GPIO_TWL4030",
            "its power chip feeds USB and the card, and the root file system is on one of them (f3d564e)",
        ),
    ),
)

BOOT = (
    Group(
        f"{AM335X} {XM}",
        boot_files({"MLO": "MLO"}, "the chip's ROM loads it first: U-Boot's small part")
        + boot_files({"u-boot.img": "u-boot.img"}, "MLO loads it: U-Boot, which chooses the slot"),
    ),
    Group(
        f"{AM335X}+flasher",
        boot_files(
            {"uEnv.txt_internal": "uEnv.txt_internal"}, "the flasher puts it on the internal medium as uEnv.txt"
        ),
    ),
    Group(
        AI64,
        boot_files(
            {
                name: name
                for name in (
                    "tiboot3.bin",
                    "tiboot3-j721e-gp-evm.bin",
                    "tiboot3-j721e_sr1_1-hs-evm.bin",
                    "tiboot3-j721e_sr2-hs-fs-evm.bin",
                )
            },
            "the chip's ROM loads it first; which of the variants, the chip's revision and fuses decide",
        )
        + boot_files(
            {
                name: name
                for name in (
                    "sysfw.itb",
                    "sysfw-j721e-gp-evm.itb",
                    "sysfw-j721e_sr1_1-hs-evm.itb",
                    "sysfw-j721e_sr2-hs-fs-evm.itb",
                )
            },
            "the firmware of the chip's own controller, without which no other core starts",
        )
        + boot_files({"tispl.bin": "tispl.bin"}, "it starts the 64-bit cores, and U-Boot on them")
        + boot_files({"u-boot.img": "u-boot.img"}, "tispl.bin loads it: U-Boot, which chooses the slot"),
    ),
)

PACKAGES = (
    Group(
        REPOSITORY,
        packages(
            "kernel-image-initramfs kernel-devicetree", "U-Boot reads kernel and device trees from /boot of the root"
        )
        + packages(
            "kernel-image-zimage kernel-image", "a second kernel, without initramfs, that nothing starts", ABSENT
        )
        + packages("wlconf", "the WL18xx driver asks for ti-connectivity/wl18xx-conf.bin (dd0c4dd, 61fc9c7)")
        + firmware("wl18xx", "the WL18xx's own program (584a10d)")
        + firmware("ath10k", "no board has such a card, and it takes room (c2f0e7b)", ABSENT),
    ),
    Group(
        AM335X,
        packages("bb-org-overlays", "capes are described by the overlays in /boot/overlays that U-Boot loads")
        + packages("amx3-cm3", "the power controller's firmware; without it the board does not sleep")
        + packages("prueth-fw pruhsr-fw pruprp-fw", "the real-time units drive Ethernet with them"),
    ),
    Group(
        AI64,
        packages("mmc-utils", "the flasher makes the eMMC boot from its boot partition")
        + packages("vxd-dec-fw", "the video decoder's program")
        + packages("cadence-mhdp-fw", "DisplayPort shows no picture without it (054e3a4)")
        + packages("ti-eth-fw", "the program of the chip's own Ethernet switch"),
    ),
)

WIRELESS = """\
[Unit]
Description=Bring up WiFi and Bluetooth of a WL18xx, one after the other
Wants=bluetooth.service
After=bluetooth.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/modprobe rfcomm
ExecStart=/bin/sleep 5
ExecStart=/sbin/modprobe hci_uart
ExecStart=/bin/sleep 5
ExecStart=/sbin/modprobe wl18xx

[Install]
WantedBy=multi-user.target
"""
DENIED = "".join(f"blacklist {name}\n" for name in ("wl18xx", "wlcore", "hci_uart", "bluetooth"))
SERIAL = 'SUBSYSTEM=="tty", KERNEL=="ttyO[0-9]*", SYMLINK="ttyS%n"\n'
MEMORY = "vm.min_free_kbytes=8192\nvm.dirty_ratio=5\nvm.dirty_background_ratio=10\n"

FILES = (
    Group(
        REPOSITORY,
        one(
            PartKind.UDEV_RULE,
            "98-beagle-ttys.rules",
            SERIAL,
            "the console and users' programs open ttyS0, not ttyO0",
        )
        + one(PartKind.FILE, "etc/modprobe.d/wl18xx-order.conf", DENIED, "loaded at the same time, Bluetooth fails")
        + one(
            PartKind.FILE,
            "etc/systemd/system/bb-wl18xx-btwl.service",
            WIRELESS,
            "WiFi and Bluetooth share a chip, and must be loaded in this order and with pauses",
        )
        + one(PartKind.SERVICE, "bb-wl18xx-btwl.service", "enabled", "nothing else loads these modules")
        + packages("bb-wl18xx-btwl", "it brings TIInit_11.8.32.bts, without which the chip's Bluetooth does not start"),
    ),
    Group(
        f"{AM335X}+installed",
        one(
            PartKind.FILE,
            "etc/sysctl.d/60-mmc.conf",
            MEMORY,
            "writing an image to the eMMC fills the memory of 512 MB, and the kernel ends programs",
        ),
    ),
    Group(
        REPOSITORY,
        one(
            PartKind.FILE,
            "etc/systemd/system.conf.d/zz-board-watchdog.conf",
            "[Manager]\nRuntimeWatchdogSec=0\n",
            "these boards reset without reason while the watchdog is on (fe9ff84)",
        ),
    ),
)

TABLE = (*SYMBOLS, *BOOT, *PACKAGES, *FILES)


MEDIA = dict.fromkeys(
    (
        "beaglebone-black",
        "beaglebone-green",
        "beaglebone-green-wifi",
        "beaglebone-green-gateway",
        "beaglebone-ai64",
    ),
    "internal sdcard",
)
"""By slug: what it boots from as it comes, and what else it can boot from (balena-io/contracts 2.0.146)."""


def parts(device_type: DeviceType, build: Build) -> Parts:
    """Everything of the table that is for this device type and build."""
    if device_type.repository is None:
        return ()
    return (*chosen(TABLE, tags(device_type, build)), *boot_media(MEDIA.get(device_type.slug, "")))
