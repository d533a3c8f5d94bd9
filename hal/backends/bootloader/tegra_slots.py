"""NVIDIA's boot slots 0 and 1 on Xavier: what `tegra-boot-control` tells of them, and which one boots.

The slot metadata is in the boot flash, in two copies with a checksum each, so a power cut within the program leaves the
old or the new metadata. Formats and defaults are those of tegra-boot-tools 3.1.2; the rule is that of NVIDIA's
published Cboot for L4T 32.6 and newer, and of the first stage before it, which chooses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from attrs import evolve, frozen

from hal.errors import NotApplied, ProgramFault
from hal.record import Record
from hal.root import Root
from hal.stdlib import StrEnum

PROGRAM = "tegra-boot-control"

TRIES = 7
"""The retry count that activating a slot and marking it successful store. It is kept over power cycles.

balenaOS documents three attempts, for AGX Xavier only; on which stage that was seen is unknown, for NX anything is.
"""

SEEN_TRIES = 2
"""Boots in a row of a successful slot that do not reach user space, without power off between, before the other one."""

_ROTATIONS = 4
"""After so many such boots, two of each slot, Cboot starts a recovery kernel, which balenaOS does not have."""

_SECONDS = 30.0
_SLOT = re.compile(
    r"Slot ([01]): priority: ([0-9]{1,3}), suffix: [^,\n]*, retry_count: ([0-9]{1,3}), successful: (YES|NO)"
)


class Redundancy(StrEnum):
    """What is there twice: nothing, the bootloader, or kernel and device tree too. The words are the program's."""

    OFF = "disabled"
    BOOTLOADER = "enabled (bootloader only)"
    FULL = "enabled (full)"


@frozen(kw_only=True, repr=False, eq=False)
class BootSlot(Record):
    """One boot slot: priority 0 to 15, boots left, and whether it was marked successful."""

    priority: int
    retry_count: int
    successful: bool

    @property
    def bootable(self) -> bool:
        """Whether it is ever chosen."""
        return self.priority > 0 and self.retry_count > 0


@frozen(kw_only=True, repr=False, eq=False)
class Metadata(Record):
    """The slot metadata. `current` is the boot slot that was started; with redundancy off there are no `slots`."""

    redundancy: Redundancy
    current: int
    slots: tuple[BootSlot, ...] = ()

    @property
    def chosen(self) -> int | None:
        """The boot slot started next: highest priority of those with boots left, slot 0 of two equal ones."""
        if not self.slots:
            return 0
        numbers = [number for number, slot in enumerate(self.slots) if slot.bootable]
        return max(numbers, key=lambda number: (self.slots[number].priority, -number), default=None)

    @property
    def running(self) -> int:
        """The boot slot whose kernel and device tree partitions run: 0 while only the bootloader is there twice."""
        return self.current if self.redundancy is Redundancy.FULL else 0

    @property
    def tries(self) -> int | None:
        """How many boots of the chosen slot were counted; `None` where none are."""
        if not self.slots or self.chosen is None:
            return None
        slot = self.slots[self.chosen]
        return 0 if slot.successful else max(0, TRIES - slot.retry_count)

    def activated(self, number: int) -> bool:
        """Whether this slot is as `-a` leaves it: chosen, all tries left, to be marked."""
        if not self.slots or self.chosen != number:
            return False
        return self.slots[number].retry_count == TRIES and not self.slots[number].successful

    def marked(self, number: int) -> bool:
        """Whether this slot is as `-m` leaves the current one: successful, and before the other."""
        if not self.slots:
            return number == 0
        slot, other = self.slots[number], self.slots[1 - number]
        return slot.successful and slot.retry_count == TRIES and slot.priority == 15 > other.priority

    def stays(self, number: int) -> bool:
        """Whether the next two boots are this slot's, whatever is in the other one."""
        if not self.slots:
            return number == 0
        slot = self.slots[number]
        return self.chosen == number and (slot.successful or slot.retry_count > 1)


class Attempt(NamedTuple):
    """One boot: the slot whose kernel and device tree start (`None`: none does), and whether it counts as a try."""

    slot: int | None
    counts: bool


def attempts(metadata: Metadata) -> Iterator[Attempt]:
    """The next boots, where none of them reaches user space and power stays on. It ends where the rule is not known."""
    rotations = 0
    while rotations < _ROTATIONS:
        number = metadata.chosen
        if number is None:
            yield Attempt(None, False)
            continue
        if not metadata.slots:
            yield Attempt(0, False)
            continue
        slot, other = metadata.slots[number], metadata.slots[1 - number]
        full = metadata.redundancy is Redundancy.FULL
        yield Attempt(number if full else 0, not slot.successful)
        if not slot.successful:
            slot = evolve(slot, retry_count=slot.retry_count - 1)
        elif full:
            slot = evolve(slot, retry_count=TRIES)
            rotations += 1
            if rotations % SEEN_TRIES == 0 and other.bootable:
                slot, other = evolve(slot, priority=14), evolve(other, priority=15)
        metadata = evolve(metadata, slots=(slot, other) if number == 0 else (other, slot))


def read(root: Root) -> Metadata:
    """Ask the program. Raises `ProgramFault` where it is missing, fails, or its answer makes no sense."""
    text = root.run([PROGRAM, "-s"], timeout_seconds=_SECONDS).stdout
    lines = text.splitlines()
    redundancy = next((level for level in Redundancy if lines[:1] == [f"Redundancy: {level}"]), None)
    found = [match for match in map(_SLOT.fullmatch, lines[2:]) if match]
    if redundancy is Redundancy.OFF:
        current = root.run([PROGRAM, "-c"], timeout_seconds=_SECONDS).stdout.removesuffix("\n")
        sound = len(lines) == 1
    else:
        current = lines[1].removeprefix("Current slot: ") if len(lines) == 4 else ""
        sound = [match[1] for match in found] == ["0", "1"]
    if redundancy is None or not sound or current not in ("0", "1"):
        raise ProgramFault(f"{PROGRAM}: its status makes no sense: {text!r:.300}", path=PROGRAM)
    told = tuple(
        BootSlot(priority=int(match[2]), retry_count=int(match[3]), successful=match[4] == "YES") for match in found
    )
    return Metadata(redundancy=redundancy, current=int(current), slots=told)


def call(root: Root, option: str, number: int) -> None:
    """Change the metadata and read it back: `-e` redundancy, `-a` activate `number`, `-m` mark it, the current one."""
    root.run([PROGRAM, option, *([str(number)] if option == "-a" else [])], timeout_seconds=_SECONDS)
    after = read(root)
    done = {
        "-e": after.redundancy is Redundancy.FULL,
        "-a": after.activated(number),
        "-m": after.marked(number),
    }[option]
    if not done:
        raise NotApplied(f"{PROGRAM} {option}: boot slot {number} reads back as {after!r}", path=PROGRAM)
