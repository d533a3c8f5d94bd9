"""What a device type that GRUB boots puts into an OS image, but kernel symbols.

Sources: balena-generic 8.0.0+rev4, balena-intel 7.9.3+rev3, balena-up-board 7.5.0+rev6 recipes-core/images,
recipes-core/packagegroups, conf/layer.conf; meta-balena 8.0.2 recipes-bsp/grub, docs/uefi-secure-boot.md. The machine
`genericx86-64` is a word of all of balena-intel, `generic-amd64` of balena-generic's PCs.
"""

from __future__ import annotations

from hal.image.parts import Group, Parts, arguments, boot_files, boot_media, chosen, firmware, one, packages, tags
from hal.model import ABSENT, Build, DeviceType, PartKind
from hal_x86_grub.image_symbols import SYMBOLS

GENERIC, INTEL, UP = "balena-generic", "balena-intel", "balena-up-board"
SURFACES = "surface-go surface-pro-6"
NO_SURFACE = f"{INTEL}+!surface-go+!surface-pro-6"

BOOT = (
    Group(
        f"{GENERIC}+amd64 {INTEL} {UP}",
        boot_files({"EFI/BOOT/bootx64.efi": "grub-efi-bootx64.efi"}, "a firmware with UEFI starts it: GRUB"),
    ),
    Group(
        "generic-aarch64",
        boot_files({"EFI/BOOT/bootaa64.efi": "grub-efi-bootaa64.efi"}, "a firmware with UEFI starts it: GRUB"),
    ),
    Group(
        "generic-amd64+secure-boot",
        boot_files(
            {"EFI/BOOT/bootx64.efi.secureboot": "grub-efi-bootx64.efi.secureboot"},
            "the flasher puts it in GRUB's place: it takes signed files alone, and the firmware knows its hash",
        )
        + boot_files(
            {"balena-keys/": "balena-keys"}, "the flasher enrols these keys while the firmware is in Setup Mode"
        ),
    ),
    Group(
        "bios",
        boot_files(
            {"grub/boot.img": "grub/boot.img", "grub/core.img": "grub/core.img"},
            "they go in front of the first partition, where a BIOS finds GRUB; an update writes them there again",
        )
        + boot_files(
            {"grub/i386-pc/": "grub/i386-pc"}, "core.img holds no more of GRUB than it takes to load the rest from here"
        ),
    ),
)

PACKAGES = (
    Group(
        f"{GENERIC} {INTEL}",
        packages("efibootmgr", "flasher and updates write the firmware's boot entry; some firmware boots nothing else"),
    ),
    Group(
        f"{GENERIC}+installed", packages("peak", "PEAK's CAN adapters; why its own driver is in the image is unknown")
    ),
    Group(
        "generic-amd64",
        packages("tpm2-tools libtss2-tcti-device os-helpers-tpm2", "secure boot seals the disk's key in the TPM"),
    ),
    Group(
        "generic-amd64+secure-boot",
        packages("cryptsetup os-helpers-sb", "opens the encrypted disk, and checks what an update brings"),
    ),
    Group(
        "generic-amd64+secure-boot+flasher",
        packages(
            "dosfstools e2fsprogs-mke2fs os-helpers-fs util-linux-mount util-linux-losetup openssl-bin",
            "the flasher makes the encrypted partitions on the disk instead of copying an image of them",
        )
        + packages("efitools-utils efivar", "the flasher enrols the keys in the firmware"),
    ),
    Group(
        NO_SURFACE,
        packages("rtl8812au rtl8812bu", "USB WiFi sticks of these chips; the kernel has no driver of its own"),
    ),
    Group(
        "surface-pro-6",
        packages("rtl8812au rtl8812bu", "USB WiFi sticks of these chips; the kernel has no driver of its own"),
    ),
    Group("genericx86-64-ext", packages("aufs-util-auplink", "aufs stays beside overlay2 here")),
    Group("up-board", packages("grub-editenv", "a user's firmware folder is named in grub_extraenv (51d6859)")),
    Group(
        "up-board+installed",
        packages(
            "acpi-tables", "the supervisor loads a table from /boot/acpi-tables where a user asks for an SPI device"
        ),
    ),
    Group("up-board", packages("ampak-firmware", "WiFi and Bluetooth of the AP6214A module")),
)

