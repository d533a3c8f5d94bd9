"""Where the firmware looks for a capsule: in the boot partition, or in the partition `esp` of the AGX Orin 32GB.

On the latter the unpacked capsule has no room in the boot partition, so `esp` is formatted for it each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from attrs import frozen

from hal.backends import disk
from hal.errors import FileFault, HalError, ProgramFault
from hal.model import Capsule
from hal.record import Record
from hal.root import Root

FOLDER = "EFI/UpdateCapsule"
FILE = f"{FOLDER}/TEGRA_BL.Cap"
BOOT = "mnt/boot"
LARGEST = 256 * 1024 * 1024
"""More than any capsule has, unpacked, in bytes."""
SECONDS = 120.0
_MOUNT = "run/hal-capsule"
_SPARE_BYTES = 256 * 1024


@frozen(kw_only=True, repr=False, eq=False)
class InBoot(Record):
    """`EFI/UpdateCapsule/TEGRA_BL.Cap` of the mounted boot partition."""

    root: Root

    def held(self) -> bytes | None:
        """The capsule that waits there."""
        return _read(self.root, f"{BOOT}/{FILE}")

    def check(self, size: int) -> None:
        """Raise `FileFault` where a capsule of this size has no room. The one that is there makes way first."""
        free = self.root.free_bytes(BOOT) + len(self.held() or b"")
        if free < size + _SPARE_BYTES:
            raise FileFault(f"{BOOT}: {free} bytes free, the capsule needs {size}", path=BOOT)

    def put(self, data: bytes) -> None:
        """Write it durably. What is there first goes, so that both need not have room."""
        self.root.remove(f"{BOOT}/{FILE}")
        _write(self.root, BOOT, data)

    def clear(self) -> None:
        """Remove it."""
        self.root.remove(f"{BOOT}/{FILE}")


@frozen(kw_only=True, repr=False, eq=False)
class InEsp(Record):
    """The same file in the partition `esp`, which is mounted only meanwhile."""

    root: Root

    def held(self) -> bytes | None:
        """The capsule that waits there; `None` also where the partition holds no file system."""
        with suppress(ProgramFault), self._mounted("ro"):
            return _read(self.root, f"{_MOUNT}/{FILE}")
        return None

    def check(self, size: int) -> None:
        """Raise `FileFault` where there is no such partition, or a capsule of this size has no room in it."""
        node = self._node()
        sectors = self.root.read_value(f"sys/class/block/{node.removeprefix('dev/')}/size")
        if sectors is not None and sectors.isdecimal() and int(sectors) * 512 < size + _SPARE_BYTES:
            raise FileFault(f"{node}: {int(sectors) * 512} bytes, the capsule needs {size}", path=node)

    def put(self, data: bytes) -> None:
        """Format the partition and write it durably."""
        _run(self.root, "mkfs.vfat", str(self.root.resolve(self._node())))
        with self._mounted("rw"):
            _write(self.root, _MOUNT, data)

    def clear(self) -> None:
        """Remove it."""
        with self._mounted("rw"):
            self.root.remove(f"{_MOUNT}/{FILE}")

    def _node(self) -> str:
        boot, esp = disk.boot_partition(self.root), disk.find(self.root, "esp")
        if esp is None or esp.disk != boot.disk:
            raise FileFault("dev/disk/by-state/esp: no such partition beside the boot partition", path="esp")
        return f"dev/{esp.name}"

    @contextmanager
    def _mounted(self, mode: str) -> Iterator[None]:
        """Mount the partition, and take the mount away however this ends."""
        where = str(self.root.resolve(_MOUNT))
        node = str(self.root.resolve(self._node()))
        self.root.make_folder(_MOUNT)
        try:
            _run(self.root, "mount", "-t", "vfat", "-o", mode, node, where)
            try:
                yield
            finally:
                _run(self.root, "umount", where)
        finally:
            with suppress(HalError):
                _run(self.root, "rmdir", where)


Place = InBoot | InEsp


def of(capsule: Capsule, root: Root) -> Place:
    """The place that this device type's row names."""
    return InBoot(root=root) if capsule.written_to == f"/{BOOT}" else InEsp(root=root)


def _read(root: Root, name: str) -> bytes | None:
    return root.read_bytes(name, limit=LARGEST) if root.exists(name) else None


def _write(root: Root, folder: str, data: bytes) -> None:
    """Write, flush and read back."""
    root.make_folder(f"{folder}/{FOLDER}")
    root.replace(f"{folder}/{FILE}", data)
    if _read(root, f"{folder}/{FILE}") != data:
        raise FileFault(f"{folder}/{FILE}: reads back different from what was written", path=FILE)


def _run(root: Root, *words: str) -> None:
    root.run(words, timeout_seconds=SECONDS)
