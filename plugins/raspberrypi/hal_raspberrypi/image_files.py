"""udev rules, units and configuration files that Raspberry Pi images carry.

Sources: balena-raspberrypi 7.4.0+rev7 recipes-core/{udev,extra-udev-rules,systemd}, recipes-support/resin-mounts;
RPi-Distro/raspberrypi-sys-mods 5ce3ef2b; meta-balena-rpi-sb 0.0.5. What the rules do is theirs, the words are not.

Names differ from those of the layer's own files, so that both may be in one image: here they say the same. Rules that
hand device nodes to groups are the layer's alone, since whether the image has those groups is not known.
"""

from __future__ import annotations

from hal.image.parts import Group, one
from hal.model import PartKind
from hal_raspberrypi.facts import REPOSITORY

_SAME = "cmp -s /proc/device-tree/aliases/{uart} /proc/device-tree/aliases/serial$$n"
_FIRST = "for n in 0 1; do {test} && echo $$n && exit; done; exit 1"


def _alias(kernel: str, uart: str, unless: str = "") -> str:
    """The rule that names a port serial0 or serial1, as the firmware wrote it into the device tree."""
    test = f"{unless}{_SAME.format(uart=uart)}"
    program = f"/bin/sh -c '{_FIRST.format(test=test)}'"
    return f'SUBSYSTEM=="tty", KERNEL=="{kernel}", PROGRAM=="{program}", SYMLINK+="serial%c"'


SERIAL = "\n".join(
    (
        "# serial0 is at the pin header, serial1 at the Bluetooth chip; which UART is which depends on config.txt.",
        _alias("ttyAMA0", "uart0"),
        _alias("ttyAMA1", "uart0", unless="test ! -e /dev/ttyAMA0 && "),
        _alias("ttyS0", "uart1"),
        "# The Sense HAT's matrix of lights is no screen for a console.",
        'SUBSYSTEM=="vtconsole", KERNEL=="vtcon1", ACTION=="add", '
        'PROGRAM=="/bin/grep -q \'RPi-Sense FB\' /sys/class/graphics/fb0/name", ATTR{bind}="0"',
        "",
    )
)

CAN = (
    'ACTION=="add", SUBSYSTEM=="net", KERNEL=="can0", DEVPATH=="/devices/platform/soc/3f204000.spi/*", '
    'RUN+="/sbin/ip link set can0 up type can bitrate 500000"\n'
)

REVPI_S = """\
# Ports of a RevPi Connect by their place on USB and SPI.
ACTION=="add", SUBSYSTEM=="tty", KERNELS=="1-1.5.2", SYMLINK+="ttyRS485"
ACTION=="add", SUBSYSTEM=="tty", KERNELS=="1-1.5.3", SYMLINK+="ttyConBridge"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="spi0.1", NAME="pileft"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="1-1.1", NAME="eth0"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="1-1.5.1", NAME="eth1"
"""

REVPI_4 = """\
# Ports of a RevPi Connect 4 by their place.
ACTION=="add", SUBSYSTEM=="tty", KERNELS=="fe201a00.serial", SYMLINK+="ttyRS485"
ACTION=="add", SUBSYSTEM=="net", ATTR{type}=="1", KERNELS=="fd580000.ethernet", NAME="eth0"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="2-3", NAME="eth1"
ACTION=="add", SUBSYSTEM=="net", KERNELS=="mmc1:0001:1", NAME="wlan0"
"""

FIN = 'ACTION=="add|change", SUBSYSTEM=="net", KERNEL=="uap[0-9]*", ENV{NM_UNMANAGED}="1"\n'

FIN_MODPROBE = """\
# The chip loads its Bluetooth first; WiFi that comes at once finds it busy.
install mlan /sbin/modprobe bt8xxx; /bin/sleep 5; /sbin/modprobe --ignore-install mlan
blacklist mwifiex
blacklist mwifiex_sdio
blacklist btmrvl
blacklist btmrvl_sdio
"""

