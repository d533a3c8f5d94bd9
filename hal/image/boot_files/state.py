"""The state files of a new medium: slot A, no update pending, nothing of a user's yet."""

from __future__ import annotations

from hal.backends.bootloader import names, uenv
from hal.backends.bootloader.envblock import SECTOR, SIGNATURE, SIZE, WARNING, EnvBlock
from hal.image.boot_files.file import BootFile, Place
from hal.model import Partitions

COMMITTED = "which slot is known to be good, for the day the state file is not readable"


def block(name: str, layout: Partitions) -> BootFile:
    """A GRUB environment block with the three variables in its first sector."""
    values = {names.COUNT: "0", names.ROOT: layout.slot_values()[0], names.UPGRADE: "0"}
    data = EnvBlock.new(values, path=name, size=SIZE).data
    return _fresh(name, data, "the active slot, whether an update is pending, and the boots counted")


def empty_block(name: str) -> BootFile:
    """An environment block for a user's kernel arguments."""
    return _fresh(name, (SIGNATURE + WARNING).ljust(SIZE, b"#"), "a user's kernel arguments")


def committed(folder: str, layout: Partitions) -> BootFile:
    """The committed slot, in a block of one sector."""
    name = f"{folder}{names.COMMITTED}"
    data = EnvBlock.new({names.COMMITTED_KEY: layout.slot_values()[0]}, path=name, size=SECTOR).data
    return _fresh(name, data, COMMITTED)


def root_text(layout: Partitions) -> BootFile:
    """U-Boot's text: one sector, filled up with newlines."""
    data = uenv.text({names.ROOT: layout.slot_values()[0], names.UPGRADE: "0"})
    return _fresh("resinOS_uEnv.txt", data, "the active slot, and whether an update is pending")


def boot_count() -> BootFile:
    """U-Boot's boot count. It is there from the start, so that U-Boot never has to create it."""
    return _fresh("bootcount.env", f"{names.COUNT}=0\n\0".encode(), "the boots counted while an update is pending")


def extra_text() -> BootFile:
    """A user's own variables."""
    return _fresh("extra_uEnv.txt", b"", "a user's kernel arguments and device tree")


def _fresh(name: str, data: bytes, purpose: str) -> BootFile:
    return BootFile(name=name, where=Place.BOOT, data=data, purpose=purpose, fresh_only=True)
