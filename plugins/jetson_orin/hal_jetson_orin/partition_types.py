"""GPT types that the firmware goes by when it looks for a capsule: which partition is an EFI system partition.

A partition is changed only where its name is the one expected at that number. `jetson-orin-nx-seeed-j4012` is not
here: balenaOS's hook changes partitions 5 and 6 of it, where this layout holds others (dossier pitfall 46).

Sources: balena-jetson-orin 7.0.5+rev2 (99-resin-bootfiles-*). Tool: sfdisk of util-linux, which that OS has.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from hal.backends.changes import Change
from hal.backends.disk import BOOT_LABELS, boot_partition
from hal.errors import ProgramFault, ValueRefused
from hal.root import Root

ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
SECONDS = 30.0

TYPES: dict[str, tuple[tuple[int, tuple[str, ...], str], ...]] = {
    "jetson-agx-orin-devkit": ((5, ("esp",), ESP), (6, BOOT_LABELS, ESP)),
    "jetson-orin-nx-xavier-nx-devkit": ((6, BOOT_LABELS, ESP), (5, ("esp",), DATA)),
    "jetson-orin-nano-devkit-nvme": ((14, BOOT_LABELS, ESP), (10, ("esp",), DATA)),
    "forecr-dsb-ornx-orin-nano-8gb": ((14, BOOT_LABELS, ESP), (10, ("esp",), DATA)),
}
"""By slug: a partition's number, the names it may have, and its type. What becomes an ESP comes first."""


def changes(root: Root, slug: str) -> Iterator[Change]:
    """What gives each partition its type; nothing where the types fit. Raises `ValueRefused` for another layout."""
    for number, names, wanted in TYPES.get(slug, ()):
        device = f"/dev/{boot_partition(root).disk}"
        name = _ask(root, "--part-label", device, number)
        if name not in names:
            raise ValueRefused(
                f"{device}: partition {number} is named {name!r}, not {' or '.join(names)}; its type was left alone",
                path=device,
            )
        if _ask(root, "--part-type", device, number).upper() != wanted:
            kind = "an EFI system partition" if wanted == ESP else "a data partition"
            yield Change(f"partition {number} ({name})", f"made {kind}", partial(_set, root, device, number, wanted))


def _set(root: Root, device: str, number: int, wanted: str) -> None:
    root.run(["sfdisk", "--part-type", device, str(number), wanted], timeout_seconds=SECONDS)
    if _ask(root, "--part-type", device, number).upper() != wanted:
        raise ProgramFault(f"sfdisk: partition {number} of {device} did not take the type {wanted}", path="sfdisk")


def _ask(root: Root, question: str, device: str, number: int) -> str:
    return root.run(["sfdisk", question, device, str(number)], timeout_seconds=SECONDS).stdout.strip()
