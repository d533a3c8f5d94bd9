"""Every device type's layout: what can be made is as meta-balena makes it, and what cannot is refused with a reason.

Starts and sizes are those of parted with meta-balena's own commands, in KiB.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from image.disk.deployed import asked, deploy, plain
from image.disk.reading import sound, table

from hal.errors import CapabilityAbsent, ValueRefused
from hal.image.disk import write
from hal.image.disk.planning import ALIGNMENT, all_sizes, partitions, plan
from hal.model import Filesystem
from hal.plugins import Catalog

LINUX, ESP = "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


def msdos(boot: int, root: int, kind: str) -> dict[int, tuple[object, ...]]:
    """Rows of an msdos table, for a state partition of 20 MiB and 192 MiB of data with what is left behind them."""
    rest = 4096 + boot + 2 * root
    state, data = rest + 4096, rest + 4096 + 20480 + 4096
    return {
        1: (4096, boot, kind, "*"),
        2: (4096 + boot, root, "83", ""),
        3: (4096 + boot + root, root, "83", ""),
        4: (rest, data + 196608 + 4096 - rest, "f", ""),
        5: (state, 20480, "83", ""),
        6: (data, 196608 + 4096, "83", ""),
    }


def gpt(boot: int, root: int) -> dict[int, tuple[object, ...]]:
    """The same of a GPT: data ends at the last whole MiB before the second table."""
    state = 4096 + boot + 2 * root
    return {
        1: (4096, boot, ESP, "resin-boot"),
        2: (4096 + boot, root, LINUX, "resin-rootA"),
        3: (4096 + boot + root, root, LINUX, "resin-rootB"),
        4: (state, 20480, LINUX, "resin-state"),
        5: (state + 20480, 196608 + 3 * 4096 - 1024, LINUX, "resin-data"),
    }


MADE = {
    "raspberrypi4-64": msdos(40960, 327680, "c"),
    "raspberrypi5": msdos(81920, 655360, "c"),
    "raspberrypi4-superhub": msdos(40960, 409600, "c"),
    "revpi-connect-4": msdos(40960, 372736, "c"),
    "intel-nuc": msdos(40960, 327680, "e"),
    "beaglebone-black": msdos(40960, 327680, "e"),
}
SIZED = {"generic-amd64": gpt(40960, 1024000), "generic-aarch64": gpt(40960, 1024000)}
"""With the sizes given that these have."""


@pytest.mark.parametrize("slug", [*MADE, *SIZED])
def test_the_table_on_the_disk(slug: str, tmp_path: Path) -> None:
    told = plain(slug)
    sizes = {"root-a": 1024000, "boot": 40960, "state": 20480} if slug in SIZED else {}
    made = write(told, deploy=deploy(tmp_path / "deploy", told), output=tmp_path / "disk", sizes=sizes)
    found = table(tmp_path / "disk")
    assert found["rows"] == (MADE | SIZED)[slug]
    assert found["label"] == ("gpt" if slug in SIZED else "dos")
    assert str(found["id"]).lower() == made.layout.disk_id.lower()
    assert (tmp_path / "disk").stat().st_size == made.layout.size
    sound(tmp_path / "disk", made.layout)


def test_the_file_is_as_large_as_meta_balenas() -> None:
    """The space before boot, one alignment more, every partition, and an alignment before state and before data."""
    for slug in ("raspberrypi4-64", "generic-amd64"):
        told = asked(slug)
        sizes = all_sizes(told, {}, {})
        assert plan(told, sizes).size == 4 * ALIGNMENT + sum(sizes.values())


@pytest.mark.parametrize(
    ("kind", "kib", "per_fat", "clusters"),
    [
        ("fat16", 40960, 80, 20431),
        ("fat16", 102400, 200, 51091),
        ("fat32", 40960, 630, 80628),
        ("fat32", 81920, 1261, 161286),
    ],
)
def test_fat_has_the_geometry_of_meta_balenas(kind: str, kib: int, per_fat: int, clusters: int, tmp_path: Path) -> None:
    told = plain({"fat16": "intel-nuc", "fat32": "raspberrypi4-64"}[kind])
    root = deploy(tmp_path / "deploy", told)
    volume = write(told, deploy=root, output=tmp_path / "disk", sizes={"boot": kib}).layout.volume("boot")
    assert volume.filesystem is Filesystem(kind)
    with (tmp_path / "disk").open("rb") as disk:
        disk.seek(volume.start)
        sector = disk.read(512)
    size = int.from_bytes(sector[22:24], "little") or int.from_bytes(sector[36:40], "little")
    reserved, root_sectors = int.from_bytes(sector[14:16], "little"), int.from_bytes(sector[17:19], "little") // 16
    assert size == per_fat
    assert (kib * 2 - reserved - 2 * size - root_sectors) // sector[13] == clusters


# -- every device type -------------------------------------------------------------------------------------------------

REFUSED = {
    "vendor": (
        "the vendor's partitions before it",
        {"astro-tx2", "jetson-tx1", "jetson-xavier", "jetson-orin-nano-devkit-nvme"},
    ),
    "encrypted": ("encrypted with a key", {"raspberrypicm4-ioboard-sb"}),
    "unknown": ("partitions are not known", {"up-core", "beagleplay", "jetson-agx-thor-devkit"}),
}


def _says(slug: str) -> str:
    told = asked(slug)
    try:
        layout = plan(told, all_sizes(told, {}, {}))
    except CapabilityAbsent as error:
        return next(kind for kind, (words, _) in REFUSED.items() if words in error.message)
    assert [each.number for each in layout.volumes] in ([1, 2, 3, 5, 6], [1, 2, 3, 4, 5])
    for one, next_one in zip(layout.volumes, layout.volumes[1:], strict=False):
        assert one.end <= next_one.start
    return "made"


def test_each_device_type_has_a_layout_or_a_reason_for_none() -> None:
    slugs = [row.slug for module in Catalog().index.board_modules() for row in Catalog().table(module)]
    said = {slug: _says(slug) for slug in slugs}
    for kind, (_, some) in REFUSED.items():
        assert some <= {slug for slug, word in said.items() if word == kind}
    assert {"raspberrypi4-64", "intel-nuc", "generic-amd64", "beaglebone-black", "up-board"} <= {
        slug for slug, word in said.items() if word == "made"
    }
    jetson = {slug for slug in said if "jetson" in slug or "-tx2" in slug or "nano" in slug}
    assert {said[slug] for slug in jetson} <= {"vendor", "unknown"}
    assert len([word for word in said.values() if word == "made"]) > 25


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"boot": 0}, "no number of KiB"),
        ({"boot": -4096}, "no number of KiB"),
        ({"boot": True}, "no number of KiB"),
        ({"boot": 1 << 60}, "no number of KiB"),
        ({"swap": 4096}, "no such partition"),
        ({"boot": 4096}, "fat32 has from 36864"),
        ({"data": 2_147_480_000}, "2 TiB"),
    ],
)
def test_sizes_that_do_not_go_are_refused(sizes: dict[str, int], words: str) -> None:
    told = asked("raspberrypi4-64")
    with pytest.raises(ValueRefused, match=words):
        plan(told, all_sizes(told, sizes, {}))


@pytest.mark.parametrize(
    ("slug", "facts"),
    [("jetson-tx2", {}), ("jetson-orin-nano-devkit-nvme", {}), ("generic-amd64", {"secure_boot": True})],
)
def test_a_flashers_medium_is_plain_and_nothing_is_before_its_boot_partition(slug: str, facts: dict[str, bool]) -> None:
    told = asked(slug, flasher=True, **facts)
    layout = plan(told, all_sizes(told, {}, {}))
    assert (layout.volumes[0].number, layout.volumes[0].start, layout.volumes[0].label) == (1, 4 << 20, "flash-boot")
    with pytest.raises(CapabilityAbsent):
        partitions(asked(slug, **facts))


def test_a_flasher_of_a_board_that_is_encrypted_only_is_refused() -> None:
    with pytest.raises(CapabilityAbsent, match="encrypted"):
        partitions(asked("raspberrypicm4-ioboard-sb", flasher=True))


def test_secure_boot_is_refused() -> None:
    told = asked("generic-amd64", secure_boot=True)
    with pytest.raises(CapabilityAbsent, match="encrypted"):
        plan(told, all_sizes(told, {}, {}))


def test_identifiers_differ_by_device_type_by_build_and_by_partition() -> None:
    def ids(slug: str, **flags: object) -> set[str]:
        told = asked(slug, **flags)
        layout = plan(told, all_sizes(told, {}, {}))
        found = [layout.disk_id, *(each.uuid for each in layout.volumes)]
        found += [each.partition_uuid for each in layout.volumes if each.partition_uuid]
        assert len(set(found)) == len(found)
        return set(found)

    base = ids("generic-amd64")
    assert base == ids("generic-amd64")
    for other in (
        ids("generic-amd64-fs"),
        ids("generic-amd64", os_version="6.0.1"),
        ids("generic-amd64", os_development=True),
    ):
        assert not base & other
