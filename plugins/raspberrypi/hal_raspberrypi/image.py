"""What a Raspberry Pi puts into an OS image: packages, firmware and modules here, the rest in its neighbours.

Groups are for words of the row (`hal.image.parts`): `raspberrypi4-64` is the whole Pi 4 class, `raspberrypi3` all that
build on its 32-bit machine, `revpi` the Revolution Pi. Sources: balena-raspberrypi 7.4.0+rev7 (commits in the reasons'
groups), meta-raspberrypi 39e5dfd, meta-balena-rpi-sb 0.0.5.

Not here: MAC addresses of a Revolution Pi, which a program of its layer reads from the EEPROM; symbols of the balena
bootloader's own kernel; modules of the initramfs.
"""

from __future__ import annotations

from hal.image.parts import (
    Group,
    Parts,
    arguments,
    boot_media,
    chosen,
    config_txt,
    firmware,
    modules,
    one,
    packages,
    tags,
)
from hal.model import ABSENT, Build, DeviceType, PartKind
from hal_raspberrypi.facts import REPOSITORY
from hal_raspberrypi.image_boot import boot_parts
from hal_raspberrypi.image_files import FILES
from hal_raspberrypi.image_symbols import SYMBOLS

CROWDED = "raspberrypi400-64 raspberrypicm4-ioboard raspberrypi0-2w-64"
ROOMY = "+".join((REPOSITORY, *(f"!{word}" for word in CROWDED.split())))
BALENA_BOOT = "raspberrypi5 sb"

FIRMWARE = (
    Group(
        f"{REPOSITORY}+!raspberrypi0-2w-64",
        firmware(
            "rpidistro-bcm43455 =bluez-firmware-rpidistro-bcm4345c0-hcd",
            "WiFi and Bluetooth of the boards from the 3B+ on; without its file the radio is not there",
        ),
    ),
    Group(
        REPOSITORY,
        firmware(
            "rpidistro-bcm43430 =bluez-firmware-rpidistro-bcm43430a1-hcd",
            "WiFi and Bluetooth of the 3B and the Zero W; without its file the radio is not there",
        ),
    ),
    Group(REPOSITORY, firmware("wl12xx wl18xx", "no Pi has these chips, and no kernel here drives them", ABSENT)),
    Group(ROOMY, firmware("sd8887", "WiFi of the balenaFin asks for it when its driver starts")),
    Group("raspberrypi", firmware("mt7601u", "the USB WiFi sticks that users of the first Pi have")),
    Group(
        "raspberrypi400-64",
        firmware(
            "rpidistro-bcm43456 =bluez-firmware-rpidistro-bcm4345c5-hcd",
            "the Pi 400's own radio; without its file it has neither WiFi nor Bluetooth",
        ),
    ),
    Group(
        "raspberrypi4-64",
        firmware("rpidistro-bcm43436 rpidistro-bcm43436s", "the chips of the Zero 2 W, not of a Pi 4", ABSENT),
    ),
    Group(
        "raspberrypi0-2w-64",
        firmware(
            "rpidistro-bcm43436 rpidistro-bcm43436s =bluez-firmware-rpidistro-bcm43430b0-hcd",
            "the Zero 2 W carries one of several chips, and Linux 6.12 asks for the file of its own",
        )
        + firmware(
            "rpidistro-bcm43455 =bluez-firmware-rpidistro-bcm4345c0-hcd", "a chip that the Zero 2 W never has", ABSENT
        ),
    ),
    Group(
        CROWDED,
        firmware(
            "bcm43143 bcm43455 ibt-11-5 ibt-12-16 ibt-18-16-1 ibt-hw-37-7 ibt-hw-37-8 iwlwifi-3168 iwlwifi-9000 "
            "iwlwifi-9260 iwlwifi-qu-b0-hr-b0 pcie8897 rtl8723 rtl8821 rtl8723b-bt ralink-nic ath9k rtl8192cu "
            "rtl8192su iwlwifi-135-6 iwlwifi-3160-7 iwlwifi-3160-8 iwlwifi-3160-9 iwlwifi-6000-4 iwlwifi-6000g2a-5 "
            "iwlwifi-6000g2a-6 iwlwifi-6000g2b-5 iwlwifi-6000g2b-6 iwlwifi-6050-4 iwlwifi-6050-5 iwlwifi-7260 "
            "iwlwifi-7265 iwlwifi-7265d iwlwifi-8000c iwlwifi-8265 sd8887",
            "an update would not fit into the root file system beside it (ac299eb9, 60960518)",
            ABSENT,
        ),
    ),
    Group(
        "fincm3",
        packages("sd8887-nxp", "the maker's driver of its radio, with which its Bluetooth and WiFi share the chip"),
    ),
)

