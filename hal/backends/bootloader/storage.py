"""How the three variables are kept in files, and which writes change them so that every cut between has a meaning.

A *block* (GRUB, balena bootloader) keeps all three in its first sector: one write changes everything. With *texts*
(U-Boot, L4TLauncher) the boot count has a file of its own, so it is zero before anything else changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from hal.backends.bootloader import fatrw, uenv
from hal.backends.bootloader.envblock import SECTOR, SIZE, EnvBlock
from hal.backends.bootloader.names import COMMITTED, COMMITTED_KEY, COUNT, ROOT, UPGRADE
from hal.errors import Damaged, FileFault, HalError
from hal.model import BootWrite, WriteKind
from hal.root import Root

KEYS = (ROOT, UPGRADE, COUNT)


class Stored(NamedTuple):
    """What the files hold: the text of each variable that is there, the file of each, and what is unusual."""

    texts: dict[str, str]
    files: dict[str, str]
    notes: tuple[str, ...]


class Storage(Protocol):
    """The files of one bootloader."""

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, the one that names the slot first."""

    def read(self) -> Stored:
        """What is stored; damage is a note, never an error."""

    def storable(self) -> bool:
        """Whether the bootloader can store a boot count there, as far as the content tells."""

    def writes(self, wanted: Mapping[str, str | None], steps: Mapping[str, str]) -> Iterator[BootWrite]:
        """The writes that make it so, in order; none where it is so. `steps` says what each variable then means.

        A block also takes names beside the three, and `None` for what is to be gone.
        """


class Block:
    """All three variables in one GRUB environment block. With `last`, the last of two records counts, as in GRUB."""

    def __init__(self, root: Root, file: str, *, last: bool) -> None:
        self.root = root
        self.file = file
        self.files = (file,)
        self._last = last

    def read(self) -> Stored:
        """The records of the block, as its bootloader sees them."""
        data, notes = content(self.root, self.file)
        files = dict.fromkeys(KEYS, self.file)
        if data is None:
            return Stored({}, files, notes)
        try:
            block = EnvBlock(data, path=self.file)
        except Damaged as error:
            return Stored({}, files, (*notes, error.message))
        texts = self._texts(block)
        names = [name for name, _ in block.records()]
        notes += tuple(f"{self.file}: {name} is there more than once" for name in KEYS if names.count(name) > 1)
        if not block.sound:
            notes += (f"{self.file}: the end is damaged, so no bootloader can count boots in it",)
        return Stored(texts, files, notes)

    def storable(self) -> bool:
        """GRUB and its tools store only in a block that is sound."""
        block = self._parse(readable(self.root, self.file) or b"")
        return block is not None and block.sound

    def writes(self, wanted: Mapping[str, str | None], steps: Mapping[str, str]) -> Iterator[BootWrite]:
        """One overwrite where the block is in order. One that is not, or is too short, is replaced by a new file."""
        yield from _drop(self.root, self.file)
        data = readable(self.root, self.file)
        step = "; ".join(text for name, text in steps.items() if name in wanted)
        if data is None or len(data) < SECTOR:
            yield BootWrite(file=self.file, kind=WriteKind.REPLACE, data=self._fresh(wanted, SIZE).data, step=step)
            return
        block = self._parse(data)
        if block is None:
            # Nothing can be read from it until the first sector is written, which comes last.
            block = self._fresh(wanted, len(data))
            if block.data[SECTOR:] != data[SECTOR:]:
                yield self._overwrite(data[:SECTOR] + block.data[SECTOR:], "the rest of the block is clean")
            yield self._overwrite(block.data, step)
            return
        stored = self._texts(block)
        if not self._in_order(block):
            # Two sectors would have to change together, and no order of the two means something to every reader.
            block = self._fresh({**stored, **wanted}, len(data), others=block)
            yield BootWrite(file=self.file, kind=WriteKind.REPLACE, data=block.data, step=step)
            return
        before = block.data
        for name, value in wanted.items():
            if value is None:
                block.unset(name)
            elif (stored[name] if name in stored else block.get(name)) != value:
                block.set(name, value)
        if block.data != before:
            yield self._overwrite(block.data, step)

    def _texts(self, block: EnvBlock) -> dict[str, str]:
        texts: dict[str, str] = {}
        for name, value in block.records():
            if name in KEYS:
                texts[name] = value if self._last or name not in texts else f"{texts[name]}\n{value}"
        return texts

    def _overwrite(self, data: bytes, step: str) -> BootWrite:
        return BootWrite(file=self.file, kind=WriteKind.OVERWRITE, data=data, step=step)

    def _parse(self, data: bytes) -> EnvBlock | None:
        try:
            return EnvBlock(data, path=self.file)
        except Damaged:
            return None

    def _in_order(self, block: EnvBlock) -> bool:
        """Whether one write of the first sector can change everything."""
        names = [name for name, _ in block.records()]
        missing = [name for name in KEYS if name not in names]
        if missing and block.sound:
            # They are added at the end, which must then still be in the first sector.
            end = len(block.data.removesuffix(b"\n").rstrip(b"#"))
            if end + sum(len(name) + 4 for name in missing) > SECTOR:
                return False
        there = [name for name in KEYS if name in names]
        return block.sound and all(names.count(name) == 1 for name in there) and block.in_first_sector(*there)

    def _fresh(self, values: Mapping[str, str | None], size: int, others: EnvBlock | None = None) -> EnvBlock:
        """A block with the three variables first, then what else was in the old one and still has room."""
        first = {name: value for name in KEYS if (value := values.get(name)) is not None}
        block = EnvBlock.new(first, path=self.file, size=size)
        for name, value in others.records() if others else ():
            if name not in KEYS:
                try:
                    block.set(name, value)
                except HalError:  # a damaged record, or one that has no room, is not worth keeping
                    continue
        return block


