"""Kernel symbols of PCs, each with what is missing without it. "Asked for" is a customer's or a user's request.

Sources: balena-generic 8.0.0+rev4, balena-intel 7.9.3+rev3 and balena-up-board 7.5.0+rev6 recipes-kernel/linux.
"""

from __future__ import annotations

from hal.image.parts import Group, symbols
from hal.model import EITHER

GENERIC, INTEL, UP = "balena-generic", "balena-intel", "balena-up-board"
PC = f"{GENERIC} {INTEL}"
AMD64 = "generic-amd64 genericx86-64"

COMMON = (
    Group(
        PC,
        symbols("y", "USB_EHCI_HCD_PLATFORM", "USB 2 controllers that are no PCI devices")
        + symbols("y", "BLK_DEV_NVME", "the root file system may be on NVMe, and is needed before any module")
        + symbols("m", "DLM", "cluster file systems of containers lock by it")
        + symbols("y", "SERIAL_8250_CONSOLE", "the serial console is silent without it")
        + symbols("32", "SERIAL_8250_NR_UARTS SERIAL_8250_RUNTIME_UARTS", "boards with more than four serial ports"),
    ),
    Group(
        PC,
        symbols("m", "IGB", "Ethernet of many servers and industrial PCs")
        + symbols("m", "RTL8723BE RTL8821AE", "WiFi cards of these chips have no interface without it")
        + symbols("m", "RTL8192CU", "USB WiFi sticks such as Edimax EW-7811Un")
        + symbols("m", "MWIFIEX MWIFIEX_PCIE", "Marvell's WiFi in tablets")
        + symbols("m", "ATH10K_PCI", "Atheros WiFi cards"),
    ),
    Group(
        PC,
        symbols("m", "VXLAN NETFILTER_XT_MATCH_TIME", "asked for: containers build networks with it")
        + symbols("m", "BATMAN_ADV", "meshes of devices over WiFi")
        + symbols(
            "y", "BATMAN_ADV_DAT BATMAN_ADV_MCAST BATMAN_ADV_DEBUG", "parts of it that a mesh is set up and watched by"
        )
        + symbols("m", "CAN CAN_DEV CAN_RAW CAN_SLCAN", "asked for: CAN adapters, also those at a serial port")
        + symbols("m", "USB_SERIAL_QUALCOMM USB_SERIAL_OPTION USB_SERIAL_WWAN", "ports of the Quectel EC20")
        + symbols("m", "USB_NET_HUAWEI_CDC_NCM USB_NET_RNDIS_HOST", "network of Huawei's sticks, and of phones"),
    ),
    Group(
        PC,
        symbols("y", "SND_DYNAMIC_MINORS", "asked for: more sound cards than the fixed numbers allow")
        + symbols("m", "SND_USB_AUDIO", "USB sound cards and headsets")
        + symbols("y", "NET_TULIP", "the family of drivers that the next one is in")
        + symbols("m", "TULIP HYPERV_NET", "asked for: network cards of virtual machines under Hyper-V")
        + symbols("m", "GPIO_KEMPLD I2C_KEMPLD MFD_KEMPLD", "asked for: Kontron's logic device")
        + symbols("m", "SENSORS_NCT6775", "asked for: temperatures and fans; fan profiles use it too")
        + symbols("m", "INPUT_UINPUT", "containers that make keyboards and pointers")
        + symbols("m", "MMC_REALTEK_PCI", "card readers, from which a flasher may boot"),
    ),
    Group(
        AMD64,
        symbols("m", "HDMI_LPE_AUDIO", "asked for: sound over HDMI of Intel's Compute Stick")
        + symbols("y", "HYPERVISOR_GUEST", "a kernel that knows of no hypervisor has no drivers for one")
        + symbols("m", "SENSORS_CORETEMP", "asked for: temperatures of the CPU")
        + symbols(EITHER, "ACPI_WMI", "asked for: keys and switches of laptops")
        + symbols("m", "ITCO_WDT", "Intel's watchdog, without which a PC that hangs stays so"),
    ),
    Group(
        PC,
        symbols("y", "NETFILTER_ADVANCED", "XT_MATCH_TIME is among the rules that are for the experienced")
        + symbols(EITHER, "CONFIGFS_FS", "DLM is set up through it")
        + symbols(EITHER, "ATH10K", "the part that its drivers for each bus share")
        + symbols(EITHER, "MMC MISC_RTSX_PCI", "what the card readers' driver stands on")
        + symbols(EITHER, "HYPERV", "what the network driver for Hyper-V stands on"),
    ),
    Group(
        PC,
        symbols("y", "AUFS_FS AUFS_XATTR", "images built by these devices, and an old device's other root, use aufs"),
    ),
)

