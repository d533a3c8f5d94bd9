"""A Linux guest that runs commands of this machine on a real kernel's file systems.

The guest is Debian's kernel in QEMU (TCG), with a small initramfs. It sees the host's `/` read-only over 9p below an
overlay in memory, so the Python of these tests, this project and a test's own scripts are there under their own
names; what a command writes outside the mounted disk is lost at the end. The disk is `/dev/vda`. The kernel writes
nothing back by the clock, only when asked to or short of memory, so that a slow machine records what a fast one does.

The kernel is unpacked once, since unpacking it takes TCG four seconds; it is kept in `build/lab/`.
"""

from __future__ import annotations

import lzma
import os
import shlex
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from attrs import frozen

from hal.program import Completed
from lab.blocklog import MARK_MAGIC, MARK_SECTOR, SECTOR

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / "build/lab"
BOOT = Path("/boot")
MODULES = Path("/lib/modules")
BUSYBOX = Path("/bin/busybox")
APPLETS = ("cat", "chroot", "cp", "dd", "env", "findfs", "insmod", "mkdir", "mount", "poweroff", "sh", "sync", "umount")
BASE_MODULES = ("virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay")
FILE_SYSTEM_MODULES = {
    "vfat": ("vfat", "nls_cp437", "nls_ascii", "nls_utf8", "nls_iso8859-1"),
    "ext4": ("crc32c_generic", "ext4"),
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONSOLE_LINES = 25


class GuestError(Exception):
    """The guest did not reach the end of its commands; the text ends with the last lines of its console."""


@frozen
class Mount:
    """A partition of the disk and where the commands find it.

    `partition` is its number (0: the whole disk has no table) or its file system's label.
    `type` is `vfat` or `ext4`; `options` are those of mount(8).
    """

    partition: int | str
    at: str
    type: str
    options: str = "rw"


@frozen
class Mark:
    """In place of a command: flush what is mounted, and leave a mark of this name in the log.

    Each file system is flushed by itself: after a sync(2) of all, the kernel's flusher threads may still be at work and
    write parts of what comes next.
    """

    name: str


Command = Sequence[str] | Mark


def run_in_guest(
    disk_path: Path | None,
    commands: Sequence[Command],
    *,
    mounts: Sequence[Mount] = (),
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    unmount: bool = True,
    modules: Sequence[str] = (),
    machine: Sequence[str] = (),
    memory_mib: int = 384,
    timeout_seconds: float = 600,
) -> list[Completed]:
    """Boot, mount, run the commands one after the other whatever their status, and power off; what each one printed.

    `environment` adds to a few variables of the guest's own; nothing of the host's environment gets there.
    Marks have no answer. With `log`, every request that reaches the disk is recorded there (see `lab.blocklog`).
    Without `unmount` the power goes while the file systems are mounted, and what no command flushed is lost.
    `modules` are further modules of the kernel, each with its parameters behind it; `machine` are further options of
    QEMU. Without `disk_path` there is no disk.
    Raises `GuestError` where the guest cannot mount, or does not end within the time.
    """
    for command in commands:
        if isinstance(command, str):
            raise GuestError(f"{command!r}: a command is a list of words")
    if disk_path is not None and not disk_path.is_file():
        raise GuestError(f"{disk_path}: no disk")
    kernel, types = _kernel(), tuple(mount.type for mount in mounts)
    with TemporaryDirectory(prefix="guest-") as folder:
        shared = Path(folder, "results")
        shared.mkdir()
        console, initramfs = Path(folder, "console"), Path(folder, "initramfs")
        job = _job(commands, mounts, environment or {}, unmount, has_disk=disk_path is not None)
        initramfs.write_bytes(
            _archive([*_files(kernel, types, modules), *_marks(commands), ("init", 0o100755, job.encode())])
        )
        argv = _qemu(_unpacked(kernel), initramfs, console, shared, disk_path, log, memory_mib, machine)
        try:
            ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise GuestError(_story(f"not done after {timeout_seconds:g} s", shared, console)) from None
        if ended.returncode:
            raise GuestError(_story(f"QEMU: {ended.stderr.decode(errors='replace').strip()}", shared, console))
        if not (shared / "end").exists():
            raise GuestError(_story("ended early", shared, console))
        return [
            Completed(
                argv=tuple(command),
                status=int((shared / f"{number}.status").read_text()),
                stdout=(shared / f"{number}.stdout").read_text(errors="replace"),
                stderr=(shared / f"{number}.stderr").read_text(errors="replace"),
            )
            for number, command in enumerate(commands)
            if not isinstance(command, Mark)
        ]


# -- the job ---------------------------------------------------------------------------------------------------------

_PREPARE = """#!/bin/sh
export PATH=/bin
fail() { echo "guest: $*" >/dev/console; echo "$*" >/results/fault; poweroff -nf; }
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read module; do insmod /modules/$module || fail "insmod $module"; done </modules/order
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o $share results /results || fail "no folder for results"
mount -t 9p -o ro,cache=loose,$share host /host || fail "no host"
mount -t tmpfs upper /upper && mkdir /upper/upper /upper/work
mount -t overlay -o lowerdir=/host,upperdir=/upper/upper,workdir=/upper/work root /root || fail "no overlay"
mount -t proc proc /root/proc; mount -t sysfs sys /root/sys; mount -t devtmpfs dev /root/dev
for time in dirty_writeback dirty_expire; do echo 360000 >/proc/sys/vm/${time}_centisecs; done
cp /proc/uptime /results/booted
"""
_DISK = 'echo 90 >/sys/block/vda/bdi/min_ratio || fail "no disk"'  # else one dirty page is over a new disk's threshold


def _job(
    commands: Sequence[Command],
    mounts: Sequence[Mount],
    environment: Mapping[str, str],
    unmount: bool,
    *,
    has_disk: bool,
) -> str:
    """The guest's init: it mounts, runs the commands, and powers off without a sync of its own."""
    lines = [_PREPARE, *([_DISK] if has_disk else [])]
    for mount in mounts:
        at, options = _at(mount), shlex.quote(mount.options)
        lines.append(f"device={_device(mount.partition)}")
        lines.append(f'mkdir -p {at} && mount -t {mount.type} -o {options} "$device" {at} || fail "mount {mount.at}"')
    variables = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
    surroundings = " ".join(shlex.quote(f"{name}={value}") for name, value in variables.items())
    for number, command in enumerate(commands):
        if isinstance(command, Mark):
            lines += [
                *(f"sync -f {_at(mount)}" for mount in mounts),
                f"dd if=/marks/{number} of=/dev/vda bs={SECTOR} seek={MARK_SECTOR} conv=notrunc,fsync 2>/dev/null"
                ' || fail "no mark"',
            ]
        else:
            words = " ".join(shlex.quote(os.fspath(word)) for word in command)
            lines.append(f"cp /proc/uptime /results/{number}.started")
            lines.append(
                f"env -i {surroundings} chroot /root {words}"
                f" </dev/null >/results/{number}.stdout 2>/results/{number}.stderr"
            )
            lines.append(f"echo $? >/results/{number}.status")
    if unmount:
        lines += [f'umount {_at(mount)} || fail "umount {mount.at}"' for mount in mounts[::-1]]
    lines += ["cp /proc/uptime /results/end", "poweroff -nf", ""]
    return "\n".join(lines)


def _marks(commands: Sequence[Command]) -> Iterator[tuple[str, int, bytes]]:
    """The sector that each mark writes, as files of the initramfs."""
    yield "marks", 0o40755, b""
    for number, command in enumerate(commands):
        if isinstance(command, Mark):
            data = MARK_MAGIC + command.name.encode()
            if len(data) > SECTOR:
                raise GuestError(f"{command.name!r}: the name of a mark has at most {SECTOR - len(MARK_MAGIC)} bytes")
            yield f"marks/{number}", 0o100644, data.ljust(SECTOR, b"\0")


def _at(mount: Mount) -> str:
    return shlex.quote(f"/root/{mount.at.lstrip('/')}")


def _device(partition: int | str) -> str:
    if isinstance(partition, str):
        return f"$(findfs {shlex.quote(f'LABEL={partition}')})"
    return f"/dev/vda{partition or ''}"


def _story(what: str, shared: Path, console: Path) -> str:
    """What went wrong, with the guest's own words."""
    fault = shared / "fault"
    said = console.read_text(errors="replace").splitlines()[-CONSOLE_LINES:] if console.exists() else []
    return "\n".join([f"{what}: {fault.read_text().strip()}" if fault.exists() else what, *said])


# -- the machine -----------------------------------------------------------------------------------------------------


def _qemu(
    kernel: Path,
    initramfs: Path,
    console: Path,
    shared: Path,
    disk: Path | None,
    log: Path | None,
    memory_mib: int,
    machine: Sequence[str],
) -> list[str]:
    """The command line. The host never flushes the image: it outlives the guest, not the host's power."""
    file = "driver=raw,file.driver=file,cache.no-flush=on,file.filename="
    drives: list[str] = []
    if disk is not None:
        drives += ["-blockdev", f"{file}{_comma(disk)},node-name=disk"]
    if log is not None:
        log.write_bytes(b"")
        drives += ["-blockdev", f"{file}{_comma(log)},node-name=log"]
        drives += ["-blockdev", f"driver=blklogwrites,file=disk,log=log,log-sector-size={SECTOR},node-name=logged"]
    if disk is not None:
        drives += ["-device", f"virtio-blk-pci,drive={'disk' if log is None else 'logged'}"]
    share = "local,security_model=none,multidevs=remap"
    return [
        *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", str(memory_mib)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{_comma(console)}"),
        *("-kernel", str(kernel), "-initrd", str(initramfs)),
        *("-append", "console=ttyS0 loglevel=4 panic=-1 mitigations=off cryptomgr.notests random.trust_cpu=on"),
        *("-fsdev", f"{share},id=host,path=/,readonly=on", "-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
        *("-fsdev", f"{share},id=results,path={_comma(shared)}"),
        *("-device", "virtio-9p-pci,fsdev=results,mount_tag=results"),
        *drives,
        *machine,
    ]


def _comma(path: Path) -> str:
    """A path in a QEMU option, where a comma is doubled."""
    return str(path.absolute()).replace(",", ",,")


# -- kernel and initramfs ----------------------------------------------------------------------------------------------


def _kernel() -> Path:
    """The newest kernel image that has modules."""
    images = sorted(BOOT.glob("vmlinuz-*-amd64"), key=lambda path: path.stat().st_mtime)
    images = [image for image in images if (MODULES / _release(image) / "modules.dep").exists()]
    if not images:
        raise GuestError("no kernel in /boot with modules: the package linux-image-amd64 has one")
    return images[-1]


def _release(kernel: Path) -> str:
    return kernel.name.removeprefix("vmlinuz-")


def _unpacked(kernel: Path) -> Path:
    """The ELF image inside a bzImage, which QEMU starts through its PVH entry.

    The boot protocol gives the number of 512-byte set-up sectors at 0x1f1, and the packed image's offset behind them
    and its length at 0x248 and 0x24c.
    """
    target = CACHE / f"vmlinux-{_release(kernel)}"
    if target.exists() and target.stat().st_mtime >= kernel.stat().st_mtime:
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    image = kernel.read_bytes()
    offset, size = struct.unpack_from("<II", image, 0x248)
    start = ((image[0x1F1] or 4) + 1) * 512 + offset
    packed = image[start : start + size]
    if not packed.startswith(b"\xfd7zXZ"):
        raise GuestError(f"{kernel}: packed with something other than xz")
    with NamedTemporaryFile(dir=CACHE, prefix=target.name, delete=False) as file:
        file.write(lzma.LZMADecompressor().decompress(packed))
    Path(file.name).rename(target)  # another test process may do the same at the same time
    return target


def _files(kernel: Path, types: Sequence[str], further: Sequence[str]) -> list[tuple[str, int, bytes]]:
    """The initramfs but for its init: folders, busybox under the names used, modules in the order they are loaded."""
    unknown = sorted(set(types) - FILE_SYSTEM_MODULES.keys())
    if unknown:
        raise GuestError(f"file system {unknown[0]!r}: the guest has {', '.join(FILE_SYSTEM_MODULES)}")
    folders = ("bin", "dev", "proc", "sys", "host", "upper", "root", "results", "modules")
    wanted = [*BASE_MODULES, *(name for type_ in dict.fromkeys(types) for name in FILE_SYSTEM_MODULES[type_])]
    parameters = {name: words for name, _, words in (each.partition(" ") for each in further)}
    wanted += parameters
    modules = list(_with_dependencies(MODULES / _release(kernel), wanted))
    missing = sorted(parameters.keys() - {path.name.partition(".")[0] for path in modules})
    if missing:
        raise GuestError(f"module {missing[0]!r}: the kernel has none of this name")
    return [
        *((folder, 0o40755, b"") for folder in folders),
        ("bin/busybox", 0o100755, BUSYBOX.read_bytes()),
        *((f"bin/{name}", 0o120777, b"busybox") for name in APPLETS),
        *((f"modules/{path.name}", 0o100644, path.read_bytes()) for path in modules),
        ("modules/order", 0o100644, "".join(_order(modules, parameters)).encode()),
    ]


def _order(modules: Sequence[Path], parameters: Mapping[str, str]) -> Iterator[str]:
    """One module a line, with its parameters."""
    for path in modules:
        yield f"{path.name} {parameters.get(path.name.partition('.')[0], '')}".rstrip() + "\n"


def _with_dependencies(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The modules and what they need, each after what it needs; a module built into the kernel is left out."""
    needs: dict[str, tuple[str, ...]] = {}
    where: dict[str, str] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        where[Path(path).name.partition(".")[0]] = path
        needs[path] = tuple(others.split())
    seen: set[str] = set()
    for name in names:
        if name in where:
            # modules.dep lists what a module needs so that the last one has to be loaded first
            for path in (*reversed(needs[where[name]]), where[name]):
                if path not in seen:
                    seen.add(path)
                    yield folder / path


def _archive(files: Sequence[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive as the kernel reads it ("newc"): name, mode, content; a link's content is its target."""
    parts: list[bytes] = []
    numbers = count(1)
    for name, mode, data in [*files, ("TRAILER!!!", 0, b"")]:
        fields = (next(numbers), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
        parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]
    return b"".join(parts)