class Texts:
    """The slot and the pending flag in one U-Boot text, the boot count in another.

    `count` is what a new count file holds, as its bootloader writes it: `bootcount=0`, with what it puts behind.
    """

    def __init__(self, root: Root, folder: str, *, count: bytes, default: Mapping[str, str]) -> None:
        self.root = root
        self.state = f"{folder}/resinOS_uEnv.txt"
        self.count = f"{folder}/bootcount.env"
        self.files = (self.state, self.count)
        self._zero = count
        self._default = default

    def read(self) -> Stored:
        """The variables; the state file cannot set the count, and the other way round, where each has its own file."""
        texts: dict[str, str] = {}
        notes: tuple[str, ...] = ()
        files = {ROOT: self.state, UPGRADE: self.state, COUNT: self.count}
        for file in self.files:
            data, about = content(self.root, file, needed=False)  # a fresh device has neither
            notes += about
            if data is None:
                continue
            values, complete = uenv.import_text(data)
            found = {name: value for name, value in values.items() if value is not None}
            texts.update({name: found[name] for name in KEYS if name in found and files[name] == file})
            unknown = sorted(set(values) - {name for name in KEYS if files[name] == file})
            if data and not any(name in found for name in KEYS if files[name] == file):
                notes += (f"{file}: {len(data)} bytes, and none of its variables is in them",)
            if not complete or unknown:
                what = ", ".join(f"{name[:40]!r}" for name in unknown[:3]) or "a line without a name"
                notes += (f"{file}: {what} does not belong there",)
        return Stored(texts, files, notes)

    def storable(self) -> bool:
        """Whatever is in the file, it is written anew; a folder in its place is not."""
        return not self.root.is_dir(self.count)

    def writes(self, wanted: Mapping[str, str | None], steps: Mapping[str, str]) -> Iterator[BootWrite]:
        """The count first: it is zero before the slot or the flag changes, so that no old count meets a new slot."""
        if COUNT in wanted:
            yield from self._count_writes(steps[COUNT])
        if ROOT in wanted or UPGRADE in wanted:
            step = "; ".join(steps[name] for name in (ROOT, UPGRADE) if name in wanted)
            yield from self._state_writes(wanted, step)

    def _count_writes(self, step: str) -> Iterator[BootWrite]:
        yield from _drop(self.root, self.count)
        data = readable(self.root, self.count)
        if data is not None and data.startswith(b"bootcount=") and len(data) in (11, 13):
            zero = self._zero.ljust(13, b"\n")[: len(data)]
            if data[:11] != zero[:11] or uenv.import_text(data).values != {COUNT: "0"}:
                yield BootWrite(file=self.count, kind=WriteKind.OVERWRITE, data=zero, step=step)
            return
        yield BootWrite(file=self.count, kind=WriteKind.REPLACE, data=self._zero, step=step)

    def _state_writes(self, wanted: Mapping[str, str | None], step: str) -> Iterator[BootWrite]:
        yield from _drop(self.root, self.state)
        data = readable(self.root, self.state)
        stored = {} if data is None else uenv.import_text(data).values
        now = {name: stored.get(name) or self._default[name] for name in (ROOT, UPGRADE)}
        new = uenv.text({name: wanted.get(name) or now[name] for name in (ROOT, UPGRADE)})
        if data == new:
            return
        if data is None or not data or len(data) > len(new):
            yield BootWrite(file=self.state, kind=WriteKind.REPLACE, data=new, step=step)
            return
        if len(data) < len(new):
            whole = data.rstrip(b"\n\0") + b"\n"
            same = whole.ljust(len(new), b"\n")
            if len(whole) > len(data) or uenv.import_text(same) != uenv.import_text(data):
                yield BootWrite(file=self.state, kind=WriteKind.REPLACE, data=new, step=step)
                return
            yield BootWrite(
                file=self.state, kind=WriteKind.EXTEND, data=same, step="the file fills its sector, and means the same"
            )
        yield BootWrite(file=self.state, kind=WriteKind.OVERWRITE, data=new, step=step)


