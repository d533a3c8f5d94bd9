"""The bootloader operations of this project on a real kernel's file system, and what every power cut makes of them.

As a program, run in the guest, it carries out cases one after the other and marks where each begins and ends:
`python -m lab.operations CASES`. On the host, `judged` takes the record apart and asks each state what would boot.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, field, frozen

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.choose import bootloader
from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import COUNT, MENDED_MARK, ROOT, UPGRADE
from hal.backends.bootloader.rules import Decision, Rule, Seen
from hal.model import BootOperation, DeviceType, Slot
from hal.plugins import Catalog
from hal.root import Root
from lab.blocklog import MARK_MAGIC, MARK_SECTOR, SECTOR, Entry, Write, between, read_log
from lab.crash import Image, State, after_e2fsck, after_fsck, all_states, ext4_contents
from lab.disk import Disk, Filesystem
from lab.fat import Fat
from lab.guest import Mount, run_in_guest

TREE = Path("/lab-tree")
BOOT = TREE / "mnt/boot"
Files = Mapping[str, bytes]

BOARDS = {
    "grub": ("generic-amd64", "EFI/BOOT/"),
    "u-boot": ("raspberrypi4-64", ""),
    "balena-bootloader": ("raspberrypi5", ""),
    "l4tlauncher": ("jetson-orin-nano-devkit-nvme", ""),
}
"""A device type for each back end, and the folder of its state files."""

BOOT_FILES = {"grub": "EFI/BOOT/grub.cfg", "u-boot": "boot.scr", "balena-bootloader": "slot_selection.txt"}
"""Where each one's boot files say that they follow the mended rule."""


@frozen
class Case:
    """One operation: what is on the boot partition before it, which slot runs, and what is asked."""

    board: str
    start: str
    operation: BootOperation
    running: Slot
    slot: Slot | None = None
    files: Files = field(factory=dict, repr=False)

    @property
    def name(self) -> str:
        return f"{self.board} {self.operation.value} from {self.start}"


# -- the cases ---------------------------------------------------------------------------------------------------------


def stored(board: str, root: Slot, pending: bool, count: int, *, classic: bool) -> Files:
    """The state files, as balenaOS's scripts and its bootloader leave them, or as this project does."""
    folder = BOARDS[board][1]
    values = backend(board, Path("/")).values()
    texts = {COUNT: str(count), ROOT: values[root is Slot.B], UPGRADE: str(int(pending))}
    if board in ("grub", "balena-bootloader"):
        name = "grubenv" if board == "grub" else "bootenv"
        block = EnvBlock.new(texts, path=name).data
        # The one that balenaOS ships with GRUB ends in a newline, and its scripts leave a blank behind the count.
        return {f"{folder}{name}": block[:-1] + b"\n" if classic and board == "grub" else block}
    text = f"{ROOT}={texts[ROOT]}\n{UPGRADE}={texts[UPGRADE]}\n".encode()
    written = f"bootcount={count}".encode() if board == "l4tlauncher" else f"bootcount={count}\n".encode() + b"\0"
    if classic:
        return {"resinOS_uEnv.txt": text, **({"bootcount.env": written} if count else {})}
    return {"resinOS_uEnv.txt": text.ljust(512, b"\n"), "bootcount.env": written}


def cases(board: str) -> Iterator[Case]:
    """Every operation from every start that a device may be in."""
    a, b = Slot.A, Slot.B
    tries = rules(board)[-1].tries
    fresh: Files = {} if board in ("u-boot", "l4tlauncher") else stored(board, a, False, 0, classic=True)
    for start, files in (
        ("fresh", fresh),
        ("classic", stored(board, a, False, 0, classic=True)),
        ("ours", stored(board, a, False, 0, classic=False)),
        ("the other slot", stored(board, b, False, 0, classic=False)),
    ):
        running = b if start == "the other slot" else a
        yield Case(board, start, BootOperation.SWITCH, running, running.other, files)
    for start, classic in (("classic", True), ("ours", False)):
        tried = stored(board, b, True, 1, classic=classic)
        given_up = stored(board, b, True, tries + 1, classic=classic)
        yield Case(board, f"{start}, tried", BootOperation.COMMIT, b, None, tried)
        yield Case(board, f"{start}, tried", BootOperation.CLEAR_BOOT_COUNT, b, None, tried)
        yield Case(board, f"{start}, tried", BootOperation.ROLL_BACK, b, None, tried)
        yield Case(board, f"{start}, given up", BootOperation.COMMIT, a, None, given_up)


def row(slug: str) -> DeviceType:
    """The device type of this slug."""
    return Catalog().device_type(slug)[1]


