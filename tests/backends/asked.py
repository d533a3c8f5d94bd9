"""The operations on a bootloader's state, what each is to end in, and what today's scripts read afterwards."""

from __future__ import annotations

import subprocess

from attrs import frozen
from backends.machines import Machine

from hal.backends.bootloader.base import SlotBootloader
from hal.model import BootOperation, BootStatus, BootWrite, SetResult, Slot


@frozen
class Asked:
    """An operation while slot A or B runs: which slot boots next, and whether it is tried."""

    label: str
    operation: BootOperation
    to_other: bool = False
    tried: bool = False

    def target(self, running: Slot) -> Slot:
        return running.other if self.to_other else running

    def argument(self, running: Slot) -> Slot | None:
        return self.target(running) if self.operation is BootOperation.SWITCH else None

    def preview(self, backend: SlotBootloader, running: Slot) -> tuple[BootWrite, ...]:
        return backend.preview(self.operation, self.argument(running))

    def do(self, backend: SlotBootloader, running: Slot) -> SetResult:
        match self.operation:
            case BootOperation.SWITCH:
                return backend.switch(self.target(running))
            case BootOperation.COMMIT:
                return backend.commit()
            case BootOperation.ROLL_BACK:
                return backend.roll_back()
            case _:
                return backend.clear_boot_count()


SWITCH = Asked("switch", BootOperation.SWITCH, to_other=True, tried=True)
STAY = Asked("stay", BootOperation.SWITCH)
COMMIT = Asked("commit", BootOperation.COMMIT)
ROLL_BACK = Asked("roll back", BootOperation.ROLL_BACK, to_other=True)
CLEAR = Asked("clear", BootOperation.CLEAR_BOOT_COUNT)
DECIDING = (SWITCH, STAY, COMMIT, ROLL_BACK)
ALL = (*DECIDING, CLEAR)


def complaints(asked: Asked, machine: Machine, status: BootStatus) -> list[str]:
    """What is not as it was asked for."""
    found = []
    if status.boot_count != 0:
        found.append(f"the count is {status.boot_count}")
    if asked is CLEAR:
        return found
    target = asked.target(machine.running)
    if (status.active, status.pending) != (target, asked.tried):
        found.append(f"active {status.active}, pending {status.pending}")
    if status.next_boot.slot is not target:
        found.append(f"next boot {status.next_boot.slot}: {status.next_boot.reason}")
    if status.next_boot.then[-1] is not (machine.running if asked.tried else target):
        found.append(f"and then {status.next_boot.then}")
    if status.next_boot.counts is not asked.tried:
        found.append(f"counts {status.next_boot.counts}")
    return found


CLASSIC_READER = r"""
for name in upgrade_available resin_root_part; do
    cat "$1" | grep "$name=" | cut -d'=' -f 2
done
"""


def classic_reader(machine: Machine) -> list[str]:
    """The flag and the slot, as the text processing of balenaOS's rollback scripts reads them."""
    file = machine.path(machine.board.block or "resinOS_uEnv.txt")
    done = subprocess.run(["/bin/sh", "-c", CLASSIC_READER, "sh", file], capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()
