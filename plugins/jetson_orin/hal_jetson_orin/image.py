"""What an Orin puts into an OS image: kernel symbols, the vendor's packages, L4TLauncher, modules.

Source: balena-jetson-orin 7.0.5+rev2 recipes-core/images, recipes-kernel/linux, recipes-core/packagegroups,
recipes-core/systemd; meta-tegra e42f244f (L4T 36.5). Rules, denied modules and sysctl settings of L4T come in the
vendor's archives, and are not known to this table; nor is why the kernel's symbols of 40a1f44 were taken over from the
older family.
"""

from __future__ import annotations

from hal.image.parts import (
    Group,
    Parts,
    arguments,
    boot_files,
    boot_media,
    chosen,
    firmware,
    modules,
    one,
    packages,
    symbols,
    tags,
)
from hal.model import ABSENT, EITHER, Build, DeviceType, PartKind

REPOSITORY = "balena-jetson-orin"
AGX = "jetson-agx-orin-devkit"
NANO = "jetson-orin-nano-devkit-nvme"
J3010 = "jetson-orin-nano-seeed-j3010"
J4012 = "jetson-orin-nx-seeed-j4012"
FORECR = "forecr-dsb-ornx-orin-nano-8gb"
OLDER = "taken over from the older Jetsons; the layer gives no reason (40a1f44)"

SYMBOLS = (
    Group(
        REPOSITORY,
        symbols(
            "n",
            "DEBUG_KMEMLEAK FUNCTION_TRACER PSTORE",
            OLDER,
        )
        + symbols("y", "COMPAT", "containers with 32-bit programs")
        + symbols("m", "USB_WDM USB_SIERRA_NET USB_USBNET USB_NET_CDC_NCM", "Sierra's modems, and others with NCM")
        + symbols("y", "PROC_KCORE", OLDER)
        + symbols("m", "RTL8822CE RTK_BTUSB", "WiFi and Bluetooth of the developer kits")
        + symbols("m", "NFS_FS NFS_V2 NFS_V3 NFS_V4", "containers that mount folders by NFS")
        + symbols(EITHER, "NFSD", "the server that the next two are versions of")
        + symbols("y", "NFSD_V3 NFSD_V4", "containers that share folders by NFS")
        + symbols("m", "USB_TEGRA_XUDC", "the USB port by which the board is flashed is a device here")
        + symbols("m", "MTD_BLOCK", "the firmware's flash is read and written as mtdblock0 (4e28a7c)")
        + symbols(
            "m",
            "NVME_CORE BLK_DEV_NVME NVME_FABRICS NVME_TCP NVME_TARGET NVME_TARGET_TCP",
            "the initramfs loads the driver of NVMe, where the root file system is",
        )
        + symbols("m", "IWLWIFI IWLDVM IWLMVM", "Intel's WiFi cards, which many carriers are sold with (3cf54b8)")
        + symbols("m", "BT_RFCOMM", "serial ports over Bluetooth (7c6a7fe)")
        + symbols("y", "BT_RFCOMM_TTY", "serial ports over Bluetooth (7c6a7fe)")
        + symbols("y", "HIDRAW", "Logitech's receivers are asked through it")
        + symbols("m", "HID_LOGITECH HID_LOGITECH_DJ HID_LOGITECH_HIDPP", "Logitech's wireless keyboards (144512f)")
        + symbols("m", "JOYSTICK_XPAD INPUT_JOYDEV", "game controllers, by which robots are driven (144512f)")
        + symbols("y", "INPUT_JOYSTICK", "game controllers, by which robots are driven (144512f)"),
    ),
    Group(
        AGX,
        symbols(
            '"rtc0"', "RTC_HCTOSYS_DEVICE RTC_SYSTOHC_DEVICE", "only this one of its two clocks has a battery (336d198)"
        ),
    ),
    Group(
        f"{NANO} {J3010}",
        symbols(
            "y",
            "ANDROID ASHMEM ANDROID_BINDER_IPC ANDROID_BINDER_IPC_SELFTEST",
            "a customer's Android container (d9b9c25)",
        )
        + symbols('"binder,hwbinder,vndbinder"', "ANDROID_BINDER_DEVICES", "a customer's Android container (d9b9c25)"),
    ),
    Group(f"{J4012} {FORECR}", symbols("m", "LAN743X", "the second Ethernet port (b9a13ff)")),
    Group(
        J3010,
        symbols("m", "USB_CONFIGFS USB_LIBCOMPOSITE USB_F_UVC", "the board shows itself as a USB camera (e204027)")
        + symbols("y", "USB_CONFIGFS_F_UVC", "the board shows itself as a USB camera (e204027)"),
    ),
)

BOOT = (
    Group(
        REPOSITORY,
        boot_files(
            {"EFI/BOOT/BOOTAA64.efi": "bootfiles/EFI/BOOT/BOOTAA64.efi"},
            "the UEFI firmware starts it: L4TLauncher, which chooses the slot",
        ),
    ),
)

