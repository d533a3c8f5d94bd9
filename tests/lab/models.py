"""Bootloaders that cannot be started here, as programs that boot a tree: Cboot on Xavier, L4TLauncher on Orin.

Cboot is written from NVIDIA's published sources (L4T 32.6 and newer) without looking at the back end; what they leave
to the first stage, which is closed, is as those sources describe it. Of L4TLauncher the rule itself is the model.
Neither was compared with hardware.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hal_jetson.xavier_tree import METADATA, PARTLABELS, signed_kernel, signed_tree

from hal.backends.bootloader import uenv
from hal.backends.bootloader.rules import L4TLauncher, Seen
from hal.model import DeviceType, Slot, SlotEncoding
from hal.root import Root

DAMAGED = "damaged"
"""In place of a release: not one whole signed image, which Cboot refuses."""


class Content(NamedTuple):
    """What is in a boot slot: the release of kernel and device tree, and the root that the device tree names."""

    kernel: str
    tree: str
    slot: Slot | None

    @property
    def starts(self) -> bool:
        """Whether both signatures hold."""
        return DAMAGED not in (self.kernel, self.tree)

    @property
    def mixed(self) -> bool:
        """Whether the kernel of one OS would start with the device tree of another."""
        return self.starts and self.kernel != self.tree


class Booted(NamedTuple):
    """A boot that started a kernel: from which boot slot, and what."""

    number: int
    content: Content


def content(root: Root, number: int) -> Content:
    """What is in a boot slot of this tree, and whether it is whole."""
    suffix = "_b" if number else ""
    kernel = root.read_bytes(f"{PARTLABELS}/kernel{suffix}")
    tree = root.read_bytes(f"{PARTLABELS}/kernel-dtb{suffix}")
    found = re.search(rb"ANDROID!kernel of release (\w+)\0", kernel)
    release = found[1].decode() if found and kernel.startswith(signed_kernel(found[1].decode())) else DAMAGED
    found = re.search(rb"device tree of release (\w+)\0", tree)
    for slot in Slot:
        if found and tree.startswith(signed_tree(found[1].decode(), slot)):
            return Content(release, found[1].decode(), slot)
    return Content(release, DAMAGED, None)


class Cboot:
    """The first stage and Cboot. `rotations` is in a register that a warm reset keeps and power off clears."""

    def __init__(self) -> None:
        self.rotations = 0

    def attempt(self, fields: list[int]) -> int | None:
        """One boot: changes the metadata as it would, and returns the boot slot whose kernel starts, if any."""
        level, *rest = fields
        slots = [rest[0:3], rest[3:6]][: 1 if level == 0 else 2]
        best, best_priority = None, 0
        for number, (priority, retry, _) in enumerate(slots):
            if retry != 0 and priority > best_priority:
                best, best_priority = number, priority
        if best is None:
            return None
        if level == 0:
            return 0
        at, other_at = 1 + 3 * best, 1 + 3 * (1 - best)
        if fields[at + 2] == 0:
            fields[at + 1] -= 1  # an update in progress: the register's count is stored
        else:
            fields[at + 1] = 7  # the bootloader came up, so its count is restored
            if level == 2:
                if self.rotations >= 4:
                    self.rotations = 0
                    return None  # the recovery kernel, which balenaOS does not have
                self.rotations += 1
                if self.rotations in (2, 4) and fields[other_at] and fields[other_at + 1]:
                    fields[at], fields[other_at] = 14, 15
        return best if level == 2 else 0

    def boot(self, root: Root, *, attempts: int = 20) -> Booted | None:
        """Boot a tree, again where nothing starts, until a kernel does."""
        for _ in range(attempts):
            fields = [int(word) for word in root.read_text(METADATA).split()]
            number = self.attempt(fields)
            root.replace(METADATA, (" ".join(map(str, fields)) + "\n").encode())
            if number is not None and content(root, number).starts:
                return Booted(number, content(root, number))
        return None


def reach_user_space(root: Root, booted: Booted) -> None:
    """The tree of the OS that booted: its command line, and the other OS in the inactive slot."""
    line = root.read_text("proc/cmdline")
    slot = booted.content.slot
    assert slot is not None
    suffix = "_b" if booted.number else ""
    new = f"boot.slot_suffix={suffix} root=LABEL=resin-root{slot} ro rootwait rootfstype=ext4\n"
    if f"resin-root{slot} " not in line:
        here, there = root.directory, root.resolve("mnt/sysroot/inactive/current")
        for name in ("boot", "opt"):
            (here / name).rename(here / f"{name}.other")
            (there / name).rename(here / name)
            (here / f"{name}.other").rename(there / name)
    root.replace("proc/cmdline", new.encode())


class Launcher:
    """L4TLauncher, over the files of a tree."""

    def __init__(self, device_type: DeviceType) -> None:
        table = device_type.partitions
        assert table is not None
        base = 10 if table.slot_encoding is SlotEncoding.DECIMAL else 16
        self.rule = L4TLauncher(values=table.slot_values(), base=base)

    def boot(self, root: Root) -> Slot | None:
        """Boot a tree once; the count is stored as it would be, in 11 bytes."""
        state = self._values(root, "resinOS_uEnv.txt")
        count = self._values(root, "bootcount.env").get("bootcount")
        seen = Seen(root=state.get("resin_root_part"), upgrade=state.get("upgrade_available"), count=count)
        decision = self.rule.decide(seen)
        if decision.count is not None and decision.count != count:
            root.replace("mnt/boot/bootcount.env", f"bootcount={decision.count}".encode())
        return decision.slot

    @staticmethod
    def _values(root: Root, name: str) -> dict[str, str | None]:
        name = f"mnt/boot/{name}"
        return uenv.import_text(root.read_bytes(name)).values if root.exists(name) else {}
