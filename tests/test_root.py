"""`Root`: names and links stay inside, odd files never block, and a write that fails leaves the old content."""

from __future__ import annotations

import os
import select
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tree import SECRET, link, snapshot

from hal.errors import FileFault, OutsideRoot
from hal.root import MAX_BYTES, Root

# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "etc/name",
        "/etc/name",
        "//etc/name",
        "///etc//name",
        "./etc/./name",
        "etc/name/",
        "etc/deep/../name",
        "etc/deep/er/../../name",
        "etc/no-such-folder/../name",
    ],
)
def test_spellings_of_one_name(name: str, root: Root) -> None:
    assert root.resolve(name) == root.directory / "etc/name"
    assert root.read_text(name) == "inside\n"


@pytest.mark.parametrize(
    "name", ["..", "../secret", "/..", "//../secret", "etc/../../secret", "etc/deep/../../../secret"]
)
def test_a_name_that_climbs_out_is_an_error(name: str, root: Root) -> None:
    for action in (root.resolve, root.exists, root.is_file, root.read_bytes, root.listdir, root.remove):
        with pytest.raises(OutsideRoot):
            action(name)
    with pytest.raises(OutsideRoot):
        root.replace(name, b"broken in")
    assert (root.directory.parent / "secret").read_text() == SECRET


def test_two_leading_slashes_are_one(root: Root) -> None:
    """POSIX lets `//` mean something else, and `pathlib` keeps it: `tree / "//etc/passwd"` is `//etc/passwd`."""
    outside = root.directory.parent / "secret"
    for name in (f"/{outside}", f"//{outside}", link(root, "slashes", f"/{outside}")):
        assert root.directory in root.resolve(name).parents
        assert not root.exists(name)


@pytest.mark.parametrize(
    "name",
    ["\0", "etc/na\0me", "a" * 300, "etc/" + "a" * 300, "\ud800", "etc/\udfff/x"],
    ids=lambda name: ascii(name)[:20],
)
def test_an_impossible_name_is_a_fault(name: str, root: Root) -> None:
    actions: tuple[Callable[[str], object], ...] = (
        root.exists,
        root.is_file,
        root.is_dir,
        root.read_bytes,
        root.read_text,
        root.listdir,
        root.remove,
        lambda it: root.write(it, "x"),
        lambda it: root.replace(it, b"x"),
        lambda it: root.overwrite(it, b"x"),
    )
    for action in actions:
        with pytest.raises(FileFault):
            action(name)
    assert root.read_value(name) is None
    assert root.which(name) is None
    before = snapshot(root)
    assert before == snapshot(root)


def test_a_name_that_is_not_utf_8_can_be_read(root: Root) -> None:
    name = os.fsdecode(b"etc/\xff\xfe")
    root.replace(name, b"x")
    assert root.read_bytes(name) == b"x"
    assert os.fsdecode(b"\xff\xfe") in root.listdir("etc")


@pytest.mark.parametrize("directory", ["no-such", "tree/etc/name", "a\0b", "a" * 300])
def test_a_root_is_a_directory(directory: str, root: Root) -> None:
    with pytest.raises(FileFault, match="not a directory"):
        Root(root.directory.parent / directory)


@pytest.mark.parametrize(("directory", "machine"), [("/", True), ("//", True), ("/tmp/..", True), ("/tmp", False)])
def test_which_root_is_this_machine(directory: str, machine: bool) -> None:
    assert Root(directory).is_machine is machine


def test_a_relative_root_stays_where_it_was(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.directory.parent)
    relative = Root("tree")
    monkeypatch.chdir("/")
    assert relative.read_text("etc/name") == "inside\n"


# -- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "resolved"),
    [
        ("name", "etc/name"),
        ("../etc/name", "etc/name"),
        ("/etc/name", "etc/name"),
        ("//etc/name", "etc/name"),
        ("/etc/../etc/./name", "etc/name"),
        ("/../etc/name", None),
        ("../../secret", None),
        ("../../../../../../../../etc/passwd", None),
        ("deep/../../..", None),
        ("no-such-file", "etc/no-such-file"),
        ("name/below-a-file", "etc/name/below-a-file"),
    ],
)
def test_a_link_is_followed_as_the_device_would(target: str, resolved: str | None, root: Root) -> None:
    name = link(root, "etc/link", target)
    if resolved is None:
        with pytest.raises(OutsideRoot):
            root.resolve(name)
        with pytest.raises(OutsideRoot):
            root.read_text(name)
        assert root.read_value(name) is None
        assert root.glob("etc/li*") == ()
    else:
        assert root.resolve(name) == root.directory / resolved
        assert root.exists(name) == (root.directory / resolved).exists()
    assert root.resolve(name, follow=False) == root.directory / "etc/link"


def test_links_in_the_middle_are_followed_inside(root: Root) -> None:
    link(root, "run", "/etc/deep")
    link(root, "etc/deep/up", "..")
    assert root.read_text("run/er/file") == "deep"
    assert root.read_text("run/up/name") == "inside\n"
    assert root.resolve("run/../name") == root.directory / "etc/name"
    with pytest.raises(OutsideRoot):
        root.resolve("run/../../..")


