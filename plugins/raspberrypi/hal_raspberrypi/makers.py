"""The rows of other makers' computers that hold a Raspberry Pi or one of its compute modules."""

from __future__ import annotations

from hal.model import Arch, Clock, DeviceType, ReleaseState
from hal_raspberrypi import boards
from hal_raspberrypi.facts import (
    ARM_BUS,
    COMMON_CONFIG,
    LINUX_KUNBUS,
    MACHINE_SOURCE,
    contract,
    image_row,
    machine_row,
)

NEURON_CLOCK = Clock(
    driver="mcp7941x",
    rtc=0,
    i2c_address=0x6F,
    battery=True,
    overlay="i2c-rtc,mcp7941x",
    i2c_bus=ARM_BUS,
    chip="mcp7941x",
)
NEURON_CONFIG = (
    *COMMON_CONFIG,
    "dtoverlay=neuronee",
    "dtoverlay=i2c-rtc,mcp7941x",
    "dtoverlay=neuron-spi-new",
)

RASPBERRYPI3_UNIPI_NEURON = image_row(
    slug="raspberrypi3-unipi-neuron",
    name="UniPi Neuron (Raspberry Pi 3)",
    arch=Arch.ARMV7HF,
    overrides=("raspberrypi3",),
    config=NEURON_CONFIG,
    clocks=(NEURON_CLOCK,),
    notes=("No source says which of the Raspberry Pi 3 boards it holds.",),
)

RASPBERRYPI4_UNIPI_NEURON = image_row(
    slug="raspberrypi4-unipi-neuron",
    name="UniPi Neuron (Raspberry Pi 4)",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64",),
    boards=(boards.PI_4_B,),
    pi4_class=True,
    device_trees=("bcm2711-rpi-4-b",),
    config=NEURON_CONFIG,
    clocks=(NEURON_CLOCK,),
    wifi=True,
    bluetooth=True,
)

RASPBERRYPI4_SUPERHUB = image_row(
    slug="raspberrypi4-superhub",
    name="SuperHub",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64",),
    pi4_class=True,
    rootfs_kib=409600,
    config=(
        *("dtparam=spi=off" if line == "dtparam=spi=on" else line for line in COMMON_CONFIG),
        "dtparam=ant2",
        "dtoverlay=dwc2,dr_mode=host",
        "dtoverlay=i2c-rtc,pcf8563",
        "dtoverlay=pca953x,pca9555",
        "dtoverlay=pca953x,pca9555,addr=0x21",
        "dtoverlay=pca953x,pca9555,addr=0x22",
        "dtoverlay=uart3",
        "dtoverlay=uart5",
        "dtoverlay=ed-gpio-wdt",
        "dtoverlay=ed-spi1-1cs",
        "dtoverlay=ed-infineon-tpm",
        "dtoverlay=ed-sdhost",
    ),
    clocks=(
        Clock(
            driver="pcf8563",
            rtc=0,
            i2c_address=0x51,
            battery=True,
            overlay="i2c-rtc,pcf8563",
            i2c_bus=ARM_BUS,
            chip="pcf8563",
        ),
    ),
    notes=(
        "Whether it holds a Raspberry Pi 4 Model B or a Compute Module 4 is not known.",
        "Services of its maker watch a button and the supply voltage, feed a watchdog and keep the clock in step.",
    ),
)

NPE_X500_M3 = image_row(
    slug="npe-x500-m3",
    name="NPE X500 M3",
    arch=Arch.ARMV7HF,
    overrides=("raspberrypi3",),
    state=ReleaseState.RELEASED,
    boards=(boards.CM3, boards.CM3_LITE),
    device_trees=("bcm2710-rpi-cm3",),
    config=(*COMMON_CONFIG, "dtoverlay=npe-x500-m3"),
    clocks=(
        Clock(
            driver="ds1307",
            rtc=0,
            i2c_address=0x68,
            battery=True,
            note="A chip of the DS1307 class, described by the board's device tree.",
        ),
    ),
    bluetooth=True,
    notes=("balena-supervisor 19.0.5 does not manage config.txt of this device type.",),
)

REVPI_CONNECT_S = image_row(
    slug="revpi-connect-s",
    name="Revolution Pi Connect S",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64", "revpi"),
    boards=(boards.REVPI_CONNECT, boards.CM4S),
    pi4_class=True,
    rootfs_kib=372736,
    kernel_version="6.6.84",
    kernel_recipe=LINUX_KUNBUS,
    boot_files=("dt-blob.bin",),
    device_trees=("bcm2711-rpi-cm4",),
    config=(*COMMON_CONFIG, "dtoverlay=revpi-connect", "dtoverlay=dwc2", "dr_mode=host"),
    wifi=False,
    bluetooth=False,
    notes=(
        "The kernel is linux-kunbus, with the piControl module.",
        "Its machine does not build the CM4S's device tree; whether the firmware takes that of the CM4 is not known.",
        "`dr_mode=host` stands on a line of its own in config.txt, where the firmware ignores it.",
    ),
)

