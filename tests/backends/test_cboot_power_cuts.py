"""What a Xavier boots after a power cut at every write of every operation, and what L4TLauncher's model does.

Cboot is the executable model of `lab.models`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from shutil import copytree

import pytest
from backends.xavier import NEW_B, OLD_A, TEXT, A, B, back_end, everything, in_memory, perform, text, tree
from hal_jetson.xavier_tree import METADATA, PARTLABELS, signed_kernel, signed_tree
from hal_jetson_orin.device_types import DEVICE_TYPES as ORIN
from lab.models import Cboot, Launcher, content, reach_user_space

from hal.backends.bootloader import choose, tegra_slots
from hal.model import Unsupported
from hal.program import Completed
from hal.root import Root


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


class PowerCut(BaseException):
    """The power is gone."""


class Cut(Root):
    """The power goes at write number `at`; of a span some sectors, chosen by the seed, are written by then."""

    at = 0
    seed = 0
    done = 0

    def _count(self) -> bool:
        self.done += 1
        if self.done > self.at:
            raise PowerCut
        return self.done == self.at

    def patch(self, name: str, offset: int, data: bytes) -> None:
        if data and self._count():
            old = self.span(name, offset, len(data))
            chosen = random.Random(self.seed)
            for start in range(0, len(data), 512):
                end = start + 512
                super().patch(name, offset + start, (data if chosen.random() < 0.5 else old)[start:end])
            raise PowerCut
        super().patch(name, offset, data)

    def overwrite(self, name: str, data: bytes) -> None:
        self._count()
        super().overwrite(name, data)

    def extend(self, name: str, data: bytes) -> None:
        self._count()
        super().extend(name, data)

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        self._count()
        super().replace(name, data, mode=mode)

    def run(self, argv: Sequence[str], *, timeout_seconds: float, check: bool = True, host: bool = False) -> Completed:
        if argv[1] not in ("-s", "-c"):
            self._count()
        return super().run(argv, timeout_seconds=timeout_seconds, check=check, host=host)


STARTS = (
    "",
    "older B beside",
    "mixture beside, no text",
    "older A beside",
    "older B beside, swapped",
    "older B beside, redundancy off",
    "older B beside, bootloader only",
    "older B beside, other slot chosen",
    "older B beside, last try, pending",
)


def states(folder: Path, start: str, act: Callable[[Root], object], *, seeds: int) -> list[Root]:
    """The trees that a power cut may leave: at each write, with several choices of the sectors that are written."""
    found: dict[str, Root] = {}
    tree(folder / "from", start)
    for at, seed in product(range(100), range(seeds)):
        place = copytree(folder / "from", folder / f"{at}-{seed}", symlinks=True)
        cut = Cut(place)
        cut.at, cut.seed = at, seed
        with suppress(PowerCut):
            act(cut)
            return [*found.values(), Root(place)]
        found.setdefault(repr(everything(cut)), Root(place))
    raise AssertionError("more writes than expected")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("operation", ["switch B", "switch A", "rollback", "commit"])
def test_every_power_cut_leaves_the_old_or_the_new_slot(start: str, operation: str, tmp_path: Path) -> None:
    before = content(tree(tmp_path / "start", start), 0 if "swapped" not in start else 1)
    assert before == OLD_A
    beside = content(Root(tmp_path / "start"), 1 if "swapped" not in start else 0)
    for root in states(tmp_path, start, lambda root: perform(root, operation), seeds=2):
        inside = [content(root, number) for number in (0, 1)]
        assert not [each for each in inside if each.mixed and each != beside], inside
        fields = [int(word) for word in root.read_text(METADATA).split()]
        pending = "upgrade_available=1" in (text(root) if root.exists(TEXT) else "")
        booted = Cboot().boot(root)
        assert booted is not None, f"nothing boots: {inside}, {fields}"
        allowed = [OLD_A, NEW_B] if operation in ("switch B", "rollback") else [OLD_A]
        if "other slot chosen" in start:
            allowed.append(beside)  # as the metadata said before the operation began
        assert booted.content in allowed
        if booted.content == NEW_B:
            assert fields[1 + 3 * booted.number + 2] == 0, "Cboot counts boots of a slot that nobody committed"
            assert fields[1 + 3 * booted.number + 1] == tegra_slots.TRIES
        elif pending and operation == "switch B":
            assert booted.content != NEW_B, "the text asks first; until the metadata say so, the old slot boots"
        booted = Cboot().boot(root)  # that one did not reach user space, and power was off in between
        assert booted is not None, f"nothing boots any more: {inside}, {fields}"
        assert booted.content in (*allowed, beside)
        if booted.content == beside:
            continue
        reach_user_space(root, booted)
        again = "switch B" if booted.content == NEW_B and operation == "rollback" else operation
        perform(root, again)  # what was interrupted can be done again, by whichever OS boots
        assert back_end(root).status().notes is not None
        last = Cboot().boot(root)
        assert last is not None
        assert not last.content.mixed
        wanted = {"switch B": B, "switch A": A, "commit": booted.content.slot, "rollback": B}[operation]
        assert last.content.slot is (wanted if again == operation and operation != "rollback" else B)


def classic(root: Root) -> None:
    """The order of balenaOS's own hook: the device tree, the kernel, the active slot, the text."""
    root.run(["tegra-boot-control", "-e"], timeout_seconds=60)
    root.patch(f"{PARTLABELS}/kernel-dtb_b", 0, signed_tree("2", "B"))
    root.patch(f"{PARTLABELS}/kernel_b", 0, signed_kernel("2"))
    root.run(["tegra-boot-control", "-a", "1"], timeout_seconds=60)
    root.replace(TEXT, b"resin_root_part=27\nupgrade_available=1\n")


def test_the_same_cuts_find_the_mixture_that_the_classic_order_leaves(tmp_path: Path) -> None:
    """So that no bad state above means something."""
    found = states(tmp_path, "older B beside", classic, seeds=2)
    assert any(content(root, 1).mixed for root in found)


@pytest.mark.parametrize("slug", ["jetson-orin-nx-xavier-nx-devkit", "jetson-agx-orin-devkit-64gb"])
def test_l4tlauncher_as_a_model_tries_twice_and_falls_back(slug: str, tmp_path: Path) -> None:
    """Decimal and hexadecimal numbers of partitions, by the build of the board."""
    (tmp_path / "mnt/boot").mkdir(parents=True)
    root = Root(tmp_path)
    row = next(row for row in ORIN if row.slug == slug)
    launcher = Launcher(row)
    assert launcher.boot(root) is A
    back = choose.bootloader(row, root)
    assert not isinstance(back, Unsupported)
    root.replace(TEXT, f"resin_root_part={back.values()[1]}\nupgrade_available=1\n".encode())
    assert [launcher.boot(root) for _ in range(4)] == [B, B, A, A]
    assert root.read_bytes("mnt/boot/bootcount.env") == b"bootcount=4"
    root.replace("mnt/boot/bootcount.env", b"bootcount=0")
    assert launcher.boot(root) is B
