"""A device on which one write fails or the power goes: for every write of an update step in turn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from hal import Device
from hal.errors import FileFault
from hal.model import Slot, Update
from hal.root import Root

FORWARD = Update(target=Slot.B)
SECTOR = 512
MODES = ("fault", "before", "torn")
"""The n-th write fails and later ones work; or the power goes before it, or in its midst. Behind it is before the next.

Only a `patch` of more than a sector has a midst; elsewhere `torn` is `before`.
"""
_ASKING = ("nvbootctrl", "tegra-boardspec", "sh", "vcgencmd"), (("mmc", "extcsd"), ("efibootmgr", "-v"))


class PowerCut(BaseException):
    """Nothing runs any more, not even what was meant to run in every case."""


class CutRoot(Root):
    """Counts writes and programs that change something once `armed`, and interrupts the one numbered `at`."""

    def __init__(self, directory: Path, at: int, mode: str) -> None:
        super().__init__(directory)
        self.at, self.mode, self.armed, self.seen = at, mode, False, 0

    def _interrupt(self, call, name, *arguments, **named):
        if not self.armed:
            return call(name, *arguments, **named)
        self.seen += 1
        if self.seen < self.at or (self.seen > self.at and self.mode == "fault"):
            return call(name, *arguments, **named)
        if self.seen > self.at or self.mode == "before":
            raise PowerCut
        if self.mode == "fault":
            raise FileFault(f"{name}: input/output error", path=str(name))
        if call.__name__ == "patch":
            offset, data = arguments
            call(name, offset, data[: len(data) // 2 // SECTOR * SECTOR])
        raise PowerCut

    def write(self, name, *arguments, **named):
        return self._interrupt(super().write, name, *arguments, **named)

    def replace(self, name, *arguments, **named):
        return self._interrupt(super().replace, name, *arguments, **named)

    def patch(self, name, *arguments, **named):
        return self._interrupt(super().patch, name, *arguments, **named)

    def remove(self, name, *arguments, **named):
        return self._interrupt(super().remove, name, *arguments, **named)

    def run(self, argv, **named):
        if argv[0] in _ASKING[0] or tuple(argv[:2]) in _ASKING[1] or (argv[0] == "sfdisk" and len(argv) == 4):
            return super().run(argv, **named)
        return self._interrupt(super().run, argv, **named)


def run_steps(root: Root, update: Update = FORWARD, *, name: str = "") -> tuple[str, ...]:
    """Run every update step of the device, or the one whose name begins so."""
    steps = [step for step in Device.open(root).update_steps if step.name.startswith(name)]
    assert steps, f"no step {name}"
    if isinstance(root, CutRoot):
        root.armed = True
    return tuple(sentence for step in steps for sentence in step.run(update))


def snapshot(root: Root) -> dict[str, bytes]:
    """Every regular file with its content, and every link."""
    found = {}
    for path in sorted(root.directory.rglob("*")):
        name = path.relative_to(root.directory).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink()).encode()
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def interruptions(base: Root, mode: str, *, update: Update = FORWARD, name: str = "") -> Iterator[Root]:
    """The device after each interruption of its update steps, as it comes back: a new copy of `base` every time."""
    for at in range(1, 200):
        copy = base.directory.with_name(f"{base.directory.name}-{mode}-{at}")
        shutil.copytree(base.directory, copy, symlinks=True)
        root = CutRoot(copy, at, mode)
        try:
            run_steps(root, update, name=name)
        except (PowerCut, FileFault):
            yield Root(copy)
        else:
            if root.seen < at:
                assert at > 1, "nothing was interrupted"
                shutil.rmtree(copy)
                return
            yield Root(copy)
        shutil.rmtree(copy)
    raise AssertionError("more writes than any step has")