class Committed:
    """The committed slot, in a file of its own: what mended boot files take where the state file is lost."""

    def __init__(self, root: Root, folder: str) -> None:
        self.root = root
        self.file = f"{folder}/{COMMITTED}"

    def read(self) -> str | None:
        """The text stored; `None` where there is none or it cannot be read."""
        data = readable(self.root, self.file)
        try:
            return None if data is None else EnvBlock(data, path=self.file).get(COMMITTED_KEY)
        except Damaged:
            return None

    def writes(self, value: str) -> Iterator[BootWrite]:
        """The write that stores it; none where it is stored."""
        data = readable(self.root, self.file)
        new = EnvBlock.new({COMMITTED_KEY: value}, path=self.file, size=SECTOR).data
        if data != new:
            kind = WriteKind.OVERWRITE if data is not None and len(data) == len(new) else WriteKind.REPLACE
            step = f"the committed slot, for a lost state file, is {value}"
            yield BootWrite(file=self.file, kind=kind, data=new, step=step)


def content(root: Root, file: str, *, needed: bool = True) -> tuple[bytes | None, tuple[str, ...]]:
    """What a careful reader sees of a file, and what is unusual; that it is absent, only where it is needed."""
    notes: tuple[str, ...] = ()
    folder, _, base = file.rpartition("/")
    if root.listdir(folder).count(base) > 1:
        notes += (f"{file}: there are two directory entries of this name; which one is read is chance",)
    for journal in fatrw.journals(root, file):
        how = "waits to be finished" if journal.content is not None else "is damaged and counts for nothing"
        notes += (f"{journal.name}: a write of fatrw that a power cut interrupted {how}; bootloaders see the old file",)
    if not needed and not root.exists(file):
        return None, notes
    try:
        data = root.read_bytes(file)
    except FileFault as error:
        return None, (*notes, error.message)
    return data, notes if data else (*notes, f"{file}: empty")


def readable(root: Root, file: str) -> bytes | None:
    """The content, `None` where it cannot be read."""
    try:
        return root.read_bytes(file)
    except FileFault:
        return None


def _drop(root: Root, file: str) -> Iterator[BootWrite]:
    """Remove the journals of fatrw: what somebody wanted, no bootloader has seen, and an operation now decides anew.

    They go first. Behind the operation they would undo it for balenaOS's readers; finished before it, they would name
    a slot that nobody asks for any more.
    """
    for each in fatrw.journals(root, file):
        yield BootWrite(
            file=each.name, kind=WriteKind.REMOVE, data=None, step="a write that was interrupted is given up"
        )
