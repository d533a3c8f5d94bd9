"""A device: a disk that the project's own renderer laid out, a real loader, and the userspace of the slot it boots.

    device = make(tmp_path / "disk", "U-Boot")
    device.userspace(UPDATE)           # what somebody does in the running slot
    device.power_on()                  # the loader, then altboot and health in the slot that it chose

Which OS is in a slot says the file `lab-os` there: `good`, `unhealthy` (a service's check fails), or `hangs` (its
kernel starts and user space is never reached). No boot ends in order: each is followed by the power going.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import UUID

from attrs import define, field, frozen

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.choose import bootloader
from hal.backends.bootloader.names import MENDED_MARK
from hal.image.boot_files import Place, render
from hal.model import BootStatus, DeviceType
from hal.plugins import Catalog
from hal.root import Root
from lab import payload, uboot
from lab.console import Booted
from lab.disk import Disk, Files, Filesystem, Table
from lab.fat import Face, Fat, FatError
from lab.grub import image
from lab.loaders import BalenaKexec, GrubBios, GrubEfi, Loader, UBoot
from lab.payload import Slot
from lab.resumed import Job, Kill, Ran, Resumed

Kind = Literal["good", "unhealthy", "hangs"]
CLASSIC = Path(__file__).with_name("classic")
CONFIG = "config.json"
RELEASE = "release.txt"
"""A boot file that an update deploys and a recovery puts back: it says whose boot files these are."""
UPDATE = ("update", "forward", "--source", "mnt/sysroot/inactive")
ALTBOOT = ("rollback", "altboot")
HEALTH = ("rollback", "health", "--interval", "0", "--checks", "2")
EEPROM_RUNNING = 1_655_701_504
"""When the Raspberry Pi's loader that runs was built: one that updates itself, and older than every release here."""
SERVICES = (ALTBOOT, HEALTH)
"""What balenaOS starts at every boot."""


@frozen
class Board:
    """A device type of the lab: its loader, where its state files are, and the boot files that choose the slot."""

    slug: str
    table: Table
    folder: str
    chooser: str
    tries: int

    @property
    def row(self) -> DeviceType:
        return Catalog().device_type(self.slug)[1]

    @property
    def kernels(self) -> Mapping[Slot, Files]:
        """The kernel of each slot. The lab's kexec starts a PC's, under the name it is looked for under."""
        if self.slug == "raspberrypi4-64":
            return {slot: {"boot/Image.gz": payload.arm64_gz(slot)} for slot in ("A", "B")}
        names = {"boot/bzImage", f"boot/{self.row.kernel_image}"}
        return {slot: dict.fromkeys(sorted(names), payload.x86(slot)) for slot in ("A", "B")}

    def loader(self, classic: bool) -> Loader:
        match self.slug:
            case "raspberrypi4-64":
                return UBoot()
            case "intel-nuc":
                return GrubBios()
            case "generic-amd64":
                return GrubEfi()
        return BalenaKexec((CLASSIC / "abroot").read_bytes() if classic else STAND_IN + _step(self.slug) + CHOOSE)


BOARDS = {
    "U-Boot": Board("raspberrypi4-64", "msdos", "", "boot.scr", 3),
    "GRUB BIOS": Board("intel-nuc", "msdos", "grub/", "grub/grub.cfg", 2),
    "GRUB EFI": Board("generic-amd64", "gpt", "EFI/BOOT/", "EFI/BOOT/grub.cfg", 2),
    "kexec": Board("raspberrypi5", "msdos", "", "slot_selection.txt", 3),
}

# The second stage has no lsblk, which is no part of what is tried: blkid knows the same.
STAND_IN = b"""
lsblk() {
    for part in /dev/vda[1-9]*; do
        label=$(blkid -s LABEL -o value "$part")
        case $2 in
            uuid,label) echo "$(blkid -s UUID -o value "$part") $label" ;;
            kname,label) echo "${part#/dev/} $label" ;;
        esac
    done
}
bootparam_balena_stage2=true
"""
CHOOSE = b"\nabroot_enabled && abroot_run\n"


def _step(slug: str) -> bytes:
    """The rendered step of the initramfs, which defines what `CHOOSE` calls."""
    return next(file.data for file in render(Catalog().device_type(slug)[1]) if file.where is Place.INITRAMFS)


@cache
def resumed() -> Resumed:
    """The guest that all devices share."""
    return Resumed(tuple(board.slug for board in BOARDS.values()))


