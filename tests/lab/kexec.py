"""The balena bootloader: Debian's kernel and an initial file system that chooses a slot and starts its kernel by kexec.

The choice is the caller's script, `abroot`. It is sourced by a POSIX shell (busybox) that has `grub-editenv`, with

    BOOTENV_FILE  the `bootenv` file, wherever it is on the mounted boot partition
    BOOT_DEV      the disk

and leaves ROOT_PART as A or B, or ROOT_PART empty when it finds none. Whatever it leaves that names no root file system
ends the boot, as does a boot partition without `bootenv`.
"""

from __future__ import annotations

import lzma
import struct
from functools import cache
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from attrs import frozen

from lab.console import Booted, Machine, drive
from lab.disk import ENVIRONMENT, Disk
from lab.grub import MACHINE

MODULES = ("virtio_pci", "virtio_blk", "vfat", "nls_cp437", "nls_ascii", "ext4")
STATIC = "/bin/busybox"
PROGRAMS = (STATIC, "/usr/sbin/blkid", "/usr/sbin/kexec", "/usr/bin/grub-editenv")
CMDLINE = "console=ttyS0 quiet panic=-1 balena_stage2"
# What an emulated kernel need not do, a third of its time: test itself, measure its own speed, and the like.
FASTER = (
    "random.trust_cpu=on nokaslr rodata=off cryptomgr.notests ipv6.disable=1 lpj=4000000 no_timer_check"
    " initcall_blacklist=init_kprobe_trace,load_system_certificate_list"
)
GAVE_UP = r"LAB-STUCK [^\n]*\n"
INIT = Path(__file__).with_name("kernels") / "stage2.sh"


@frozen
class BalenaKexec:
    """The second stage with this `abroot`; the root's kernel is its `/boot/bzImage`."""

    abroot: bytes

    def install(self, disk: Disk) -> None:
        """Nothing: kernel and initial file system are handed to the machine."""

    def boot(self, disk: Disk, *, timeout_seconds: float = 120) -> Booted:
        with TemporaryDirectory() as folder:
            initial = Path(folder) / "initial"
            initial.write_bytes(_initial_files() + _archive({"abroot": self.abroot}))
            kernel = Path(_kernel().name) / "vmlinux"
            words = [*MACHINE, "-kernel", str(kernel), "-initrd", str(initial), "-append", f"{CMDLINE} {FASTER}"]
            with Machine([*words, *drive(disk, "virtio-blk-pci")], timeout_seconds=timeout_seconds) as machine:
                return machine.outcome(GAVE_UP)


def _release() -> str:
    """The newest of Debian's kernels here whose modules are here too."""
    found = [path.name.removeprefix("vmlinuz-") for path in sorted(Path("/boot").glob("vmlinuz-*"))]
    return [name for name in found if Path(f"/lib/modules/{name}").is_dir()][-1]


@cache
def _kernel() -> TemporaryDirectory[str]:
    """A folder, there as long as this process, with the kernel's ELF file out of its bzImage as `vmlinux`.

    QEMU starts that directly, which saves the guest the unpacking. Where it lies in the bzImage: Linux's
    Documentation/arch/x86/boot.rst, `payload_offset`; Debian's is compressed with xz.
    """
    whole = Path(f"/boot/vmlinuz-{_release()}").read_bytes()
    start, length = struct.unpack_from("<II", whole, 0x248)
    start += (whole[0x1F1] + 1) * 512
    folder = TemporaryDirectory()
    (Path(folder.name) / "vmlinux").write_bytes(lzma.decompress(whole[start : start + length - 4]))
    return folder


@cache
def _initial_files() -> bytes:
    """All but `abroot`: the modules in the order in which they depend on each other, programs with their libraries."""
    files = {"init": INIT.read_bytes()}
    insert: list[str] = []
    for module in MODULES:
        listed = _lines("modprobe", "-S", _release(), "--show-depends", module)
        insert += [line.split()[1] for line in listed if line.startswith("insmod")]
    order = list(dict.fromkeys(insert))
    files["modules/order"] = "".join(f"{Path(path).name}\n" for path in order).encode()
    files |= {f"modules/{Path(path).name}": Path(path).read_bytes() for path in order}
    for program in PROGRAMS:
        files[f"bin/{Path(program).name}"] = Path(program).read_bytes()
        linked = [] if program == STATIC else _lines("ldd", program)
        libraries = [word for line in linked for word in line.split() if word.startswith("/")]
        files |= {library.lstrip("/"): Path(library).read_bytes() for library in libraries}
    return _archive(files)


def _archive(files: dict[str, bytes]) -> bytes:
    """A cpio archive as the kernel unpacks it, every file executable."""
    with TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o755)
        names = "".join(f"{path.relative_to(folder)}\n" for path in sorted(Path(folder).rglob("*")))
        words = ["cpio", "-o", "-H", "newc", "--quiet"]
        return run(words, input=names.encode(), cwd=folder, check=True, capture_output=True).stdout


def _lines(*words: str) -> list[str]:
    return run(words, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout.splitlines()
