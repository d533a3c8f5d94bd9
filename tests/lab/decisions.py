"""Boot environments of every sort on a real loader: which slot boots, which the model says, and which it should be.

An environment is laid on the disk of a device, and the device is booted until a boot changes nothing more. What is
wrong for whoever owns the device (`fault`) is said without asking any model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from attrs import define, field, frozen

from hal.backends.bootloader.envblock import EnvBlock
from lab.device import Device, make, selection

Damage = Literal["vanished", "emptied", "zeroes", "ones", "second half"]
DAMAGE: tuple[Damage, ...] = get_args(Damage)
LOST: tuple[Damage, ...] = ("vanished", "emptied", "zeroes", "ones")
ROOTS = ("2", "3", "3 ", "9", "junk", None)
UPGRADES = ("1", "0", "1 ", "2", None)
COUNTS = ("0", "1", "2", "3", "4", "9", "a", "10", "0 ", "x", None)
COMMITTED = ("2", "3", "junk", None)
KERNELS = ("A", "B", "")
VALUES = {"2": "A", "3": "B"}
BOOTS = 6
"""So many of one environment are looked at: one more than any rule takes to come to rest."""


@frozen
class Environment:
    """What is in the state files: texts of the variables, `None` where absent; partition 2 is slot A, 3 is B.

    `kernels` are the slots that hold one. `damage` is done to the state file as a whole.
    """

    root: str | None = "3"
    upgrade: str | None = "0"
    count: str | None = "0"
    committed: str | None = "2"
    kernels: str = "AB"
    damage: Damage | None = None


def environments(draw: Random) -> Iterator[Environment]:
    """Different ones without end: of three of them one lacks a kernel or is damaged."""
    known = set()
    while True:
        odd = draw.random()
        found = Environment(
            draw.choice(ROOTS),
            draw.choice(UPGRADES),
            draw.choice(COUNTS),
            draw.choice(COMMITTED),
            draw.choice(KERNELS) if odd < 0.15 else "AB",
            draw.choice(DAMAGE) if odd > 0.8 else None,
        )
        if found not in known:
            known.add(found)
            yield found


@define
class Sweep:
    """Decisions of one loader with one set of boot files."""

    name: str
    classic: bool
    folder: Path
    decisions: int = 0
    environments: int = 0
    disagreements: list[str] = field(factory=list)
    faults: Counter[str] = field(factory=Counter)
    wrong: list[str] = field(factory=list)
    _made: Device | None = None

    def ask(self, environment: Environment) -> list[str | None]:
        """The slots of as many boots; what disagrees with the model and what is wrong is noted."""
        self._made = self._made or make(self.folder / "disk", self.name, classic=self.classic)
        device = self._made.copy(self.folder / "asked")
        self._lay(device, environment)
        status = device.status()
        predicted = [slot and str(slot) for slot in (status.next_boot.slot, *status.next_boot.then)]
        slots: list[str | None] = []
        while len(slots) < BOOTS:
            before = self._state(device)
            reason = device.status().next_boot.reason
            slot, booted = device.load()
            slots.append(booted.slot)
            said = f"slot selection: {slot or 'none'}: {reason}"
            if not self.classic and selection(booted) != said:
                self.disagreements.append(f"{environment}: {said!r}, but {selection(booted)!r}")
            if self._state(device) == before:
                slots += [slots[-1]] * (BOOTS - len(slots))
        if slots != predicted[:BOOTS]:
            self.disagreements.append(f"{environment}: predicted {predicted}, booted {slots}")
        self.disagreements += [f"{environment}: {each}" for each in device.disagreements]
        self.decisions += device.decisions
        self.environments += 1
        if wrong := fault(environment, slots):
            self.faults[wrong] += 1
            self.wrong.append(f"{environment}: {wrong}: {slots}")
        device.disk.path.unlink()
        return slots

    def figures(self, **more: Any) -> dict[str, Any]:
        """Of classic boot files what is wrong with them was looked for, and was to be found."""
        wrong = {"found": len(self.wrong), "faults": dict(self.faults)} if self.classic else {"wrong": len(self.wrong)}
        counted = {"decisions": self.decisions, "environments": self.environments}
        return {**counted, "disagreements": len(self.disagreements), **wrong, **more}

    def _files(self, device: Device, environment: Environment) -> dict[str, bytes]:
        """The state file first."""
        variables = {"resin_root_part": environment.root, "upgrade_available": environment.upgrade}
        committed = (
            {} if self.classic else {"committed_slot.env": _block({"committed_slot": environment.committed}, 512)}
        )
        if self.name == "U-Boot":
            count = (
                {} if environment.count is None else {"bootcount.env": f"bootcount={environment.count}\n\0".encode()}
            )
            return {"resinOS_uEnv.txt": _text(variables), **count, **committed}
        block = _block({"bootcount": environment.count, **variables}, 1024)
        return {f"{device.board.folder}{name}": data for name, data in {"grubenv": block, **committed}.items()}

    def _lay(self, device: Device, environment: Environment) -> None:
        files = self._files(device, environment)
        state = next(iter(files))
        if environment.damage == "second half":
            files[state] = files[state][: len(files[state]) // 2].ljust(len(files[state]), b"\0")
        elif environment.damage:
            files[state] = damaged(files[state], environment.damage)
        if environment.damage == "vanished":
            del files[state]
        for name in (state, "bootcount.env"):
            if name not in files and device.disk.read("boot", name) is not None:
                device.disk.remove("boot", name)
        for name, data in files.items():
            device.disk.write("boot", name, data)
        for slot in ("A", "B"):
            for kernel in device.board.kernels[slot] if slot not in environment.kernels else ():
                device.disk.remove(slot, kernel)

    def _state(self, device: Device) -> list[bytes | None]:
        names = ("resinOS_uEnv.txt", "bootcount.env") if self.name == "U-Boot" else (f"{device.board.folder}grubenv",)
        return [device.disk.read("boot", name) for name in names]


def damaged(data: bytes, damage: Damage) -> bytes:
    """What is left of a file; of one that vanished, nothing."""
    return {"zeroes": b"\0", "ones": b"\xff"}.get(damage, b"") * len(data)


def fault(environment: Environment, slots: list[str | None]) -> str | None:
    """What is wrong with these boots, none of which reached user space; `None` where nothing is."""
    if len(environment.kernels) == 1:
        return None if set(slots) == {environment.kernels} else "does not boot, though a slot has a kernel"
    named = VALUES.get((environment.root or "").removesuffix(" "))
    upgrade = (environment.upgrade or "").removesuffix(" ")
    if not environment.kernels:
        return None
    if environment.damage in LOST:
        committed = VALUES.get(environment.committed or "")
        return (
            "a lost environment, and another slot than the committed one" if committed not in (None, slots[0]) else None
        )
    if named is None or environment.damage:
        return None if set(slots) <= {"A", "B"} else "does not boot"
    if upgrade == "0":
        return None if set(slots) == {named} else "nothing pending, and another slot"
    if upgrade == "1":
        tries = next((at for at, slot in enumerate(slots) if slot != named), BOOTS)
        if tries == BOOTS:
            return "never falls back"
        if None in slots or named in slots[tries:]:
            return "falls back, but not for good"
        if not tries and environment.count in (None, "0", "0 "):
            return "falls back without a try"
    return None


def _block(variables: dict[str, str | None], size: int) -> bytes:
    present = {name: text for name, text in variables.items() if text is not None}
    return EnvBlock.new(present, path="block", size=size).data


def _text(variables: dict[str, str | None]) -> bytes:
    present = [f"{name}={text}\n" for name, text in variables.items() if text is not None]
    return "".join(present).encode().ljust(512, b"\n")
