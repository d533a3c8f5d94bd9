"""Kernel symbols that the boards of this family need, each with what is missing without it.

Source: balena-raspberrypi 7.4.0+rev7 recipes-kernel/linux: the .bbappend of each recipe and version.
What is only copied from another layer, and for which no commit gives a reason, says so.
"""

from __future__ import annotations

from hal.image.parts import Group, symbols
from hal.model import EITHER
from hal_raspberrypi.facts import LINUX_KUNBUS, LINUX_RPI, REPOSITORY

PANELS = (
    "AGM1264K_FL BD663474 HX8340BN HX8347D HX8353D ILI9163 ILI9320 ILI9325 ILI9340 ILI9341 ILI9481 ILI9486 PCD8544 "
    "RA8875 S6D02A1 S6D1121 SSD1289 SSD1306 SSD1331 SSD1351 ST7735R TINYLCD TLS8204 UC1701 UPD161704"
)
SMALL = "raspberrypi3-64 raspberrypi4-64"

SYMBOLS = (
    Group(
        "raspberrypi raspberrypi2 raspberrypi3 raspberrypi3-64",
        symbols("y", "AUFS_FS AUFS_XATTR", "the other root may still use aufs while an old device updates"),
    ),
    Group(
        "raspberrypi4-64",
        symbols(
            "y",
            "SPI SPI_BCM2835 SPI_SPIDEV",
            "the EEPROM is flashed over SPI, and in a rollback the modules at hand are another kernel's",
        ),
    ),
    Group(SMALL, symbols("y", "CC_OPTIMIZE_FOR_SIZE", "the root file system has little room left (8adb848a)")),
    Group(
        f"raspberrypi3+{LINUX_RPI} raspberrypi4-64+{LINUX_RPI}+!rt-rpi-300",
        symbols(
            "y",
            "FANOTIFY SECURITY FANOTIFY_ACCESS_PERMISSIONS CONNECTOR PROC_EVENTS",
            "Exein's runtime protection watches files and processes by them (16f24c25, 34425f47)",
        ),
    ),
    Group(
        LINUX_RPI,
        symbols("m", "RTL8192CU", "USB WiFi sticks of this chip; the kernel's own driver is stable again (dbd6d8e8)"),
    ),
    Group(
        LINUX_RPI,
        symbols("y", "STAGING", "the drivers of small SPI displays are among those in staging")
        + symbols(
            "m",
            " ".join(("FB_TFT", *(f"FB_TFT_{each}" for each in PANELS.split()))),
            "small displays on SPI that a user names in config.txt show nothing without their driver",
        ),
    ),
    Group(
        REPOSITORY,
        symbols("y", "GPIO_PCA953X GPIO_PCA953X_IRQ", "boards with I/O expanders on I²C wait for interrupts of them"),
    ),
    Group(REPOSITORY, symbols("m", "MFD_KEMPLD GPIO_KEMPLD I2C_KEMPLD", "a customer's Kontron logic device")),
    Group(REPOSITORY, symbols("y", "WATCHDOG BCM2835_WDT", "without it a device that hangs stays so")),
    Group(REPOSITORY, symbols("m", "CAN_KVASER_USB", "Kvaser's USB CAN adapters do not appear without it")),
    Group(
        REPOSITORY,
        symbols(EITHER, "CAN CAN_DEV IIO", "what CAN controllers, sensors and analogue inputs stand on")
        + symbols("y", "CAN_NETLINK RTC_CLASS", "what CAN controllers and clocks are set by")
        + symbols("m", "CAN_MCP251X", "the CAN controller of the NPE X500 M3 and of many HATs")
        + symbols("y", "CAN_CALC_BITTIMING", "a CAN bus is set up by its bit rate alone")
        + symbols("m", "RTC_DRV_DS1307", "the clock of the NPE X500 M3; without it a boot begins in the past")
        + symbols("m", "SERIAL_SC16IS7XX", "the serial ports of the NPE X500 M3")
        + symbols("m", "MCP3422", "the analogue inputs of the NPE X500 M3"),
    ),
    Group(REPOSITORY, symbols("m", "PWRSEQ_SD8787", "the balenaFin's WiFi is not powered without it (f44e0d28)")),
    Group(
        REPOSITORY,
        symbols(
            "y",
            "SERIAL_8250 SERIAL_8250_CONSOLE SERIAL_8250_EXTENDED SERIAL_8250_SHARE_IRQ SERIAL_8250_BCM2835AUX",
            "the mini UART, which is serial0 wherever Bluetooth has the other",
        )
        + symbols("1", "SERIAL_8250_NR_UARTS", "there is one mini UART, and more ports would be dead nodes"),
    ),
    Group(REPOSITORY, symbols("m", "BMP280", "a customer's sensor of pressure and temperature (d0d04cea)")),
    Group(
        "rt-rpi-300",
        symbols("m", "RTC_DRV_RX8010", "its clock; without it a boot begins in the past")
        + symbols("m", "CH432T_SPI", "its serial ports hang on SPI, by a driver that its layer adds"),
    ),
    Group(
        LINUX_KUNBUS,
        symbols("y", "STAGING FB_TFT", "the vendor's kernel has them; the reason is not known")
        + symbols(
            "m",
            "KS8851 GPIO_74X164 GPIO_MAX3191X TI_DAC082S085 MUX_GPIO IIO_MUX CAN_HI311X",
            "a RevPi's expansion modules: Ethernet, inputs, outputs, multiplexed analogue channels, CAN (79add061)",
        ),
    ),
    Group(
        REPOSITORY,
        symbols("n", "CPU_FREQ_DEFAULT_GOV_POWERSAVE", "the vendor's default keeps the CPU at its lowest frequency")
        + symbols("y", "CPU_FREQ_GOV_POWERSAVE", "a user may still choose to save power"),
    ),
    Group(
        "raspberrypi3-64 raspberrypi0-2w-64 raspberrypi4-64 raspberrypi5",
        symbols(
            "y",
            "I2C_BCM2835 I2C_BRCMSTB DRM DRM_FBDEV_EMULATION DRM_VC4 SND SND_SOC",
            "the splash is there before any module; vc4 needs I²C for the screen's data, and sound for HDMI",
        ),
    ),
    Group("raspberrypi4-64", symbols("y", "NVMEM_RMEM", "a program reads the bootloader's settings through it")),
    Group("sb", symbols("y", "USB_DWC2", "the flasher's medium is on USB, which the kernel needs before modules")),
)
