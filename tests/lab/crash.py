"""Every state that a power cut may leave on a disk, from its image before an operation and the record of the operation.

The model is a disk with a volatile cache that writes single sectors of 512 bytes whole, in any order:

* in order: after each request, the disk holds what came before;
* reordered: between two flushes each sector, independently of the others, holds what it held at the first flush or
  any one of the contents written since. This covers every point in time, since a later point only adds contents, and
  every torn request, since a request is as many sectors.

A state is kept as the sectors that differ from the image before, so that ten thousand take seconds and few bytes.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import field, frozen

from lab.blocklog import SECTOR, Entry, Flush, Write

BLOCK = 4096
BOUND = 2**12
"""States of one epoch up to which all of them are made; beyond it, as many are drawn."""
TOOL_SECONDS = 60
FSCK_VFAT = ("fsck.vfat", "-a", "-w")
E2FSCK = ("e2fsck", "-fy")
REPAIRED = {"fsck.vfat": (0, 1), "e2fsck": (0, 1, 2)}
MEMORY = Path("/dev/shm")

Sectors = Mapping[int, bytes]


class CrashError(Exception):
    """A tool could not do its part."""


class Image:
    """The content of a disk or partition at one time: whole sectors."""

    def __init__(self, data: bytes) -> None:
        if len(data) % SECTOR:
            raise CrashError(f"an image of {len(data)} bytes is not whole sectors")
        self.data = data
        self._parts: dict[tuple[int, int], Image] = {}

    @classmethod
    def load(cls, path: Path, writes: Iterable[Write] = ()) -> Image:
        """The image in a file, with these writes done."""
        data = bytearray(path.read_bytes())
        for write in writes:
            start = write.sector * SECTOR
            data[start : start + len(write.data)] = write.data
        return cls(bytes(data))

    def part(self, offset: int, size: int) -> Image:
        """The image of a partition, in bytes of this one; the same object each time."""
        if (offset, size) not in self._parts:
            self._parts[offset, size] = Image(self.data[offset : offset + size])
        return self._parts[offset, size]

    def sector(self, number: int) -> bytes:
        return self.data[number * SECTOR : (number + 1) * SECTOR]

    @cached_property
    def filled(self) -> tuple[int, ...]:
        """Offsets of the blocks that hold something else than zeroes."""
        empty, places = bytes(BLOCK), range(0, len(self.data), BLOCK)
        return tuple(place for place in places if not empty.startswith(self.data[place : place + BLOCK]))


@frozen(eq=False)
class State:
    """An image with some sectors changed."""

    image: Image = field(repr=False)
    changes: Sectors

    @classmethod
    def of(cls, image: Image, sectors: Iterable[tuple[int, bytes]]) -> State:
        """The state with these sectors; those that hold what the image holds are left out."""
        return cls(image, {number: data for number, data in sectors if image.sector(number) != data})

    @property
    def key(self) -> frozenset[tuple[int, bytes]]:
        """Equal for states of one image that hold the same."""
        return frozenset(self.changes.items())

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the state; fewer where it ends."""
        first, last = offset // SECTOR, (offset + size - 1) // SECTOR
        if last - first < len(self.changes):
            touched = [number for number in range(first, last + 1) if number in self.changes]
        else:
            touched = [number for number in self.changes if first <= number <= last]
        if not touched:
            return self.image.data[offset : offset + size]
        data = bytearray(self.image.data[first * SECTOR : (last + 1) * SECTOR])
        for number in touched:
            data[(number - first) * SECTOR : (number - first + 1) * SECTOR] = self.changes[number]
        return bytes(data[offset - first * SECTOR : offset - first * SECTOR + size])

    def part(self, offset: int, size: int) -> State:
        """The state of the partition at this byte offset of this size."""
        first, count = offset // SECTOR, size // SECTOR
        inside = {n - first: data for n, data in self.changes.items() if first <= n < first + count}
        return State(self.image.part(offset, size), inside)

    def write_to(self, path: Path) -> None:
        """The state as a sparse file, for programs that want one."""
        with path.open("wb") as file:
            file.truncate(len(self.image.data))
            for place in self.image.filled:
                file.seek(place)
                file.write(self.image.data[place : place + BLOCK])
            file.flush()
            _put(file.fileno(), self.changes)


