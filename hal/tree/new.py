"""Generates a tree for any device type from its row, with the vendor files its plugin brings along.

Only known facts are written: a board whose device-tree name is not known gets no device tree, and is then identified by
its software evidence alone, as on the real device.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

from hal.backends.bootloader.envblock import EnvBlock
from hal.errors import FileFault, PluginFault
from hal.model import Board, BootloaderKind, DeviceType
from hal.tree import TreeFile
from hal.tree.clocks import clock_files
from hal.tree.picture import picture
from hal.tree.services import services


def new_tree(device_type: DeviceType, plugin: str, directory: Path, board: Board | None = None) -> tuple[str, ...]:
    """Generate a tree in a new or empty folder, and return the names of its files, sorted.

    `board` chooses the hardware where the device type runs on several; by default the first of its row. Raises
    `FileFault` for a folder with anything in it, and `PluginFault` where the plugin's own part fails.
    """
    directory = directory.absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise FileFault(f"{directory}: not empty, and a tree overwrites nothing", path=str(directory))
    except OSError as error:
        raise FileFault(f"{directory}: {os.strerror(error.errno or 0).lower()}", path=str(directory)) from error
    chosen = board or (device_type.boards[0] if device_type.boards else None)
    entries = {entry.name: entry for entry in (*common_files(device_type, chosen), *plugin_files(device_type, plugin))}
    for entry in entries.values():
        _write(directory, entry)
    return tuple(sorted(entries))


def common_files(device_type: DeviceType, board: Board | None) -> Iterator[TreeFile]:
    """What a tree of any device type has: what identifies it, its boot splash, its clocks, and a service starter."""
    release = {
        "ID": "balena-os",
        "NAME": "balenaOS",
        "VERSION": "0.0.0",
        "MACHINE": device_type.machine,
        "SLUG": device_type.slug,
    }
    os_release = "".join(f'{key}="{value}"\n' for key, value in release.items() if value is not None)
    contract = {"slug": device_type.slug, "name": device_type.name}
    if device_type.arch:
        contract["arch"] = device_type.arch.value
    yield TreeFile.text("mnt/boot/config.json", _json({"deviceType": device_type.slug, "persistentLogging": False}))
    yield TreeFile.text("mnt/boot/device-type.json", _json(contract))
    yield TreeFile.text("mnt/boot/os-release", os_release)
    yield TreeFile(name="mnt/boot/splash/balena-logo.png", data=picture(64, 64))
    yield TreeFile.text("etc/os-release", os_release)
    yield TreeFile.text("proc/cmdline", "root=LABEL=resin-rootA rootwait\n")
    yield TreeFile.text("proc/sys/kernel/random/boot_id", f"{uuid4()}\n")
    yield TreeFile.folder("mnt/state")
    if device_type.kernel_image is not None:
        for sysroot in ("active", "inactive"):
            yield TreeFile.text(f"mnt/sysroot/{sysroot}/boot/{device_type.kernel_image}", "stands for a kernel\n")
    yield from boot_state(device_type)
    if board is not None and board.compatible:
        base = "sys/firmware/devicetree/base"
        yield TreeFile(name="proc/device-tree", link="/sys/firmware/devicetree/base")
        yield TreeFile(name=f"{base}/compatible", data=f"{board.compatible[0]}\0".encode())
        if board.models:
            yield TreeFile(name=f"{base}/model", data=f"{board.models[0]}\0".encode())
    yield from clock_files(device_type)
    yield from services()


def boot_state(device_type: DeviceType) -> Iterator[TreeFile]:
    """The state files of the bootloader, as on a medium that was just written by balenaOS."""
    if device_type.bootloader is None or device_type.partitions is None:
        return
    first, _ = device_type.partitions.slot_values()
    block = {"bootcount": "0", "resin_root_part": first, "upgrade_available": "0"}
    if device_type.bootloader is BootloaderKind.BALENA:
        yield TreeFile(name="mnt/boot/bootenv", data=EnvBlock.new(block, path="bootenv").data)
    if device_type.bootloader is BootloaderKind.GRUB:
        for interface, folder in (("bios", "mnt/boot/grub"), ("efi", "mnt/boot/EFI/BOOT")):
            if interface in device_type.firmware:
                yield TreeFile(name=f"{folder}/grubenv", data=EnvBlock.new(block, path="grubenv").data)
        if "bios" not in device_type.firmware:
            yield TreeFile.folder("sys/firmware/efi")


def plugin_files(device_type: DeviceType, plugin: str) -> tuple[TreeFile, ...]:
    """What the plugin's module `tree` adds; nothing where it has none."""
    name = f"{plugin}.tree"
    with suppress(ModuleNotFoundError):
        if find_spec(name) is not None:
            try:
                return tuple(import_module(name).tree_files(device_type))
            except Exception as error:
                raise PluginFault(f"{name}.tree_files: {type(error).__name__}: {error}", path=name) from error
    return ()


def _write(directory: Path, entry: TreeFile) -> None:
    path = directory / entry.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif entry.link is not None:
            path.symlink_to(entry.link)
        else:
            path.write_bytes(entry.data)
            path.chmod(entry.mode)
    except OSError as error:
        raise FileFault(f"{path}: {os.strerror(error.errno or 0).lower()}", path=entry.name) from error


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2) + "\n"