@frozen
class PowerOn:
    """What one boot came to: the slot that was predicted, what the loader did, what user space did."""

    predicted: str | None
    booted: Booted
    ran: Ran | None

    @property
    def slot(self) -> Slot | None:
        return self.booted.slot

    @property
    def status(self) -> Mapping[str, Any]:
        """The status at the end of this boot; empty where user space was not reached."""
        return self.ran.said["status"] if self.ran else {}

    @property
    def phases(self) -> list[str]:
        """The phase that each command found, then the one it all ended in."""
        ran = self.ran.said["ran"] if self.ran else []
        return [*(each["out"].get("phase", each["err"]) for each in ran), self.status.get("phase", "")]

    @property
    def settled(self) -> bool:
        """Whether an OS runs and no update is under way, with nothing that waits for a reboot."""
        ran = self.ran.said["ran"] if self.ran else []
        return self.status.get("phase") == "settled" and not any(each["out"].get("reboot") for each in ran)


@define
class Device:
    """One device. `decisions` counts boots of the loader, `disagreements` those that went otherwise than predicted."""

    disk: Disk
    board: Board
    loader: Loader
    draw: Random = field(factory=lambda: Random(0))
    decisions: int = 0
    disagreements: list[str] = field(factory=list)
    running: Slot | None = "A"
    cmdline: str = "root=LABEL=resin-rootA"
    boot_id: str = "0"
    fsck: bool = True

    def copy(self, path: Path, seed: int = 0) -> Device:
        """The same device on a disk of its own."""
        made = Device(self.disk.copy(path), self.board, self.loader, Random(f"{self.draw.getrandbits(64)} {seed}"))
        made.running, made.cmdline, made.boot_id = self.running, self.cmdline, self.boot_id
        return made

    # -- power -----------------------------------------------------------------------------------------------------

    def power_on(self, *steps: Sequence[str]) -> PowerOn:
        """One boot: the loader's, and where the slot's OS reaches user space its services, then these steps."""
        predicted, booted = self.load()
        ran = None
        if booted.slot and self.kind(booted.slot) != "hangs":
            ran = self.userspace(*SERVICES, *steps)
        return PowerOn(predicted, booted, ran)

    def power_cycle(self, *, until: str, most: int = 14) -> list[PowerOn]:
        """Boots until a boot ends in this phase and nothing waits for a reboot. AssertionError where none does."""
        boots: list[PowerOn] = []
        while not boots or boots[-1].status.get("phase") != until:
            assert len(boots) < most, [(boot.slot, boot.phases) for boot in boots]
            boots.append(self.power_on())
        return boots

    def load(self, *, timeout_seconds: float | None = None) -> tuple[str | None, Booted]:
        """The loader alone: the slot predicted from what is on the disk, and the one that boots.

        With `timeout_seconds` the machine is killed then, and unless the kernel ran before nothing was decided.
        """
        predicted = self.predicted()
        limit = {} if timeout_seconds is None else {"timeout_seconds": timeout_seconds}
        booted = self.loader.boot(self.disk, **limit)
        if booted.ended == "deadline" and timeout_seconds is not None:
            return predicted, booted
        self.decisions += 1
        if booted.slot != predicted:
            self.disagreements.append(f"predicted {predicted}, booted {booted.slot}: {selection(booted)}")
        self.running = booted.slot
        self.boot_id = str(UUID(int=self.draw.getrandbits(128)))
        self.cmdline = booted.cmdline or ""
        return predicted, booted

    # -- user space --------------------------------------------------------------------------------------------------

    def userspace(self, *steps: Sequence[str], log: Path | None = None) -> Ran:
        """These commands in the slot that runs, up to one after which a reboot is needed."""
        return resumed().boot(self.disk.path, self.job(steps, cut=log is not None), log=log)

    def killed(self, *steps: Sequence[str], kill: Kill) -> None:
        """The same, and the machine is killed."""
        resumed().kill(self.disk.path, self.job(steps, cut=True), kill)

    def job(self, steps: Sequence[Sequence[str]], *, cut: bool) -> Job:
        """What the guest is told: partitions, and what the kernel and udev show of this boot."""
        assert self.running is not None
        disk, other = self.disk, "B" if self.running == "A" else "A"
        links = {"resin-boot": "mnt/sysroot/active/resin-boot"}
        files = {
            "proc/cmdline": f"{self.cmdline}\n",
            "proc/sys/kernel/random/boot_id": f"{self.boot_id}\n",
        }
        for slot in ("A", "B"):
            device = f"vda{disk.number(slot)}"
            links[f"dev/disk/by-label/resin-root{slot}"] = f"../../{device}"
            links[f"dev/disk/by-uuid/{disk.uuid(slot)}"] = f"../../{device}"
            links[f"dev/disk/by-partuuid/{disk.partuuid(slot)}"] = f"../../{device}"
            files[f"sys/class/block/{device}/partition"] = f"{disk.number(slot)}\n"
        boot = f"vda{disk.number('boot')}"
        links["dev/disk/by-state/resin-boot"] = f"../../{boot}"
        files[f"sys/class/block/{boot}/partition"] = f"{disk.number('boot')}\n"
        if self.board.slug == "raspberrypi4-64":
            built = EEPROM_RUNNING.to_bytes(4, "big").decode("latin-1")
            files["proc/device-tree/chosen/bootloader/build-timestamp"] = built
        if self.board.slug == "generic-amd64":
            files["sys/firmware/efi/fw_platform_size"] = "64\n"
        return {
            "mounts": [
                ("mnt/boot", disk.number("boot"), "vfat", "umask=0077"),
                ("mnt/state", disk.number("state"), "ext4", "rw"),
                ("mnt/sysroot/active", disk.number(self.running), "ext4", "ro"),
                ("mnt/sysroot/inactive", disk.number("A" if other == "A" else "B"), "ext4", "ro"),
            ],
            "files": files,
            "links": links,
            "fsck": self.fsck,
            "cut": cut,
            "steps": [list(step) for step in steps],
        }

    # -- what is on the disk ---------------------------------------------------------------------------------------

    def kind(self, slot: Slot) -> Kind:
        data = self.disk.read(slot, "lab-os")
        assert data is not None
        return data.decode()  # type: ignore[return-value]

    def install(self, slot: Slot, kind: Kind, release: int, *, choosers: bool = True) -> None:
        """Another OS in a slot, with boot files of its own: those that choose the slot differ by a comment."""
        for name, data in os_files(self.board, slot, kind, release, choosers=choosers).items():
            self.disk.write(slot, name, data)

    def release(self) -> bytes | None:
        """Whose boot files are deployed."""
        return self.disk.read("boot", RELEASE)

    def predicted(self) -> str | None:
        """The slot that the model says boots next, from the bytes on the disk."""
        status = self.status()
        return status.next_boot.slot and str(status.next_boot.slot)

    def status(self) -> BootStatus:
        """What the back end makes of the disk, on a tree of copies of it."""
        kernels = [slot for slot in ("A", "B") if self.disk.read(slot, f"boot/{self.board.row.kernel_image}")]
        return judged(self.board, boot_files(self.board, self.disk.face("boot")), "".join(kernels))