@frozen
class States:
    """Distinct states; `skipped` counts the combinations that were not made because an epoch has too many."""

    states: tuple[State, ...]
    skipped: int = 0
    requests: int = 0
    flushes: int = 0


# -- the states --------------------------------------------------------------------------------------------------------


def in_order(image: Image, entries: Sequence[Entry]) -> States:
    """What the disk holds before the first request and after each of them."""
    now: dict[int, bytes] = {}
    found = [State(image, {})]
    for entry in entries:
        if isinstance(entry, Write):
            now.update(_sectors(entry))
            found.append(State.of(image, now.items()))
    return _counted(found, entries, 0)


def reordered(
    image: Image, entries: Sequence[Entry], *, bound: int = BOUND, seed: int = 0, unit: int = SECTOR
) -> States:
    """What the disk may hold if each sector written since the last flush may or may not have reached it.

    An epoch of more than `bound` combinations gives its prefixes, each sector alone, all sectors but one, and `bound`
    combinations drawn with this seed. `unit` is what the disk writes whole, in bytes, aligned: 4096 for many flash
    disks; where it is more than a sector, read "unit" for "sector".
    """
    if unit % SECTOR or unit <= 0:
        raise CrashError(f"a unit of {unit} bytes is not whole sectors")
    found: list[State] = []
    skipped = 0
    durable: dict[int, bytes] = {}
    for number, epoch in enumerate(_epochs(entries)):
        versions: dict[int, list[Sectors]] = {}
        prefixes: list[dict[int, Sectors]] = [{}]
        for write in epoch:
            for place, new in _units(write, unit // SECTOR):
                if place not in versions:
                    before = range(place, min(place + unit // SECTOR, len(image.data) // SECTOR))
                    versions[place] = [{n: durable.get(n) or image.sector(n) for n in before}]
                version = {**prefixes[-1].get(place, versions[place][0]), **new}
                if version not in versions[place]:
                    versions[place].append(version)
                prefixes.append({**prefixes[-1], place: version})
        oldest = {place: known[0] for place, known in versions.items()}
        total = prod(len(known) for known in versions.values())
        chosen: Iterable[Mapping[int, Sectors]]
        if total <= bound:
            chosen = (dict(zip(versions, choice, strict=True)) for choice in product(*versions.values()))
        else:
            drawn = random.Random(f"{seed} {number}")
            last = prefixes[-1]
            chosen = [
                *prefixes,
                *({place: version} for place, version in last.items()),
                *({place: version for place, version in last.items() if place != left} for left in last),
                *({place: drawn.choice(known) for place, known in versions.items()} for _ in range(bound)),
            ]
        # Sectors of earlier epochs are compared with the image once, not for each state.
        inside = {n for version in oldest.values() for n in version}
        settled = State.of(image, ((n, data) for n, data in durable.items() if n not in inside)).changes
        made = {}
        for some in chosen:
            sectors = (pair for version in {**oldest, **some}.values() for pair in version.items())
            state = State(image, {**settled, **State.of(image, sectors).changes})
            made[state.key] = state
        skipped += total - len(made)
        found += made.values()
        for version in prefixes[-1].values():
            durable.update(version)
    return _counted(found or [State(image, {})], entries, skipped)


def all_states(
    image: Image, entries: Sequence[Entry], *, bound: int = BOUND, seed: int = 0, unit: int = SECTOR
) -> States:
    """The states of both kinds, each once."""
    late = reordered(image, entries, bound=bound, seed=seed, unit=unit)
    return _counted([*in_order(image, entries).states, *late.states], entries, late.skipped)


def _counted(found: Iterable[State], entries: Sequence[Entry], skipped: int) -> States:
    distinct = {state.key: state for state in found}
    kinds = [isinstance(entry, Flush) for entry in entries]
    return States(tuple(distinct.values()), skipped, kinds.count(False), kinds.count(True))


def _epochs(entries: Sequence[Entry]) -> Iterator[list[Write]]:
    """The writes between flushes."""
    epoch: list[Write] = []
    for entry in entries:
        if isinstance(entry, Write):
            epoch.append(entry)
        elif isinstance(entry, Flush) and epoch:
            yield epoch
            epoch = []
    if epoch:
        yield epoch


def _sectors(write: Write) -> Iterator[tuple[int, bytes]]:
    for place in range(0, len(write.data), SECTOR):
        yield write.sector + place // SECTOR, write.data[place : place + SECTOR]


def _units(write: Write, sectors: int) -> Iterator[tuple[int, Sectors]]:
    """The sectors of a write by the first sector of the unit they are in."""
    units: dict[int, dict[int, bytes]] = {}
    for number, data in _sectors(write):
        units.setdefault(number - number % sectors, {})[number] = data
    yield from units.items()


# -- what programs make of a state -------------------------------------------------------------------------------------


def after_fsck(states: Iterable[State]) -> Iterator[State | None]:
    """Each FAT partition's state after the check that balenaOS makes at every boot; None where that gives up."""
    return _repaired(states, FSCK_VFAT)


def after_e2fsck(states: Iterable[State]) -> Iterator[State | None]:
    """Each ext4 partition's state with its journal replayed and its faults repaired; None where that gives up."""
    return _repaired(states, E2FSCK)


def _repaired(states: Iterable[State], program: Sequence[str]) -> Iterator[State | None]:
    """The states in the same order, after a program that repairs a file in place.

    States of one image follow one another in one file; what differs from the image afterwards is put back.
    """
    with _workspace() as folder:
        path, image = Path(folder, "image"), None
        for state in states:
            if state.image is not image:
                image = state.image
                State(image, {}).write_to(path)
            fd = os.open(path, os.O_RDWR)
            try:
                _put(fd, state.changes)
                status = _tool(*program, str(path), allowed=range(16)).returncode
                after = _differences(fd, image)
                _put(fd, {number: image.sector(number) for number in after})
            finally:
                os.close(fd)
            yield State(image, after) if status in REPAIRED[program[0]] else None


def ext4_contents(state: State, names: Iterable[str]) -> tuple[bytes | None, ...]:
    """Files on an ext4 partition as a reader finds them that does not replay the journal, as bootloaders do not.

    Nor does it look at bitmaps and checksums. None where there is no such file. Raises `CrashError` where the file
    system cannot be read.
    """
    asked = tuple(names)
    with _workspace() as folder:
        path, commands = Path(folder, "image"), Path(folder, "commands")
        files = [Path(folder, f"found{number}") for number in range(len(asked))]
        state.write_to(path)
        commands.write_text("".join(f'dump "/{name}" {file}\n' for name, file in zip(asked, files, strict=True)))
        done = _tool("debugfs", "-c", "-n", "-f", str(commands), str(path))
        said = [
            line
            for line in done.stderr.decode(errors="replace").splitlines()
            if not line.startswith(("debugfs 1.", "catastrophic mode")) and "File not found" not in line
        ]
        if not said:
            return tuple(file.read_bytes() if file.exists() else None for file in files)
    if len(asked) == 1:
        raise CrashError(f"{asked[0]}: {' '.join(said)}")
    # What debugfs remembers of one file may make it stumble over the next in a damaged file system.
    return tuple(content for name in asked for content in ext4_contents(state, [name]))


def _workspace() -> TemporaryDirectory[str]:
    """A folder in memory: a thousand file systems are repaired there."""
    return TemporaryDirectory(prefix="crash-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)


def _put(fd: int, sectors: Sectors) -> None:
    for number, data in sectors.items():
        os.pwrite(fd, data, number * SECTOR)


def _differences(fd: int, image: Image) -> dict[int, bytes]:
    """The sectors in which a sparse file differs from an image that has no data in the file's holes."""
    found: dict[int, bytes] = {}
    place = 0
    while (place := _data(fd, place)) < len(image.data):
        end = os.lseek(fd, place, os.SEEK_HOLE)
        for start in range(place, min(end, len(image.data)), BLOCK):
            block = os.pread(fd, BLOCK, start)
            if block != image.data[start : start + BLOCK]:
                for number in range(start // SECTOR, (start + len(block)) // SECTOR):
                    data = block[number * SECTOR - start : (number + 1) * SECTOR - start]
                    if data != image.sector(number):
                        found[number] = data
        place = end
    return found


def _data(fd: int, place: int) -> int:
    """Where the next data are; behind the end of the file where there are none."""
    try:
        return os.lseek(fd, place, os.SEEK_DATA)
    except OSError:
        return os.fstat(fd).st_size


def _tool(*argv: str, allowed: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TOOL_SECONDS)
    if done.returncode not in allowed:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise CrashError(f"{' '.join(argv)} ended with {done.returncode}: {said}")
    return done
