"""Trees of devices with each bootloader, and the states in which an operation may find them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.choose import bootloader
from hal.backends.bootloader.envblock import SIGNATURE, WARNING
from hal.backends.bootloader.names import COMMITTED, COMMITTED_KEY, MENDED_MARK
from hal.model import BootloaderKind, DeviceType, Partitions, PartitionTable, Slot, SlotEncoding
from hal.root import Root

MEMORY = Path("/dev/shm")  # a disk would make each of many thousand writes wait; where it is missing, a disk does

Files = Mapping[str, bytes]
"""Names in the folder of the state files, and contents; `/` in front: below the root."""

OVERRIDE = {"kernel_override_abi": "9f0c" * 16, "kernel_override_abi_committed_A": "41d7" * 16}
"""What else the balena bootloader keeps in its block."""


@frozen
class Board:
    """A device type, reduced to what its bootloader needs."""

    label: str
    kind: BootloaderKind
    folder: str
    encoding: SlotEncoding
    parts: tuple[int, int]
    shipped: tuple[int, int] | None = None
    """The partitions of the layout without encryption, which the files it ships with are written for."""
    efi: bool = False

    def device_type(self) -> DeviceType:
        table = Partitions(
            table=PartitionTable.GPT, boot=1, root_a=self.parts[0], root_b=self.parts[1], slot_encoding=self.encoding
        )
        if self.shipped:
            plain = evolve(table, root_a=self.shipped[0], root_b=self.shipped[1])
            table = evolve(plain, luks=table)
        return DeviceType(
            slug=self.label, name=self.label, bootloader=self.kind, partitions=table, kernel_image="Image"
        )

    @property
    def values(self) -> tuple[str, str]:
        if self.encoding is SlotEncoding.LETTER:
            return "A", "B"
        a, b = (format(part, "x" if self.encoding is SlotEncoding.HEX else "d") for part in self.parts)
        return a, b

    @property
    def block(self) -> str | None:
        """The name of the environment block, for bootloaders that have one."""
        return {BootloaderKind.GRUB: "grubenv", BootloaderKind.BALENA: "bootenv"}.get(self.kind)

    @property
    def rules(self) -> tuple[str, ...]:
        return ("compiled",) if self.kind is BootloaderKind.L4TLAUNCHER else ("classic", "mended")


GRUB, U_BOOT, BALENA, L4T = (
    BootloaderKind.GRUB,
    BootloaderKind.U_BOOT,
    BootloaderKind.BALENA,
    BootloaderKind.L4TLAUNCHER,
)
BOARDS = {
    board.label: board
    for board in (
        Board("grub-bios", GRUB, "mnt/boot/grub", SlotEncoding.DECIMAL, (2, 3)),
        Board("grub-efi", GRUB, "mnt/boot/EFI/BOOT", SlotEncoding.DECIMAL, (2, 3), efi=True),
        Board("grub-luks", GRUB, "mnt/efi/EFI/BOOT", SlotEncoding.DECIMAL, (3, 4), shipped=(2, 3), efi=True),
        Board("uboot-pi4", U_BOOT, "mnt/boot", SlotEncoding.HEX, (2, 3)),
        Board("uboot-tx2", U_BOOT, "mnt/boot", SlotEncoding.HEX, (25, 26)),
        Board("balena-pi5", BALENA, "mnt/boot", SlotEncoding.LETTER, (2, 3)),
        Board("balena-cm4-sb", BALENA, "mnt/rpi", SlotEncoding.LETTER, (3, 4), shipped=(2, 3)),
        Board("l4t-agx", L4T, "mnt/boot", SlotEncoding.DECIMAL, (7, 8)),
        Board("l4t-nano", L4T, "mnt/boot", SlotEncoding.HEX, (15, 16)),
    )
}
ONE_OF_EACH = ("grub-efi", "grub-luks", "uboot-tx2", "balena-pi5", "l4t-nano")
MARKED = {GRUB: "grub.cfg", U_BOOT: "/mnt/boot/boot.scr", BALENA: "slot_selection.txt", L4T: ""}
"""The boot file that carries the mark of the mended rule."""


class Machine:
    """A tree of one board: which slot runs, by which rule it boots, and what its state files hold."""

    def __init__(self, directory: Path, board: Board, *, rule: str, running: Slot = Slot.A) -> None:
        self.board = board
        self.rule = rule
        directory.mkdir(parents=True, exist_ok=True)
        self.root = Root(directory)
        self.device_type = board.device_type()
        for folder in ("mnt/boot", board.folder, "var/volatile", "proc/self", "dev/disk/by-label"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        (directory / "var/volatile/bootloader_config.lock").touch()
        if board.efi:
            (directory / "sys/firmware/efi").mkdir(parents=True)
        for slot, part in zip(Slot, board.parts, strict=True):
            (directory / f"dev/disk/by-label/resin-root{slot}").symlink_to(f"../../vda{part}")
        for folder in ("active", "inactive"):
            (directory / f"mnt/sysroot/{folder}/boot").mkdir(parents=True)
            (directory / f"mnt/sysroot/{folder}/boot/Image").touch()
        self.run(running)

    def run(self, slot: Slot) -> None:
        """The slot that booted."""
        self.running = slot
        part = self.board.parts[slot is Slot.B]
        self.path("/proc/self/mountinfo").write_text(
            f"30 1 254:2 / /mnt/sysroot/active ro,relatime shared:1 - ext4 /dev/vda{part} ro\n"
        )

    def path(self, name: str) -> Path:
        """A state file, or with `/` in front a file of the tree."""
        inside = name.lstrip("/") if name.startswith("/") else f"{self.board.folder}/{name}"
        return self.root.directory / inside

    def hold(self, files: Files) -> None:
        """The folder of the state files holds these, beside the boot file that says the rule, and nothing else."""
        for path in self.path("").iterdir():
            if path.is_file():
                path.unlink()
        marked = MARKED[self.board.kind]
        if marked:
            mark = b"# " + MENDED_MARK + b"\n" if self.rule == "mended" else b"# classic\n"
            self.path(marked).write_bytes(mark)
        for name, data in files.items():
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.path(name).write_bytes(data)

    def held(self) -> dict[str, bytes]:
        """Every file in the folder of the state files."""
        return {path.name: path.read_bytes() for path in sorted(self.path("").iterdir()) if path.is_file()}

    def backend(self) -> SlotBootloader:
        """A back end that has read nothing yet."""
        made = bootloader(self.device_type, self.root)
        assert isinstance(made, SlotBootloader)
        return made


class Machines:
    """Makes trees in memory; ends with them removed."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self._made = 0

    def make(self, board: str, rule: str | None = None, running: Slot = Slot.A) -> Machine:
        self._made += 1
        made = BOARDS[board]
        return Machine(Path(self._folder.name, str(self._made)), made, rule=rule or made.rules[-1], running=running)

    def end(self) -> None:
        self._folder.cleanup()