def selection(booted: Booted) -> str:
    """What the loader said about its choice, else its last words."""
    plain = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|c)", "", booted.console)
    said = [line.strip() for line in plain.splitlines() if "slot selection: " in line]
    return said[0] if said else plain[-200:]


# -- making one --------------------------------------------------------------------------------------------------------


def os_files(board: Board, slot: Slot, kind: Kind, release: int, *, choosers: bool = True) -> dict[str, bytes]:
    """What is in a slot: what the OS is, its kernel, and the boot files it comes with."""
    files = {"lab-os": kind.encode(), **board.kernels[slot]}
    files[f"resin-boot/{RELEASE}"] = _release(slot, release)
    for name, data in firmware(board, release).items():
        files[f"resin-boot/{name}"] = data
    if choosers:
        for name, data in chooser_files(board, f"release {release}").items():
            files[f"resin-boot/{name}"] = data
    return files


def firmware(board: Board, release: int) -> dict[str, bytes]:
    """What the board's own update steps deploy: GRUB's boot sectors, an EEPROM image that names when it was built."""
    if board.slug == "intel-nuc":
        core = image("i386-pc", "(hd0,msdos1)/grub", "biosdisk", *(["sleep"] if release % 2 == 0 else []))
        return {"grub/boot.img": Path("/usr/lib/grub/i386-pc/boot.img").read_bytes(), "grub/core.img": core}
    if board.slug == "raspberrypi4-64":
        eeprom = b"BUILD_TIMESTAMP=%d\n" % (EEPROM_RUNNING + release) * 99
        return {"pieeprom.upd": eeprom, "pieeprom.sig": f"{sha256(eeprom).hexdigest()}\nts: 1\n".encode()}
    return {}