UNIPI_PORTS = """\
# Serial ports of the Neuron: the one on its main board, and those of its expansion boards by the board's SPI select.
KERNEL=="ttyNS[0-2]", SUBSYSTEM=="tty", KERNELS=="spi0.1", SYMLINK+="extcomm/1/0"
KERNEL=="ttyNS[0-2]", SUBSYSTEM=="tty", KERNELS=="spi0.2", SYMLINK+="extcomm/2/0"
KERNEL=="ttyNS[0-2]", SUBSYSTEM=="tty", KERNELS=="spi0.3", SYMLINK+="extcomm/3/0"
KERNEL=="ttyNS0", SUBSYSTEM=="tty", SYMLINK+="extcomm/0/0"
KERNEL=="ttyNS1", SUBSYSTEM=="tty", SYMLINK+="extcomm/0/1"
KERNEL=="ttyNS2", SUBSYSTEM=="tty", SYMLINK+="extcomm/0/2"
"""

WATCHDOG = "[Manager]\nRuntimeWatchdogSec=10s\nRebootWatchdogSec=15s\n"
HUNG = "kernel.hung_task_panic=1\nkernel.hung_task_timeout_secs=240\n"
PICONTROL = "[Unit]\nBefore=systemd-modules-load.service\n"
FIRMWARE_PARTITION = """\
[Unit]
Description=Mount the partition that the firmware reads
DefaultDependencies=no
Requires=resin-boot.service
After=resin-boot.service
Before=umount.target
Conflicts=umount.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/resin-partition-mounter --mount balena-rpi
ExecStop=/usr/bin/resin-partition-mounter --umount balena-rpi

[Install]
WantedBy=multi-user.target
"""

FILES = (
    Group(
        REPOSITORY,
        one(
            PartKind.UDEV_RULE,
            "90-rpi-serial.rules",
            SERIAL,
            "the serial console and Bluetooth wait for serial0 and serial1",
        ),
    ),
    Group(
        "raspberrypi2 raspberrypi3 raspberrypi3-64",
        one(
            PartKind.UDEV_RULE,
            "85-can-on-spi.rules",
            CAN,
            "a CAN controller on SPI has no bit rate, and stays down without one",
        ),
    ),
    Group(
        "revpi-connect-s revpi-connect",
        one(
            PartKind.UDEV_RULE,
            "51-revpi-ports.rules",
            REVPI_S,
            "names of ports follow the label on the case, not the kernel",
        ),
    ),
    Group(
        "revpi-connect-4",
        one(
            PartKind.UDEV_RULE,
            "51-revpi-ports.rules",
            REVPI_4,
            "names of ports follow the label on the case, not the kernel",
        ),
    ),
    Group(
        "revpi",
        one(
            PartKind.FILE,
            "etc/systemd/system/resin-boot.service.d/50-picontrol.conf",
            PICONTROL,
            "piControl reads config.rsc from the boot partition when it is loaded (18e1699a)",
        )
        + one(
            PartKind.SERVICE,
            "serial-getty@serial0.service",
            "disabled",
            "a login would talk into the user's serial port",
        ),
    ),
    Group(
        "raspberrypi3-unipi-neuron raspberrypi4-unipi-neuron",
        one(
            PartKind.UDEV_RULE,
            "95-unipi-ports.rules",
            UNIPI_PORTS,
            "programs of the maker open serial ports by these names",
        ),
    ),
    Group(
        "fincm3",
        one(
            PartKind.UDEV_RULE,
            "86-fin-access-point.rules",
            FIN,
            "the access point's interface is the user's; NetworkManager would take it for a client",
        )
        + one(PartKind.FILE, "etc/modprobe.d/fin-radio.conf", FIN_MODPROBE, "two drivers would fight for one chip"),
    ),
    Group(
        REPOSITORY,
        one(
            PartKind.FILE,
            "etc/systemd/system.conf.d/zz-board-watchdog.conf",
            WATCHDOG,
            "15 s is the most that the hardware can wait, and a longer one would not be set at all (dc157ca5)",
        )
        + one(
            PartKind.FILE,
            "etc/sysctl.d/60-hung-task.conf",
            HUNG,
            "devices hung in shutdown while the watchdog was still fed (6cf23e12)",
        ),
    ),
    Group(
        "sb+secure-boot+installed",
        one(
            PartKind.FILE,
            "etc/systemd/system/balena-rpi.service",
            FIRMWARE_PARTITION,
            "an update writes what the firmware reads to that partition",
        )
        + one(PartKind.SERVICE, "balena-rpi.service", "enabled", "an update finds the partition mounted"),
    ),
)
