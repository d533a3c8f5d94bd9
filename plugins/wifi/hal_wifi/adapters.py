"""The WiFi adapters: one row each, with the driver and the firmware file it asks for.

Size and SHA-256 are those of Debian 12's files. Another release may carry another build under the same name, so a
difference is news, not proof of damage.
"""

from __future__ import annotations

from hal.model import FirmwareFile, WifiFirmware

_SUPPORT_LIST = "meta-balena 8.0.2 README.md, supported WiFi adapters"

ADAPTERS: tuple[WifiFirmware, ...] = (
    WifiFirmware(
        name="Broadcom BCM43143 (Raspberry Pi USB WiFi dongle)",
        modaliases=("usb:v0A5CpBD1E*",),
        driver="brcmfmac",
        bands_ghz=("2.4",),
        files=(
            FirmwareFile(
                name="brcm/brcmfmac43143.bin",
                size_bytes=397312,
                sha256="a0ace23094652c3aa3bcd480906b1a769d0169afcc3b5f074b187a30d8617e03",
                packages=("debian:firmware-brcm80211", "yocto:linux-firmware-bcm43143"),
            ),
        ),
        missing_symptom="no network interface; the USB device stays unconfigured (its bConfigurationValue is empty)",
        sources=(
            _SUPPORT_LIST,
            "Linux 6.1.0-56 (Debian 12) brcmfmac modules.alias, modinfo",
            "Debian 12 firmware-brcm80211 20230210-5",
        ),
    ),
    WifiFirmware(
        name="Panda N600 PAU09 (Ralink RT5572)",
        modaliases=("usb:v148Fp5572*",),
        driver="rt2800usb",
        bands_ghz=("2.4", "5"),
        files=(
            FirmwareFile(
                name="rt2870.bin",
                size_bytes=8192,
                sha256="251b8918391eac6415d60dca239e415aad0177e885376f2a17782e64fcbbe317",
                packages=("debian:firmware-misc-nonfree", "yocto:linux-firmware-ralink"),
            ),
        ),
        missing_symptom="the network interface exists, but setting it up fails",
        sources=(
            _SUPPORT_LIST,
            "Linux 6.1.0-56 (Debian 12) rt2800usb modules.alias, modinfo",
            "Debian 12 firmware-misc-nonfree 20230210-5",
        ),
    ),
)
