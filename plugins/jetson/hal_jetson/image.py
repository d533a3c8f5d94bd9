"""What a Jetson before Orin puts into an OS image. A machine that others build on stands for them, too.

Source: balena-jetson 7.9.3+rev2 recipes-core/images, recipes-kernel/linux, recipes-bsp, conf/layer.conf. The vendor's
partitions before the boot partition, and rules and denied modules of L4T, which come in the vendor's archives, are not
known to this table.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.parts import (
    Group,
    Parts,
    arguments,
    boot_files,
    boot_media,
    chosen,
    firmware,
    one,
    packages,
    symbols,
    tags,
)
from hal.model import EITHER, Build, DeviceType, ImagePart, PartKind

REPOSITORY = "balena-jetson"
TX1, TX2 = "jetson-tx1", "jetson-tx2"
NANOS = "jetson-nano jetson-nano-emmc jetson-nano-2gb-devkit"
AGX = "jetson-xavier"
NX = "jetson-xavier-nx-devkit jetson-xavier-nx-devkit-emmc"

SYMBOLS = (
    Group(
        REPOSITORY,
        symbols("m", "TEGRA21X_WATCHDOG", "built in it disturbs the start of a Nano (e3c7078)")
        + symbols(
            "n",
            "DEBUG_KMEMLEAK FUNCTION_TRACER PSTORE",
            "kernel with initramfs must stay below 40 MB to fit the boot partition (f67261d)",
        )
        + symbols(
            "m",
            "INPUT_LEDS INPUT_FF_MEMLESS INPUT_MOUSEDEV INPUT_JOYDEV JOYSTICK_XPAD INPUT_KEYCHORD",
            "outside of the kernel they do not count towards its size (b5bdd09)",
        )
        + symbols(
            "m",
            "NFS_FS NFS_V2 NFS_V3 NFS_V4 BACKLIGHT_PWM BACKLIGHT_LP855X BACKLIGHT_CLASS_DEVICE",
            "outside of the kernel they do not count towards its size (0206412)",
        )
        + symbols("y", "INPUT_JOYSTICK", "what the drivers of game controllers stand on")
        + symbols(EITHER, "NFSD", "the server that the next two are versions of")
        + symbols("y", "NFSD_V3 NFSD_V4", "containers that share folders by NFS")
        + symbols("m", "RTL8822CE RTK_BTUSB", "WiFi and Bluetooth of the developer kits (0206412)")
        + symbols("y", "CGROUP_BPF BPF_SYSCALL", "systemd and the engine filter devices of containers by it")
        + symbols("y", "CFG80211_INTERNAL_REGDB", "a kernel this old reads no database of WiFi's limits by itself"),
    ),
    Group(
        TX2,
        symbols("m", "VIDEO_TEGRA_VI_TPG", "the camera input's test picture, by which boards are checked (7c27c37)")
        + symbols("m", "TOUCHSCREEN_EGALAX", "touchscreens of carrier boards (7c27c37)")
        + symbols("y", "USB_SERIAL_GENERIC", "serial adapters of carrier boards (7c27c37)")
        + symbols("y", "SPI SPI_MASTER", "devices on SPI of carrier boards (7c27c37)")
        + symbols("m", "SPI_SPIDEV", "programs reach SPI by its device node (7c27c37)")
        + symbols("y", "CAN CAN_RAW CAN_DEV MTTCAN_IVC", "CAN of the TX2, which its sensor core drives (7c27c37)")
        + symbols("n", "MTTCAN", "it would take the CAN controllers from the sensor core (7c27c37)")
        + symbols("m", "USB_VIDEO_CLASS", "USB cameras")
        + symbols("y", "USB_VIDEO_CLASS_INPUT_EVDEV", "the button of a USB camera")
        + symbols("y", "EQOS_DISABLE_EEE", "Ethernet's power saving makes its link fail (ecfe0ce)")
        + symbols("y", "CC_OPTIMIZE_FOR_SIZE", "the kernel must fit the flasher's boot partition (441085f)"),
    ),
    Group(f"{TX1} {TX2}", symbols("y", "COMPAT", "containers with 32-bit programs")),
    Group(
        f"{TX2} jetson-nano jetson-nano-emmc",
        symbols(
            "m", "STAGING_GASKET_FRAMEWORK STAGING_APEX_DRIVER", "Coral's accelerator cards, by a driver of the layer"
        ),
    ),
    Group(
        "cnx100-xavier-nx",
        symbols("m", "LEDS_TLC591XX", "the carrier's lights (4bab31a)")
        + symbols("m", "USB_WDM USB_SIERRA_NET USB_NET_CDC_NCM", "Sierra's modems on the carrier (f0dfb08)"),
    ),
)

XAVIER_FILES = (
    "mb1_t194_prod_sigheader.bin.encrypt",
    "spe_t194_sigheader.bin.encrypt",
    "nvtboot_t194_sigheader.bin.encrypt",
    "preboot_c10_prod_cr_sigheader.bin.encrypt",
    "slot_metadata.bin",
    "bmp.blob",
    "mce_c10_prod_cr_sigheader.bin.encrypt",
    "mts_c10_prod_cr_sigheader.bin.encrypt",
    "cboot_t194_sigheader.bin.encrypt",
    "tos-trusty_t194_sigheader.img.encrypt",
    "eks_sigheader.img.encrypt",
    "bpmp_t194_sigheader.bin.encrypt",
    "tegra194-a02-bpmp-p2888-a04_sigheader.dtb.encrypt",
    "xusb_sil_rel_fw",
    "camera-rtcpu-rce_sigheader.img.encrypt",
    "adsp-fw_sigheader.bin.encrypt",
    "warmboot_t194_prod_sigheader.bin.encrypt",
    "boot0_t194.bin.gz",
)
"""Signed firmware of a Xavier AGX, under the names that it is deployed by."""

NANO_FILES = {
    "TBC": "nvtboot_cpu.bin.encrypt",
    "RP1": "{tree}.encrypt",
    "EBT": "cboot.bin.encrypt",
    "WB0": "warmboot.bin.encrypt",
    "BPF": "sc7entry-firmware.bin.encrypt",
    "TOS": "tos-mon-only.img.encrypt",
    "EKS": "eks.img",
    "LNX": "u-boot.bin.encrypt",
    "DTB": "{tree}.encrypt",
    "RP4": "rp4.blob",
    "BMP": "bmp.blob",
}
"""Firmware of a Nano: each partition, and the file that an update writes to it."""

PACKAGES = (
    Group(
        REPOSITORY, packages("tegra-nvpmodel", "sets the power mode at boot; without it the vendor's lowest one stays")
    ),
    Group(
        REPOSITORY,
        packages(
            "tegra-configs-nvstartup tegra-configs-udev", "the vendor's programs find their device nodes by its rules"
        ),
    ),
    Group(
        TX2,
        packages("tegra186-flash-dry", "firmware that an update writes to the partitions and to mmcblk0boot0")
        + packages("fan-startup", "nobody else starts the fan"),
    ),
    Group(TX1, packages("tegra210-flash-dry", "firmware that an update writes to the partitions and to mmcblk0boot0")),
    Group(NANOS, packages("tegra210-flash", "firmware that an update writes to the partitions and to QSPI or eMMC")),
    Group(
        AGX,
        packages("tegra194-flash-dry", "firmware that an update writes to the partitions and to mmcblk0boot0")
        + packages("fan-startup", "nobody else starts the fan"),
    ),
    Group(
        "jetson-xavier-nx-devkit-emmc",
        packages("tegra194-nxde-flash-dry", "firmware that an update writes to the partitions and to QSPI"),
    ),
    Group(
        "jetson-xavier-nx-devkit",
        packages("tegra194-nxde-sdcard-flash", "firmware that an update writes to the partitions and to QSPI")
        + packages("fan-startup", "nobody else starts the fan"),
    ),
    Group(f"{TX1} {TX2} {AGX} {NX}", packages("parted", "an update finds and makes the vendor's partitions by it")),
    Group(
        f"{TX2} {AGX} {NX}", packages("gptfdisk", "it moves the end of the partition table to the end of the medium")
    ),
    Group(f"{TX2} {NANOS}", packages("jetson-dtbs", "kernel and device trees in /boot, from which U-Boot reads them")),
    Group(f"{NANOS} {NX}", packages("mtd-utils", "an update writes the firmware's flash, QSPI")),
    Group(
        f"{AGX} {NX}",
        packages(
            "tegra-boot-tools",
            "tells the firmware that its slot is good; it counts boots, and leaves a slot that is not",
        ),
    ),
    Group(
        f"{TX1} {TX2}",
        packages("tegra-firmware-brcm tegra-brcm-patchram bt-scripts", "WiFi and Bluetooth of the module")
        + firmware("bcm4354", "WiFi of the module"),
    ),
    Group(
        TX2,
        packages("tegra-firmware-xusb", "USB 3 does not start without its firmware")
        + packages("tegra-firmware-rtl8822", "WiFi and Bluetooth of the TX2 NX on its carrier")
        + packages("kernel-module-bcmdhd kernel-module-rtk-btusb kernel-module-rtl8822ce", "drivers of those radios")
        + firmware("ath10k-qca6174 qca ath10k", "WiFi cards of carrier boards (832bcca)"),
    ),
    Group(
        "jetson-nano jetson-nano-emmc",
        firmware("iwlwifi-8265 iwlwifi-9260 ibt-12-16", "a customer's Intel cards (ab20b26)"),
    ),
    Group(
        NX,
        packages("tegra-wifi tegra-bluetooth tegra-firmware-rtl8822", "WiFi and Bluetooth of the developer kit")
        + packages("tegra-udrm-probeconf", "as in NVIDIA's image, where the display is driven by the kernel (9de3405)"),
    ),
)

FAN = """\
[Unit]
Description=Turn the fan on

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/bin/sh -c 'echo 100 >/sys/devices/pwm-fan/target_pwm'