def rules(board: str) -> tuple[Rule, ...]:
    """The rules that may choose on such a board: its old boot files', then the mended one, where there are two."""
    with TemporaryDirectory() as folder:
        found = []
        for mended in (False, True):
            tree = Path(folder, str(mended))
            _lay(tree, {BOOT_FILES[board]: MENDED_MARK} if mended and board in BOOT_FILES else {}, board)
            rule = backend(board, tree).rule()
            if rule not in found:
                found.append(rule)
        return tuple(found)


def backend(board: str, tree: Path) -> SlotBootloader:
    made = bootloader(row(BOARDS[board][0]), Root(tree))
    assert isinstance(made, SlotBootloader)
    return made


def _lay(tree: Path, files: Files, board: str) -> None:
    (tree / "mnt/boot" / BOARDS[board][1]).mkdir(parents=True, exist_ok=True)
    if board == "grub":
        (tree / "sys/firmware/efi").mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (tree / "mnt/boot" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "mnt/boot" / name).write_bytes(data)


# -- in the guest ------------------------------------------------------------------------------------------------------


def carry_out(described: Iterable[Mapping[str, object]]) -> None:
    """Each case: its files, a mark, the operation, a mark. Those of the case before are removed, which leaves gaps."""
    for number, each in enumerate(described):
        for path in sorted(BOOT.rglob("*"), reverse=True):
            if path.is_file() and path.name != "config.json":
                path.unlink()
        board, running = str(each["board"]), Slot(each["running"])
        files = {name: bytes.fromhex(data) for name, data in each["files"].items()}  # type: ignore[attr-defined]
        _lay(TREE, files, board)
        (TREE / "proc").mkdir(exist_ok=True)
        (TREE / "proc/cmdline").write_text(f"root=LABEL=resin-root{running}\n")
        control = backend(board, TREE)
        _mark(f"begin {number}")
        match BootOperation(str(each["operation"])):
            case BootOperation.SWITCH:
                control.switch(Slot(str(each["slot"])))
            case BootOperation.COMMIT:
                control.commit()
            case BootOperation.CLEAR_BOOT_COUNT:
                control.clear_boot_count()
            case BootOperation.ROLL_BACK:
                control.roll_back()
        _mark(f"end {number}")


def _mark(name: str) -> None:
    folder = os.open(BOOT, os.O_RDONLY)
    ctypes.CDLL(None).syncfs(folder)
    os.close(folder)
    disk = os.open("/dev/vda", os.O_WRONLY)
    os.pwrite(disk, (MARK_MAGIC + name.encode()).ljust(SECTOR, b"\0"), MARK_SECTOR * SECTOR)
    os.fsync(disk)
    os.close(disk)


# -- on the host -------------------------------------------------------------------------------------------------------


def record(folder: Path, wanted: list[Case], filesystem: Filesystem) -> list[tuple[Case, Image, tuple[Entry, ...]]]:
    """Each case with its boot partition before it and the requests it made, from one run of the guest."""
    others = {"splash/balena-logo.png": b"\x89PNG" * 700, "device-type.json": b"{}" * 90}
    disk = Disk.build(folder / "disk", boot={"config.json": b"{}", **others}, boot_filesystem=filesystem)
    before, log, described = disk.copy(folder / "before"), folder / "log", folder / "cases.json"
    described.write_text(
        json.dumps(
            [
                {
                    "board": each.board,
                    "operation": each.operation,
                    "running": each.running,
                    "slot": each.slot,
                    "files": {name: data.hex() for name, data in each.files.items()},
                }
                for each in wanted
            ]
        )
    )
    tests = Path(__file__).parents[1]
    environment = {"PYTHONPATH": f"{tests}:{tests.parent}", "PYTHONDONTWRITEBYTECODE": "1"}
    kind = "ext4" if filesystem == "ext4" else "vfat"
    [done] = run_in_guest(
        disk.path,
        [[sys.executable, "-m", "lab.operations", str(described)]],
        mounts=[Mount(disk.number("boot"), str(BOOT), kind)],
        log=log,
        environment=environment,
        timeout_seconds=600,
    )
    if done.status:
        raise RuntimeError(f"status {done.status}: {done.stderr}")
    entries = read_log(log)
    offset, size = disk.span("boot")
    found = []
    for number, case in enumerate(wanted):
        earlier, during = between(entries, f"begin {number}", f"end {number}")
        first = offset // SECTOR
        moved = tuple(evolve(e, sector=e.sector - first) if isinstance(e, Write) else e for e in during)
        found.append((case, Image.load(before.path, earlier).part(offset, size), moved))
    return found


@frozen
class Verdict:
    """What was found about one case: how many states, and each bad one in words with the sectors that make it."""

    case: Case
    states: int
    skipped: int
    bad: tuple[str, ...]


