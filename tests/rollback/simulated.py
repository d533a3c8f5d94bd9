"""A device whose bootloader is its executable model: it boots, runs the services, and its power can be cut anywhere.

Each slot is a folder below `sysroots`, and `mnt/sysroot/active` a link to the one that runs. Every boot changes
`root=` and the boot id, and counts as the bootloader does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from attrs import evolve, frozen
from rollback.cut_root import CutRoot, PowerCut

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.cboot import CbootBootloader, partitions
from hal.backends.bootloader.choose import backend
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import COUNT, MENDED_MARK, ROOT, UPGRADE
from hal.backends.bootloader.rules import Seen
from hal.errors import Damaged, HalError
from hal.model import (
    BootloaderKind,
    BootStatus,
    DeviceType,
    HealthCheck,
    HealthVerdict,
    Phase,
    RollbackOutcome,
    RollbackPolicy,
    Slot,
    Update,
    UpdatePhase,
    UpdateStep,
)
from hal.plugins import Catalog
from hal.rollback import crumbs
from hal.rollback.machine import Rollback
from hal.rollback.update import run_phase
from hal.tree.new import new_tree

METADATA = "var/lib/hal-tree/slot_metadata"
BOOT_FILES = ("mnt/boot/first.bin", "mnt/boot/second.bin")
POLICY = RollbackPolicy(interval_seconds=0, checks=2)
MOST_BOOTS = 40


@frozen
class Board:
    """A device type and the rule its boot files follow."""

    slug: str
    mended: str | None = None
    """The boot file that says so."""


BOARDS = {
    "balena classic": Board("raspberrypi5"),
    "balena mended": Board("raspberrypi5", "mnt/boot/slot_selection.txt"),
    "u-boot classic": Board("raspberrypi4-64"),
    "u-boot mended": Board("raspberrypi4-64", "mnt/boot/boot.scr"),
    "u-boot classic hex": Board("jetson-tx2"),
    "grub classic": Board("generic-amd64"),
    "grub mended": Board("generic-amd64", "mnt/boot/EFI/BOOT/grub.cfg"),
    "l4tlauncher decimal": Board("jetson-agx-orin-devkit"),
    "l4tlauncher hex": Board("jetson-orin-nano-devkit-nvme"),
    "cboot": Board("jetson-xavier"),
}


def make_tree(board: Board, directory: Path) -> DeviceType:
    """The tree of a device that runs slot A and has another OS in slot B."""
    plugin, row = Catalog().device_type(board.slug)
    new_tree(row, plugin, directory)
    if board.mended:
        path = directory / board.mended
        path.write_bytes((path.read_bytes() if path.exists() else b"") + b"# " + MENDED_MARK + b"\n")
    sysroots = directory / "sysroots"
    sysroots.mkdir()
    for slot, name in ((Slot.A, "active"), (Slot.B, "inactive")):
        mount = directory / "mnt/sysroot" / name
        if mount.exists():
            mount.rename(sysroots / slot)
        (sysroots / slot / "release").write_text(f"release 1 of {slot}\n") if (sysroots / slot).exists() else None
        mount.symlink_to(f"/sysroots/{slot}")
    if row.bootloader is BootloaderKind.CBOOT:
        (sysroots / "A/current").mkdir()
        for name in ("opt", "boot"):
            (directory / name).rename(sysroots / "A/current" / name)
            (directory / name).symlink_to(f"/mnt/sysroot/active/current/{name}")
    for name in BOOT_FILES:
        (directory / name).write_text("release 1 of A\n")
    return row


class Device:
    """One device. `broken` slots never reach user space; `unhealthy` ones fail their check."""

    def __init__(self, directory: Path, row: DeviceType, *, policy: RollbackPolicy = POLICY) -> None:
        self.root = CutRoot(directory)
        self.row = row
        self.policy = policy
        self.broken: set[Slot] = set()
        self.unhealthy: set[Slot] = set()
        self.slot = Slot.A
        self.boots: list[Slot] = []
        self.errors: list[str] = []
        self.marks_successful = False
        """Whether the OS has the service that marks Cboot's slot in every boot that reaches user space."""
        self.extra_steps: tuple[UpdateStep, ...] = ()
        self._warm = 0

    def copy(self, directory: Path) -> Device:
        """The same device once more."""
        shutil.copytree(self.root.directory, directory, symlinks=True)
        other = Device(directory, self.row, policy=self.policy)
        other.slot = self.slot
        other.broken, other.unhealthy = set(self.broken), set(self.unhealthy)
        return other

    # -- the parts of the project -----------------------------------------------------------------------------------

    @property
    def bootloader(self) -> SlotBootloader:
        """A new one, as a new process has."""
        assert self.row.bootloader is not None
        return backend(self.row.bootloader)(self.row, self.root)

    @property
    def status(self) -> BootStatus:
        return self.bootloader.status()

    @property
    def rollback(self) -> Rollback:
        check = HealthCheck(name="fit", purpose="what the scenario says", check=self._verdict)
        return Rollback(
            self.root,
            self.bootloader,
            steps=(self._step(0), self._step(1), *self.extra_steps),
            board_checks=(check,),
            policy=self.policy,
            wait=lambda _seconds: None,
        )

    @property
    def phase(self) -> Phase:
        return self.rollback.look()[0]

    def _verdict(self) -> HealthVerdict:
        bad = self.slot in self.unhealthy
        return HealthVerdict(healthy=not bad, reason=f"slot {self.slot} is {'unfit' if bad else 'fit'}")

    def _step(self, number: int) -> UpdateStep:
        """Boot files of the target's OS, as an update deploys and a recovery puts back."""

        def run(update: Update) -> tuple[str, ...]:
            wanted = self.root.read_bytes(f"sysroots/{update.target}/release")
            if self.root.read_bytes(BOOT_FILES[number]) == wanted:
                return ()
            if not update.dry_run:
                self.root.replace(BOOT_FILES[number], wanted)
            return (f"boot file {number} is that of slot {update.target}",)

        return UpdateStep(name=f"50-boot-file-{number}", phase=UpdatePhase.FORWARD, purpose="boot files", run=run)

    # -- power ------------------------------------------------------------------------------------------------------

    def boot(self, *, warm: bool = False) -> Slot:
        """What the bootloader does, after a power cut unless `warm`. It must find a slot with a kernel, always."""
        self._warm = self._warm if warm else 0
        slot = self._cboot() if self.row.bootloader is BootloaderKind.CBOOT else self._choose()
        self.boots.append(slot)
        self._run(slot)
        return slot

    def _run(self, slot: Slot, suffix: str = "") -> None:
        self.slot = slot
        directory = self.root.directory
        for name, target in (("active", slot), ("inactive", slot.other)):
            link = directory / "mnt/sysroot" / name
            link.unlink()
            link.symlink_to(f"/sysroots/{target}")
        arguments = f"root=LABEL=resin-root{slot} rootwait"
        if self.row.bootloader is BootloaderKind.CBOOT:
            arguments = f"boot.slot_suffix={self._suffix} {arguments}"
        (directory / "proc/cmdline").write_text(f"{arguments}\n")
        (directory / "proc/sys/kernel/random/boot_id").write_text(f"{uuid4()}\n")

    def kernel(self, slot: Slot) -> bool:
        """Whether a slot holds a kernel, whatever is mounted."""
        return (self.root.directory / f"sysroots/{slot}/boot/{self.row.kernel_image}").is_file()

    def _choose(self) -> Slot:
        bootloader = self.bootloader
        stored = bootloader.storage().read()
        texts = bootloader.seen(stored)
        committed = bootloader.committed()
        seen = Seen(
            root=texts.get(ROOT),
            upgrade=texts.get(UPGRADE),
            count=texts.get(COUNT),
            committed=committed.read() if committed else None,
            kernels=(self.kernel(Slot.A), self.kernel(Slot.B)),
        )
        decision = bootloader.rule().decide(seen)
        if decision.count != seen.count and not self._store_count(stored.files[COUNT], decision.count or ""):
            decision = bootloader.rule().decide(evolve(seen, storable=False))
        assert decision.slot is not None, f"unbootable: {decision.reason}; {texts}"
        assert self.kernel(decision.slot), f"slot {decision.slot} has no kernel"
        return decision.slot

    def _store_count(self, file: str, count: str) -> bool:
        """As the bootloader itself writes it; returns whether it could."""
        path = self.root.resolve(file)
        if self.row.bootloader in (BootloaderKind.GRUB, BootloaderKind.BALENA):
            try:
                block = EnvBlock(path.read_bytes(), path=file)
                block.set(COUNT, count)
            except (Damaged, HalError, OSError):
                return False
            path.write_bytes(block.data)
        elif self.row.bootloader is BootloaderKind.U_BOOT:
            path.write_bytes(f"bootcount={count}\n\0".encode())
        else:
            new = f"bootcount={count}".encode()
            old = path.read_bytes() if path.exists() else b""
            path.write_bytes(new + old[len(new) :])
        return True

    def _cboot(self) -> Slot:
        """The first stage and Cboot: by priority and tries; a boot slot in the making starts nothing, and is tried."""
        bootloader = self.bootloader
        assert isinstance(bootloader, CbootBootloader)
        for _ in range(30):
            level, p0, r0, s0, p1, r1, s1 = map(int, self.root.read_text(METADATA).split())
            slots = [[p0, r0, s0], [p1, r1, s1]]
            able = [number for number in (0, 1) if slots[number][0] and slots[number][1]]
            assert able, "unbootable: no boot slot has tries left"
            chosen = max(able, key=lambda number: (slots[number][0], -number))
            if not slots[chosen][2]:
                slots[chosen][1] -= 1
            else:
                self._warm += 1
                if self._warm > 2 and (1 - chosen) in able:
                    slots[chosen][0], slots[1 - chosen][0] = 14, 15
                    self._warm = 0
            numbers = " ".join(str(number) for slot in slots for number in slot)
            self.root.resolve(METADATA).write_text(f"{level} {numbers}\n")
            found = bootloader.boots(chosen)
            tree, kernel = (self.root.resolve(name).read_bytes() for name in partitions(self.root, chosen))
            if found is not None:
                releases = [data.split(b"of release ")[1][:1] for data in (tree, kernel)]
                assert releases[0] == releases[1], f"boot slot {chosen} mixes two releases: {releases}"
                self._suffix = "_b" if chosen else ""
                return found
        raise AssertionError("unbootable: no boot slot has a device tree that names a root")

    _suffix = ""

    # -- services ---------------------------------------------------------------------------------------------------

    def power_on(self) -> bool:
        """One boot with everything it does of itself; returns whether the device then stays up."""
        if self.boot(warm=True) in self.broken:
            return False
        self._warm = 0
        if self._service("altboot"):
            self._service("shutdown")
            return False
        if self.marks_successful and self.row.bootloader is BootloaderKind.CBOOT:
            self.root.run(["tegra-boot-control", "-m"], timeout_seconds=60)
        if self._service("health"):
            self._service("shutdown")
            return False
        return True

    def _service(self, name: str) -> bool:
        """A service that fails is a failed unit; the next one runs all the same. Returns whether it wants a reboot."""
        try:
            outcome: RollbackOutcome = getattr(self.rollback, name)()
        except HalError as error:
            self.errors.append(f"{name}: {error.message}")
            return False
        self.errors.extend(f"{name}: {each}" for each in outcome.failed)
        return outcome.reboot

    def live(self, most: int = MOST_BOOTS) -> int:
        """Boot until the device stays up; returns how many boots that took. A power cut is one more boot."""
        for number in range(1, most + 1):
            try:
                if self.power_on():
                    return number
            except PowerCut:
                self._warm = 0
        raise AssertionError(f"no peace after {most} boots: {self.boots}, {self.phase}, {self.errors[-3:]}")

    def update(self) -> None:
        """A new OS in the other slot, its boot files, and the switch; then an orderly reboot is due."""
        other = self.slot.other
        release = self.root.directory / f"sysroots/{other}/release"
        release.write_text(f"release {int(release.read_text().split()[1]) + 1} of {other}\n")
        run_phase(self.rollback, UpdatePhase.FORWARD)
        self.rollback.shutdown()

    def events(self) -> list[str]:
        return [event.event for event in self.rollback.status().events]

    # -- what must hold in the end ----------------------------------------------------------------------------------

    def assert_settled(self, slot: Slot | None = None) -> None:
        """Nothing is left of an update, and the device boots what runs, whatever happens to it."""
        __tracebackhide__ = True
        status = self.rollback.status()
        boot = status.bootloader
        assert status.phase is Phase.SETTLED, (status.phase, self.errors)
        assert slot is None or boot.running is slot, f"{boot.running} runs, not {slot}: {self.boots}, {self.events()}"
        assert not boot.pending
        assert boot.active in (boot.running, None)
        assert not set(status.breadcrumbs) & {*crumbs.GUARDS, crumbs.VARIABLES}
        assert crumbs.read(self.root).update is None
        assert {boot.next_boot.slot, *boot.next_boot.then[:1]} == {boot.running}
        wanted = (self.root.directory / f"sysroots/{boot.running}/release").read_text()
        assert [self.root.read_text(name) for name in BOOT_FILES] == [wanted] * 2


@contextmanager
def power_cuts(device: Device, cuts: list[int], *, torn: bool = False) -> Iterator[None]:
    """The power is cut at these writes; afterwards it stays."""
    device.root.cuts, device.root.torn, device.root.count = list(cuts), torn, 0
    try:
        yield
    finally:
        device.root.cuts = []


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


Make = Callable[[str], Device]