PACKAGES = (
    Group(
        f"{REPOSITORY}+!fincm3", packages("pi-bluetooth", "attaches the radio at the UART; Bluetooth stays off else")
    ),
    Group(
        f"{REPOSITORY}+u-boot",
        packages("u-boot", "brings fw_env.config, without which no program finds U-Boot's environment"),
    ),
    Group(BALENA_BOOT, packages("grub-editenv", "writes bootenv, from which the balena bootloader chooses the slot")),
    Group(BALENA_BOOT, packages("u-boot", "nothing starts U-Boot here, and it takes room", ABSENT)),
    Group(
        "raspberrypi4-64",
        packages("rpi-eeprom dtc flashrom userlandtools", "an OS update flashes the boot EEPROM with them"),
    ),
    Group(
        "raspberrypi3-unipi-neuron raspberrypi4-unipi-neuron",
        packages("unipi-kernel-modules unipi-tools libmodbus", "inputs and outputs of the Neuron are reached by Modbus")
        + one(PartKind.SERVICE, "unipicheck.service", "enabled", "finds out which Neuron this is before others start")
        + one(PartKind.SERVICE, "unipifirmware.service", "enabled", "updates the I/O boards where the user allows it")
        + one(PartKind.SERVICE, "unipitcp.service", "enabled", "the Modbus server that user programs talk to"),
    ),
    Group(
        "raspberrypi4-superhub",
        packages(
            "phoenix-peripheral phoenix-peripheral-button-trig phoenix-peripheral-lvd-hook",
            "the maker's services: without them neither the button nor a failing supply is noticed",
        )
        + packages("phoenix-peripheral-gpio-wdt watchdog", "the board's own watchdog resets it unless it is fed")
        + packages(
            "phoenix-peripheral-rtc-sync libgpiod", "sets the time from the board's clock, and the clock at the end"
        )
        + one(PartKind.SERVICE, "watchdog.service", "enabled", "feeds the board's own watchdog"),
    ),
    Group("revpi", packages("picontrol", "the process image of the I/O modules is the device that it makes")),
    Group("revpi", modules("piControl", "no hardware event loads it, and without it there is no process image")),
    Group(
        "sb",
        packages("os-helpers-sb gnupg", "an update of a signed image is checked with them before it is taken")
        + packages("os-helpers-otp userlandtools", "the disk's key is in the chip's one-time memory"),
    ),
    Group("sb+secure-boot", packages("cryptsetup", "opens the encrypted disk")),
    Group(
        REPOSITORY, modules("i2c-dev", "programs reach the I²C bus by its device node, which no hardware event makes")
    ),
)

FIN_MODULES = (
    Group(
        "fincm3",
        modules("sd8xxx", "the maker's driver is not loaded by itself, since the kernel's own fits the chip too")
        + one(PartKind.MODULE_OPTIONS, "sd8xxx", "ps_mode=2", "in its power saving the radio loses its access point"),
    ),
)

KERNEL = (
    Group(
        "raspberrypi5",
        arguments(
            "balena_stage2 maxcpus=0",
            "the first kernel is the balena bootloader: it starts the slot's kernel sooner with one CPU",
        ),
    ),
    Group(
        "sb",
        arguments(
            "balena_stage2 nr_cpus=1",
            "the first kernel is the balena bootloader: it starts the slot's kernel sooner with one CPU",
        ),
    ),
    Group(
        "raspberrypi4-64+development",
        arguments(
            "earlycon=uart8250,mmio32,0xfe215040 console=tty1", "a developer sees the kernel from its first line"
        ),
    ),
    Group("sb+flasher", arguments("root=LABEL=flash-rootA flasher migrate", "the flasher runs from its own medium")),
)

CONFIG = (
    Group(
        f"{REPOSITORY}+production",
        config_txt(("enable_uart=0",), "pins 8 and 10 belong to the user, nobody listens to the OS there")
        + config_txt(("avoid_warnings=1",), "a warning of the firmware would lie over the user's screen"),
    ),
    Group(
        f"{REPOSITORY}+development",
        config_txt(("enable_uart=1",), "the firmware leaves the UART off, and the console on it would be dead"),
    ),
    Group(
        "sb",
        config_txt(("dtoverlay=dwc2,dr_mode=host",), "USB of the IO board has no host otherwise")
        + config_txt(("dtoverlay=audremap",), "pins 40 and 41 are needed to flash the EEPROM over SPI"),
    ),
    Group("sb+secure-boot", config_txt(("boot_ramdisk=1",), "the firmware starts the signed boot.img only then")),
)

SECURE = (
    Group(
        "sb+secure-boot",
        one(
            PartKind.SECURE_BOOT,
            "signed-boot-image",
            "boot.img with everything that the firmware loads, and boot.sig, its RSA signature",
            "the firmware starts nothing else once the chip is locked",
        )
        + one(
            PartKind.SECURE_BOOT,
            "signed-eeprom",
            "pieeprom.upd with SIGNED_BOOT=1 and the public key, signed; firmware built after timestamp 1632136573",
            "older firmware does not know signatures, and an unsigned one undoes them",
        )
        + one(
            PartKind.SECURE_BOOT,
            "chip-lock",
            "a recovery folder with program_pubkey=1, revoke_devkey=1 and eeprom_write_protect=1",
            "until its key is in the one-time memory, the chip starts anybody's software",
        ),
    ),
)

TABLE = (*SYMBOLS, *FIRMWARE, *PACKAGES, *FIN_MODULES, *KERNEL, *CONFIG, *FILES, *SECURE)


MEDIA = {
    **dict.fromkeys(
        (
            "raspberry-pi",
            "raspberry-pi2",
            "raspberrypi3",
            "raspberrypi3-64",
            "raspberrypi4-64",
            "raspberrypi400-64",
            "raspberrypi5",
        ),
        "sdcard usb_mass_storage network",
    ),
    **dict.fromkeys(("raspberrypi0-2w-64", "raspberrypi4-unipi-neuron", "npe-x500-m3"), "sdcard"),
    **dict.fromkeys(("revpi-connect-s", "revpi-connect-4"), "internal"),
    "raspberrypicm4-ioboard": "internal sdcard usb_mass_storage nvme",
}
"""By slug: what it boots from as it comes, and what else it can boot from (balena-io/contracts 2.0.146)."""


def parts(device_type: DeviceType, build: Build) -> Parts:
    """Everything of the table that is for this device type and build, and its boot files."""
    if device_type.repository is None:
        return ()
    found = tags(device_type, build)
    return (*chosen(TABLE, found), *boot_parts(device_type, found), *boot_media(MEDIA.get(device_type.slug, "")))
