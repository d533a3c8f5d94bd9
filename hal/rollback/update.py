"""An update from its first step to the switch: the switch is last, on a set of files that is known to be whole."""

from __future__ import annotations

from contextlib import suppress

from attrs import evolve

from hal.ask import ask
from hal.errors import HalError
from hal.model import BootOperation, Phase, RollbackOutcome, Update, UpdatePhase
from hal.rollback import crumbs
from hal.rollback.crumbs import UpdateRecord
from hal.rollback.endings import crashes
from hal.rollback.health import VPN_ACTIVE
from hal.rollback.machine import Rollback, Work
from hal.rollback.phases import boot_id

BEGINS_IN = (Phase.SETTLED, Phase.PREPARED, Phase.ARMED, Phase.UNGUARDED)
"""An update may begin where none is on trial. One that was interrupted, or not booted yet, begins anew."""


def run_phase(rollback: Rollback, phase: UpdatePhase, *, source: str = "", dry_run: bool = False) -> RollbackOutcome:
    """The board's steps of `before`, `after` or `commit`; of `forward`, and then the switch.

    `source` is the folder that holds the new OS's root file system, `""` where this runs inside of it. Raises
    `HalError` at the first step that refuses; then the slot that boots next is the one that booted before.
    """
    found, boot, record = rollback.look()
    work = Work(found, dry_run)
    if boot.running is None:
        raise HalError(f"the running slot is not known: {boot.running_evidence}", path="slot")
    target = boot.running if phase is UpdatePhase.COMMIT else boot.running.other
    update = Update(target=target, source=source, dry_run=dry_run)
    if phase is not UpdatePhase.FORWARD:
        rollback.run_steps(work, phase, update, strict=True)
        return work.outcome()
    if found not in BEGINS_IN:
        raise HalError(f"no update can begin: {found.value}, which means that {rollback.status().meaning}", path="slot")
    ask(rollback.bootloader, "preview", BootOperation.SWITCH, target)  # what it would refuse, it refuses now
    made = UpdateRecord(
        source=boot.running,
        target=target,
        boot_id=boot_id(rollback.root),
        known=tuple(crash.identity for crash in crashes(rollback.root)),
    )
    if work.do(f"note that slot {target} is updated"):
        crumbs.write(rollback.root, evolve(record, update=made))
    try:
        rollback.run_steps(work, phase, update, strict=True)
        if work.do("lay the breadcrumbs"):
            crumbs.sweep(rollback.root, crumbs.TRACES)
            _note_vpn(rollback)
            crumbs.lay(rollback.root, crumbs.GUARDS)
            crumbs.write(rollback.root, evolve(crumbs.read(rollback.root), update=evolve(made, switched=True)))
        if work.do(f"switch to slot {target}, with rollback armed"):
            ask(rollback.bootloader, "switch", target)
    except HalError as error:
        if not dry_run:
            _take_back(rollback, work, error)
        raise
    work.reboot = True
    return work.outcome()


def _note_vpn(rollback: Rollback) -> None:
    """Write down whether the VPN is up, in balenaOS's words: a new OS that cannot bring it back is not healthy."""
    up = rollback.root.exists(VPN_ACTIVE)
    rollback.root.replace(crumbs.VARIABLES, f"BALENAOS_ROLLBACK_VPNONLINE={int(up)}\n".encode())


def _take_back(rollback: Rollback, work: Work, error: HalError) -> None:
    """After a step or the switch failed: the running slot's boot files again, and no update under way.

    What cannot be taken back now is by the services at the next boot: the record and the breadcrumbs say so.
    """
    with suppress(HalError):  # the first error is the one to tell
        _, boot, record = rollback.look()
        record = crumbs.with_event(
            record,
            "update-refused",
            error.message,
            source=boot.running,
            target=boot.running.other if boot.running else None,
        )
        with suppress(HalError):
            crumbs.write(rollback.root, record)
        rollback.recover(work, boot, record)