# -- contents ----------------------------------------------------------------------------------------------------------


def block(records: Mapping[str, str], *, size: int = 1024, warning: bool = False, newline: bool = False) -> bytes:
    """A block written as text, not by what is tested."""
    data = SIGNATURE + (WARNING if warning else b"")
    data += b"".join(f"{name}={value}\n".encode() for name, value in records.items())
    assert len(data) <= size
    data = data.ljust(size, b"#")
    return data[:-1] + b"\n" if newline else data


def shipped_grubenv() -> bytes:
    """The dossier, section 3: 75 bytes, 948 `#`, one newline."""
    return block({"bootcount": "0", "resin_root_part": "2", "upgrade_available": "0"}, newline=True)


def shipped_bootenv() -> bytes:
    return block({"resin_root_part": "A", "bootcount": "0", "upgrade_available": "0"}, warning=True)


def committed(value: str) -> bytes:
    return block({COMMITTED_KEY: value}, size=512)


def journal(name: str, data: bytes, *, torn: bool = False) -> Files:
    """What fatrw leaves where a cut interrupts it."""
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {f".{name}.0123abcd.{digest}.md5sum": data[:-7] if torn else data}


def good(board: Board, root: str | None, upgrade: str | None, count: str | None, **more: str) -> dict[str, bytes]:
    """The state files as balenaOS writes them; `None` leaves a variable out."""
    if board.block:
        records = {"bootcount": count, "resin_root_part": root, "upgrade_available": upgrade, **more}
        newline = board.kind is GRUB
        return {board.block: block({k: v for k, v in records.items() if v is not None}, newline=newline)}
    lines = {"resin_root_part": root, "upgrade_available": upgrade, **more}
    text = "".join(f"{name}={value}\n" for name, value in lines.items() if value is not None)
    end = "\n\0" if board.kind is U_BOOT else ""
    return {"resinOS_uEnv.txt": text.encode()} | (
        {} if count is None else {"bootcount.env": f"bootcount={count}{end}".encode()}
    )


def fresh(board: Board) -> dict[str, bytes]:
    """As the image was written."""
    return {GRUB: {"grubenv": shipped_grubenv()}, BALENA: {"bootenv": shipped_bootenv()}}.get(board.kind, {})


