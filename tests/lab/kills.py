"""Power cuts anywhere in an update, and again in what follows: `kill -9` of the machine, or a disk that lost its cache.

A *kill* ends QEMU at a moment drawn from the length of an operation: what it had written is on the disk. A *cut* is a
state drawn from the record of an operation: up to some request, and of what was not flushed any part (`lab.crash`).
After either the device is powered on until it settles, and nobody does anything to it but that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Literal

from attrs import define, evolve, field, frozen

from hal.model import BootStatus
from lab.blocklog import Entry, Flush, Write, read_log
from lab.crash import SECTOR, Image, State
from lab.device import BOARDS, CONFIG, SERVICES, UPDATE, Board, Device, Kind, config, deciding, judged, make, selection
from lab.disk import Disk
from lab.fat import Fat, FatError
from lab.resumed import Kill

Stage = Literal["update", "loader", "first boot", "leaving", "another round", "fallen back"]
KINDS: Mapping[Stage, tuple[Kind, ...]] = {
    "update": ("good", "good", "unhealthy", "hangs"),
    "loader": ("good", "good", "unhealthy", "hangs"),
    "first boot": ("good", "good", "unhealthy"),
    "leaving": ("unhealthy",),
    "another round": ("hangs",),
    "fallen back": ("hangs",),
}
"""Where the power is cut first, and which OS may be in the updated slot then; the last three are recoveries."""
MOST_BOOTS = 24
EXT4_BLOCK = 1024
"""Bytes, as `lab.disk` makes them."""


@define
class Tally:
    """What was tried and what came of it; `story` has each thing that went wrong."""

    kills: int = 0
    cuts: int = 0
    boots: int = 0
    decisions: int = 0
    stages: Counter[str] = field(factory=Counter)
    unbootable: list[str] = field(factory=list)
    lost: list[str] = field(factory=list)
    unsettled: list[str] = field(factory=list)
    disagreements: list[str] = field(factory=list)

    @property
    def story(self) -> list[str]:
        return [*self.unbootable, *self.lost, *self.unsettled, *self.disagreements]

    def figures(self, seed: int) -> dict[str, Any]:
        """How many boots it took is told and not compared: that is up to the moments that were drawn."""
        faults = ("unbootable", "lost", "unsettled", "disagreements")
        counts = {"kills": self.kills, "cuts": self.cuts}
        seen = {"boots": self.boots, "decisions": self.decisions}
        return {**counts, **{name: len(getattr(self, name)) for name in faults}, "seed": seed, "seen": seen}


@define
class Bench:
    """Devices of one loader at each stage, made when they are first needed, and how long their operations take."""

    name: str
    folder: Path
    _devices: dict[tuple[Stage, Kind], Device] = field(factory=dict)
    _seconds: dict[tuple[Stage, Kind], float] = field(factory=dict)
    _copies: int = 0

    @property
    def board(self) -> Board:
        return BOARDS[self.name]

    def place(self) -> Path:
        """Where a disk may be put that is used once."""
        self._copies += 1
        return self.folder / f"disk-{self._copies}"

    def at(self, stage: Stage, kind: Kind) -> Device:
        """A device right before the operation of this stage; it is to be copied."""
        if (stage, kind) not in self._devices:
            self._devices[stage, kind] = self._made(stage, kind)
        return self._devices[stage, kind]

    def steps(self, stage: Stage) -> tuple[tuple[str, ...], ...]:
        """What user space does at this stage; nothing where it is the loader's turn."""
        return {"update": (UPDATE,), "loader": ()}.get(stage, SERVICES)

    def seconds(self, stage: Stage, kind: Kind) -> float:
        """How long it takes on this machine, now."""
        if (stage, kind) not in self._seconds:
            device = self.at(stage, kind).copy(self.place())
            began = monotonic()
            if stage == "loader":
                device.load()
                self._seconds[stage, kind] = monotonic() - began
            else:
                self._seconds[stage, kind] = device.userspace(*self.steps(stage)).seconds
            device.disk.path.unlink()
        return self._seconds[stage, kind]

    def _made(self, stage: Stage, kind: Kind) -> Device:
        if stage == "update":
            return make(self.place(), self.name, other=kind)
        before: dict[Stage, Stage] = {
            "leaving": "first boot",
            "another round": "loader",
            "fallen back": "another round",
        }
        last = before.get(stage, "update" if stage == "loader" else "loader")
        device = self.at(last, kind).copy(self.place())
        if last in ("update", "first boot", "another round"):
            device.userspace(*self.steps(last))
        while stage != "loader":
            device.load()
            if device.running == "A" or stage == "first boot":
                break
        return device


