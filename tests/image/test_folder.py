"""The folder of an output: all or nothing, its own runs may follow each other, and nobody's work is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from hal.errors import FileFault
from hal.image import folder
from hal.image.folder import MANIFEST, check_output, write_output
from hal.image.output import Line, OutputFile, text_file

FILES = (
    text_file("README.md", [Line(text="one", why="w")]),
    OutputFile(name="boot/a.bin", data=b"\0\1", why="w"),
    OutputFile(name="rootfs/usr/bin/tool", data=b"#!/bin/sh\n", why="w", mode=0o755),
)
OTHERS = (text_file("README.md", [Line(text="two", why="w")]), OutputFile(name="c", data=b"c", why="w"))


def tree(top: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content by name; of a link where it leads to."""
    found = {}
    for path in sorted(top.rglob("*")):
        mode = path.lstat().st_mode & 0o7777
        content = os.fsencode(path.readlink()) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(top))] = (mode, content)
    return found


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_names_bytes_and_modes(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_output(tmp_path / "new/out", FILES)
    finally:
        os.umask(before)
    found = tree(tmp_path / "new/out")
    assert found.pop(MANIFEST)[0] == 0o644
    assert found == {
        "README.md": (0o644, b"one\n"),
        "boot": (0o755, b""),
        "boot/a.bin": (0o644, b"\0\1"),
        "rootfs": (0o755, b""),
        "rootfs/usr": (0o755, b""),
        "rootfs/usr/bin": (0o755, b""),
        "rootfs/usr/bin/tool": (0o755, b"#!/bin/sh\n"),
    }
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_the_order_of_the_files_changes_nothing(tmp_path: Path) -> None:
    write_output(tmp_path / "one", FILES)
    write_output(tmp_path / "other", FILES[::-1])
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


@pytest.mark.parametrize("before", [None, (), FILES, OTHERS])
def test_an_earlier_run_is_replaced_whole(before: tuple[OutputFile, ...] | None, tmp_path: Path) -> None:
    if before is not None:
        (tmp_path / "out").mkdir()
        if before:
            write_output(tmp_path / "out", before)
    write_output(tmp_path / "out", OTHERS)
    assert set(tree(tmp_path / "out")) == {MANIFEST, "README.md", "c"}
    assert (tmp_path / "out/README.md").read_text() == "two\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_that_somebody_removed_is_no_obstacle(tmp_path: Path) -> None:
    write_output(tmp_path / "out", FILES)
    (tmp_path / "out/boot/a.bin").unlink()
    write_output(tmp_path / "out", FILES)
    assert (tmp_path / "out/boot/a.bin").exists()


def _link(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    (path.parents[1] / "elsewhere").write_bytes(content)
    path.symlink_to("../elsewhere")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file more": (lambda out: (out / "boot/mine").write_text("x"), "boot/mine is not from there"),
    "a hidden file more": (lambda out: (out / ".mine").write_text("x"), ".mine is not from there"),
    "a folder more": (lambda out: (out / "boot/mine").mkdir(), "boot/mine is not from there"),
    "a link more": (lambda out: (out / "boot/mine").symlink_to("/"), "boot/mine is not from there"),
    "a file changed": (lambda out: (out / "README.md").write_text("mine"), "README.md was changed"),
    "a file as a link": (lambda out: _link(out / "README.md"), "README.md was changed"),
    "a file as a folder": (
        lambda out: ((out / "README.md").unlink(), (out / "README.md").mkdir()),
        "README.md was changed",
    ),
    "no manifest": (lambda out: (out / MANIFEST).unlink(), "not a new or empty folder"),
    "a manifest that is a link": (
        lambda out: ((out / MANIFEST).unlink(), (out / MANIFEST).symlink_to("README.md")),
        "not a new or empty folder",
    ),
    **{
        f"the manifest is {text[:9]!r}": (lambda out, text=text: (out / MANIFEST).write_text(text), "damaged")
        for text in ("", "{}", "[]", "3", '{"files": 3}', "\0", "[" * 100_000)
    },
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_somebody_did_is_refused_by_name_and_stays(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_output(out, FILES)
    damage, told = DAMAGE[name]
    damage(out)
    before = tree(tmp_path)
    for function in (check_output, lambda path: write_output(path, OTHERS)):
        with pytest.raises(FileFault, match="out") as fault:
            function(out)
        assert told in fault.value.message
        assert tree(tmp_path) == before


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    (tmp_path / "file").write_text("file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "gone").symlink_to("nowhere")
    words = {
        "full": "not a new or empty folder",
        "file": "a file, not a folder",
        "link": "a symbolic link",
        "gone": "a symbolic link",
        "file/below": "file is not a folder",
        "file/below/deep": "file is not a folder",
    }
    before = tree(tmp_path)
    for name, told in words.items():
        with pytest.raises(FileFault, match=told):
            write_output(tmp_path / name, FILES)
        assert tree(tmp_path) == before, name


def test_where_nothing_can_be_made() -> None:
    with pytest.raises(FileFault, match=r"^/sys/kernel/out: (permission denied|operation not permitted|read-only)"):
        write_output(Path("/sys/kernel/out"), FILES)


def test_a_mount_point_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: Path, target: Path) -> None:
        raise OSError(16, "busy")

    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "rename", busy)
    with pytest.raises(FileFault, match="a mount point cannot be replaced, name a folder below it"):
        write_output(tmp_path / "out", FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x"])
def test_a_name_that_leads_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="leads out of"):
        write_output(tmp_path / "deep/out", [*FILES, OutputFile(name=name, data=b"x", why="w")])
    assert tree(tmp_path) == {"deep": (tree(tmp_path)["deep"][0], b"")}


@pytest.mark.parametrize("step", range(12))
def test_a_failure_at_any_step_leaves_what_was_there(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that makes or moves something fails once, the step's; steps past the last succeed."""
    out = tmp_path / "out"
    write_output(out, FILES)
    before = tree(tmp_path)
    calls = [0]
    failed = [False]

    def failing(name: str) -> None:
        original = getattr(Path, name)

        def call(self: Path, *words: object, **more: object) -> object:
            calls[0] += 1
            if calls[0] == step + 1:
                failed[0] = True
                raise OSError(28, "no room")
            return original(self, *words, **more)

        monkeypatch.setattr(Path, name, call)

    for name in ("rename", "mkdir", "chmod", "open"):
        failing(name)
    check = folder.check_output
    monkeypatch.setattr(folder, "check_output", lambda path: (check(path), calls.__setitem__(0, 0)))
    with pytest.raises(FileFault, match="no space left on device") if step < 11 else nullcontext():
        write_output(out, OTHERS)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tree(tmp_path) == before) is failed[0]
    assert failed[0] is (step < 11), "the steps are those that there are"