def states(board: Board) -> dict[str, Files]:
    """What an operation may find; some were left by a fallback to slot A, some by nobody sane."""
    a, b = board.values
    main = board.block or "resinOS_uEnv.txt"
    kept = dict(OVERRIDE) if board.kind is BALENA else {}
    plain = good(board, a, "0", "0", **kept)
    found: dict[str, Files] = {
        "absent": {},
        "fresh": fresh(board),
        "steady": plain,
        "switched": good(board, b, "1", "0"),
        "tried once": good(board, b, "1", "1"),
        "fell back": good(board, b, "1", {GRUB: "2", U_BOOT: "4"}.get(board.kind, "3")),
        "on the other, armed": good(board, a, "1", "0"),
        "names the other, nothing pending": good(board, b, "0", "0"),
        "no count": good(board, a, "0", None),
        "no root": good(board, None, "0", "0"),
        "no flag": good(board, a, None, "0"),
        "blank behind the count": good(board, a, "0", "0 "),
        "blank behind the slot": good(board, f"{a} ", "0", "0"),
        "junk slot": good(board, "junk", "0", "0"),
        "empty slot": good(board, "", "0", "0"),
        "slot out of range": good(board, "9", "0", "0"),
        "junk flag": good(board, a, "yes", "0"),
        "flag out of range": good(board, a, "2", "0"),
        "junk count": good(board, b, "1", "x"),
        "count of 9 with an update": good(board, b, "1", "9"),
        "stale count": good(board, a, "0", "1"),
        "CRLF": {name: data.replace(b"\n", b"\r\n")[: len(data)] for name, data in plain.items()},
        "empty": dict.fromkeys(plain, b""),
        "0xFF": {name: b"\xff" * len(data) for name, data in plain.items()},
        "zeros": {name: bytes(len(data)) for name, data in plain.items()},
        "committed file": {**plain, COMMITTED: committed(a)},
        "committed file, state lost": {COMMITTED: committed(a)},
        "committed file, state empty": {**dict.fromkeys(plain, b""), COMMITTED: committed(a)},
        "committed file is garbage": {**plain, COMMITTED: b"\xff" * 512},
        "committed file is empty": {**plain, COMMITTED: b""},
        "committed file is short": {**good(board, b, "1", "1"), COMMITTED: committed(a)[:100]},
        "journal waits": {**plain, **journal(main, good(board, b, "1", "0")[main])},
        "journal waits for a damaged file": {**dict.fromkeys(plain, b"\xff" * 40), **journal(main, plain[main])},
        "journal is torn": {**plain, **journal(main, good(board, b, "1", "0")[main], torn=True)},
        "temporary file of a cut replacement": {**plain, f".{main}.hal-new": b"half"},
    }
    if board.shipped:
        # Without its file an encrypted device is not told from another: one test asks for that, not every one.
        found = {state: files for state, files in found.items() if main in files}
    return {**found, **(_blocks(board, main) if board.block else _texts(board))}


def _blocks(board: Board, name: str) -> dict[str, Files]:
    a, b = board.values
    many = {f"unknown_{i}": f"value {i}" for i in range(25)}
    start = block({"bootcount": "0", "resin_root_part": b, "upgrade_available": "1"})
    twice = SIGNATURE + f"resin_root_part={b}\nresin_root_part={a}\nupgrade_available=0\nbootcount=0\n".encode()
    found = {
        "1025 bytes": shipped_grubenv().replace(b"bootcount=0", b"bootcount=0 "),
        "no newline at the end": block({"bootcount": "0", "resin_root_part": a, "upgrade_available": "0"}),
        "two records of a name": twice.ljust(1024, b"#"),
        "second half of zeros": start[:512] + bytes(512),
        "second half of 0xFF": start[:512] + b"\xff" * 512,
        "first half of zeros": bytes(512) + start[512:],
        "variables in the second sector": block({**many, "bootcount": "0", "resin_root_part": a}),
        "variables across the sectors": block({"fill": "x" * 440, "bootcount": "0", "resin_root_part": a}),
        "full": block({"bootcount": "0", "resin_root_part": a, "upgrade_available": "0", "fill": "y" * 928}),
        "override": block({"bootcount": "0", "resin_root_part": a, "upgrade_available": "0", **OVERRIDE}),
        "512 bytes": block({"bootcount": "0", "resin_root_part": a, "upgrade_available": "0"}, size=512),
        "4096 bytes": block({"bootcount": "0", "resin_root_part": a, "upgrade_available": "0"}, size=4096),
        "no signature": b"x" + start[1:],
    }
    return {state: {name: data} for state, data in found.items()}


def _texts(board: Board) -> dict[str, Files]:
    a, b = board.values
    main, count = "resinOS_uEnv.txt", "bootcount.env"
    text = f"resin_root_part={a}\nupgrade_available=0\n".encode()
    other = f"resin_root_part={b}\nupgrade_available=1\n".encode()
    return {
        "filled up": {main: text.ljust(512, b"\n"), count: b"bootcount=0\n\0"},
        "filled up, no count": {main: text.ljust(512, b"\n")},
        "NUL behind": {main: text + bytes(30), count: b"bootcount=0\n\0"},
        "NUL inside": {main: text[:10] + bytes(10) + text[20:], count: b"bootcount=0\n\0"},
        "two lines of a name": {main: f"resin_root_part={b}\n".encode() + text},
        "comment and unknown": {main: b"# comment\nunknown=1\n" + text},
        "no newline at the end": {main: text[:-1], count: b"bootcount=0"},
        "only the count, at the limit": {count: b"bootcount=4\n\0"},
        "two digits": {main: other, count: b"bootcount=10\n\0"},
        "count of a": {main: other, count: b"bootcount=a\n\0"},
        "count names a slot": {main: text, count: f"bootcount=0\nresin_root_part={b}\n".encode()},
        "state counts": {main: text + b"bootcount=4\n"},
        "long": {main: text + b"#" * 600 + b"\n"},
        "511 bytes": {main: text.ljust(511, b"\n")},
        "513 bytes": {main: text.ljust(513, b"\n")},
        "extra file names a slot": {main: text, "extra_uEnv.txt": f"resin_root_part={b}\n".encode()},
    }
