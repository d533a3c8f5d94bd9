"""Where the stores' files lie, and what the tests of each ask for."""

from __future__ import annotations

from hal.backends.boot_config.base import Store
from hal.backends.boot_config.extra_uenv import U_BOOT, ExtraUEnv, Reader
from hal.model import DeviceType
from hal.root import Root

UENV, EXTLINUX, JSON = "mnt/boot/extra_uEnv.txt", "mnt/boot/extlinux/extlinux.conf", "mnt/boot/configfs.json"
GRUB = "mnt/boot/grub/grub_extraenv"
PC = DeviceType(slug="pc", name="PC")


def put(root: Root, file: str, data: bytes) -> None:
    root.resolve(file).write_bytes(data)


def version(root: Root, text: str) -> None:
    put(root, "etc/os-release", f'ID="balena-os"\nMETA_BALENA_VERSION="{text}"\n'.encode())


def values(store: Store) -> dict[str, str]:
    return {each.key: each.value for each in store.items()}


def uenv(root: Root, data: bytes = b"", reader: Reader = U_BOOT, **named: bool) -> ExtraUEnv:
    put(root, UENV, data)
    return ExtraUEnv(root, UENV, reader, **named)
