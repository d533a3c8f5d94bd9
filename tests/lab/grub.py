"""GRUB as balenaOS installs it on PCs: in front of the first partition for BIOS, as a file for EFI."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory

from lab.console import COMMON, Booted, Machine, drive
from lab.disk import ENVIRONMENT, SECTOR, Disk, DiskError

# meta-balena builds in these; `terminal` and `serial` put GRUB's own console where the lab can read it.
MODULES = (
    *("boot", "linux", "ext2", "fat", "serial", "terminal", "part_msdos", "part_gpt", "normal", "configfile"),
    *("search", "search_label", "search_fs_uuid", "loadenv", "test", "regexp", "probe", "gzio", "echo"),
)
ON_SERIAL = "serial --unit=0 --speed=115200\nterminal_input serial\nterminal_output serial\n"
MACHINE = ("qemu-system-x86_64", "-M", "pc,graphics=off", "-m", "256", "-device", "isa-debug-exit", *COMMON)
# A drawn menu asks a person: the lab's configurations have no timeout, so GRUB draws one only after a failed entry.
PROMPTS = (r"grub> ", r"grub rescue> ", r"Press enter to boot the selected")
PAUSES = (r"Press any key to continue",)
BIOS_GAVE_UP = (r"No bootable device", r"\nError\r")
EFI_GAVE_UP = (r"Shell> ", r"No bootable option or device was found")
BOOT_CODE = 440  # bytes of the first sector before the disk's identifier and partition table
OVMF_CODE, OVMF_VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"


@cache
def image(target: str, prefix: str, *modules: str) -> bytes:
    """GRUB for this target, which reads `grub.cfg` in the folder `prefix`, with more modules built in."""
    with TemporaryDirectory() as folder:
        early, made = Path(folder) / "early.cfg", Path(folder) / "grub"
        early.write_text(ON_SERIAL)
        words = ["grub-mkimage", "-O", target, "-p", prefix, "-c", early, "-o", made, *MODULES, *modules]
        run(words, check=True, env=ENVIRONMENT)
        return made.read_bytes()


class GrubBios:
    """GRUB on a PC with a BIOS; its folder is `grub` on the boot partition. For msdos tables only."""

    folder = "grub"

    def install(self, disk: Disk) -> None:
        """Writes the boot code and GRUB's core in front of the first partition."""
        if disk.table != "msdos":
            raise DiskError(f"GRUB for BIOS lies where a {disk.table} table has its entries")
        core = image("i386-pc", "(hd0,msdos1)/grub", "biosdisk")
        if SECTOR + len(core) > disk.span("boot")[0]:
            raise DiskError(f"GRUB's core has {len(core)} bytes, too many to lie before the first partition")
        with disk.path.open("r+b") as file:
            file.write(Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:BOOT_CODE])
            file.seek(SECTOR)
            file.write(core)

    def boot(self, disk: Disk, *, timeout_seconds: float = 60) -> Booted:
        return _boot([*MACHINE, *drive(disk, "virtio-blk-pci")], BIOS_GAVE_UP, timeout_seconds)


class GrubEfi:
    """GRUB on a PC with EFI (OVMF, fresh variables each time); its folder is `EFI/BOOT` on the boot partition."""

    folder = "EFI/BOOT"

    def install(self, disk: Disk) -> None:
        """Writes `bootx64.efi`, the name that EFI looks for by itself."""
        disk.write("boot", f"{self.folder}/bootx64.efi", image("x86_64-efi", f"/{self.folder}"))

    def boot(self, disk: Disk, *, timeout_seconds: float = 120) -> Booted:
        flash = (
            *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}"),
            *("-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={OVMF_VARS}"),
        )
        return _boot([*MACHINE, *flash, *drive(disk, "virtio-blk-pci")], EFI_GAVE_UP, timeout_seconds)


def _boot(words: Sequence[str], gave_up: Sequence[str], timeout_seconds: float) -> Booted:
    with Machine(words, timeout_seconds=timeout_seconds) as machine:
        return machine.outcome(*PROMPTS, *gave_up, pauses=PAUSES)