def config(board: Board) -> bytes:
    """The config.json of every device here."""
    return json.dumps({"deviceType": board.slug, "uuid": "ba1e"}).encode()


def _release(slot: Slot, release: int) -> bytes:
    return f"release {release} for {slot}\n".encode() * 60


def chooser_files(board: Board, comment: str) -> dict[str, bytes]:
    """The rendered boot files that choose the slot, with a comment behind them."""
    rendered = {file.name: file.data for file in render(board.row) if file.where is Place.BOOT}
    note = f"\n# {comment}\n"
    if board.chooser == "boot.scr":
        text = rendered["boot.cmd"].decode() + note
        return {"boot.cmd": text.encode(), "boot.scr": uboot.script(text)}
    return {board.chooser: rendered[board.chooser] + note.encode()}


def make(
    path: Path, name: str, *, other: Kind = "good", classic: bool = False, filesystem: Filesystem = "fat16"
) -> Device:
    """A new device that runs slot A, a good OS; in slot B is the OS of an update that nobody has made yet."""
    board = BOARDS[name]
    boot = {file.name: file.data for file in render(board.row) if file.where is Place.BOOT}
    if classic:
        boot = {name: data for name, data in boot.items() if MENDED_MARK not in data and "committed" not in name}
        boot.pop("bootcount.env", None)  # U-Boot makes it when it first counts
        source = {"U-Boot": "boot.cmd", "GRUB BIOS": "grub.cfg", "GRUB EFI": "grub.cfg"}.get(name)
        if source:
            data = (CLASSIC / source).read_bytes()
            boot[board.chooser] = uboot.script(data.decode()) if name == "U-Boot" else data
        if name.startswith("GRUB"):
            boot[f"{board.folder}grub_extraenv"] = b""
    else:
        boot |= chooser_files(board, "release 1")
    boot |= {CONFIG: config(board), RELEASE: _release("A", 1)}
    choosers = not classic
    disk = Disk.build(
        path,
        boot=boot,
        slot_a=os_files(board, "A", "good", 1, choosers=choosers),
        slot_b=os_files(board, "B", other, 2, choosers=choosers),
        table=board.table,
        boot_filesystem=filesystem,
    )
    loader = board.loader(classic)
    loader.install(disk)
    return Device(disk, board, loader)


# -- what the model says -----------------------------------------------------------------------------------------------


def boot_files(board: Board, face: Face) -> dict[str, bytes]:
    """What decides on a boot partition: each file that is there and whole."""
    fat = Fat(face)
    found: dict[str, bytes] = {}
    for name in deciding(board):
        try:
            files = fat.find(name)
        except FatError:
            continue
        if files and files[0].content is not None:
            found[name] = files[0].content
    return found


@cache
def deciding(board: Board) -> tuple[str, ...]:
    """The files that decide which slot boots, below the boot partition."""
    with TemporaryDirectory() as folder:
        state = backend(board, Path(folder), {}).writes
    return (*(name.removeprefix("mnt/boot/") for name in state), board.chooser, "extra_uEnv.txt")


def backend(board: Board, tree: Path, files: Files) -> SlotBootloader:
    """The back end on a tree with these files in the boot partition."""
    (tree / "mnt/boot" / board.folder).mkdir(parents=True, exist_ok=True)
    if board.slug == "generic-amd64":
        (tree / "sys/firmware/efi").mkdir(parents=True)
    for name, data in files.items():
        (tree / "mnt/boot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "mnt/boot" / name).write_bytes(data)
    made = bootloader(board.row, Root(tree))
    assert isinstance(made, SlotBootloader)
    return made


def judged(board: Board, files: Files, kernels: str = "AB") -> BootStatus:
    """The status of a device that runs slot A with these boot files, and kernels in these slots."""
    with TemporaryDirectory() as folder:
        tree = Path(folder)
        for slot, name in (("A", "active"), ("B", "inactive")):
            boot = tree / "mnt/sysroot" / name / "boot"
            boot.mkdir(parents=True)
            if slot in kernels:
                (boot / str(board.row.kernel_image)).write_bytes(b"kernel")
        (tree / "proc").mkdir()
        (tree / "proc/cmdline").write_text("root=LABEL=resin-rootA\n")
        return backend(board, tree, files).status()