def test_an_absolute_link_never_reaches_this_machine(root: Root) -> None:
    outside = root.directory.parent / "secret"
    for name, target in (("file", str(outside)), ("folder", str(outside.parent)), ("host", "/etc/passwd")):
        link(root, name, target)
    assert not root.exists("file")
    assert not root.exists("folder/secret")
    assert not root.exists("host")
    with pytest.raises(FileFault):
        root.read_bytes("host")


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "/a/a/a"}, {"a": "b/x", "b": "a/y"}])
def test_a_loop_of_links_is_a_fault(links: dict[str, str], root: Root) -> None:
    for name, target in links.items():
        link(root, name, target)
    for action in (root.resolve, root.exists, root.read_bytes, root.listdir):
        with pytest.raises(FileFault, match="loop"):
            action("a")
    assert root.read_value("a") is None
    assert set(root.glob("*")) == {"etc"}


@pytest.mark.parametrize(("length", "sound"), [(40, True), (41, False)])
def test_a_long_chain_of_links(length: int, sound: bool, root: Root) -> None:
    link(root, "link1", "etc/name")
    for number in range(2, length + 1):
        link(root, f"link{number}", f"link{number - 1}")
    assert (root.read_value(f"link{length}") == "inside") is sound


def test_a_dangling_link_is_nothing_until_it_is_written_through(root: Root) -> None:
    link(root, "etc/new", "deep/created")
    assert not root.exists("etc/new")
    with pytest.raises(FileFault, match="no such file"):
        root.read_bytes("etc/new")
    with pytest.raises(FileFault, match="no such file"):
        root.write("etc/new", "x")
    root.replace("etc/new", b"x")
    assert (root.directory / "etc/new").is_symlink()
    assert (root.directory / "etc/deep/created").read_bytes() == b"x"


PARTS = st.sampled_from(["a", "b", "c", "d", "..", ".", ""])
NAMES = st.builds("/".join, st.lists(PARTS, max_size=6))
TARGETS = st.builds(str.__add__, st.sampled_from(["", "", "/", "//", "///"]), NAMES).filter(bool)


@given(
    folders=st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3), max_size=4),
    links=st.dictionaries(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map("/".join), TARGETS, max_size=8),
    names=st.lists(TARGETS, min_size=1, max_size=8),
)
def test_no_tree_of_links_leads_out(folders: list[list[str]], links: dict[str, str], names: list[str]) -> None:
    """The kernel's word on it: what `resolve` answers has no link left in it, and lies below the directory."""
    with tempfile.TemporaryDirectory() as directory:
        top = Path(os.path.realpath(directory))
        (top / "tree").mkdir()
        (top / "a").write_text("outside")
        root = Root(top / "tree")
        for folder in folders:
            (root.directory / "/".join(folder)).mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            at = root.directory / name
            free_of_links = os.path.realpath(at.parent) == str(at.parent)
            if free_of_links and at.parent.is_dir() and not os.path.lexists(at):
                at.symlink_to(target)
        for name in names:
            for follow in (True, False):
                try:
                    found = root.resolve(name, follow=follow)
                except FileFault:
                    continue
                assert found == root.directory or root.directory in found.parents
                assert ".." not in found.parts
                parent = found if follow else found.parent
                assert Path(os.path.realpath(parent)) == parent
        for pattern in ("*", "*/*", "*/*/*", "?", "[a-c]/*"):
            for name in root.glob(pattern):
                assert root.exists(name)


# -- listing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(root: Root) -> Root:
    for name in ("a/one", "a/two", "a/.hidden", "a-b/one", "b/one", ".c/one", "b/[x]", "b/x", "b/*"):
        path = root.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    link(root, "a/dangling", "nowhere")
    link(root, "a/loop", "loop")
    link(root, "a/out", "../../secret")
    link(root, "a/three", "/b/one")
    link(root, "out", "..")
    link(root, "machine", "/usr")
    link(root, "linked", "b")
    return root


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a/*", ("a/one", "a/three", "a/two")),
        ("/a/*", ("a/one", "a/three", "a/two")),
        ("//a//*", ("a/one", "a/three", "a/two")),
        ("*/one", ("a-b/one", "a/one", "b/one", "linked/one")),
        ("?/t*", ("a/three", "a/two")),
        ("[!a]/one", ("b/one",)),
        ("b/[[]x]", ("b/[x]",)),
        ("b/[*]", ("b/*",)),
        ("a/.h*", ("a/.hidden",)),
        ("a/[.]h*", ()),
        (".c/one", (".c/one",)),
        ("a/one", ("a/one",)),
        ("a/none", ()),
        ("a/dangling", ()),
        ("a/loop", ()),
        ("a/loop/*", ()),
        ("a/out", ()),
        ("out/*", ()),
        ("out/secret", ()),
        ("machine/*", ()),
        ("a/one/*", ()),
        ("*/*/*/*", ("etc/deep/er/file",)),
        ("", ()),
        ("/", ()),
        ("A/*", ()),
        ("a" * 300, ()),
        ("a*/" + "b" * 300, ()),
    ],
)
def test_glob(pattern: str, names: tuple[str, ...], many: Root) -> None:
    assert many.glob(pattern) == names