GENERIC_ONLY = (
    Group(
        GENERIC,
        symbols("y", "EFI EFIVAR_FS ACPI", "boot entries and secure boot are variables of the UEFI firmware")
        + symbols(
            "y",
            "VIRTIO VIRTIO_PCI SCSI_VIRTIO VIRTIO_NET VIRTIO_BLK VIRTIO_CONSOLE",
            "in a virtual machine the root file system is on virtio, before any module",
        )
        + symbols("m", "I6300ESB_WDT", "the watchdog that QEMU gives a virtual machine")
        + symbols("m", "ENA_ETHERNET", "the network of an AWS machine (634888a)")
        + symbols("y", "SERIAL_8250", "the serial console, which these kernels' own configuration leaves open")
        + symbols("m", "ATH12K", "WiFi 7 cards")
        + symbols("y", "HW_RANDOM_TPM SECURITYFS", "the TPM gives random numbers, and its log of the boot is there")
        + symbols("m", "TCG_TPM TCG_TIS_CORE TCG_TIS TCG_CRB", "secure boot seals the disk's key in the TPM")
        + symbols("y", "DEBUG_INFO_NONE", "modules would be several times as large")
        + symbols("y", "DRM_ACCEL", "the family of drivers for AI accelerators (461e26f)")
        + symbols("m", "DRM_ACCEL_HABANALABS DRM_ACCEL_QAIC", "AI accelerators on cards (461e26f)")
        + symbols("m", "I2C_HID I2C_HID_ACPI", "touchpads of laptops (401c693)")
        + symbols("y", "MEGARAID_NEWGEN MEGARAID_MM", "what MEGARAID_MAILBOX stands on")
        + symbols(
            "y",
            "BLK_DEV_3W_XXXX_RAID SCSI_HPSA SCSI_3W_9XXX SCSI_3W_SAS SCSI_AACRAID SCSI_ARCMSR MEGARAID_MAILBOX "
            "MEGARAID_LEGACY SCSI_MPT3SAS SCSI_MPT2SAS SCSI_MPI3MR SCSI_MYRS SCSI_IPS",
            "the root file system may be on one of these RAID cards, before any module (fa977e9)",
        )
        + symbols("m", "USB_USBIO GPIO_USBIO", "asked for: Intel's bridge from USB to GPIO (11e56ac)"),
    ),
    Group("generic-aarch64", symbols("m", "I2C_HID_OF", "touchpads of laptops (401c693)")),
    Group(
        "generic-amd64",
        symbols("m", "PINCTRL_ALDERLAKE", "pins of Alder Lake boards (12cf1f8)")
        + symbols("m", "DRM_XE", "Intel's graphics from Xe on have no picture without it (d9147b9)")
        + symbols(
            "y", "DRM_XE_DISPLAY DRM_XE_ENABLE_SCHEDTIMEOUT_LIMIT", "the picture, and bounds for what a program asks"
        )
        + symbols('""', "DRM_XE_FORCE_PROBE", "chips that i915 drives stay with it")
        + symbols("10000", "DRM_XE_JOB_TIMEOUT_MAX", "Debian's bound for what a program may ask of the chip")
        + symbols(
            "10000000",
            "DRM_XE_TIMESLICE_MAX DRM_XE_PREEMPT_TIMEOUT_MAX",
            "Debian's bound for what a program may ask of the chip",
        )
        + symbols("640000", "DRM_XE_PREEMPT_TIMEOUT", "Debian's bound for what a program may ask of the chip")
        + symbols(
            "1",
            "DRM_XE_JOB_TIMEOUT_MIN DRM_XE_TIMESLICE_MIN DRM_XE_PREEMPT_TIMEOUT_MIN",
            "Debian's bound for what a program may ask of the chip",
        )
        + symbols("m", "DRM_ACCEL_IVPU", "the AI accelerator in Intel's CPUs"),
    ),
)

