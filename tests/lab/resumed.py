"""A guest that is there at once: a Linux with this project's Python loaded, saved by QEMU and resumed for each boot.

Starting Linux and Python takes an emulated machine many seconds; resuming takes one. The machine is saved before the
driver of its disk is loaded, so that each resumed one finds the disk it is given, whatever there was before.
`userspace` is what runs in it. Unlike `lab.guest` nothing of the host is mounted, which QEMU could not save.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from fcntl import LOCK_EX, flock
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from subprocess import run
from time import monotonic, sleep
from typing import Any

from attrs import frozen

from lab import guest
from lab.console import Machine

EARLY = (*guest.FILE_SYSTEM_MODULES["vfat"], *guest.FILE_SYSTEM_MODULES["ext4"])
LATE = ("virtio_pci", "virtio_blk")
PROGRAMS = ("/bin/busybox", "/sbin/fsck.fat")
PACKAGES = ("attr", "attrs", "click", "pluggy")
LEFT_OUT = {
    *("test", "idlelib", "tkinter", "ensurepip", "lib2to3", "site-packages", "dist-packages", "turtledemo"),
    *("distutils", "asyncio", "pydoc_data", "sqlite3", "curses", "unittest", "wsgiref", "dbm", "msilib", "__pycache__"),
}
NOT_LOADED = ("_test", "_tkinter", "_sqlite3", "_ssl", "_curses", "_hashlib", "_codecs_", "_decimal", "_xx", "readline")
"""Modules in machine code that nothing here imports, with the libraries they would bring."""
MEMORY_MIB = 448
KEPT = 2
READY_SECONDS = 300
BOOT_SECONDS = 120
Job = Mapping[str, object]


class ResumedError(Exception):
    """The guest did not do what it was resumed for; the text is all it said."""


@frozen
class Kill:
    """When the machine is killed: so many seconds after the step of this number began."""

    step: int
    seconds: float


@frozen
class Ran:
    """What the guest said at the end, and how long the steps took, in seconds of this machine."""

    said: Mapping[str, Any]
    seconds: float


class Resumed:
    """The saved machine. It is kept in `build/lab/` until anything that is in it changes."""

    def __init__(self, slugs: tuple[str, ...]) -> None:
        made = _initramfs(slugs)
        version = run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
        kernel = guest._unpacked(guest._kernel()).stat()
        key = sha256(b"".join((made, version, f"{kernel.st_size} {kernel.st_mtime_ns}".encode()))).hexdigest()[:16]
        guest.CACHE.mkdir(parents=True, exist_ok=True)
        with (guest.CACHE / "resumed.lock").open("w") as lock:
            flock(lock, LOCK_EX)  # another test process may want the same one
            self._folder = guest.CACHE / f"resumed-{key}"
            self._state, self._initramfs = self._folder / "state", self._folder / "initramfs"
            if not self._state.exists():
                before = [path for path in guest.CACHE.glob("resumed-*") if path.is_dir()]
                for old in sorted(before, key=lambda path: path.stat().st_mtime)[:-KEPT]:
                    rmtree(old)
                self._folder.mkdir(exist_ok=True)
                self._initramfs.write_bytes(made)
                self._save()

    def boot(self, disk: Path, job: Job, *, log: Path | None = None) -> Ran:
        """One boot to the end of its steps. Raises `ResumedError` where it does not get there."""
        with Machine(self._words(disk, log, incoming=True), timeout_seconds=BOOT_SECONDS) as machine:
            machine.send(f"\n\n{json.dumps(job)}\n")
            started: float | None = None
            while (seen := machine.until(r"LAB-BEGIN \d+\r+\n", r"LAB-DONE [^\r]*\r+\n")) == 0:
                started = started or monotonic()
            if seen is None:
                raise ResumedError(f"ended early: {machine.said}")
            said = json.loads(machine.said.rpartition("LAB-DONE ")[2].partition("\r")[0])
            if "fault" in said:
                raise ResumedError(said["fault"])
            return Ran(said, monotonic() - (started or monotonic()))

    def kill(self, disk: Path, job: Job, kill: Kill) -> None:
        """One boot that ends with `kill -9` of the machine, at this moment of its steps or behind them."""
        with Machine(self._words(disk, None, incoming=True), timeout_seconds=BOOT_SECONDS) as machine:
            machine.send(f"\n\n{json.dumps(job)}\n")
            if machine.until(rf"LAB-BEGIN {kill.step}\r+\n", r"LAB-DONE ([^\r]*)\r+\n") is None:
                raise ResumedError(f"ended early: {machine.said}")
            if '"fault"' in machine.said:
                raise ResumedError(machine.said)
            sleep(kill.seconds)

    def _save(self) -> None:
        empty, monitor, fresh = (self._folder / name for name in ("empty", "monitor", "fresh"))
        empty.write_bytes(bytes(1 << 20))
        words = [*self._words(empty, None, incoming=False), "-monitor", f"unix:{monitor},server=on,wait=off"]
        with Machine(words, timeout_seconds=READY_SECONDS) as machine:
            if machine.until("LAB-READY") != 0:
                raise ResumedError(f"not ready: {machine.said}")
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(READY_SECONDS)
                line.connect(str(monitor))
                _ask(line, None)
                _ask(line, "migrate_set_parameter max-bandwidth 8G")
                said = _ask(line, f'migrate "exec:cat >{fresh}"')
                if "completed" not in _ask(line, "info migrate"):
                    raise ResumedError(f"not saved: {said}")
                fresh.rename(self._state)

    def _words(self, disk: Path, log: Path | None, *, incoming: bool) -> list[str]:
        file = "driver=raw,file.driver=file,cache.no-flush=on,file.filename="
        drives = ["-blockdev", f"{file}{guest._comma(disk)},node-name=disk"]
        if log is not None:
            log.write_bytes(b"")
            drives += ["-blockdev", f"{file}{guest._comma(log)},node-name=log"]
            drives += ["-blockdev", "driver=blklogwrites,file=disk,log=log,log-sector-size=512,node-name=logged"]
        return [
            *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", str(MEMORY_MIB)),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-kernel", str(guest._unpacked(guest._kernel())), "-initrd", str(self._initramfs)),
            *("-append", "console=ttyS0 loglevel=3 panic=-1 mitigations=off cryptomgr.notests random.trust_cpu=on"),
            *drives,
            *("-device", f"virtio-blk-pci,drive={'disk' if log is None else 'logged'}"),
            *(("-incoming", f"exec:cat {self._state}") if incoming else ()),
        ]


def _ask(line: socket.socket, command: str | None) -> str:
    """Types a command into QEMU's monitor, and reads to its next prompt."""
    if command is not None:
        line.sendall(f"{command}\n".encode())
    said = b""
    while not said.endswith(b"(qemu) "):
        got = line.recv(4096)
        if not got:
            break
        said += got
    return said.decode(errors="replace")


