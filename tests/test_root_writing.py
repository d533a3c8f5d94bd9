"""The four ways to write: what they keep, what they refuse, and that a failure leaves the old content."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from small_tree import SECRET, link, snapshot

import hal.root as root_module
from hal.errors import FileFault, HalError
from hal.root import Root

# -- write: in place ---------------------------------------------------------------------------------------------------


def test_write_keeps_the_file_and_truncates_it(root: Root) -> None:
    path = root.directory / "etc/name"
    path.chmod(0o640)
    before = path.stat()
    with path.open() as opened:
        root.write("etc/name", "x")
        assert opened.read() == "x"
    after = path.stat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, 1)
    root.write("etc/name", "")
    assert path.read_bytes() == b""


@pytest.mark.parametrize("name", ["etc/none", "none/none", "etc/name/none"])
def test_write_never_creates(name: str, root: Root) -> None:
    before = snapshot(root)
    for action in (lambda: root.write(name, "x"), lambda: root.overwrite(name, b"x")):
        with pytest.raises(FileFault, match=name):
            action()
    assert snapshot(root) == before


def test_what_cannot_be_encoded_is_refused_before_the_file_is_emptied(root: Root) -> None:
    with pytest.raises(FileFault, match="etc/name"):
        root.write("etc/name", "half a pair: \ud800")
    assert root.read_text("etc/name") == "inside\n"


# -- overwrite: the same size ------------------------------------------------------------------------------------------


def test_overwrite_keeps_everything_but_the_bytes(root: Root) -> None:
    root.replace("boot", b"A" * 512, mode=0o600)
    before = (root.directory / "boot").stat()
    root.overwrite("boot", b"B" * 512)
    after = (root.directory / "boot").stat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, 512)
    assert root.read_bytes("boot") == b"B" * 512
    root.replace("nothing", b"")
    root.overwrite("nothing", b"")


@pytest.mark.parametrize("size", [0, 511, 513, 100_000])
def test_another_size_is_refused_and_nothing_written(size: int, root: Root) -> None:
    root.replace("boot", b"A" * 512)
    with pytest.raises(FileFault, match=f"{size} bytes do not fit in place of 512"):
        root.overwrite("boot", b"B" * size)
    assert root.read_bytes("boot") == b"A" * 512


# -- replace: durable --------------------------------------------------------------------------------------------------


def mode_of(root: Root, name: str) -> int:
    return stat.S_IMODE((root.directory / name).stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_replace_keeps_permissions_whatever_the_umask(mask: int, root: Root) -> None:
    before = os.umask(mask)
    try:
        root.replace("new", b"")
        root.replace("private", b"", mode=0o600)
        (root.directory / "etc/name").chmod(0o751)
        root.replace("etc/name", b"x")
        root.replace("etc/deep/er/file", b"x", mode=0o400)
    finally:
        os.umask(before)
    names = ("new", "private", "etc/name", "etc/deep/er/file")
    assert [mode_of(root, name) for name in names] == [0o644, 0o600, 0o751, 0o400]


def test_replace_follows_a_link_and_leaves_it_a_link(root: Root) -> None:
    link(root, "current", "/etc/deep/er/file")
    root.replace("current", b"new")
    assert (root.directory / "current").readlink() == Path("/etc/deep/er/file")
    assert root.read_bytes("etc/deep/er/file") == b"new"
    assert root.listdir("") == ("current", "etc")
    assert root.listdir("etc/deep/er") == ("file",)


def test_a_reader_keeps_the_old_file(root: Root) -> None:
    with (root.directory / "etc/name").open() as opened:
        root.replace("etc/name", b"new")
        assert opened.read() == "inside\n"


@pytest.mark.parametrize("name", ["none/file", "etc/name/file", "etc", ""])
def test_replace_needs_a_folder_and_a_file(name: str, root: Root) -> None:
    before = snapshot(root)
    with pytest.raises(FileFault):
        root.replace(name, b"x")
    assert snapshot(root) == before


def test_what_a_crash_left_is_cleared_away(root: Root) -> None:
    left = root.directory / "etc/.name.hal-new"
    left.write_text("half of a f")
    root.replace("etc/name", b"new")
    assert root.listdir("etc") == ("deep", "name")
    left.symlink_to(root.directory.parent / "secret")
    root.replace("etc/name", b"newer")
    assert (root.directory.parent / "secret").read_text() == SECRET
    left.mkdir()
    with pytest.raises(FileFault):
        root.replace("etc/name", b"newest")
    assert root.read_bytes("etc/name") == b"newer"


FULL = """
import resource, sys
from hal.errors import FileFault
from hal.root import Root