INTEL_ONLY = (
    Group(
        AMD64,
        symbols("m", "IWLWIFI IWLMVM IWLDVM", "Intel's WiFi, which most PCs have")
        + symbols(EITHER, "BT IIO", "what Bluetooth and analogue lines stand on")
        + symbols("y", "PINCTRL GPIOLIB", "what the pins' drivers stand on, and Bluetooth of a NUC")
        + symbols("m", "BT_HCIUART BT_HCIBTUSB", "Bluetooth of a NUC, at the UART or on USB")
        + symbols("y", "BT_HCIUART_INTEL", "Intel's Bluetooth at the UART wants its firmware loaded first")
        + symbols("y", "X86_INTEL_LPSS", "on some Atoms the eMMC is behind it, and so is the root file system")
        + symbols("m", "AD5593R", "asked for: analogue and digital lines of UP-like boards")
        + symbols("y", "ATA_PIIX", "boards without AHCI: the root file system is on IDE, before any module")
        + symbols("y", "PINCTRL_BAYTRAIL", "asked for: pins of Bay Trail boards")
        + symbols("m", "USB_SERIAL_CH341", "asked for: cheap serial adapters, Arduinos among them")
        + symbols(
            "y", "I2C_DESIGNWARE_PLATFORM I2C_DESIGNWARE_PCI", "I²C of Intel's chips, with sensors and touchpads on it"
        )
        + symbols("m", "HFS_FS HFSPLUS_FS", "asked for: disks of Macs")
        + symbols("m", "IXGBE I40E", "asked for: 10 and 40 Gbit/s Ethernet")
        + symbols("m", "XILLYBUS XILLYBUS_PCIE", "asked for: FPGA cards"),
    ),
    Group(
        INTEL,
        symbols("y", "TCG_TPM TCG_TIS_CORE TCG_TIS TCG_CRB", "the TPM of newer PCs")
        + symbols("y", "I2C", "the bus that the next one gives to programs")
        + symbols("m", "I2C_CHARDEV", "programs reach sensors on I²C")
        + symbols("y", "PINCTRL_BROXTON", "asked for: pins of Apollo Lake boards"),
    ),
    Group("intel-nuc genericx86-64-ext", symbols("m", "IGC", "Ethernet of a NUC 11 (5434d83)")),
    Group("intel-nuc", symbols("y", "CC_OPTIMIZE_FOR_SIZE", "kernel and root file system have little room left")),
    Group(
        "genericx86-64-ext",
        symbols("n", "DEBUG_INFO", "modules would be several times as large")
        + symbols("n", "HP_WATCHDOG", "a customer's server did not boot with HP's watchdog driver"),
    ),
    Group(
        "surface-go",
        symbols("m", "VIDEO_IPU3_CIO2 VIDEO_IPU3_IMGU VIDEO_OV5693", "its cameras (ac556a3)")
        + symbols(EITHER, "MEDIA_SUPPORT VIDEO_DEV", "what the cameras' drivers stand on")
        + symbols("y", "MEDIA_CAMERA_SUPPORT STAGING", "what the cameras' drivers stand on")
        + symbols(
            "y", "CIO2_BRIDGE STAGING_MEDIA MEDIA_PCI_SUPPORT", "its firmware describes the cameras in a way of its own"
        )
        + symbols(
            "y",
            "INTEL_SKL_INT3472 MFD_TPS68470 GPIO_TPS68470 TPS68470_PMIC_OPREGION PMIC_OPREGION PINCTRL_SUNRISEPOINT "
            "REGULATOR REGULATOR_GPIO",
            "the chip that powers its cameras, which the firmware drives before modules are there",
        )
        + symbols("m", "MEMSTICK MEMSTICK_REALTEK_PCI", "its card reader")
        + symbols("m", "MFD_INTEL_LPSS_PCI", "the I²C bus with its touchscreen and cameras")
        + symbols("m", "I2C_HID", "its touchscreen"),
    ),
    Group(
        "surface-go surface-pro-6",
        symbols(
            "m",
            "INTEL_MEI INTEL_MEI_ME HID_MULTITOUCH",
            "the touchscreen is behind Intel's management engine",
        ),
    ),
    Group("surface-pro-6", symbols("m", "INTEL_IPTS", "its touchscreen, by a driver that its layer adds")),
)

