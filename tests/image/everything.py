"""An image with a part of every kind, and the images of every device type."""

from __future__ import annotations

from functools import cache

from hal.image.asking import image
from hal.image.joining import Contribution, join
from hal.model import (
    Arch,
    Build,
    DeviceType,
    Filesystem,
    Image,
    ImageKind,
    ImagePart,
    Partitions,
    PartitionTable,
    PartKind,
    SlotEncoding,
)
from hal.plugins import Catalog

ROW = DeviceType(
    slug="acme-gateway",
    name="ACME Gateway",
    aliases=("acme-gw",),
    arch=Arch.AARCH64,
    machine="acme-gateway",
    image=ImageKind.FLASHER,
    partitions=Partitions(
        table=PartitionTable.GPT,
        boot=1,
        root_a=2,
        root_b=3,
        slot_encoding=SlotEncoding.DECIMAL,
        boot_filesystem=Filesystem.FAT16,
    ),
)
PARTS: tuple[tuple[str, str, str | bytes | None], ...] = (
    ("kernel-symbol", "USB_ACM", "m"),
    ("kernel-symbol", "NFC", "n"),
    ("kernel-symbol", "CMDLINE", '"a b"'),
    ("kernel-argument", "acme.mode=2", None),
    ("module", "acme_bus", None),
    ("module-options", "acme_bus", "speed=3 quirks=1"),
    ("firmware-package", "linux-firmware-acme", "present"),
    ("firmware-package", "linux-firmware-ath9k", "absent"),
    ("firmware-file", "acme/radio.bin", "linux-firmware-acme"),
    ("package", "acme-tools", "present"),
    ("package", "nano", "absent"),
    ("udev-rule", "70-acme.rules", '# two lines\nSUBSYSTEM=="usb"\n'),
    ("service", "acme.service", "enabled"),
    ("service", "other.timer", "disabled"),
    ("file", "usr/bin/acme", "#!/bin/sh\necho acme\n"),
    ("file", "etc/acme.bin", b"\0\xff"),
    ("boot-file", "EFI/acme.efi", "acme/boot.efi"),
    ("rendered-file", "boot/acme.cfg", "timeout=3\n"),
    ("rendered-file", "root/etc/acme/slots", "A\nB\n"),
    ("rendered-file", "initramfs/init.d/10-acme", "#!/bin/sh\n"),
    ("partition", "boot", "1"),
    ("partition", "root-a", "2"),
    ("partition-size", "boot", "40960"),
    ("console", "ttyS0", "115200"),
    ("console", "ttyS1", None),
    ("splash", "splash/balena-logo.png", b"\x89PNG"),
    ("config-txt", "[cm4] otg_mode=1", None),
    ("config-txt", "gpu_mem=16", None),
    ("config-txt", "[pi5] otg_mode=1", None),
    ("config-txt", "[cm4] dtparam=x=on", None),
    ("device-tree", "acme-gateway", None),
    ("overlay", "acme-can", None),
    ("install-target", "nvme?n?", None),
    ("boot-medium", "sdcard", "default"),
    ("boot-medium", "network", "alternate"),
    ("secure-boot", "signed-kernel", "the kernel is signed"),
)
FRESH = ("acme.state", "boot/acme.env")


def everything(build: Build | None = None, row: DeviceType = ROW) -> Image:
    """One image with all of `PARTS`, by the owner; and two that hold state, by an add-on."""
    given = [
        Contribution("hal_acme", ImagePart(kind=PartKind(kind), name=name, value=value, reason=f"why {name}"))
        for kind, name, value in PARTS
    ]
    for kind, name in ((PartKind.BOOT_FILE, FRESH[0]), (PartKind.RENDERED_FILE, FRESH[1])):
        part = ImagePart(kind=kind, name=name, value="0", reason="state", fresh_only=True)
        given.append(Contribution("hal_extra", part))
    build = build or Build(yocto_release="scarthgap")
    return Image(device_type=row, build=build, plugins=("hal_acme", "hal_extra"), parts=join(given))


SLUGS = sorted({row.slug for module in Catalog().index.board_modules() for row in Catalog().table(module)})


@cache
def image_of(slug: str, **facts: object) -> Image:
    """The image of a device type; made once in each process of the tests."""
    return image(Catalog(), slug, Build(**facts))  # type: ignore[arg-type]
