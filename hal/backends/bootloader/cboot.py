"""Cboot of Jetson Xavier AGX and NX: NVIDIA's boot slots 0 and 1, each with a kernel and a device tree partition.

Boot slots and root slots are not paired: a boot slot boots the root whose label is in the arguments of its device tree.
So a switch puts kernel and device tree of the other root into the boot slot that does not run, and activates that one.

A boot slot in the making has no device tree: the first sector of its device tree partition is cleared before anything
else there changes, and is written last. So no boot slot ever has the kernel of one OS and the device tree of another,
and a device tree that names a root means that the kernel beside it is that OS's.

`resinOS_uEnv.txt` is for balenaOS's scripts alone and is written last. A power cut before that leaves them with what
they call altboot, and their recovery keeps the root that boots.

Firmware is not written, neither here nor by an update step: on AGX both slots and `bootloader-dtb` of both must hold
that of one release, and the slot to fall back to would run the newer firmware.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from attrs import evolve

from hal.backends.bootloader import base, slots, tegra_slots
from hal.backends.bootloader.base import SlotBootloader
from hal.backends.bootloader.names import ROOT, UPGRADE
from hal.backends.bootloader.rules import Values, clean, slot_of
from hal.backends.bootloader.storage import Stored, Texts
from hal.backends.bootloader.tegra_slots import PROGRAM, TRIES, Metadata, Redundancy
from hal.backends.bootloader.traces import foreign
from hal.errors import FileFault, HalError, NotApplied
from hal.model import (
    BootloaderKind,
    BootOperation,
    BootStatus,
    BootWrite,
    Cost,
    NextBoot,
    Outcome,
    SelectionRule,
    SetResult,
    Slot,
    SlotFacts,
    WriteKind,
)
from hal.root import Root

SECTOR = 512
KERNEL = "boot_sigheader.img.encrypt"
"""The signed kernel of an OS, and below the signed device trees, in this folder of its root file system."""
BINARIES = "opt/tegra-binaries"

_HEADER = 16 * 1024
"""A signature of 4 KiB precedes the device tree; where it begins is searched for up to here."""
_TREE_BYTES = 4 * 1024 * 1024
_KERNEL_BYTES = 128 * 1024 * 1024
_MAGIC = b"\xd0\x0d\xfe\xed"
_LABEL = re.compile(rb"root=LABEL=(?:resin|balena)-root([AB])(?![0-9A-Za-z_-])")


class UserSpaceText(Texts):
    """`resinOS_uEnv.txt` alone: boots are counted in the slot metadata."""

    def __init__(self, root: Root, values: Values) -> None:
        super().__init__(root, "mnt/boot", count=b"", default={ROOT: values[0], UPGRADE: "0"})
        self.files = (self.state,)  # type: ignore[assignment]


class CbootBootloader(SlotBootloader):
    """`source` is the root file system of the OS to switch to, where a caller knows it; else the mounts tell."""

    kind = BootloaderKind.CBOOT
    sees_kernels = False
    source: str | None = None

    def storage(self) -> UserSpaceText:
        """The text, which nothing that boots reads."""
        return UserSpaceText(self.root, self.values())

    @property
    def writes(self) -> tuple[str, ...]:
        """The text, and both partitions of both boot slots; beside them the slot metadata, which is no file."""
        pairs = (part for number in (0, 1) for part in partitions(self.root, number))
        return (*self.storage().files, *pairs)

    # -- reading -------------------------------------------------------------------------------------------------

    def status(self) -> BootStatus:
        """The slot metadata, the device trees, the text, and what follows from them."""
        stored, values, metadata = self.storage().read(), self.values(), tegra_slots.read(self.root)
        running = slots.running(self.root, self.device_type)
        roots = tuple(self.boots(number) for number in (0, 1))
        told = (ROOT, UPGRADE)
        active = self._root_of(metadata, roots)
        return BootStatus(
            kind=self.kind,
            rule=SelectionRule.COMPILED,
            slots=tuple(self._slot(slot, value, running.slot) for slot, value in zip(Slot, values, strict=True)),
            named=slot_of(stored.texts.get(ROOT), values),
            active=active,
            running=running.slot,
            running_evidence=running.evidence,
            pending=clean(stored.texts.get(UPGRADE)) == "1",
            boot_count=metadata.tries,
            boot_limit=TRIES,
            next_boot=_predict(metadata, roots),
            variables=tuple(each for each in self._variables(stored, values) if each.name in told),
            notes=(
                *stored.notes,
                *_notes(metadata, roots, running.slot),
                *self._disagreement(stored, values, active),
                *foreign(self.root, self.kind, self.storage().files),
            ),
        )

    def boots(self, number: int) -> Slot | None:
        """The root that a boot slot boots; `None` where its device tree is in the making, or names none or two."""
        tree, _ = partitions(self.root, number)
        try:
            return label(self.root.span(tree, 0, _TREE_BYTES))
        except FileFault:
            return None

    def _root_of(self, metadata: Metadata, roots: tuple[Slot | None, ...]) -> Slot | None:
        first = next(tegra_slots.attempts(metadata)).slot
        return None if first is None else roots[first]

    def _slot(self, slot: Slot, value: str, running: Slot | None) -> SlotFacts:
        """A root file system's kernel is the signed one, which a switch needs; older releases keep it elsewhere."""
        facts = super()._slot(slot, value, running)
        return evolve(facts, kernel=True if self._binaries(slot, running) else None)

    def _disagreement(self, stored: Stored, values: Values, active: Slot | None) -> Iterator[str]:
        named = slot_of(stored.texts.get(ROOT), values)
        if named is not None and active is not None and named is not active:
            yield f"{stored.files[ROOT]} names slot {named}, {active} boots: to balenaOS's scripts this is altboot"

    # -- operations ----------------------------------------------------------------------------------------------

    def _operate(self, operation: BootOperation, slot: Slot | None = None) -> SetResult:
        self._check(operation, slot)
        with self._locked():
            before = self.status()
            writes = tuple(self._plan(operation, slot))
            self._perform(writes)
            after = self.status()
            self._verify(operation, slot, after)
        moves = after.next_boot.slot is not after.running and bool(writes)
        return SetResult(
            previous=base._words(before),
            value=base._words(after),
            outcome=(Outcome.ACCEPTED if moves else Outcome.APPLIED) if writes else Outcome.UNCHANGED,
            cost=Cost.REBOOT if moves else Cost.NONE,
            note=f"the next boot takes slot {after.next_boot.slot}: {after.next_boot.reason}",
        )

    def _plan(self, operation: BootOperation, slot: Slot | None) -> Iterator[BootWrite]:
        """A whole boot slot, then the text, then the metadata that decide.

        So a cut between the last two leaves a device that runs another slot than the text asks for, as after a
        fallback, and the services make it whole; the other way round an unhealthy slot could be taken for wanted.
        """
        metadata = tegra_slots.read(self.root)
        if operation is BootOperation.CLEAR_BOOT_COUNT:
            # The last try may be the present boot: then the other boot slot is the next, and not the one to be told.
            asked = slot_of(self.storage().read().texts.get(ROOT), self.values())
            number = metadata.running if self.boots(metadata.running) is asked else metadata.chosen
            if number is not None and number < len(metadata.slots):
                found = metadata.slots[number]
                if not found.successful and found.retry_count != TRIES:
                    yield _call(f"-a {number}", f"boot slot {number} has all its tries again")
            return
        running = slots.running(self.root, self.device_type).slot
        assert running is not None
        target = self._target(operation, slot, running)
        if metadata.redundancy is not Redundancy.FULL and metadata.current != 0:
            raise HalError(
                f"boot slot {metadata.current} was started and NVIDIA's redundancy is {metadata.redundancy}, so which "
                "kernel partition runs is not certain; boot slot 0 must be started first",
                path=PROGRAM,
            )
        here = metadata.running
        inside = self.boots(here)
        if target is not running and inside is target:
            raise HalError(
                f"boot slot {here} runs, but its device tree names root {target}, so {running} would not be left to "
                f"fall back to: switch to {running} first, and reboot",
                path=partitions(self.root, here)[0],
            )
        if target is running and inside is target.other and operation is BootOperation.COMMIT:
            raise HalError(
                f"boot slot {here} runs, but its device tree names root {target.other}, so keeping it would not keep "
                f"{running}: switch to {running} first, and reboot",
                path=partitions(self.root, here)[0],
            )
        last: list[BootWrite] = []
        if target is not running or inside is target.other:
            made = list(self._activate(metadata, target, running, optional=operation is BootOperation.ROLL_BACK))
            if made and made[-1].file.startswith(f"{PROGRAM} -a"):
                last = [made.pop()]
            yield from made
        elif not metadata.marked(here):
            yield _call("-m", f"boot slot {here}, with root {target}, is successful and boots next")
        tried = operation is BootOperation.SWITCH and target is not running
        steps = {
            ROOT: f"balenaOS's scripts expect slot {target}",
            UPGRADE: "and an update to be committed" if tried else "and nothing pending",
        }
        wanted: dict[str, str | None] = {ROOT: self.values()[target is Slot.B], UPGRADE: "1" if tried else "0"}
        yield from self.storage().writes(wanted, steps)
        yield from last

    def _activate(self, metadata: Metadata, target: Slot, running: Slot, *, optional: bool) -> Iterator[BootWrite]:
        """The boot slot that does not run boots `target` next, with rollback armed.

        With `optional`, a boot slot that boots `target` is taken as it is where that OS's files are not to be seen.
        """
        number = 1 - metadata.running
        tree_file, kernel_file = partitions(self.root, number)
        whole = True
        if not (optional and self._binaries(target, running) is None and self.boots(number) is target):
            tree, kernel = self._inputs(target, running)
            for file, data in ((tree_file, tree), (kernel_file, kernel)):
                if len(self.root.span(file, len(data) - 1, 1)) != 1:
                    raise FileFault(f"{file}: no room for the {len(data)} bytes of root {target}", path=file)
            same_kernel = self.root.span(kernel_file, 0, len(kernel)) == kernel
            whole = same_kernel and self.root.span(tree_file, 0, len(tree)) == tree
        if not whole:
            if not metadata.stays(metadata.running):
                yield _call("-m", f"boot slot {metadata.running} boots until the other one is whole")
            clear = bytes(SECTOR)
            if self.root.span(tree_file, 0, SECTOR) != clear:
                yield _flash(tree_file, clear, f"boot slot {number} is in the making, and boots nothing")
            if not same_kernel:
                yield _flash(kernel_file, kernel, f"boot slot {number} has the kernel of root {target}")
            yield _flash(tree_file, tree, f"boot slot {number} boots root {target}; its first sector is written last")
        if metadata.redundancy is not Redundancy.FULL:
            yield _call("-e", f"NVIDIA's redundancy is on, and boot slot {metadata.running} still boots next")
        if not (whole and metadata.activated(number)):
            yield _call(f"-a {number}", f"boot slot {number}, with root {target}, boots next and counts its tries")

    def _perform(self, writes: tuple[BootWrite, ...]) -> None:
        """Make the writes in order, each durable and read back before the next; without room, none is made."""
        base._check_room(self.root, writes)
        for write in writes:
            if write.kind is WriteKind.PROGRAM:
                _, option, *number = write.file.split(" ")
                metadata = tegra_slots.read(self.root)
                tegra_slots.call(self.root, option, int(number[0]) if number else metadata.current)
            elif write.file.startswith("dev/"):
                data = write.data or b""
                self.root.patch(write.file, SECTOR, data[SECTOR:])
                self.root.patch(write.file, 0, data[:SECTOR])
            else:
                base.perform(self.root, (write,))

    def _verify(self, operation: BootOperation, slot: Slot | None, after: BootStatus) -> None:
        """Read back: accepted is not applied."""
        if after.boot_count:
            raise NotApplied(f"the boot count reads back as {after.boot_count}, not 0", path=PROGRAM)
        if operation is BootOperation.CLEAR_BOOT_COUNT:
            return
        assert after.running is not None
        target = self._target(operation, slot, after.running)
        tried = operation is BootOperation.SWITCH and target is not after.running
        named = next(variable for variable in after.variables if variable.name == ROOT).text
        if slot_of(named, self.values()) is not target or after.pending is not tried:
            raise NotApplied(
                f"reads back as {named!r}, pending {after.pending}; wanted was slot {target}, {tried}", path=ROOT
            )
        if after.active is target.other or (after.active is None and target is not after.running):
            raise NotApplied(f"slot {after.active} would boot, and wanted was {target}", path=PROGRAM)

    # -- inputs --------------------------------------------------------------------------------------------------

    def _binaries(self, slot: Slot, running: Slot | None) -> str | None:
        """The folder of signed files of the OS in a root slot; `None` where it is not to be seen."""
        if self.source is not None:
            places = [self.source]
        elif running is None:
            return None
        else:
            mount = slots.MOUNTS[slot is running]
            # balenaOS links boot of the installed OS into the slot; opt is beside what that leads to.
            places = [f"{mount}/current/boot/..", f"{mount}/boot/.."]
            places = ["", *places] if slot is running else places
        for place in places:
            folder = f"{place}/{BINARIES}" if place else BINARIES
            if self.root.is_file(f"{folder}/{KERNEL}"):
                return folder
        return None

    def _inputs(self, target: Slot, running: Slot) -> tuple[bytes, bytes]:
        """Signed device tree and kernel of the OS in `target`."""
        folder = self._binaries(target, running)
        if folder is None:
            raise FileFault(
                f"the files of the OS in slot {target} are not to be seen: no {BINARIES}/{KERNEL} below "
                f"{slots.MOUNTS[target is running] if self.source is None else self.source or '/'}",
                path=KERNEL,
            )
        ending = f"-root{target}_sigheader.dtb.encrypt"
        named = f"{self.device_type.default_device_tree}{ending}"
        found = [each for each in self.root.listdir(folder) if each.endswith(ending)]
        found = [named] if named in found else found
        if len(found) != 1:
            raise FileFault(f"{folder}: {named} is wanted, and there is {', '.join(found) or 'none'}", path=folder)
        tree = self.root.read_bytes(f"{folder}/{found[0]}", limit=_TREE_BYTES)
        kernel = self.root.read_bytes(f"{folder}/{KERNEL}", limit=_KERNEL_BYTES)
        if label(tree) is not target:
            raise HalError(f"{folder}/{found[0]}: its arguments do not name root {target}", path=found[0])
        if not any(kernel[:SECTOR]):
            raise HalError(f"{folder}/{KERNEL}: no kernel, it begins with {SECTOR} zeros or less", path=KERNEL)
        return tree, kernel