# -- kills -------------------------------------------------------------------------------------------------------------


def killed(bench: Bench, draw: Random, tally: Tally, *, most: int) -> None:
    """One device: one kill and up to four more in what follows; then it must settle."""
    stage = draw.choice(tuple(KINDS))
    kind = draw.choice(KINDS[stage])
    kills = min(most, draw.randint(1, 5))
    tally.stages[stage] += 1
    device = bench.at(stage, kind).copy(bench.place(), seed=draw.getrandbits(32))
    device.fsck = draw.random() < 0.5
    told = [f"{bench.name}, B is {kind}, {'with' if device.fsck else 'without'} fsck"]
    if stage == "loader":
        if _load(bench, device, draw, tally, told, kill=True) and device.kind(device.running or "A") != "hangs":
            device.userspace(*SERVICES)
    else:
        _cut_user_space(bench, device, draw, tally, told, stage, kind)
    for _ in range(kills - 1):
        reached = _load(bench, device, draw, tally, told, kill=draw.random() < 0.4)
        if reached and device.running and device.kind(device.running) != "hangs":
            _cut_user_space(bench, device, draw, tally, told, "first boot", "good")
    settle(device, tally, told)
    device.disk.path.unlink()


def _load(bench: Bench, device: Device, draw: Random, tally: Tally, told: list[str], *, kill: bool) -> bool:
    """The loader, killed or not; whether a kernel ran."""
    seconds = draw.uniform(0.3, 1.0) * bench.seconds("loader", "good") if kill else None
    _, booted = device.load(timeout_seconds=seconds)
    if kill and booted.ended == "deadline":
        tally.kills += 1
        told.append(f"the loader was killed after {seconds:.3f} s")
        return False
    told.append(f"booted {booted.slot}")
    return booted.slot is not None


def _cut_user_space(
    bench: Bench, device: Device, draw: Random, tally: Tally, told: list[str], stage: Stage, kind: Kind
) -> None:
    moment = draw.uniform(0, 1.1) * bench.seconds(stage, kind)
    device.killed(*bench.steps(stage), kill=Kill(0, moment))
    tally.kills += 1
    told.append(f"{stage} in {device.running} was killed after {moment:.3f} s")


def settle(device: Device, tally: Tally, told: list[str]) -> None:
    """Powers the device on until it settles, and looks at what came of it."""
    for _ in range(MOST_BOOTS):
        boot = device.power_on()
        tally.boots += 1
        told.append(f"{boot.slot}: {' '.join(boot.phases)}")
        if boot.slot is None:
            tally.unbootable.append(f"{told}: {selection(boot.booted)}")
            break
        if boot.settled:
            _look(device, tally, told)
            break
    else:
        tally.unsettled.append(f"{told}")
    tally.decisions += device.decisions
    tally.disagreements += [f"{told}: {each}" for each in device.disagreements]


def _look(device: Device, tally: Tally, told: list[str]) -> None:
    """A settled device runs a good OS with its own boot files, keeps it, and has its configuration."""
    running = device.running
    assert running is not None
    if device.kind(running) != "good":
        tally.lost.append(f"{told}: settled on a slot that is {device.kind(running)}")
    if device.disk.read("boot", CONFIG) != config(device.board):
        tally.lost.append(f"{told}: {CONFIG} is {device.disk.read('boot', CONFIG)!r}")
    if device.release() != device.disk.read(running, "resin-boot/release.txt"):
        tally.lost.append(f"{told}: runs {running} with boot files {(device.release() or b'')[:20]!r}")
    status = device.status()
    if status.pending or set(map(str, following(status))) != {running}:
        tally.unsettled.append(f"{told}: runs {running}, then {following(status)}")


def following(status: BootStatus) -> tuple[str | None, ...]:
    """The next boots, where none reaches user space."""
    return tuple(slot and str(slot) for slot in (status.next_boot.slot, *status.next_boot.then))


# -- cuts --------------------------------------------------------------------------------------------------------------


