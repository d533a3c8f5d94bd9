"""The step that every board has: the boot files of the OS that is to boot, in the boot partition."""

from __future__ import annotations

from collections.abc import Iterable

from hal.backends.boot_files import deploy, plan
from hal.model import Update, UpdatePhase, UpdateStep
from hal.root import Root

NAME = "1-bootfiles"
"""As balenaOS calls its own; it runs before the board's steps."""

SOURCE = "resin-boot"
"""Where an OS keeps its boot files, below its root file system."""

BOOT = "mnt/boot"

SPLIT = ("mnt/efi/EFI/BOOT/grubenv", "mnt/rpi/bootenv")
"""Signs of secure boot, where boot files are split between two partitions and signed."""


def boot_files_step(root: Root, steps: Iterable[UpdateStep] = ()) -> UpdateStep:
    """Deploy `resin-boot` of the update's source; the user's files and the state of the bootloader stay.

    What one of the board's `steps` deploys itself is left to it.
    """
    owned = {name for step in steps for name in step.owns}

    def run(update: Update) -> tuple[str, ...]:
        source = f"{update.source}/{SOURCE}".lstrip("/")
        if not root.is_dir(source):
            return ()
        if any(root.exists(sign) for sign in SPLIT):
            return (
                "boot files were left alone: with secure boot they are signed, and deployed by balenaOS's own hooks",
            )
        planned = plan(root, source=source, target=BOOT, route=lambda name: None if name in owned else BOOT)
        names = tuple(write.name for write in planned.writes)
        if not update.dry_run:
            names = tuple(deploy(root, planned))
        return tuple(f"{name} {'would be' if update.dry_run else 'was'} written" for name in names)

    return UpdateStep(name=NAME, phase=UpdatePhase.FORWARD, purpose="boot files of the OS that is to boot", run=run)
