"""The guest runs this machine's Python on a real kernel's file systems."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.blocklog import Flush, Write, between, read_log
from lab.disk import Disk
from lab.guest import REPOSITORY, GuestError, Mark, Mount, run_in_guest

OLD, NEW = b"root=2\n", b"root=3\n"
BOOT = Mount(1, "/tree/mnt/boot", "vfat", "rw,umask=0077")
STATE = Mount("resin-state", "/tree/mnt/state", "ext4")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    return Disk.build(tmp_path_factory.mktemp("disk") / "disk", boot={"grubenv": OLD}, state={"root-overlay/a": OLD})


@pytest.fixture
def disk(pristine: Disk, tmp_path: Path) -> Disk:
    return pristine.copy(tmp_path / "disk")


def test_this_project_runs_in_the_guest_on_both_file_systems(disk: Disk, tmp_path: Path) -> None:
    script = (
        "from hal.root import Root\nroot = Root('/tree')\n"
        f"root.overwrite('mnt/boot/grubenv', {NEW!r})\nroot.replace('mnt/state/root-overlay/a', {NEW!r} * 2)\n"
        "print(root.read_text('mnt/boot/grubenv'), root.listdir('mnt/state/root-overlay'))"
    )
    (tmp_path / "script.py").write_text(script)
    log, outside = tmp_path / "log", tmp_path / "written outside of the disk"
    commands = [
        ["sh", "-c", "echo out; echo err >&2; echo $GREETING; exit 7"],
        ["sh", "-c", 'echo here >"$0"; cat "$0"', str(outside)],
        Mark("begin"),
        [sys.executable, str(tmp_path / "script.py")],
        Mark("end"),
        ["no such program"],
        ["grep", "/tree", "/proc/mounts"],
    ]
    environment = {"PYTHONPATH": str(REPOSITORY), "GREETING": "it's"}
    done = run_in_guest(disk.path, commands, mounts=[BOOT, STATE], log=log, environment=environment)
    shell, away, python, missing, mounted = done
    assert (shell.status, shell.stdout, shell.stderr) == (7, "out\nit's\n", "err\n")
    assert (away.status, away.stdout) == (0, "here\n")
    assert not outside.exists()
    assert (python.status, python.stdout, python.stderr) == (0, "root=3\n ('a',)\n", "")
    assert python.argv == (sys.executable, str(tmp_path / "script.py"))
    assert missing.status == 127
    assert missing.stderr
    options = {line.split()[1]: line.split()[2:4] for line in mounted.stdout.splitlines()}
    assert options["/tree/mnt/boot"][0] == "vfat"
    assert "fmask=0077" in options["/tree/mnt/boot"][1]
    assert options["/tree/mnt/state"][0] == "ext4"
    assert disk.read("boot", "grubenv") == NEW
    assert disk.read("state", "root-overlay/a") == NEW * 2
    disk.check("boot")
    disk.check("state")

    # The log holds the operation: writes inside the two partitions only, and flushes.
    before, during = between(read_log(log), "begin", "end")
    assert before  # both file systems note that they are mounted
    written = [entry for entry in during if isinstance(entry, Write)]
    spans = [disk.span("boot"), disk.span("state")]
    for offset, size in spans:
        assert any(offset <= write.sector * 512 < offset + size for write in written)
    assert all(any(o <= w.sector * 512 < o + s for o, s in spans) for w in written)
    assert any(NEW in write.data for write in written)
    assert Flush() in during


@pytest.mark.parametrize("unmount", [False, True])
def test_what_was_not_flushed_is_lost_with_the_power(disk: Disk, unmount: bool) -> None:
    words = "echo root=4 >/tree/mnt/boot/flushed; sync -f /tree/mnt/boot; echo root=5 >/tree/mnt/boot/unflushed"
    (done,) = run_in_guest(disk.path, [["sh", "-c", words]], mounts=[BOOT], unmount=unmount)
    assert done.status == 0
    assert disk.read("boot", "flushed") == b"root=4\n"
    assert disk.read("boot", "unflushed") == (b"root=5\n" if unmount else None)


@pytest.mark.parametrize(
    ("mount", "told"),
    [(Mount(4096, "/t", "vfat"), "mount /t"), (Mount("resin-boot", "/t", "ext4"), "mount /t")],
)
def test_a_mount_that_fails_is_told(disk: Disk, mount: Mount, told: str) -> None:
    with pytest.raises(GuestError, match=told):
        run_in_guest(disk.path, [["true"]], mounts=[mount])


def test_a_guest_that_does_not_end_is_stopped(disk: Disk) -> None:
    with pytest.raises(GuestError, match="not done after 1 s"):
        run_in_guest(disk.path, [["sleep", "1000"]], timeout_seconds=1)


def test_wrong_use_is_told_before_anything_starts(disk: Disk) -> None:
    with pytest.raises(GuestError, match="a list of words"):
        run_in_guest(disk.path, ["true"])
    with pytest.raises(GuestError, match="'ntfs': the guest has vfat, ext4"):
        run_in_guest(disk.path, [], mounts=[Mount(1, "/t", "ntfs")])
    with pytest.raises(GuestError, match="the name of a mark"):
        run_in_guest(disk.path, [Mark("m" * 600)])
    with pytest.raises(GuestError, match="no disk"):
        run_in_guest(disk.path.with_name("none"), [])
