"""A walk: where a name leads, and whether what it says about what is there is what the kernel says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import FileFault, OutsideRoot
from hal.walk import Place, walk


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("top")
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/file").write_bytes(b"")
    for name, target in {
        "a/absolute": "/a/b",
        "a/relative": "b/../file",
        "a/dangling": "nothing/here",
        "a/out": "../../x",
        "a/loop": "loop",
        "a/b/top": "/",
    }.items():
        (folder / name).symlink_to(target)
    return folder


LEADS: dict[str, tuple[str, bool | None]] = {
    "": ("", None),
    "/": ("", None),
    "a": ("/a", True),
    "//a/./b/": ("/a/b", True),
    "a/file": ("/a/file", True),
    "a/file/below": ("/a/file/below", False),
    "missing/below": ("/missing/below", False),
    "missing/../a": ("/a", True),
    "a/..": ("", None),
    "a/absolute": ("/a/b", True),
    "a/relative": ("/a/file", True),
    "a/dangling": ("/a/nothing/here", False),
    "a/b/top/a/file": ("/a/file", True),
}


@pytest.mark.parametrize("name", LEADS)
def test_a_name_leads(name: str, top: Path) -> None:
    path, there = LEADS[name]
    assert walk(str(top), name) == Place(f"{top}{path}", there)


@pytest.mark.parametrize(("name", "path"), [("a/absolute", "/a/absolute"), ("a/dangling", "/a/dangling"), ("a", "/a")])
def test_a_last_part_that_is_not_followed_is_not_looked_at(name: str, path: str, top: Path) -> None:
    assert walk(str(top), name, follow=False) == Place(f"{top}{path}", None)


@pytest.mark.parametrize("name", ["..", "a/../..", "a/out", "a/b/top/..", "a\0"])
def test_no_name_leads_out(name: str, top: Path) -> None:
    with pytest.raises(OutsideRoot):
        walk(str(top), name)


@pytest.mark.parametrize("name", ["a/loop", "a/loop/b", "\udc80\ud800"])
def test_what_leads_nowhere_is_a_fault(name: str, top: Path) -> None:
    with pytest.raises(FileFault):
        walk(str(top), name)


def test_the_machine_itself_is_a_root() -> None:
    assert walk("/", "") == Place("/", None)
    assert walk("/", "proc/self/../version") == Place("/proc/version", True)
    with pytest.raises(OutsideRoot):
        walk("/", "..")


PARTS = st.sampled_from(["a", "b", "..", "file", "absolute", "relative", "dangling", "top", "missing"])


@given(st.lists(PARTS, max_size=6).map("/".join))
def test_what_a_walk_saw_is_so(top: Path, name: str) -> None:
    try:
        path, there = walk(str(top), name)
    except OutsideRoot:
        return
    assert there in (None, Path(path).exists())
    assert not Path(path).is_symlink()
