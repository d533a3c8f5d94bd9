"""What the services do at each phase. Every entry may be cut off anywhere and run again.

The order is always: what the bootloader reads first, breadcrumbs last. So a cut leaves either the breadcrumbs, which
bring the services back to finish, or nothing left to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cached_property

from attrs import evolve

from hal.ask import ask
from hal.errors import HalError, blame
from hal.model import (
    BootOperation,
    BootStatus,
    HealthCheck,
    Phase,
    RollbackOutcome,
    RollbackPolicy,
    RollbackStatus,
    Update,
    UpdatePhase,
    UpdateStep,
)
from hal.protocols import Bootloader
from hal.rollback import crumbs
from hal.rollback.crumbs import RollbackRecord, UpdateRecord
from hal.rollback.endings import crashes
from hal.rollback.health import checks, examine
from hal.rollback.phases import MEANING, boot_id, phase_of
from hal.root import Root

Wait = Callable[[float], None]

_RECOVERIES = 10
"""How often boot files are put back, twice in a boot, before a recovery that fails is over."""
_LEAVES = 2
"""How often the old slot is named again where the bootloader comes back from it."""

_KNOWN = 40
"""Traces of crashes remembered."""


class Rollback:
    """The state machine of one device: `bootloader`, the board's steps and checks, and how patient it is.

    `restore` runs in front of the board's steps where boot files are put back. Raises `HalError` where the bootloader's
    state cannot be read or written; what else fails is reported and passed over, because an unhealthy OS must not stay
    for the sake of a boot logo.
    """

    def __init__(
        self,
        root: Root,
        bootloader: Bootloader,
        *,
        steps: Iterable[UpdateStep] = (),
        board_checks: Iterable[HealthCheck] = (),
        policy: RollbackPolicy | None = None,
        wait: Wait = time.sleep,
    ) -> None:
        self.root = root
        self.bootloader = bootloader
        self.steps = tuple(steps)
        self.board_checks = tuple(board_checks)
        self.policy = policy or RollbackPolicy()
        self._wait = wait

    # -- looking -------------------------------------------------------------------------------------------------

    def look(self) -> tuple[Phase, BootStatus, RollbackRecord]:
        """The phase, and what it follows from."""
        boot: BootStatus = ask(self.bootloader, "status")
        record = crumbs.read(self.root)
        guarded = any(self.root.exists(crumb) for crumb in crumbs.GUARDS)
        return (
            phase_of(boot, guarded=guarded, update=record.update, boot_id=self._boot_id),
            boot,
            record,
        )

    def status(self) -> RollbackStatus:
        """How far an update is, what happened, and what the next boot will do. Changes nothing."""
        phase, boot, record = self.look()
        lying = (*crumbs.GUARDS, crumbs.VARIABLES, *crumbs.TRACES)
        return RollbackStatus(
            phase=phase,
            meaning=MEANING[phase],
            bootloader=boot,
            breadcrumbs=tuple(crumb for crumb in lying if self.root.exists(crumb)),
            events=record.events,
            notes=(*record.notes, *boot.notes),
        )

    @cached_property
    def _boot_id(self) -> str | None:
        return boot_id(self.root)

    # -- entries -------------------------------------------------------------------------------------------------

    def altboot(self, *, dry_run: bool = False) -> RollbackOutcome:
        """Early at boot: note the boot of a new slot, or make the old one whole after a fallback. Waits for nothing."""
        phase, boot, record = self.look()
        work = Work(phase, dry_run)
        if phase is Phase.TRIAL:
            self._arrive(work, boot, record)
        else:
            self._settle(work, boot, record)
        return work.outcome()

    def health(self, *, dry_run: bool = False) -> RollbackOutcome:
        """When services are up: wait for the new slot to be healthy and commit it, or go back to the old one.

        Between checks it waits `policy.interval_seconds`; after `policy.checks` failures it decides.
        """
        phase, boot, record = self.look()
        work = Work(phase, dry_run)
        if phase is not Phase.TRIAL:
            self._settle(work, boot, record)
            return work.outcome()
        record = self._arrive(work, boot, record)
        if work.reboot or dry_run:
            work.do("would check health, then commit or roll back") if dry_run and not work.reboot else None
            return work.outcome()
        bad: tuple[str, ...] = ()
        for _ in range(self.policy.checks):
            self._wait(self.policy.interval_seconds)
            bad = tuple(
                f"{check.name}: {verdict.reason}"
                for check in checks(self.root, self.board_checks)
                if not (verdict := examine(check)).healthy
            )
            if not bad:
                self.commit(work, boot)
                return work.outcome()
        reason = f"not healthy after {self.policy.checks} checks"
        self.leave(work, boot, crumbs.read(self.root), reason, bad)
        return work.outcome()

    def shutdown(self, *, dry_run: bool = False) -> RollbackOutcome:
        """On an orderly way down: a reboot somebody asked for is no failed boot of the new slot."""
        phase, _, record = self.look()
        work = Work(phase, dry_run)
        if phase is Phase.TRIAL:
            if record.update and work.do("note that this boot ended in order"):
                crumbs.write(self.root, evolve(record, update=evolve(record.update, ended_orderly=True)))
            if ask(self.bootloader, "preview", BootOperation.CLEAR_BOOT_COUNT) and work.do("clear the boot count"):
                ask(self.bootloader, "clear_boot_count")
        return work.outcome()

    # -- what a phase asks for -----------------------------------------------------------------------------------

    def _arrive(self, work: Work, boot: BootStatus, record: RollbackRecord) -> RollbackRecord:
        """The new slot reached user space: from here on its health decides, no longer the count of the bootloader."""
        assert boot.running is not None
        update = record.update or UpdateRecord(source=boot.running.other, target=boot.running, switched=True)
        if update.last_boot_id is None or update.last_boot_id != self._boot_id:
            fresh = self._fresh_crashes(update)
            evidence = fresh if update.starts else ()
            ended_unclear = update.starts > 0 and not update.ended_orderly and not evidence
            update = evolve(
                update,
                starts=update.starts + 1,
                crashes=update.crashes + bool(evidence),
                unclear=update.unclear + ended_unclear,
                last_boot_id=self._boot_id,
                ended_orderly=False,
                known=self._known(update),
            )
            record = evolve(record, update=update)
            if work.do(f"note that the updated slot reached user space, time {update.starts}"):
                crumbs.write(self.root, record)
            if update.crashes >= self.policy.crashes:
                self.leave(work, boot, record, f"the updated slot crashed {update.crashes} times", evidence)
                return record
            if update.unclear >= self.policy.interruptions:
                reason = f"{update.unclear} boots of the updated slot ended before it was found healthy"
                self.leave(work, boot, record, reason, ("nothing tells why they ended",))
                return record
        if ask(self.bootloader, "preview", BootOperation.CLEAR_BOOT_COUNT) and work.do(
            "clear the boot count: user space was reached"
        ):
            ask(self.bootloader, "clear_boot_count")
        return record

    def _fresh_crashes(self, update: UpdateRecord) -> tuple[str, ...]:
        """Traces of crashes that were not there when the update began, nor have been counted."""
        return tuple(crash.words for crash in crashes(self.root) if crash.identity not in update.known)

    def _known(self, update: UpdateRecord) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*update.known, *(crash.identity for crash in crashes(self.root)))))[-_KNOWN:]

    def _settle(self, work: Work, boot: BootStatus, record: RollbackRecord) -> None:
        """Everything but a trial: finish what was begun."""
        match work.phase:
            case Phase.FALLEN_BACK if self._another_round(work, boot, record):
                pass
            case Phase.FALLEN_BACK:
                self._recover_from_fallback(work, boot, record)
            case Phase.UNGUARDED if _given_up(boot):  # or the count would run on until the slot is tried again
                self._recover_from_fallback(work, boot, record)
            case Phase.RECOVERING | Phase.PREPARED:
                self.recover(work, boot, record)
            case Phase.COMMITTING:
                self.commit(work, boot)
            case Phase.LEAVING:
                self._keep_leaving(work, boot, record)
            case Phase.SETTLED if self.root.exists(crumbs.VARIABLES) and work.do("sweep what an update began with"):
                crumbs.sweep(self.root, (crumbs.VARIABLES,))
            case _:
                pass

    def _keep_leaving(self, work: Work, boot: BootStatus, record: RollbackRecord) -> None:
        """Reboot into the old slot; where the device came back from there, name it once more, then give it up."""
        assert boot.running is not None
        update = record.update
        assert update is not None
        if update.boot_id == self._boot_id and boot.next_boot.slot is not boot.running:
            work.reboot = True
            return
        if boot.named is boot.running or update.leaves < _LEAVES:
            update = evolve(update, boot_id=self._boot_id, leaves=update.leaves + 1)
            try:
                if work.do(f"name slot {boot.running.other} again"):
                    crumbs.write(self.root, evolve(record, update=update))
                    ask(self.bootloader, "roll_back")
                work.reboot = True
                return
            except HalError as error:
                work.failed.append(f"slot {boot.running.other} cannot be named: {error.message}")
        reason = f"slot {boot.running.other} does not boot any more, so slot {boot.running} is kept though not healthy"
        if work.do(f"commit slot {boot.running}: {reason}"):
            ask(self.bootloader, "commit")
            kept = crumbs.with_event(
                record, "kept", reason, source=boot.running.other, target=boot.running, evidence=_evidence(boot)
            )
            crumbs.write(self.root, kept)
        self._end(work)

    def _another_round(self, work: Work, boot: BootStatus, record: RollbackRecord) -> bool:
        """A slot that shows no crash may have been cut off by its power alone: it gets the bootloader's tries again."""
        update = record.update
        if update is None or update.round >= self.policy.rounds or self._fresh_crashes(update):
            return False
        kernel = next((fact.kernel for fact in boot.slots if fact.slot is update.target), None)
        if kernel is False or boot.named is not update.target:
            return False
        reason = f"the bootloader gave up slot {update.target}, and nothing shows that it crashed"
        if work.do(f"try slot {update.target} once more: {reason}"):
            record = evolve(record, update=evolve(update, round=update.round + 1, boot_id=self._boot_id))
            record = crumbs.with_event(
                record, "another-round", reason, source=update.source, target=update.target, evidence=_evidence(boot)
            )
            crumbs.write(self.root, record)
            ask(self.bootloader, "switch", update.target)
        work.reboot = True
        return True

    def _recover_from_fallback(self, work: Work, boot: BootStatus, record: RollbackRecord) -> None:
        """The old slot stays: first what the bootloader reads, then boot files, breadcrumbs last."""
        assert boot.running is not None
        update = record.update or UpdateRecord(source=boot.running, target=boot.running.other)
        reason = f"slot {update.target} did not reach user space within the bootloader's tries"
        evidence = (*_evidence(boot), *self._fresh_crashes(update))
        if work.do(f"keep slot {boot.running}: {reason}"):
            update = evolve(update, source=boot.running, target=boot.running.other, recovering=True)
            record = crumbs.with_event(
                evolve(record, update=update),
                "fell-back",
                reason,
                source=update.target,
                target=update.source,
                evidence=evidence,
            )
            self._note(work, record)
            ask(self.bootloader, "commit")
            boot = ask(self.bootloader, "status")
        self.recover(work, boot, record, trace=crumbs.ALTBOOT_TRIGGERED)

    def _note(self, work: Work, record: RollbackRecord, *traces: str) -> None:
        """Write the record and leave traces; a state partition that cannot be written must not keep a bad slot."""
        try:
            crumbs.write(self.root, record)
            crumbs.lay(self.root, traces)
        except HalError as error:
            work.failed.append(f"the reason is not kept: {error.message}")

    def recover(self, work: Work, boot: BootStatus, record: RollbackRecord, trace: str | None = None) -> None:
        """Put back the boot files of the running slot, then sweep the breadcrumbs."""
        assert boot.running is not None
        if ask(self.bootloader, "preview", BootOperation.COMMIT) and work.do(f"keep slot {boot.running}"):
            ask(self.bootloader, "commit")
        failures = len(work.failed)
        changed = self.run_steps(work, UpdatePhase.FORWARD, Update(target=boot.running, recovering=True))
        if trace and work.do(f"leave {trace.rpartition('/')[2]}"):
            crumbs.lay(self.root, (trace,))
        if len(work.failed) > failures and self._again(work, boot, work.failed[failures:]):
            return
        self._end(work)
        work.reboot = work.reboot or changed

    def _again(self, work: Work, boot: BootStatus, failed: Iterable[str]) -> bool:
        """Whether what could not be put back is tried again: a medium that failed is read-only until the next boot.

        Not for ever, because no update begins before the recovery has ended. What balenaOS's own scripts began has no
        record to count in, and does not stand in the way of an update.
        """
        record = crumbs.read(self.root)
        if record.update is None:
            return True
        if record.update.recoveries + 1 < _RECOVERIES:
            if work.do("note that it is tried again"):
                update = evolve(record.update, recoveries=record.update.recoveries + 1)
                self._note(work, evolve(record, update=update))
            return True
        reason = f"boot files of slot {boot.running} could not be put back in {_RECOVERIES} tries"
        if work.do(f"give up: {reason}"):
            told = crumbs.with_event(
                record,
                "not-recovered",
                reason,
                source=record.update.source,
                target=record.update.target,
                evidence=failed,
            )
            self._note(work, told)
        return False

    def leave(self, work: Work, boot: BootStatus, record: RollbackRecord, reason: str, evidence: Iterable[str]) -> None:
        """The running slot is not healthy: name the old one, which puts its boot files back when it runs."""
        assert boot.running is not None
        other = boot.running.other
        update = record.update or UpdateRecord(source=other, target=boot.running, switched=True)
        if not work.do(f"go back to slot {other}: {reason}"):
            return
        decided = crumbs.with_event(
            evolve(record, update=evolve(update, recovering=True, boot_id=self._boot_id)),
            "rolled-back",
            reason,
            source=boot.running,
            target=other,
            evidence=evidence,
        )
        self._note(work, decided)
        try:
            ask(self.bootloader, "roll_back")
        except HalError as error:
            work.failed.append(f"slot {other} cannot be named: {error.message}; slot {boot.running} stays on trial")
            failed = crumbs.with_event(
                record,
                "rollback-failed",
                f"{reason}, but {error.message}",
                source=boot.running,
                target=other,
                evidence=evidence,
            )
            self._note(work, failed, crumbs.HEALTH_FAILED)
            return
        self._note(work, decided, crumbs.HEALTH_TRIGGERED)
        work.reboot = True

    def commit(self, work: Work, boot: BootStatus) -> None:
        """Keep the running slot: the bootloader first, then the board's steps, breadcrumbs last."""
        assert boot.running is not None
        if not work.do(f"commit slot {boot.running}"):
            return
        if boot.pending or boot.named is not boot.running:
            ask(self.bootloader, "commit")
        self.run_steps(work, UpdatePhase.COMMIT, Update(target=boot.running))
        record = crumbs.read(self.root)
        source = record.update.source if record.update else boot.running.other
        starts = record.update.starts if record.update else 0
        crumbs.write(
            self.root,
            crumbs.with_event(
                record,
                "committed",
                "all health checks passed",
                source=source,
                target=boot.running,
                evidence=(f"the updated slot reached user space {starts} times",) if starts else (),
            ),
        )
        self._end(work)

    def _end(self, work: Work) -> None:
        """The update is over: the record says so, and no breadcrumb asks for the services any more."""
        record = crumbs.read(self.root)
        if record.update is not None and work.do("note that the update is over"):
            crumbs.write(self.root, evolve(record, update=None))
        lying = [crumb for crumb in (crumbs.VARIABLES, *crumbs.GUARDS) if self.root.exists(crumb)]
        if lying and work.do("sweep the breadcrumbs"):
            crumbs.sweep(self.root, lying)

    def run_steps(self, work: Work, phase: UpdatePhase, update: Update, *, strict: bool = False) -> bool:
        """The board's steps of a phase in order of name; returns whether any changed something.

        With `strict` the first failure is raised, else it is reported, and the rest runs.
        """
        changed = False
        for step in sorted((each for each in self.steps if each.phase is phase), key=lambda each: each.name):
            try:
                with blame(step.run):
                    said = step.run(evolve(update, dry_run=update.dry_run or work.dry_run))
                    if not isinstance(said, tuple) or not all(isinstance(each, str) for each in said):
                        raise TypeError(f"{step.name} answered {type(said).__name__}, no sentences")
                work.done.extend(f"{step.name}: {sentence}" for sentence in said)
                changed = changed or bool(said)
            except HalError as error:
                if strict:
                    raise
                work.failed.append(f"{step.name}: {error.message}")
        return changed


class Work:
    """What one run did, or would do."""

    def __init__(self, phase: Phase, dry_run: bool) -> None:
        self.phase = phase
        self.dry_run = dry_run
        self.done: list[str] = []
        self.failed: list[str] = []
        self.reboot = False

    def do(self, sentence: str) -> bool:
        """Say it, and whether to do it."""
        self.done.append(sentence)
        return not self.dry_run

    def outcome(self) -> RollbackOutcome:
        """What it came to."""
        return RollbackOutcome(phase=self.phase, done=tuple(self.done), reboot=self.reboot, failed=tuple(self.failed))


def _given_up(boot: BootStatus) -> bool:
    """Whether the bootloader has used up its tries of the slot that is named, and so took the running one."""
    return boot.pending and boot.boot_count is not None and boot.boot_count >= boot.boot_limit


def _evidence(boot: BootStatus) -> tuple[str, ...]:
    texts = tuple(f"{item.file}: {item.name}={item.text}" for item in boot.variables if item.text is not None)
    return (boot.running_evidence, *texts)