FIRMWARE = (
    Group(
        f"{GENERIC} genericx86-64-ext",
        firmware("=linux-firmware", "nobody knows what is in the PC that this image is written to"),
    ),
    Group(
        NO_SURFACE,
        firmware(
            "bcm43455 ibt-11-5 ibt-12-16 ibt-18-16-1 ibt-19-0-4 ibt-20-1-3 ibt-hw-37-7 ibt-hw-37-8 iwlwifi-3168 "
            "iwlwifi-9000 iwlwifi-9260 iwlwifi-cc-a0 iwlwifi-qu-b0-hr-b0 iwlwifi-quz-a0-hr-b0 iwlwifi-quz-a0-jf-b0 "
            "rtl8723 rtl8821 rtl8723b-bt ralink-nic ath10k-qca6174",
            "WiFi, Bluetooth and Ethernet chips found in NUCs and PCs; each is dead without its file",
        ),
    ),
    Group(INTEL, firmware("wl12xx", "a chip of small boards, which no PC has", ABSENT)),
    Group(NO_SURFACE, firmware("wl18xx", "a chip of small boards, which no PC has", ABSENT)),
    Group(
        SURFACES,
        firmware("i915-kbl", "without it the graphics chip does not save power")
        + firmware(
            "bcm43455 ibt-11-5 ibt-12-16 ibt-18-16-1 ibt-19-0-4 ibt-hw-37-7 ibt-hw-37-8 iwlwifi-3168 iwlwifi-9000 "
            "iwlwifi-9260 iwlwifi-qu-b0-hr-b0 pcie8897 rtl8723 rtl8821 rtl8723b-bt ralink-nic ath9k ralink rtl8192cu "
            "rtl8192su bcm43143 iwlwifi-135-6 iwlwifi-3160 iwlwifi-6000-4 iwlwifi-6000g2a-6 iwlwifi-6000g2b-6 "
            "iwlwifi-6050-5 iwlwifi-7260 iwlwifi-7265 iwlwifi-7265d iwlwifi-8000c iwlwifi-8265 rtl8188eu wl18xx",
            "the layer keeps room in the root file system: a tablet has one radio, and this is not it",
            ABSENT,
        ),
    ),
    Group(
        "surface-pro-6",
        firmware(
            "iwlwifi-quz-a0-hr-b0 iwlwifi-quz-a0-jf-b0",
            "the layer keeps room in the root file system: a tablet has one radio, and this is not it",
            ABSENT,
        ),
    ),
    Group(
        "surface-go",
        firmware("ath10k-qca6174", "its WiFi and Bluetooth")
        + packages("ipu3-firmware", "the cameras' image processor"),
    ),
    Group("surface-pro-6", firmware("ipts-v102", "the touchscreen's processor does not start without it")),
    Group("up-board", firmware("bcm43430 iwlwifi-3160 ath10k-qca6174", "WiFi cards sold with UP boards")),
    Group("up-board", firmware("wl12xx wl18xx", "chips of other makers' small boards", ABSENT)),
    Group(
        "up-board",
        firmware("i915-upboards", "graphics of the UP models; the first picture waits for it")
        + firmware("rtl-nic-upboards", "Ethernet of newer UP models")
        + firmware("i915", "the files of all other graphics chips would not fit (04a5eca)", ABSENT),
    ),
)

KERNEL = (
    Group(
        "up-board", arguments("i915.enable_rc6=0", "the picture flickers when the graphics chip saves power (a49152c)")
    ),
    Group(
        "generic-amd64+secure-boot",
        arguments("intel_iommu=on amd_iommu=on", "a device could read the disk's key from memory otherwise"),
    ),
)

WIFI_FIXED = "[device]\nwifi.scan-rand-mac-address=no\n"
WIFI_AWAKE = f"{WIFI_FIXED}\n[connection]\nwifi.powersave=2\n"
LTE = (
    'ACTION=="add", SUBSYSTEM=="net", KERNEL=="wwp0s*", '
    "RUN+=\"/bin/sh -c 'cd /sys/class/net/%k/cdc_ncm && "
    "for n in 16383 16384; do echo $$n >rx_max; echo $$n >tx_max; done'\"\n"
)

FILES = (
    Group(
        f"{INTEL}+installed",
        one(
            PartKind.FILE,
            "etc/NetworkManager/conf.d/60-intel.conf",
            WIFI_AWAKE,
            "some cards fail to scan with a random address, and lose packets when they save power",
        ),
    ),
    Group(
        f"{UP}+installed",
        one(
            PartKind.FILE,
            "etc/NetworkManager/conf.d/60-up-board.conf",
            WIFI_FIXED,
            "some cards fail to scan with a random address (3e26929)",
        ),
    ),
    Group(
        "surface-go",
        one(
            PartKind.UDEV_RULE,
            "70-surface-lte.rules",
            LTE,
            "the LTE modem stalls until its buffer sizes were set anew once",
        ),
    ),
)

SECURE = (
    Group(
        "generic-amd64+secure-boot",
        one(
            PartKind.SECURE_BOOT,
            "firmware-in-setup-mode",
            "UEFI in Setup Mode while the flasher runs, and installer.secureboot true in config.json",
            "the flasher enrols its own keys, which a firmware with keys refuses",
        )
        + one(
            PartKind.SECURE_BOOT,
            "tpm-2",
            "a TPM 2, which seals the disk's key to PCR 0, 2, 3 and 7",
            "the key is not typed",
        )
        + one(
            PartKind.SECURE_BOOT,
            "signed-for-grub",
            "kernel, grub.cfg and the raw image signed with the key of balena-keys/grub.gpg",
            "this GRUB reads no file without a signature",
        ),
    ),
)

TABLE = (*SYMBOLS, *BOOT, *PACKAGES, *FIRMWARE, *KERNEL, *FILES, *SECURE)


MEDIA = {
    "intel-nuc": "internal usb_mass_storage network",
    "genericx86-64-ext": "internal usb_mass_storage",
    "surface-go": "internal usb_mass_storage",
    "surface-pro-6": "internal usb_mass_storage",
    "generic-amd64": "internal usb_mass_storage",
    "generic-aarch64": "sdcard usb_mass_storage network",
    "up-board": "internal usb_mass_storage",
}
"""By slug: what it boots from as it comes, and what else it can boot from (balena-io/contracts 2.0.146)."""


def parts(device_type: DeviceType, build: Build) -> Parts:
    """Everything of the table that is for this device type and build."""
    if device_type.repository is None:
        return ()
    return (*chosen(TABLE, tags(device_type, build)), *boot_media(MEDIA.get(device_type.slug, "")))
