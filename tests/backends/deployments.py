"""Trees with an OS and a boot partition, before and after an update."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hal.backends.boot_files import LOGO, STATE, USER, DeployPlan
from hal.backends.boot_partition import FINGERPRINT
from hal.errors import FileFault
from hal.root import Root

MEMORY = Path("/dev/shm")  # every write is flushed, which a disk makes slow; where it is missing, a disk does
OS, BOOT = "resin-boot", "mnt/boot"
KIB, MIB = 1024, 1024 * 1024
Files = Mapping[str, bytes]


def temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)


def put(top: Path, folder: str, files: Files) -> None:
    (top / folder).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = top / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def tree(top: Path, new: Files, old: Files, *, boot: str = BOOT) -> Root:
    put(top, OS, new)
    put(top, boot, old)
    return Root(top)


def held(root: Root, folder: str = BOOT) -> dict[str, bytes]:
    """What a folder holds, without the fingerprint."""
    base = root.directory / folder
    files = {path.relative_to(base).as_posix(): path for path in base.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if path.name != FINGERPRINT}


def untouched(root: Root) -> dict[str, tuple[int, int, int]]:
    """Everything there, in a form that any write changes."""
    every = [root.directory, *root.directory.rglob("*")]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_size) for path in every}


def journal(name: str, content: bytes, *, whole: bool = True, ending: str = "md5sum") -> str:
    folder, slash, base = name.rpartition("/")
    told = hashlib.md5(content if whole else content + b"!").hexdigest()
    return f"{folder}{slash}.{base}.0badcafe.{told}.{ending}"


def written(planned: DeployPlan, mount: str = BOOT) -> list[str]:
    return [write.name.removeprefix(f"{mount}/") for write in planned.writes]


def kept(planned: DeployPlan) -> dict[str, str]:
    return {file.name.removeprefix(f"{BOOT}/"): file.why for file in planned.kept}


PI_NEW: Files = {
    "boot.scr": b"new script",
    "kernel8.img": b"new u-boot" * 900,
    "start4.elf": b"new start" * 700,
    "fixup4.dat": b"new fixup",
    "bootcode.bin": b"same in both",
    "bcm2711-rpi-4-b.dtb": b"new tree" * 600,
    "overlays/a wide name (of an overlay).dtbo": b"new overlay",
    "overlays/deep/er/x.dtbo": b"new folder",
    "config.txt": b"as shipped",
    "config.json": b"{}",
    "extra_uEnv.txt": b"",
    "resinOS_uEnv.txt": b"resin_root_part=2\nupgrade_available=0\n",
    LOGO: b"logo of the OS",
    FINGERPRINT: b"of the image, never copied",
}
PI_OLD: Files = {
    "boot.scr": b"old script",
    "kernel8.img": b"old u-boot" * 1000,
    "start4.elf": b"old start" * 600,
    "fixup4.dat": b"old fixup",
    "bootcode.bin": b"same in both",
    "bcm2711-rpi-4-b.dtb": b"old tree" * 500,
    "overlays/a wide name (of an overlay).dtbo": b"old overlay",
    "overlays/gone.dtbo": b"of the old OS only",
    "config.txt": b"dtparam=audio=on",
    "config.json": b'{"deviceApiKey": "k"}',
    "bootcount.env": b"bootcount=1\n\0",
    "system-connections/wifi": b"psk",
    LOGO: b"logo of the user",
}
PI_LEFT = {
    **PI_OLD,
    **{name: data for name, data in PI_NEW.items() if name not in (*USER, *STATE, FINGERPRINT)},
    "extra_uEnv.txt": b"",
}


class Partition(Root):
    """A boot partition of a size, in clusters of the file system below it: a write beyond it fails as on the device."""

    def __init__(self, top: Path, *, free: int) -> None:
        super().__init__(top)
        self.cluster = os.statvfs(top).f_frsize
        self.room = self.used() + free
        self.fullest = self.used()

    def used(self) -> int:
        return sum(self.whole(path.stat().st_size) for path in (self.directory / BOOT).rglob("*") if path.is_file())

    def whole(self, size: int) -> int:
        return -(-size // self.cluster) * self.cluster

    def free_bytes(self, name: str) -> int:
        assert name == BOOT
        return self.room - self.used()

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        now = self.used() + self.whole(len(data))
        if now > self.room:
            raise FileFault(f"{name}: no space left on device", path=name)
        self.fullest = max(self.fullest, now)
        super().replace(name, data, mode=mode)