@frozen
class Recorded:
    """An operation on a disk: the disk before, and every request."""

    stage: Stage
    kind: Kind
    device: Device
    image: Image = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)

    def state(self, draw: Random) -> State:
        """One that a power cut may leave on a disk with a cache that it writes in any order.

        The boot partition is torn at every sector. The others are ext4, which does not survive a torn superblock and is
        not what is tried: they are torn between its blocks.
        """
        durable: dict[int, bytes] = {}
        late: dict[int, list[Mapping[int, bytes]]] = {}
        for entry in self.entries[: draw.randint(0, len(self.entries))]:
            if isinstance(entry, Flush):
                durable |= {sector: data for versions in late.values() for sector, data in versions[-1].items()}
                late.clear()
            elif isinstance(entry, Write):
                for unit, sectors in self._units(entry):
                    versions = late.setdefault(unit, [])
                    versions.append({**(versions[-1] if versions else {}), **sectors})
        share = draw.random()
        for versions in late.values():
            if draw.random() < share:
                durable |= draw.choice(versions)
        return State.of(self.image, durable.items())

    def _units(self, write: Write) -> Iterator[tuple[int, dict[int, bytes]]]:
        """What is written whole or not at all: the first sector's number, and the sectors that this write has of it."""
        start, length = (part // SECTOR for part in self.device.disk.span("boot"))
        units: dict[int, dict[int, bytes]] = {}
        for place in range(0, len(write.data), SECTOR):
            sector = write.sector + place // SECTOR
            size = 1 if start <= sector < start + length else EXT4_BLOCK // SECTOR
            units.setdefault(sector // size * size, {})[sector] = write.data[place : place + SECTOR]
        yield from units.items()


def recorded(bench: Bench, stage: Stage, kind: Kind) -> Recorded:
    """The operation of this stage, once, from beginning to end."""
    before = bench.at(stage, kind)
    device, log = before.copy(bench.place()), bench.place()
    device.userspace(*bench.steps(stage), log=log)
    entries = read_log(log)
    log.unlink()
    device.disk.path.unlink()
    return Recorded(stage, kind, before, Image.load(before.disk.path), entries)


class Judge:
    """What the model says of states of one operation; the same files are asked once."""

    def __init__(self, done: Recorded) -> None:
        self._done = done
        self._board = done.device.board
        self._offset, self._size = done.device.disk.span("boot")
        first, last = self._files(State(done.image, {})), self._files(self._final())
        self._choosers = {first[self._board.chooser], last[self._board.chooser]}
        self._known: dict[tuple[tuple[str, object], ...], str | None] = {}

    def wrong(self, state: State) -> str | None:
        """Why this state is bad; `None` where it boots a slot that is good, or tries one and can go back."""
        try:
            files = self._files(state)
        except FatError as error:
            return f"unreadable: {error}"
        key = tuple(files.items())
        if key not in self._known:
            self._known[key] = self._wrong(files)
        return self._known[key]

    def _wrong(self, files: dict[str, bytes | str | None]) -> str | None:
        damaged = [f"{name}: {data}" for name, data in files.items() if isinstance(data, str)]
        if damaged:
            return "; ".join(damaged)
        if files[CONFIG] != config(self._board):
            return f"{CONFIG}: {files[CONFIG]!r}"
        if files[self._board.chooser] not in self._choosers:
            return f"{self._board.chooser}: neither old nor new"
        whole = {name: data for name, data in files.items() if isinstance(data, bytes)}
        slots = following(judged(self._board, whole))
        if None in slots:
            return f"does not boot: {slots}"
        if "A" not in slots and not (self._done.kind == "good" and self._done.stage == "first boot"):
            return f"never goes back to A: {slots}"
        return None

    def _files(self, state: State) -> dict[str, bytes | str | None]:
        """Each file that matters: its content, what is wrong with it, or `None` where it is not there."""
        fat = Fat(state.part(self._offset, self._size))
        found: dict[str, bytes | str | None] = {}
        for name in (*deciding(self._board), CONFIG):
            files = fat.find(name)
            found[name] = None if not files else "double" if len(files) > 1 else files[0].fault or files[0].content
        return found

    def _final(self) -> State:
        writes = [entry for entry in self._done.entries if isinstance(entry, Write)]
        return State.of(self._done.image, _sectors(writes))


def _sectors(writes: Iterable[Write]) -> Iterator[tuple[int, bytes]]:
    last = {}
    for write in writes:
        for place in range(0, len(write.data), SECTOR):
            last[write.sector + place // SECTOR] = write.data[place : place + SECTOR]
    yield from last.items()


def powered_on(bench: Bench, done: Recorded, state: State, draw: Random, tally: Tally) -> None:
    """A real device with the disk in this state."""
    path = bench.place()
    state.write_to(path)
    disk = evolve(done.device.disk, path=path)
    assert isinstance(disk, Disk)
    device = Device(disk, done.device.board, done.device.loader, Random(draw.getrandbits(32)))
    device.fsck = draw.random() < 0.5
    settle(device, tally, [f"{bench.name}, B is {done.kind}, {done.stage} cut, fsck {device.fsck}"])
    path.unlink()