def partitions(root: Root, number: int) -> tuple[str, str]:
    """Device tree and kernel partition of a boot slot; on the disk of the running root where udev links that."""
    suffix = "_b" if number else ""

    def place(name: str) -> str:
        near = f"dev/disk/by-state/{name}{suffix}"
        return near if root.exists(near) else f"dev/disk/by-partlabel/{name}{suffix}"

    return place("kernel-dtb"), place("kernel")


def label(data: bytes) -> Slot | None:
    """The root that a signed device tree names; what an older, larger one left behind it does not count."""
    if not any(data[:SECTOR]):
        return None
    start = data.find(_MAGIC, 0, _HEADER)
    end = start + int.from_bytes(data[start + 4 : start + 8], "big") if start >= 0 else len(data)
    found = set(_LABEL.findall(data, max(start, 0), end))
    return Slot(found.pop().decode()) if len(found) == 1 else None


def _predict(metadata: Metadata, roots: tuple[Slot | None, ...]) -> NextBoot:
    """The next boot and those after it, as far as Cboot's rule is known."""
    tries = tuple(islice(tegra_slots.attempts(metadata), 6))
    chain = [None if each.slot is None else roots[each.slot] for each in tries]
    number = tries[0].slot
    if number is None:
        reason = "no boot slot has tries left"
    elif metadata.redundancy is Redundancy.OFF:
        reason = "NVIDIA's redundancy is off, so boot slot 0 boots"
    else:
        slot = metadata.slots[metadata.chosen or 0]
        state = "is marked successful" if slot.successful else f"has {slot.retry_count} of {TRIES} tries left"
        reason = f"boot slot {metadata.chosen} has priority {slot.priority} and {state}"
    if number is not None and chain[0] is None:
        reason += ", but its device tree names no root"
    return NextBoot(slot=chain[0], reason=reason, counts=tries[0].counts, then=tuple(chain[1:]))


def _notes(metadata: Metadata, roots: tuple[Slot | None, ...], running: Slot | None) -> Iterator[str]:
    """What is unusual about the boot slots."""
    if metadata.redundancy is not Redundancy.FULL:
        yield f"NVIDIA's redundancy is {metadata.redundancy}: a kernel that does not come up is tried for ever"
    if metadata.tries is not None and not metadata.slots[metadata.chosen or 0].successful:
        yield f"tries are as stored, {TRIES}; balenaOS documents 3 for AGX Xavier, and for NX the number is unknown"
    for number, inside in enumerate(roots):
        if inside is None and (number == 0 or metadata.redundancy is Redundancy.FULL):
            yield f"boot slot {number}: its device tree names no root; it was never written, or is in the making"
    inside = roots[metadata.running]
    if running is not None and inside is running.other:
        yield f"boot slot {metadata.running} started root {running}, and its device tree now names {inside}"


def _call(words: str, step: str) -> BootWrite:
    return BootWrite(file=f"{PROGRAM} {words}", kind=WriteKind.PROGRAM, data=None, step=step)


def _flash(file: str, data: bytes, step: str) -> BootWrite:
    return BootWrite(file=file, kind=WriteKind.OVERWRITE, data=data, step=step)
