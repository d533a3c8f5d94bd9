"""How far an update is: a pure function, and what each phase means."""

from __future__ import annotations

from hal.model import BootStatus, Phase
from hal.rollback.crumbs import UpdateRecord
from hal.root import Root

MEANING = {
    Phase.SETTLED: "no update is under way",
    Phase.PREPARED: "an update was interrupted before it switched slots; its boot files are put back",
    Phase.ARMED: "the next boot tries the updated slot",
    Phase.TRIAL: "the updated slot runs; its health decides whether it stays",
    Phase.COMMITTING: "the updated slot is kept; the rest of the commit is to be done",
    Phase.FALLEN_BACK: "the bootloader gave up the updated slot; the old one runs and is made whole",
    Phase.LEAVING: "the running slot is unhealthy; the next boot takes the old one",
    Phase.RECOVERING: "the old slot is kept; its boot files are to be put back",
    Phase.UNGUARDED: "the state file names another slot than the one that runs, but no update is under way",
    Phase.UNKNOWN: "nothing tells which slot is running",
}


def phase_of(boot: BootStatus, *, guarded: bool, update: UpdateRecord | None, boot_id: str | None) -> Phase:
    """How far an update is.

    `guarded` is whether a breadcrumb of balenaOS's lies there, `update` what the record says, which is absent where
    balenaOS's own scripts made the update.
    """
    if boot.running is None:
        return Phase.UNKNOWN
    unnamed = boot.named is None and not boot.pending and boot.next_boot.slot is boot.running
    stays = boot.named is boot.running or unnamed
    if update is not None and update.recovering:
        return Phase.RECOVERING if boot.running is update.source else Phase.LEAVING
    if update is None and not guarded:
        return Phase.TRIAL if boot.pending and stays else Phase.SETTLED if stays else Phase.UNGUARDED
    if stays:
        if boot.pending:
            return Phase.TRIAL
        kept = update is not None and boot.running is update.target and update.switched
        return Phase.COMMITTING if kept else Phase.PREPARED
    if update is not None and update.boot_id is not None and update.boot_id == boot_id:
        return Phase.ARMED
    return Phase.FALLEN_BACK


def boot_id(root: Root) -> str | None:
    """The kernel's name of the present boot; every boot has another."""
    return root.read_value("proc/sys/kernel/random/boot_id")