@pytest.mark.parametrize("pattern", ["../*", "a/../../*", "*/../secret"])
def test_a_pattern_cannot_climb(pattern: str, many: Root) -> None:
    with pytest.raises(OutsideRoot):
        many.glob(pattern)


@pytest.mark.parametrize(
    ("name", "names"),
    [("b", ("*", "[x]", "one", "x")), ("a/one", ()), ("none", ()), ("a/dangling", ()), ("machine", ())],
)
def test_listdir(name: str, names: tuple[str, ...], many: Root) -> None:
    assert many.listdir(name) == names


# -- reading ---------------------------------------------------------------------------------------------------------


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # /dev/null: opens at once, reads empty


def make_socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def make_terminal(path: Path) -> None:
    """A terminal nobody types on: opened without care, reading it waits forever."""
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(5, 2))


ODD: dict[str, Callable[[Path], None]] = {
    "folder": Path.mkdir,
    "FIFO": make_fifo,
    "device": make_device,
    "socket": make_socket,
    "terminal": make_terminal,
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_regular_file_is_refused_and_never_waited_for(kind: str, root: Root) -> None:
    ODD[kind](root.directory / "odd")
    before = os.lstat(root.directory / "odd")
    for action in (
        lambda: root.read_bytes("odd"),
        lambda: root.read_text("odd"),
        lambda: root.write("odd", "x"),
        lambda: root.overwrite("odd", b""),
        lambda: root.replace("odd", b"x"),
    ):
        with pytest.raises(FileFault, match="odd: not a regular file"):
            action()
    assert root.read_value("odd") is None
    assert root.exists("odd")
    assert not root.is_file("odd")
    assert os.lstat(root.directory / "odd").st_ino == before.st_ino
    assert root.listdir("") == ("etc", "odd")


def test_a_file_that_is_not_regular_is_not_even_opened(root: Root) -> None:
    """Opening a serial port resets some boards; opening a watchdog starts it. A FIFO tells that it was opened."""
    os.mkfifo(root.directory / "fifo")
    reader = os.open(root.directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(reader, 0)
        with pytest.raises(FileFault):
            root.write("fifo", "x")
        assert poll.poll(0) == []
        os.close(os.open(root.directory / "fifo", os.O_WRONLY | os.O_NONBLOCK))
        assert poll.poll(0) == [(reader, select.POLLHUP)], "this test sees an opened FIFO"
    finally:
        os.close(reader)


@pytest.mark.parametrize(("size", "limit", "read"), [(10, 10, True), (11, 10, False), (0, 0, True), (1, 0, False)])
def test_a_limit_is_exact(size: int, limit: int, read: bool, root: Root) -> None:
    root.replace("file", b"x" * size)
    if read:
        assert root.read_bytes("file", limit=limit) == b"x" * size
    else:
        with pytest.raises(FileFault, match=f"larger than {limit} bytes"):
            root.read_bytes("file", limit=limit)


def test_a_huge_file_is_refused(root: Root) -> None:
    with (root.directory / "huge").open("wb") as file:
        file.truncate(1 << 40)
    for action in (root.read_bytes, root.read_text):
        with pytest.raises(FileFault, match=f"larger than {MAX_BYTES} bytes"):
            action("huge")
    assert root.read_value("huge") is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"on\n", "on"),
        (b"on\0", "on"),
        (b"a\0b\0", "a\0b"),
        (b" on \r\n\n", " on"),
        (b"", ""),
        (b"\n", ""),
        (b"\xff\n", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_read_value(data: bytes, value: str, root: Root) -> None:
    root.replace("value", data)
    assert root.read_value("value") == value


def test_text_that_is_not_utf_8_names_the_byte(root: Root) -> None:
    root.replace("text", b"abc\xffdef")
    with pytest.raises(FileFault, match=r"text: not UTF-8 text \(byte 3\)"):
        root.read_text("text")


def test_kernel_attributes_of_this_machine(tmp_path: Path) -> None:
    """Real ones: a value that is taken, one that is refused, and an attribute that exists but cannot be read."""
    machine = Root("/")
    before = machine.read_value("proc/self/comm")
    assert before
    machine.write("proc/self/comm", "hal-test")
    assert machine.read_value("proc/self/comm") == "hal-test"
    machine.write("proc/self/comm", before)
    with pytest.raises(FileFault, match="invalid argument"):
        machine.write("proc/self/oom_score_adj", "much")
    with pytest.raises(FileFault):
        machine.read_bytes("proc/self/mem")
    assert machine.read_value("proc/self/mem") is None


@pytest.mark.parametrize(("mode", "writable"), [(0o644, True), (0o200, True), (0o444, False), (0o000, False)])
def test_whether_a_file_lets_itself_be_written_is_in_its_mode(tmp_path: Path, mode: int, writable: bool) -> None:
    (tmp_path / "attribute").write_text("1\n")
    (tmp_path / "attribute").chmod(mode)
    root = Root(tmp_path)
    assert root.is_writable("attribute") is writable
    assert not root.is_writable("missing")