def judged(case: Case, image: Image, entries: tuple[Entry, ...], *, ext4: bool, bound: int, seed: int = 0) -> Verdict:
    """Every state, as the disk has it and after the check at boot, judged by every rule this board may have."""
    made = all_states(image, entries, bound=bound, seed=seed)
    repaired = list(after_e2fsck(made.states) if ext4 else after_fsck(made.states))
    names = tuple(dict.fromkeys(backend_files(case)))
    judge = Judge(case)
    final = State.of(image, ((e.sector + i, e.data[i * SECTOR :][:SECTOR]) for e in entries if isinstance(e, Write)
                             for i in range(len(e.data) // SECTOR)))  # fmt: skip
    judge.after(contents(final, names, ext4=ext4))
    bad: list[str] = []
    for how, states in (("", made.states), (", after fsck", repaired)):
        for state in states:
            if state is None:
                bad.append(f"beyond repair{how}")
                continue
            wrong = judge.wrong(contents(state, names, ext4=ext4))
            if wrong:
                bad.append(f"{wrong}{how}")
    return Verdict(case, len(made.states) + len(repaired), made.skipped, tuple(bad))


def backend_files(case: Case) -> tuple[str, ...]:
    """The state files, below the boot partition."""
    with TemporaryDirectory() as folder:
        _lay(Path(folder), {}, case.board)
        return tuple(name.removeprefix("mnt/boot/") for name in backend(case.board, Path(folder)).writes)


Contents = tuple[tuple[str, bytes | str | None], ...]


def contents(state: State, names: Iterable[str], *, ext4: bool) -> Contents:
    """What is read of each file: its bytes, `None` where it is not there, or what is wrong with it."""
    if ext4:
        read = tuple(names)
        return tuple(zip(read, ext4_contents(state, read), strict=True))
    fat = Fat(state)
    found: list[tuple[str, bytes | str | None]] = []
    for name in names:
        files = fat.find(name)
        if len(files) > 1:
            found.append((name, "double"))
        else:
            found.append((name, None if not files else files[0].fault or files[0].content))
    return tuple(found)


class Judge:
    """Decides what each content of the state files boots; the same content is asked once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._rules = rules(case.board)
        self._before = self._decisions(tuple(case.files.items()))
        self._after = self._before
        self._known: dict[Contents, str | None] = {}

    def after(self, files: Contents) -> None:
        """What the operation came to."""
        self._after = self._decisions(files)

    def wrong(self, files: Contents) -> str | None:
        """`None` where the state boots what was booted before or after, or tries the other slot and counts it."""
        if files not in self._known:
            self._known[files] = self._wrong(files)
        return self._known[files]

    def _wrong(self, files: Contents) -> str | None:
        faulty = [f"{name}: {data}" for name, data in files if isinstance(data, str)]
        if faulty:
            return "; ".join(faulty)
        for rule, slots, before, after in zip(
            self._rules, self._decisions(files), self._before, self._after, strict=True
        ):
            tried = slots[0] is self.case.running.other and self.case.running in slots
            if slots[0] not in (before[0], after[0]) and not tried:
                return f"{rule.kind.value}: boots {slots[0]}, before {before[0]}, after {after[0]}"
            armed = self.case.operation is BootOperation.SWITCH and slots[0] is self.case.slot
            if armed and self.case.running not in slots:
                return f"{rule.kind.value}: boots {slots[0]} and never goes back"
        return None

    def _decisions(self, files: Contents) -> list[tuple[Slot | None, ...]]:
        """By each rule: the slots of the next boots, if none of them reaches user space."""
        with TemporaryDirectory() as folder:
            tree = Path(folder)
            _lay(tree, {name: data for name, data in files if isinstance(data, bytes)}, self.case.board)
            control = backend(self.case.board, tree)
            texts = control.seen(control.storage().read())
            committed = control.committed()
            found = []
            for rule in self._rules:
                seen = Seen(
                    root=texts.get(ROOT),
                    upgrade=texts.get(UPGRADE),
                    count=texts.get(COUNT),
                    committed=committed.read() if committed else None,
                )
                slots = []
                for _ in range(6):
                    decision: Decision = rule.decide(seen)
                    slots.append(decision.slot)
                    seen = evolve(seen, count=decision.count)
                found.append(tuple(slots))
            return found


def summary(verdicts: Iterable[Verdict]) -> dict[str, object]:
    """Figures over many cases."""
    found = list(verdicts)
    kinds = Counter(f"{v.case.name}: {word}" for v in found for word in v.bad)
    return {
        "cases": len(found),
        "states": sum(v.states for v in found),
        "skipped": sum(v.skipped for v in found),
        "bad": sum(len(v.bad) for v in found),
        "kinds": dict(kinds.most_common(20)),
    }


if __name__ == "__main__":
    carry_out(json.loads(Path(sys.argv[1]).read_text()))