UP_BOARD = (
    Group(
        UP,
        symbols("m", "SND_HDA_INTEL", "sound over HDMI")
        + symbols("m", "ATH10K_PCI", "WiFi cards sold with UP boards")
        + symbols("m", "USB_SERIAL_CH341", "cheap serial adapters, Arduinos among them")
        + symbols("m", "ACPI_CONFIGFS", "the supervisor loads ACPI tables by it, which turn on SPI devices (0e228a5)")
        + symbols("y", "AUFS_FS AUFS_XATTR", "the other root of an old device may still use aufs")
        + symbols("y", "CC_OPTIMIZE_FOR_SIZE", "kernel and root file system have little room left")
        + symbols("n", "DVB_CORE", "drivers of television cards would not fit (cb63c3a)")
        + symbols("m", "DRM_I915", "built in it starts in the initramfs, before its firmware is there (d750987)"),
    ),
    Group(
        UP,
        symbols("m", "MFD_UPBOARD_FPGA PINCTRL_UPBOARD LEDS_UPBOARD", "the pin header is behind an FPGA")
        + symbols("y", "UPBOARD_LEGACY", "pins keep the numbers that programs of older images use")
        + symbols(
            "y",
            "PINCTRL_CHERRYVIEW PINCTRL_BAYTRAIL PINCTRL_BROXTON PINCTRL_SUNRISEPOINT PINCTRL_ALDERLAKE "
            "PINCTRL_ELKHARTLAKE",
            "pins of each UP model's chip, of which the FPGA takes hold when it starts",
        )
        + symbols(
            "y", "GPIOLIB PINCTRL SPI SPI_MASTER X86_INTEL_LPSS", "what the drivers of pins, SPI and I²C stand on"
        )
        + symbols(EITHER, "IIO ATH10K", "what analogue inputs and WiFi cards stand on")
        + symbols("y", "EXPERT", "GPIO_SYSFS is on offer only with it")
        + symbols("y", "GPIO_SYSFS GPIO_PCA953X", "programs of users reach the pins that way, and expanders on I²C")
        + symbols("m", "TI_ADC081C TI_ADC128S052", "analogue inputs of UP Squared and its relatives")
        + symbols("y", "I2C_DESIGNWARE_PLATFORM I2C_DESIGNWARE_BAYTRAIL", "I²C of the pin header")
        + symbols("m", "SPI_DESIGNWARE SPI_DW_PCI SPI_DW_MMIO SPI_GPIO", "SPI of the pin header")
        + symbols(
            "m", "MFD_AAEON GPIO_AAEON SENSORS_AAEON LEDS_AAEON AAEON_IWMI_WDT ASUS_WMI", "the maker's controller"
        )
        + symbols("y", "F71808E_WDT WDAT_WDT", "without a watchdog a device that hangs stays so"),
    ),
)

SYMBOLS = (*COMMON, *GENERIC_ONLY, *INTEL_ONLY, *UP_BOARD)