# -- what is in it -----------------------------------------------------------------------------------------------------

_INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t devtmpfs dev /dev
for module in $($b cat /early/order); do $b insmod /early/$module; done
export PATH=/bin:/sbin HOME=/ LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=@PATHS@
exec @PYTHON@ -m lab.userspace @SLUGS@
"""


def _initramfs(slugs: tuple[str, ...]) -> bytes:
    files: dict[str, tuple[int, bytes]] = {}
    paths = [Path(__file__).parents[1], guest.REPOSITORY, *sorted((guest.REPOSITORY / "plugins").iterdir())]
    init = _INIT.replace("@PATHS@", ":".join(map(str, paths))).replace("@PYTHON@", sys.executable)
    files["init"] = (0o100755, init.replace("@SLUGS@", " ".join(slugs)).encode())
    files["bin/sh"] = (0o120777, b"busybox")
    for folder in ("proc", "sys", "dev", "tmp"):
        files[folder] = (0o40755, b"")
    for folder, names in (("early", EARLY), ("late", LATE)):
        modules = list(guest._with_dependencies(guest.MODULES / guest._release(guest._kernel()), names))
        files[f"{folder}/order"] = (0o100644, "\n".join(path.name for path in modules).encode())
        files |= {f"{folder}/{path.name}": (0o100644, path.read_bytes()) for path in modules}
    for path in _needed():
        if path.is_symlink():
            files[str(path).lstrip("/")] = (0o120777, str(path.readlink()).encode())
        elif path.is_file():
            files[str(path).lstrip("/")] = (0o100000 | (path.stat().st_mode & 0o777), path.read_bytes())
    folders = {str(parent): (0o40755, b"") for name in files for parent in Path(name).parents if str(parent) != "."}
    every = {**folders, **files}
    return guest._archive([(name, *every[name]) for name in sorted(every, key=lambda name: (name.count("/"), name))])


@cache
def _needed() -> tuple[Path, ...]:
    """Python, its library, the packages, this project, a few programs, and the shared libraries of all of them."""
    found: dict[Path, None] = {}
    site = Path(sysconfig.get_path("purelib"))
    programs = [Path(sys.executable), *map(Path, PROGRAMS)]
    for program in programs:
        found |= dict.fromkeys(_links(program))
    found[Path(sys.prefix, "pyvenv.cfg")] = None
    folders = [Path(sysconfig.get_path("stdlib")), *(site / package for package in PACKAGES)]
    folders += [path for path in sorted(site.glob("*.dist-info")) if path.name.startswith(("hal_", "device_hal"))]
    folders += [guest.REPOSITORY / "hal", guest.REPOSITORY / "plugins"]
    for folder in folders:
        found |= dict.fromkeys(_below(folder))
    found |= dict.fromkeys((Path(__file__).with_name("__init__.py"), Path(__file__).with_name("userspace.py")))
    binaries = [*map(os.path.realpath, programs), *(str(path) for path in found if path.suffix == ".so")]
    for library in sorted(_libraries(binaries)):
        found |= dict.fromkeys(_links(Path(library)))
    return tuple(found)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            if path.name not in LEFT_OUT and not path.name.startswith("config-"):
                yield from _below(path)
        elif not path.name.startswith(NOT_LOADED):
            yield path


def _links(path: Path) -> Iterator[Path]:
    """The path, and where its links lead."""
    yield path
    while path.is_symlink():
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path


def _libraries(binaries: list[str]) -> set[str]:
    said = run(["ldd", *binaries], capture_output=True, text=True).stdout
    return {word for line in said.splitlines() if not line.endswith(":") for word in line.split() if word[0] == "/"}