REVPI_CONNECT_4 = image_row(
    slug="revpi-connect-4",
    name="Revolution Pi Connect 4",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64", "revpi"),
    boards=(boards.REVPI_CONNECT_4, boards.CM4),
    pi4_class=True,
    rootfs_kib=372736,
    kernel_version="6.6.84",
    kernel_recipe=LINUX_KUNBUS,
    device_trees=("bcm2711-rpi-cm4",),
    config=(*COMMON_CONFIG, "dtoverlay=dwc2,dr_mode=host", "dtparam=ant2"),
    wifi=True,
    bluetooth=True,
    notes=(
        "The kernel is linux-kunbus, with the piControl module.",
        "The board's EEPROM names its overlay, so config.txt does not.",
        "`ant2` selects the external antenna.",
    ),
)

RT_RPI_300 = image_row(
    slug="rt-rpi-300",
    name="Rocktech-RPI-300",
    arch=Arch.AARCH64,
    overrides=("raspberrypi4-64",),
    pi4_class=True,
    kernel_version="5.15.92",
    clocks=(Clock(driver="rx8010", rtc=0, i2c_address=0x32, battery=True),),
    notes=(
        "Whether it holds a Raspberry Pi 4 Model B or a Compute Module 4 is not known.",
        "The image adds a driver for its CH432T UARTs on SPI.",
    ),
    sources=(f"{MACHINE_SOURCE}/rt-rpi-300.conf",),
)

FINCM3 = machine_row(
    slug="fincm3",
    name="Balena Fin (CM3)",
    arch=Arch.ARMV7HF,
    overrides=("raspberrypi3",),
    boards=(boards.CM3, boards.CM3_LITE),
    device_trees=("bcm2710-rpi-cm3",),
    overlays=("balena-fin", "spyfly"),
    config=(*COMMON_CONFIG, "dtoverlay=balena-fin"),
    wifi=True,
    bluetooth=True,
    notes=(
        "balena-supervisor 19.0.5 adds `dtoverlay=balena-fin` to config.txt where it is missing.",
        "It is flashed over USB by rpiboot; its WiFi firmware is that of the SD8887.",
    ),
)

NEBRA_HNT = machine_row(
    slug="nebra-hnt",
    name="nebra-hnt",
    overrides=("raspberrypi3-64",),
    notes=("balena's contracts do not list it, so the slug stands for its name.",),
)

REVPI_CONNECT = machine_row(
    slug="revpi-connect",
    name="Revolution Pi Connect",
    arch=Arch.ARMV7HF,
    overrides=("raspberrypi3",),
    boards=(boards.REVPI_CONNECT, boards.CM3, boards.CM3_LITE),
    device_trees=("bcm2710-rpi-cm3",),
    config=(*COMMON_CONFIG, "dtoverlay=revpi-connect"),
    wifi=False,
    notes=("The kernel is linux-kunbus, with the piControl module.",),
    kernel_recipe=LINUX_KUNBUS,
)

REVPI_CORE_3 = machine_row(
    slug="revpi-core-3",
    name="Revolution Pi Core 3",
    arch=Arch.ARMV7HF,
    overrides=("raspberrypi3",),
    boards=(boards.CM3, boards.CM3_LITE),
    device_trees=("bcm2710-rpi-cm3",),
    wifi=False,
    notes=("The kernel is linux-kunbus.",),
    kernel_recipe=LINUX_KUNBUS,
)

RASPBERRYPI4_EDATEC_SENSING = DeviceType(
    slug="raspberrypi4-edatec-sensing",
    name="EDATEC Sensing (Raspberry Pi Computer 4)",
    arch=Arch.AARCH64,
    notes=("Only balena's contracts name it: the device repository holds nothing of it.",),
    sources=(contract("raspberrypi4-edatec-sensing"),),
)

MAKERS: tuple[DeviceType, ...] = (
    RASPBERRYPI3_UNIPI_NEURON,
    RASPBERRYPI4_UNIPI_NEURON,
    RASPBERRYPI4_SUPERHUB,
    NPE_X500_M3,
    REVPI_CONNECT_S,
    REVPI_CONNECT_4,
    RT_RPI_300,
    FINCM3,
    NEBRA_HNT,
    REVPI_CONNECT,
    REVPI_CORE_3,
    RASPBERRYPI4_EDATEC_SENSING,
)
