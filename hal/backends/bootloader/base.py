"""What the back ends have in common: reading the state, deciding what an operation writes, writing it, reading back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress

from hal.backends.bootloader import slots
from hal.backends.bootloader.lock import LOCKS as LOCKS
from hal.backends.bootloader.lock import locked
from hal.backends.bootloader.names import COUNT, ROOT, UPGRADE
from hal.backends.bootloader.rules import Rule, Seen, Values, clean, predict, slot_of
from hal.backends.bootloader.storage import Committed, Storage, Stored
from hal.backends.bootloader.traces import foreign
from hal.errors import FileFault, HalError, NotApplied, ValueRefused
from hal.model import (
    BootloaderKind,
    BootOperation,
    BootStatus,
    BootVariable,
    BootWrite,
    Cost,
    DeviceType,
    Outcome,
    SetResult,
    Slot,
    SlotFacts,
    ValueState,
    WriteKind,
)
from hal.root import Root

_LOCK_SECONDS = 20.0


class SlotBootloader:
    """A bootloader whose state is the three variables in files. Each one says where, and by which rule it chooses.

    Every method may raise `HalError`; what has a defined meaning, however odd, is no error but part of the status.
    """

    kind: BootloaderKind
    sees_kernels = True
    """Whether what chooses the slot can look into it."""

    def __init__(self, device_type: DeviceType, root: Root) -> None:
        self.device_type = device_type
        self.root = root

    # -- of each bootloader --------------------------------------------------------------------------------------

    def values(self) -> Values:
        """How the state file writes slots A and B."""
        if self.device_type.partitions is None:
            raise ValueRefused(f"{self.device_type.slug}: the partitions of this device type are not known")
        return self.device_type.partitions.slot_values()

    def storage(self) -> Storage:
        """Where the variables are."""
        raise NotImplementedError

    def rule(self) -> Rule:
        """How the slot is chosen on this device."""
        raise NotImplementedError

    def committed(self) -> Committed | None:
        """The committed-slot file; `None` where nothing that boots could read one."""
        return None

    def beside(self, operation: BootOperation, target: Slot) -> dict[str, str | None]:
        """Further variables that an operation sets, `None` for those to be gone: for whoever has any."""
        return {}

    def seen(self, stored: Stored) -> dict[str, str]:
        """The variables as this bootloader sees them, which other files may override."""
        return stored.texts

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def reads(self) -> tuple[str, ...]:
        """The state files. None must be intact: an operation mends them."""
        return ()

    @property
    def writes(self) -> tuple[str, ...]:
        """The state files, and the committed slot."""
        committed = self.committed()
        return (*self.storage().files, *((committed.file,) if committed else ()))

    def status(self) -> BootStatus:
        """The state, and what the next boot will do."""
        stored = self.storage().read()
        rule, values = self.rule(), self.values()
        running = slots.running(self.root, self.device_type)
        texts = self.seen(stored)
        active = slot_of(texts.get(ROOT), values)
        facts = tuple(self._slot(slot, value, running.slot) for slot, value in zip(Slot, values, strict=True))
        count = count_of(texts.get(COUNT))
        return BootStatus(
            kind=self.kind,
            rule=rule.kind,
            slots=facts,
            named=active,
            active=active,
            running=running.slot,
            running_evidence=running.evidence,
            pending=clean(texts.get(UPGRADE)) == "1",
            boot_count=count,
            boot_limit=rule.tries,
            next_boot=predict(rule, self._seen(texts, facts)),
            variables=tuple(self._variables(stored, values)),
            notes=(*stored.notes, *self._conflicts(stored), *foreign(self.root, self.kind, self.storage().files)),
        )

    def _seen(self, texts: dict[str, str], facts: Iterable[SlotFacts]) -> Seen:
        committed = self.committed()
        a, b = (fact.kernel is not False or not self.sees_kernels for fact in facts)
        return Seen(
            root=texts.get(ROOT),
            upgrade=texts.get(UPGRADE),
            count=texts.get(COUNT),
            committed=committed.read() if committed else None,
            kernels=(a, b),
            storable=self.storage().storable(),
        )

    def _slot(self, slot: Slot, value: str, running: Slot | None) -> SlotFacts:
        table = self.device_type.partitions
        number = None if table is None else (table.root_a if slot is Slot.A else table.root_b)
        return SlotFacts(
            slot=slot,
            value=value,
            partition=number,
            kernel=slots.kernel(self.root, self.device_type, slot, running),
        )

    def _variables(self, stored: Stored, values: Values) -> Iterator[BootVariable]:
        for name in (ROOT, UPGRADE, COUNT):
            text = stored.texts.get(name)
            state, meaning = judge(name, text, values)
            yield BootVariable(name=name, file=stored.files[name], text=text, state=state, meaning=meaning)

    def _conflicts(self, stored: Stored) -> Iterator[str]:
        """What the bootloader sees differently from its own files."""
        for name, text in self.seen(stored).items():
            if stored.texts.get(name) != text:
                yield f"{name}={text!r} comes from another file than {stored.files[name]}, and counts"

    # -- operations ----------------------------------------------------------------------------------------------

    def preview(self, operation: BootOperation, slot: Slot | None = None) -> tuple[BootWrite, ...]:
        """What an operation would write, in order; raises what it would raise before the first write."""
        self._check(operation, slot)
        return tuple(self._plan(operation, slot))

    def switch(self, slot: Slot) -> SetResult:
        """Ask the next boot to try `slot`, with rollback armed; for the running slot, to stay, with nothing pending."""
        return self._operate(BootOperation.SWITCH, slot)

    def commit(self) -> SetResult:
        """Keep the running slot: count zero, then nothing pending, whatever the state file named before."""
        return self._operate(BootOperation.COMMIT)

    def clear_boot_count(self) -> SetResult:
        """Boot count to zero, nothing else."""
        return self._operate(BootOperation.CLEAR_BOOT_COUNT)

    def roll_back(self) -> SetResult:
        """Ask the next boot to take the slot that is not running, with nothing pending."""
        return self._operate(BootOperation.ROLL_BACK)

    def _operate(self, operation: BootOperation, slot: Slot | None = None) -> SetResult:
        self._check(operation, slot)
        with self._locked():
            before = self.status()
            writes = tuple(self._plan(operation, slot))
            perform(self.root, writes)
            after = self.status()
            self._verify(operation, slot, after)
        boots = operation in (BootOperation.SWITCH, BootOperation.ROLL_BACK)
        return SetResult(
            previous=_words(before),
            value=_words(after),
            outcome=(Outcome.ACCEPTED if boots else Outcome.APPLIED) if writes else Outcome.UNCHANGED,
            cost=Cost.REBOOT if boots and writes else Cost.NONE,
            note=f"the next boot takes slot {after.next_boot.slot}: {after.next_boot.reason}",
        )

    def _check(self, operation: BootOperation, slot: Slot | None) -> None:
        """Refuse what would leave a device without a slot to boot."""
        if operation is BootOperation.SWITCH and slot not in tuple(Slot):
            raise ValueRefused(f"slot {slot!r}: A or B is allowed", allowed=tuple(Slot))
        files = self.storage().files
        folder = files[0].rpartition("/")[0]
        if not self.root.is_dir(folder):
            raise FileFault(f"{folder}: no such folder, so there is no {self.kind.value} to tell anything", path=folder)
        others = foreign(self.root, self.kind, files)
        if others and not any(self.root.exists(file) for file in files):
            raise HalError(
                f"{self.device_type.slug} boots with {self.kind.value}, of which there is no trace here: {others[0]}",
                path=files[0],
            )
        if operation is BootOperation.CLEAR_BOOT_COUNT:
            return
        status = self.status()
        if status.running is None:
            raise HalError(f"the running slot is not known: {status.running_evidence}", path="slot")
        target = self._target(operation, slot, status.running)
        if operation in (BootOperation.SWITCH, BootOperation.ROLL_BACK) and target is not status.running:
            self._check_target(target)
            if next(fact for fact in status.slots if fact.slot is target).kernel is False:
                raise ValueRefused(
                    f"slot {target} has no kernel {self.device_type.kernel_image} and cannot boot", path="slot"
                )

    def _check_target(self, target: Slot) -> None:
        """Refuse a slot whose partition the kernel does not show, where it shows partitions at all."""
        shown = {label for folder in ("by-label", "by-partlabel") for label in self.root.listdir(f"dev/disk/{folder}")}
        if shown & set(slots.LABELS) and not any(slots.LABELS.get(label) is target for label in shown):
            raise ValueRefused(f"slot {target}: there is no partition labelled resin-root{target}", path="slot")

    def _target(self, operation: BootOperation, slot: Slot | None, running: Slot) -> Slot:
        if operation is BootOperation.ROLL_BACK:
            return running.other
        return slot if operation is BootOperation.SWITCH and slot else running

    def _plan(self, operation: BootOperation, slot: Slot | None) -> Iterator[BootWrite]:
        """Arm with the switch, disarm only once the count is zero; the committed slot first where it is known good."""
        values, storage, committed = self.values(), self.storage(), self.committed()
        stored = storage.read()
        if operation is BootOperation.CLEAR_BOOT_COUNT:
            if count_of(stored.texts.get(COUNT)) != 0:
                yield from storage.writes({COUNT: "0"}, {COUNT: "no boot is counted"})
            return
        running = slots.running(self.root, self.device_type).slot
        assert running is not None
        target = self._target(operation, slot, running)
        tried = operation is BootOperation.SWITCH and target is not running
        pending = clean(stored.texts.get(UPGRADE)) == "1"
        if committed and tried and not pending:
            yield from committed.writes(values[running is Slot.B])
        wanted: dict[str, str | None] = {
            COUNT: "0",
            ROOT: values[target is Slot.B],
            UPGRADE: "1" if tried else "0",
            **self.beside(operation, target),
        }
        steps = {
            COUNT: "no boot is counted",
            ROOT: f"slot {target} boots next",
            UPGRADE: "rollback is armed" if tried else "nothing is pending",
        }
        yield from storage.writes(wanted, steps)
        if committed and not tried:
            yield from committed.writes(values[target is Slot.B])

    def _verify(self, operation: BootOperation, slot: Slot | None, after: BootStatus) -> None:
        """Read back: accepted is not applied."""
        if after.boot_count != 0:
            raise NotApplied(f"the boot count reads back as {after.boot_count}, not 0", path=COUNT)
        if operation is BootOperation.CLEAR_BOOT_COUNT:
            return
        assert after.running is not None
        target = self._target(operation, slot, after.running)
        tried = operation is BootOperation.SWITCH and target is not after.running
        if after.active is not target or after.pending is not tried:
            raise NotApplied(
                f"reads back as slot {after.active}, pending {after.pending}; wanted was {target}, {tried}", path=ROOT
            )

    def _locked(self) -> AbstractContextManager[None]:
        """One writer at a time, those of balenaOS included."""
        return locked(self.root, timeout_seconds=_LOCK_SECONDS)


def perform(root: Root, writes: tuple[BootWrite, ...]) -> None:
    """Make the writes in order, each durable and read back before the next; where there is no room, none is made."""
    _check_room(root, writes)
    for write in writes:
        match write.kind:
            case WriteKind.REMOVE:
                root.remove(write.file)
            case WriteKind.OVERWRITE:
                root.overwrite(write.file, write.data or b"")
            case WriteKind.EXTEND:
                root.extend(write.file, write.data or b"")
            case WriteKind.REPLACE:
                root.replace(write.file, write.data or b"")


def _check_room(root: Root, writes: tuple[BootWrite, ...]) -> None:
    """Every new file needs whole clusters beside what it replaces, and its folder may need one more."""
    new = [write for write in writes if write.kind is WriteKind.REPLACE]
    if not new:
        return
    folder = new[0].file.rpartition("/")[0]
    cluster = root.cluster_bytes(folder)
    needed = sum(-(-len(write.data or b"") // cluster) * cluster for write in new) + cluster
    free = root.free_bytes(folder)
    if free < needed:
        raise FileFault(f"{folder}: {free} bytes are free and {needed} are needed; nothing was written", path=folder)


def judge(name: str, text: str | None, values: Values) -> tuple[ValueState, str]:
    """How good a variable is, and what it is taken to mean by whoever follows the mended rule."""
    if name == ROOT:
        slot = slot_of(text, values)
        if slot:
            return ValueState.VALID, f"slot {slot}"
        legal = f"{values[0]} and {values[1]} name slots"
        if text is None:
            return ValueState.ABSENT, f"no slot; {legal}"
        with suppress(ValueError):
            int(text, 16)
            return ValueState.OUT_OF_RANGE, f"no slot; {legal}"
        return ValueState.JUNK, f"no slot; {legal}"
    if name == UPGRADE:
        pending = clean(text) == "1"
        meaning = "an update waits for its commit" if pending else "nothing is pending"
        if text is None:
            return ValueState.ABSENT, meaning
        return (ValueState.VALID if clean(text) in ("0", "1") else ValueState.JUNK), meaning
    count = count_of(text)
    if text is None:
        return ValueState.ABSENT, "no boot is counted"
    if count is None:
        return ValueState.JUNK, "counts as 0"
    return (ValueState.VALID if count < 16 else ValueState.OUT_OF_RANGE), f"{count} boots"


def count_of(text: str | None) -> int | None:
    """A stored boot count as a number: absent is 0, junk is `None`."""
    if text is None:
        return 0
    text = text.removesuffix(" ")
    return int(text, 16) if 0 < len(text) <= 2 and set(text) <= set("0123456789abcdef") else None


def _words(status: BootStatus) -> str:
    return f"slot {status.active or 'unknown'}, {'update pending' if status.pending else 'nothing pending'}"