OOT = "nvidia-kernel-oot-"
PACKAGES = (
    Group(
        REPOSITORY,
        packages(
            "kernel-image-initramfs jetson-dtbs linux-jammy-nvidia-tegra-extlinux l4t-launcher-extlinux",
            "L4TLauncher reads extlinux.conf, kernel and device trees from /boot of the root",
        )
        + packages("kernel-image kernel-image-image", "a second kernel, without initramfs, that nothing starts", ABSENT)
        + packages(
            "tegra-flash-dry uefi-capsule-container edk2-container jetson-qspi-manager",
            "the firmware's capsule, by which an update brings it to the version that the kernel needs",
        )
        + packages(
            "tegra-redundant-boot tegra-nv-boot-control-config tegra-eeprom-tool setup-nv-boot-control",
            "the firmware takes a capsule that fits the board alone, and these tell it which board that is",
        )
        + packages("setup-nv-boot-control-service", "it waits for a partition, and delays every boot", ABSENT)
        + packages("tegra-nvfancontrol", "nobody else drives the fan; fan profiles are its configuration")
        + packages(
            "tegra-configs-nvstartup tegra-configs-udev", "the vendor's programs find their device nodes by its rules"
        )
        + packages("parted gptfdisk", "an update gives partitions their types, and moves the end of the table")
        + packages("mtd-utils", "the firmware's flash is written by it")
        + packages(
            f"{OOT}devicetrees {OOT}display {OOT}wifi {OOT}virtualization {OOT}base nvidia-drm-loadconf",
            "NVIDIA's drivers are not in the kernel's source: without them neither screen nor GPU works",
        )
        + packages("kernel-module-r8126 kernel-module-r8168", "Ethernet of carriers with Realtek's chips")
        + packages("tegra-wifi", "WiFi of the developer kits"),
    ),
    Group(
        f"{REPOSITORY}+installed",
        packages("tegra-nvpower tegra-nvpmodel", "power modes are its configuration")
        + packages("tegra-bluetooth", "Bluetooth of the developer kits")
        + packages(
            f"{OOT}cameras {OOT}bluetooth {OOT}canbus",
            "NVIDIA's drivers of cameras, Bluetooth and CAN are not in the kernel",
        )
        + packages(
            "dtc pciutils tegra-tools-tegrastats tegra-tools-jetson-clocks",
            "the vendor's programs to look at a board, which users' support asks for",
        ),
    ),
    Group(
        f"{REPOSITORY}+flasher",
        packages("efitools-utils efibootmgr", "the flasher writes the firmware's variables and its boot entry"),
    ),
    Group(FORECR, packages("can-utils", "the carrier has a CAN port (49aabe0)")),
    Group(
        REPOSITORY,
        packages("tegra-firmware", "the chip's USB and video cores do not start without their firmware")
        + packages("tegra-firmware-rtl8822", "WiFi and Bluetooth of the developer kits")
        + firmware("rtl8168", "the Ethernet driver warns that it is missing (23522da)")
        + firmware("iwlwifi-8265 ibt-12-16 iwlwifi-ty-a0 ibt-41-41", "Intel's cards, AX210 among them (f34a487)")
        + firmware("ath10k ath10k-license qca", "WiFi and Bluetooth cards with Atheros' chips (fb49c00)"),
    ),
)

PORTS = """\
# The carrier's two Ethernet ports, in the order of their labels.
ACTION=="add", SUBSYSTEM=="net", KERNELS=="0008:01:00.0", NAME="eth0"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="0001:01:00.0", NAME="eth1"
"""

MODULES = (
    Group(
        REPOSITORY,
        modules("nvmap nvgpu", "no hardware event loads the GPU's drivers")
        + modules("pwm-fan ina3221", "fan and power readings; nvfancontrol and nvpmodel wait for them")
        + modules("nvidia-drm", "the screen stays dark until it is loaded")
        + one(
            PartKind.MODULE_OPTIONS,
            "nvidia-drm",
            "modeset=1 fbdev=1",
            "the console and a program draw through the kernel",
        )
        + one(
            PartKind.MODULE_OPTIONS, "nvgpu", 'devfreq_timer="delayed"', "an idle GPU would wake the CPU all the time"
        ),
    ),
)

FILES = (
    Group(
        REPOSITORY,
        one(
            PartKind.FILE,
            "etc/systemd/system.conf.d/zz-board-watchdog.conf",
            "[Manager]\nRuntimeWatchdogSec=25s\n",
            "under load after an update 10 s are too short, and the board resets (221fb9d)",
        ),
    ),
    Group(FORECR, one(PartKind.UDEV_RULE, "71-forecr-ports.rules", PORTS, "names follow the labels on the carrier")),
)

KERNEL = (
    Group(
        REPOSITORY,
        arguments("fbcon=map:0", "the console is on the first screen")
        + arguments("efi=runtime", "the capsule is announced by a variable of the firmware")
        + arguments("nvme.use_threaded_interrupts=1 pci=pcie_bus_perf", "NVIDIA's settings for disks and cards on PCIe")
        + arguments("l4tver=36.5.0", "whoever looks at a running device sees which L4T its kernel is of"),
    ),
)

TABLE = (*SYMBOLS, *BOOT, *PACKAGES, *MODULES, *FILES, *KERNEL)


MEDIA = {
    "jetson-agx-orin-devkit": "internal",
    "jetson-agx-orin-devkit-64gb": "internal usb_mass_storage",
    "jetson-orin-nano-devkit-nvme": "internal usb_mass_storage",
    "jetson-orin-nano-seeed-j3010": "internal usb_mass_storage",
    "jetson-orin-nx-seeed-j4012": "internal usb_mass_storage",
    "jetson-orin-nx-xavier-nx-devkit": "internal usb_mass_storage",
    "forecr-dsb-ornx-orin-nano-8gb": "internal usb_mass_storage",
}
"""By slug: what it boots from as it comes, and what else it can boot from (balena-io/contracts 2.0.146)."""


def parts(device_type: DeviceType, build: Build) -> Parts:
    """Everything of the table that is for this device type and build."""
    if device_type.repository is None:
        return ()
    return (*chosen(TABLE, tags(device_type, build)), *boot_media(MEDIA.get(device_type.slug, "")))
