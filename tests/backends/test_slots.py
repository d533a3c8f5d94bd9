"""Which slot runs: by what the kernel tells, in every way it may tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal.backends.bootloader import slots
from hal.model import DeviceType, Partitions, PartitionTable, Slot, SlotEncoding
from hal.root import Root

A, B = Slot.A, Slot.B


def layout(root_a: int, root_b: int, luks: Partitions | None = None) -> Partitions:
    return Partitions(
        table=PartitionTable.GPT,
        boot=1,
        root_a=root_a,
        root_b=root_b,
        slot_encoding=SlotEncoding.DECIMAL,
        luks=luks,
    )


PLAIN = DeviceType(slug="plain", name="", partitions=layout(2, 3), kernel_image="bzImage")
BOTH = DeviceType(slug="both", name="", partitions=layout(2, 3, layout(3, 4)))
UNKNOWN = DeviceType(slug="unknown", name="")

MOUNT = "30 1 254:2 / /mnt/sysroot/active ro,relatime shared:1 - ext4 {} ro\n"
OTHERS = (
    "21 30 0:20 / /proc rw - proc proc rw\n"
    "29 1 254:3 / /mnt/sysroot/inactive ro - ext4 /dev/vda3 ro\n"
    "31 1 254:3 / /mnt/sysroot/active/x ro - ext4 /dev/vda3 ro\n"
    "broken line\n"
)


def tree(tmp_path: Path, *, mount: str | None = None, command: str | None = None, **links: str) -> Root:
    """`links`: below `dev/` with two `_` for each `/`, and where they lead; a number is a `partition` attribute."""
    (tmp_path / "proc/self").mkdir(parents=True)
    if mount is not None:
        (tmp_path / "proc/self/mountinfo").write_text(OTHERS + MOUNT.format(mount))
    if command is not None:
        (tmp_path / "proc/cmdline").write_text(command + "\n")
    for name, target in links.items():
        path = tmp_path / name.replace("__", "/").replace("_at_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        if target.isdigit():
            path.write_text(f"{target}\n")
        else:
            path.symlink_to(target)
    return Root(tmp_path)


LABEL_A, LABEL_B = "dev__disk__by_at_label__resin_at_rootA", "dev__disk__by_at_label__resin_at_rootB"
PART_B = "dev__disk__by_at_partlabel__balena_at_rootB"
CASES = [
    # device type, what the tree has, slot, what the evidence names
    (PLAIN, {"mount": "/dev/vda2", LABEL_A: "../../vda2", LABEL_B: "../../vda3"}, A, "/dev/vda2 is mounted"),
    (PLAIN, {"mount": "/dev/vda3", LABEL_A: "../../vda2", LABEL_B: "../../vda3"}, B, "/dev/vda3 is mounted"),
    (PLAIN, {"mount": "/dev/vda9", PART_B: "../../vda9"}, B, "/dev/vda9"),
    (PLAIN, {"mount": "/dev/disk/by-label/balena-rootB"}, B, "balena-rootB"),
    (PLAIN, {"mount": "/dev/vda2", "sys__class__block__vda2__partition": "2"}, A, "/dev/vda2"),
    (PLAIN, {"mount": "/dev/vda3", "sys__class__block__vda3__partition": "3"}, B, "/dev/vda3"),
    (BOTH, {"mount": "/dev/vda2", "sys__class__block__vda2__partition": "2"}, A, "/dev/vda2"),
    (BOTH, {"mount": "/dev/vda4", "sys__class__block__vda4__partition": "4"}, B, "/dev/vda4"),
    # 3 is B in one layout and A in the other: no guess
    (BOTH, {"mount": "/dev/vda3", "sys__class__block__vda3__partition": "3"}, None, "is no slot's"),
    # an encrypted root: the mapped device sits on a partition
    (
        BOTH,
        {
            "mount": "/dev/mapper/luks-x",
            "dev__mapper__luks_at_x": "../dm-0",
            "sys__class__block__dm_at_0__slaves__vda4__partition": "4",
        },
        B,
        "/dev/mapper/luks-x",
    ),
    (PLAIN, {"command": "root=LABEL=resin-rootA rootwait"}, A, "root=LABEL=resin-rootA"),
    (PLAIN, {"command": "root=LABEL=balena-rootB"}, B, "root=LABEL=balena-rootB"),
    (PLAIN, {"command": "root=PARTLABEL=resin-rootB"}, B, "PARTLABEL"),
    (PLAIN, {"command": "root=LABEL=resin-rootA root=LABEL=resin-rootB"}, B, "resin-rootB"),
    (PLAIN, {"command": "root=LABEL=flash-rootA"}, None, "names no slot"),
    (PLAIN, {"command": "xroot=LABEL=resin-rootA"}, None, "no kernel argument tells"),
    (
        PLAIN,
        {"command": "root=UUID=ba1e-1", "dev__disk__by_at_uuid__ba1e_at_1": "../../vda3", LABEL_B: "../../vda3"},
        B,
        "root=UUID=ba1e-1",
    ),
    (PLAIN, {"command": "root=UUID=gone"}, None, "names no slot"),
    (
        PLAIN,
        {"command": "root=PARTUUID=p", "dev__disk__by_at_partuuid__p": "../../vda2", LABEL_A: "../../vda2"},
        A,
        "PARTUUID",
    ),
    (PLAIN, {"command": "root=/dev/vda3", "sys__class__block__vda3__partition": "3"}, B, "root=/dev/vda3"),
    # the mount decides, not what the kernel was once started with
    (PLAIN, {"mount": "/dev/vda2", LABEL_A: "../../vda2", "command": "root=LABEL=resin-rootB"}, A, "mounted"),
    # a mount of something else leaves it to the argument
    (PLAIN, {"mount": "tmpfs", "command": "root=LABEL=resin-rootB"}, B, "root=LABEL=resin-rootB"),
    (UNKNOWN, {"mount": "/dev/vda2", "sys__class__block__vda2__partition": "2"}, None, "is no slot's"),
    (PLAIN, {}, None, "no mount and no kernel argument tells"),
]


@pytest.mark.parametrize(("device_type", "has", "slot", "evidence"), CASES)
def test_the_running_slot(
    device_type: DeviceType, has: dict[str, str], slot: Slot | None, evidence: str, tmp_path: Path
) -> None:
    running = slots.running(tree(tmp_path, **has), device_type)
    assert running.slot is slot
    assert evidence in running.evidence


@pytest.mark.parametrize("target", ["../../../../../vda2", "/etc/passwd", "resin-rootA", "../../vda2"])
def test_a_link_that_leads_nowhere_or_out_is_no_error(target: str, tmp_path: Path) -> None:
    root = tree(tmp_path, mount="/dev/vda5", **{LABEL_A: target})
    assert slots.running(root, PLAIN).slot is None


@pytest.mark.parametrize("data", [b"\xff" * 100, b"\0" * 100, b" - \n - - -\n", b"1 2 3 4 /mnt/sysroot/active - x\n"])
def test_tables_of_garbage_are_no_error(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    for name in ("proc/self/mountinfo", "proc/cmdline"):
        (tmp_path / name).write_bytes(data)
    assert slots.running(Root(tmp_path), PLAIN).slot is None


@pytest.mark.parametrize(
    ("file", "running", "slot", "told"),
    [
        ("mnt/sysroot/active/boot/bzImage", A, A, True),
        ("mnt/sysroot/active/boot/bzImage", B, B, True),
        ("mnt/sysroot/inactive/boot/bzImage", A, B, True),
        ("mnt/sysroot/inactive/current/boot/bzImage", A, B, True),
        ("mnt/sysroot/inactive/boot/Image", A, B, False),
        ("mnt/sysroot/inactive/etc/x", A, B, False),
        ("mnt/sysroot/active/boot/bzImage", A, B, None),  # the other one is not mounted
        ("mnt/sysroot/active/boot/bzImage", None, A, None),
    ],
)
def test_whether_a_slot_has_a_kernel(
    file: str, running: Slot | None, slot: Slot, told: bool | None, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert slots.kernel(Root(tmp_path), PLAIN, slot, running) is told
    assert slots.kernel(Root(tmp_path), BOTH, slot, running) is None, "which file it is, is not known"