root = Root(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    {action}
except FileFault as error:
    print(error.message)
else:
    print("written")
"""


def with_little_room(root: Root, action: str) -> str:
    """What a process says that can make no file longer than 6000 bytes: its writes fail half way."""
    program = dedent(FULL).format(action=action)
    answer = subprocess.run([sys.executable, "-c", program, root.directory], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_a_replacement_that_fails_half_way_leaves_the_old_file_alone(root: Root) -> None:
    before = (root.directory / "etc/name").stat()
    assert with_little_room(root, "root.replace('etc/name', b'x' * 10_000)") == "etc/name: file too large"
    assert root.read_text("etc/name") == "inside\n"
    assert (root.directory / "etc/name").stat().st_ino == before.st_ino
    assert root.listdir("etc") == ("deep", "name"), "no temporary file is left"
    assert with_little_room(root, "root.replace('etc/new', b'x' * 10_000)") == "etc/new: file too large"
    assert root.listdir("etc") == ("deep", "name")
    assert with_little_room(root, "root.replace('etc/name', b'x' * 6000)") == "written"


def test_a_value_that_is_taken_only_in_part_is_an_error(root: Root) -> None:
    assert with_little_room(root, "root.write('etc/name', 'x' * 10_000)") == "etc/name: took 6000 of 10000 bytes"
    assert with_little_room(root, "root.write('etc/name', 'x')") == "written"


def test_an_overwrite_that_fails_half_way_is_an_error(root: Root) -> None:
    root.replace("boot", b"A" * 10_000)
    assert with_little_room(root, "root.overwrite('boot', b'B' * 10_000)") == "boot: file too large"
    assert (root.directory / "boot").stat().st_size == 10_000


WRITER = """
import sys
from hal.root import Root

root = Root(sys.argv[1])
for _ in range(60):
    root.replace("file", sys.argv[2].encode() * 200_000)
"""


def test_writers_at_the_same_time_never_mix_their_content(root: Root) -> None:
    """Two services may set something at the same time; a reader sees the one or the other, whole."""
    root.replace("file", b"0" * 200_000)
    command = [sys.executable, "-c", WRITER, root.directory]
    writers = [subprocess.Popen([*command, letter], stderr=subprocess.PIPE) for letter in "abc"]
    torn = []
    while any(writer.poll() is None for writer in writers):
        data = root.read_bytes("file")
        if len(data) != 200_000 or len(set(data)) != 1:
            torn.append(data[:1])
    errors = [writer.communicate()[1].decode() for writer in writers]
    assert errors == ["", "", ""]
    assert torn == []
    assert root.listdir("") == ("etc", "file")


def test_threads_of_one_process_take_turns_too(root: Root) -> None:
    faults: list[HalError] = []

    def write(letter: str) -> None:
        try:
            for _ in range(30):
                root.replace("file", letter.encode() * 50_000)
        except HalError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set(root.read_bytes("file"))) == 1


# -- what reaches the kernel -------------------------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls that decide what a power cut leaves, in their order; letting go of an old file is one."""
    seen: list[str] = []
    held: set[int] = set()
    fsync, rename, open_, close = os.fsync, Path.rename, os.open, os.close

    def noted_fsync(fd: int) -> None:
        seen.append("fsync folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "fsync file")
        fsync(fd)

    def noted_rename(source: Path, target: Path) -> Path:
        seen.append("rename")
        return rename(source, target)

    def noted_open(path: Path, flags: int, *rest: int) -> int:
        fd = open_(path, flags, *rest)
        if flags & os.O_PATH:
            held.add(fd)
        return fd

    def noted_close(fd: int) -> None:
        if fd in held:
            seen.append("let go")
            held.remove(fd)
        close(fd)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)  # before Python 3.11 it holds on to the os.rename it began with
    monkeypatch.setattr(os, "open", noted_open)
    monkeypatch.setattr(os, "close", noted_close)
    return seen


def test_the_order_that_survives_a_power_cut(root: Root, calls: list[str]) -> None:
    root.replace("etc/name", b"new")
    assert calls == ["fsync file", "rename", "fsync folder", "fsync file", "let go"]
    calls.clear()
    root.replace("etc/another", b"new")
    assert calls == ["fsync file", "rename", "fsync file", "fsync folder"]
    calls.clear()
    root.overwrite("etc/name", b"NEW")
    assert calls == ["fsync file"]
    calls.clear()
    root.remove("etc/name")
    assert calls == ["fsync folder", "let go"]


WRITES: list[tuple[str, Callable[[Root, bytes], None]]] = [
    ("overwrite", lambda root, data: root.overwrite("etc/name", data)),
    ("extend", lambda root, data: root.extend("etc/name", data)),
    ("replace", lambda root, data: root.replace("etc/name", data)),
    ("replace with more than is read at once", lambda root, data: root.replace("etc/name", data * 3_000_000)),
    ("patch", lambda root, data: root.patch("etc/name", 0, data)),
]


@pytest.mark.parametrize(("how", "write"), WRITES, ids=[how for how, _ in WRITES])
def test_what_a_medium_does_not_take_is_told(
    how: str, write: Callable[[Root, bytes], None], root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A medium that answers that all is well and holds something else."""
    old = root.read_bytes("etc/name")
    new = old[::-1]
    assert new != old
    write_all = root_module._write_all
    monkeypatch.setattr(root_module, "_write_all", lambda fd, data: write_all(fd, data[:-1] + bytes([data[-1] ^ 1])))
    with pytest.raises(FileFault, match="etc/name: reads back different from what was written at byte"):
        write(root, new)
    if how.startswith("replace"):
        assert root.read_bytes("etc/name") == old
        assert [name for name in root.listdir("etc") if name.endswith("hal-new")] == []


# -- remove ------------------------------------------------------------------------------------------------------------


def test_remove(root: Root) -> None:
    link(root, "link", "etc/name")
    link(root, "out", "../secret")
    assert [root.remove(name) for name in ("link", "out", "link", "etc/none", "none/none")] == [
        True,
        True,
        *[False] * 3,
    ]
    assert root.read_text("etc/name") == "inside\n"
    assert (root.directory.parent / "secret").read_text() == SECRET
    assert root.remove("etc/name")
    assert root.listdir("etc") == ("deep",)


@pytest.mark.parametrize("name", ["etc", "etc/deep", "", "etc/name/x"])
def test_remove_removes_no_folder(name: str, root: Root) -> None:
    before = snapshot(root)
    with pytest.raises(FileFault):
        root.remove(name)
    assert snapshot(root) == before


def test_every_fault_is_a_hal_error_with_its_path(root: Root) -> None:
    with pytest.raises(HalError) as error:
        root.read_bytes("etc/none")
    assert (error.value.path, error.value.code, error.value.exit_status) == ("etc/none", "file", 1)
    assert json.dumps(error.value.message) == '"etc/none: no such file or directory"'


def test_a_lock_that_is_held_is_waited_for_until_the_deadline(root: Root) -> None:
    with (
        root.lock("etc/name", timeout_seconds=5),
        pytest.raises(FileFault, match=r"^etc/name: locked by another process for 0\.1 s$"),
        Root(root.directory).lock("etc/name", timeout_seconds=0.1),
    ):
        pytest.fail("held twice")
    with root.lock("etc/name", timeout_seconds=0.1):
        assert root.read_text("etc/name") == "inside\n", "a lock changes nothing"


def test_a_folder_can_be_locked_and_what_is_in_it_still_replaced_by_others(root: Root) -> None:
    with (
        root.lock("etc/deep", timeout_seconds=5),
        pytest.raises(FileFault, match=r"^etc/deep: locked by another process for 0\.05 s$"),
        Root(root.directory).lock("etc/deep", timeout_seconds=0.05),
    ):
        pytest.fail("held twice")
    with root.lock("etc", timeout_seconds=5):
        root.replace("etc/deep/er/file", b"in another folder")
        with pytest.raises(FileFault), root.lock("none", timeout_seconds=1):
            pytest.fail("there is nothing to lock")


# -- extend: longer, in place ------------------------------------------------------------------------------------------


def test_extend_grows_the_same_file(root: Root, calls: list[str]) -> None:
    root.replace("boot", b"a=1\n", mode=0o600)
    before = (root.directory / "boot").stat()
    calls.clear()
    root.extend("boot", b"a=1\n".ljust(512, b"\n"))
    after = (root.directory / "boot").stat()
    assert calls == ["fsync file", "fsync file"], "the rest of the old sector is on the disk before the length changes"
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, 512)
    root.extend("boot", b"a=2\n".ljust(512, b"\n"))
    assert root.read_bytes("boot").startswith(b"a=2\n")


@pytest.mark.parametrize(("old", "new"), [(b"", b"x"), (b"xy", b"x"), (b"x" * 512, b"x" * 511)])
def test_extend_neither_shrinks_nor_starts_from_nothing(old: bytes, new: bytes, root: Root) -> None:
    root.replace("boot", old)
    with pytest.raises(FileFault, match=f"^boot: {len(old)} bytes cannot grow to {len(new)}$"):
        root.extend("boot", new)
    assert root.read_bytes("boot") == old
    with pytest.raises(FileFault, match="none"):
        root.extend("none", b"x")
    assert not root.exists("none")


def test_an_extension_that_fails_half_way_keeps_the_old_start(root: Root) -> None:
    root.replace("boot", b"A" * 5000)
    assert with_little_room(root, "root.extend('boot', b'A' * 5000 + b'B' * 5000)") == "boot: file too large"
    assert root.read_bytes("boot").startswith(b"A" * 5000)


# -- span and patch: parts of a block device ---------------------------------------------------------------------------


def test_span_reads_what_is_there(root: Root) -> None:
    root.replace("disk", bytes(range(100)))
    assert root.span("disk", 10, 5) == bytes(range(10, 15))
    assert root.span("disk", 98, 5) == bytes((98, 99))
    assert root.span("disk", 200, 5) == b""
    with pytest.raises(FileFault, match="etc"):
        root.span("etc", 0, 1)


def test_patch_changes_a_span_and_nothing_else(root: Root, calls: list[str]) -> None:
    root.replace("disk", b"A" * 2000)
    inode = (root.directory / "disk").stat().st_ino
    calls.clear()
    root.patch("disk", 510, b"BBBB")
    assert root.read_bytes("disk") == b"A" * 510 + b"BBBB" + b"A" * 1486
    assert (root.directory / "disk").stat().st_ino == inode
    assert calls == ["fsync file"]
    root.patch("disk", 510, b"BBBB")
    assert calls == ["fsync file"], "what is there is not written again"


@pytest.mark.parametrize(("offset", "data"), [(1999, b"BB"), (2000, b"B"), (3000, b"B")])
def test_patch_never_grows_a_device(offset: int, data: bytes, root: Root) -> None:
    root.replace("disk", b"A" * 2000)
    with pytest.raises(FileFault, match=f"ends before byte {offset + len(data)}, nothing was written"):
        root.patch("disk", offset, data)
    assert root.read_bytes("disk") == b"A" * 2000


def test_a_fifo_or_character_device_is_no_block_device(root: Root) -> None:
    os.mkfifo(root.directory / "fifo")
    link(root, "null", "etc")
    for act in (lambda: root.span("fifo", 0, 1), lambda: root.patch("fifo", 0, b"x"), lambda: root.span("null", 0, 1)):
        with pytest.raises(FileFault, match="not a regular file or block device"):
            act()


# -- write with create, flags, room ------------------------------------------------------------------------------------


def test_write_creates_only_where_it_is_asked_to(root: Root) -> None:
    root.write("etc/variable", b"\x07\0\0\0x", create=True)
    assert root.read_bytes("etc/variable") == b"\x07\0\0\0x"
    root.write("etc/variable", b"y", create=True)
    assert root.read_bytes("etc/variable") == b"y"
    with pytest.raises(FileFault, match="none/variable"):
        root.write("none/variable", b"x", create=True)
    with pytest.raises(FileFault, match="etc/deep"):
        root.write("etc/deep", b"x", create=True)


def test_unlocking_a_file_without_the_flag_changes_nothing(root: Root) -> None:
    before = snapshot(root)
    root.unlock_immutable("etc/name")
    assert snapshot(root) == before
    for name in ("etc/none", "etc"):
        with pytest.raises(FileFault, match=name):
            root.unlock_immutable(name)


def test_free_bytes_are_those_of_the_file_system_of_a_file_or_folder(root: Root) -> None:
    told = os.statvfs(root.directory)
    for name in ("", "etc", "etc/name"):
        assert 0 < root.free_bytes(name) <= told.f_blocks * told.f_frsize
    with pytest.raises(FileFault, match="none"):
        root.free_bytes("none")
