"""The WiFi adapters: one row each, with the driver and the firmware file it asks for.

Size and SHA-256 are those of Debian 12's files. Another release may carry another build under the same name, so a
difference is news, not proof of damage.
"""

from __future__ import annotations

from hal.model import FirmwareFile, FirmwareForm, FirmwareTime, LogMeaning, LogText, WifiFirmware

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
                license_packages=("yocto:linux-firmware-broadcom-license",),
                form=FirmwareForm.TRX,
                version="6.10.198.66 FWID 01-e976bb95",
            ),
        ),
        optional_files=("brcm/brcmfmac43143.clm_blob",),
        loaded_at=FirmwareTime.PROBE,
        kernel_symbols=("CFG80211", "BRCMFMAC", "BRCMFMAC_USB", "BRCMUTIL"),
        log_texts=(
            LogText(text="brcmf_fw_alloc_request: using brcm/brcmfmac43143", means=LogMeaning.ASKED),
            LogText(text="brcmf_c_preinit_dcmds: Firmware: BCM43143", means=LogMeaning.LOADED),
            LogText(text="brcmf_usb_probe_phase2: invalid firmware", means=LogMeaning.DAMAGED),
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
                license_packages=("yocto:linux-firmware-ralink-license",),
                form=FirmwareForm.RALINK,
                version="0.36",
            ),
        ),
        loaded_at=FirmwareTime.FIRST_UP,
        kernel_symbols=("CFG80211", "MAC80211", "RT2X00", "RT2800USB", "RT2800USB_RT55XX"),
        log_texts=(
            LogText(text="Loading firmware file 'rt2870.bin'", means=LogMeaning.ASKED),
            LogText(text="Firmware detected - version: ", means=LogMeaning.LOADED),
            LogText(text="NIC in AutoRun mode", means=LogMeaning.LOADED),
            LogText(text="Failed to request Firmware", means=LogMeaning.MISSING),
            LogText(text="Failed to read Firmware", means=LogMeaning.DAMAGED),
            LogText(text="Firmware checksum error", means=LogMeaning.DAMAGED),
            LogText(text="Invalid firmware file length", means=LogMeaning.DAMAGED),
            LogText(text="Current firmware does not support detected chipset", means=LogMeaning.REJECTED),
        ),
        missing_symptom="the network interface exists, but setting it up fails",
        sources=(
            _SUPPORT_LIST,
            "Linux 6.1.0-56 (Debian 12) rt2800usb modules.alias, modinfo",
            "Debian 12 firmware-misc-nonfree 20230210-5",
        ),
    ),
)