[Install]
WantedBy=multi-user.target
"""
SLOT = """\
[Unit]
Description=Tell the firmware that its slot is good

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/tegra-boot-control -e
ExecStart=/usr/bin/tegra-boot-control -m

[Install]
WantedBy=multi-user.target
"""

FILES = (
    Group(
        f"{TX2} {AGX} jetson-xavier-nx-devkit",
        one(
            PartKind.FILE,
            "etc/systemd/system/fan-startup.service",
            FAN,
            "the fan stands still until somebody writes to it",
        )
        + one(PartKind.SERVICE, "fan-startup.service", "enabled", "the board gets hot without its fan"),
    ),
    Group(
        f"{AGX} {NX}",
        one(
            PartKind.FILE,
            "etc/systemd/system/mark-active-slot.service",
            SLOT,
            "the firmware counts boots, and takes its other slot unless it is told that this one is good",
        )
        + one(
            PartKind.SERVICE, "mark-active-slot.service", "enabled", "a boot counts as good only when it came this far"
        ),
    ),
    Group(
        NX,
        one(
            PartKind.MODULE_OPTIONS,
            "tegra-udrm",
            "modeset=1",
            "a program draws on the screen through the kernel only so",
        ),
    ),
)

KERNEL = (
    Group(
        TX2,
        arguments(
            "gasket.dma_bit_mask=32 pcie_aspm=off", "a Coral card on PCIe fails with wider addresses or a sleeping link"
        ),
    ),
    Group(
        REPOSITORY,
        arguments(
            "l4tver=32.7.6",
            "U-Boot sees by it which L4T a slot's kernel is of, and fits the device tree to an older one",
        ),
    ),
)

TABLE = (*SYMBOLS, *PACKAGES, *FILES, *KERNEL)


MEDIA = {
    **dict.fromkeys(
        (
            "jetson-tx1",
            "jetson-tx2",
            "astro-tx2",
            "orbitty-tx2",
            "spacely-tx2",
            "blackboard-tx2",
            "n310-tx2",
            "n510-tx2",
        ),
        "internal sdcard",
    ),
    **dict.fromkeys(
        (
            "jetson-tx2-nx-devkit",
            "jetson-nano-emmc",
            "jn30b-nano",
            "floyd-nano",
            "jetson-xavier",
            "jetson-xavier-nx-devkit-emmc",
            "cnx100-xavier-nx",
        ),
        "internal",
    ),
    **dict.fromkeys(
        (
            "jetson-nano",
            "jetson-nano-2gb-devkit",
            "jetson-xavier-nx-devkit",
            "jetson-xavier-nx-devkit-seeed-2mic-hat",
        ),
        "sdcard",
    ),
}
"""By slug: what it boots from as it comes, and what else it can boot from (balena-io/contracts 2.0.146)."""


def parts(device_type: DeviceType, build: Build) -> Parts:
    """Everything of the table that is for this device type and build, and the boot files."""
    found = tags(device_type, build)
    if device_type.repository is None:
        return ()
    return (*chosen(TABLE, found), *_boot(device_type, found), *boot_media(MEDIA.get(device_type.slug, "")))


def _boot(device_type: DeviceType, found: frozenset[str]) -> Iterator[ImagePart]:
    yield from boot_files(
        {"dispatcher.d/50-sample-script": "dispatcher.d/50-sample-script"},
        "jetson-flash looks for this folder when it takes an image apart (ba6f3d6)",
    )
    if TX2 in found and "flasher" in found:
        yield from boot_files(
            {"Image": f"Image-initramfs-{device_type.machine}.bin"}, "the flasher's kernel is in its boot partition"
        )
    tree = device_type.default_device_tree
    if found & set(NANOS.split()):
        yield from boot_files(
            {f"bootfiles/{part}": f"bootfiles/{file.format(tree=f'{tree}.dtb')}" for part, file in NANO_FILES.items()},
            "jetson-flash and an update write it to the partition of this name",
        )
    if AGX in found:
        slots = (f"{tree}-root{slot}_sigheader.dtb.encrypt" for slot in "AB")
        yield from boot_files(
            {f"bootfiles/{name}": f"bootfiles/{name}" for name in (*XAVIER_FILES, *slots)},
            "jetson-flash and an update write it to the firmware's partitions",
        )
        name = "partition_specification194.txt"
        yield from boot_files(
            {f"bootfiles/{name}": f"tegra-binaries/{name}"}, "it tells which of these files belongs to which partition"
        )
