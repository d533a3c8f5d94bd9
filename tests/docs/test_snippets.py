"""Every python and console block of the hand-written pages runs, and prints what the page shows."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUN = ("index.md", "query-capabilities.md", "command-line.md", "boot-files.md", "disk-images.md", "hotplug.md")
ELSEWHERE = {
    "port-a-board.md": "test_port_a_board.py builds and runs all of it",
    "modems.md": "test_modems_page.py runs all of it, with a stick plugged in",
    "os-build.md": "test_os_build_page.py builds and runs all of it",
    "hooks.md": "generated: signatures",
    "benchmarks.md": "commands that take minutes; their output is a measurement",
}
Blocks = Callable[..., Any]
Console = Callable[..., Any]


def run(blocks: Iterable[Any], folder: Path, console: Console) -> None:
    """In order, in one folder and one namespace. What python prints stands in the `text` block right behind it."""
    namespace: dict[str, Any] = {"__name__": "snippet"}
    printed, after = "", ""
    for block in blocks:
        if after and block.language == "text":
            assert printed == block.content, f"{block.where}: not what the python block at {after} prints:\n{printed}"
            printed = ""
        assert not printed, f"{after}: prints what the page does not show:\n{printed}"
        after = ""
        if block.language == "console":
            console(block, folder)
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(compile(block.content, block.where, "exec"), namespace)
            printed, after = output.getvalue(), block.where
    assert not printed, f"{after}: prints what the page does not show:\n{printed}"


@pytest.mark.parametrize("page", RUN)
def test_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: Blocks, console: Console) -> None:
    assert shutil.which("jq"), "the pages use jq: apt-get install jq"
    monkeypatch.chdir(tmp_path)
    run(blocks(page), tmp_path, console)


def test_every_page_with_code_is_run(blocks: Blocks) -> None:
    pages = [str(path.relative_to(DOCS)) for path in sorted(DOCS.rglob("*.md"))]
    with_code = {page for page in pages if any(b.language in ("python", "console") for b in blocks(page))}
    assert with_code - set(RUN) - set(ELSEWHERE) == set()
    languages = {block.language for page in pages if page not in ELSEWHERE for block in blocks(page)}
    assert languages <= {"python", "console", "text", "json", "yaml"}, "bash, sh, py … would not be run"


# -- the runner itself: a page that is wrong in one thing fails ----------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo one\n$ echo two\none\n```",
        "```console\n$ echo one\n```",
        "```console\n$ true\nsomething\n```",
        "```console\n$ false\n```",
        "```console\n$ false\n$ echo $?\n0\n```",
        "```console\n$ exit 0\n```",
        "```console\nsomething\n$ echo something\nsomething\n```",
        "```python\nprint(1)\n```",
        "```python\nprint(1)\n```\n\n```text\n2\n```",
        "```python\npass\n```\n\n```text\n1\n```",
        "```python\nassert False\n```",
        "```{code-block} python\n:caption: a.py\n\nassert False\n```",
    ],
)
def test_a_wrong_page_fails(text: str, tmp_path: Path, blocks: Blocks, console: Console) -> None:
    with pytest.raises(AssertionError):
        run(blocks("wrong.md", text), tmp_path, console)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ false\n$ echo $?\n1\n```",
        "```console\n$ cat <<'X'\n> a\n>   b\n> X\na\n  b\n```",
        "```console\n$ a=1\n$ echo $a >&2\n1\n```",
        "```python\na = 1\n```\n\n```python\nprint(a)\n```\n```text\n1\n```",
        "```text\nnot output: no python before it\n```",
    ],
)
def test_a_right_page_passes(text: str, tmp_path: Path, blocks: Blocks, console: Console) -> None:
    run(blocks("right.md", text), tmp_path, console)


@pytest.mark.parametrize(
    ("shown", "printed", "answer"),
    [
        ("one\ntwo", "one\ntwo\n", True),
        ("one\ntwo", "one\n", False),
        ("one", "one\ntwo\n", False),
        ("one\n...", "one\ntwo\nthree\n", True),
        ("...\nthree", "one\ntwo\nthree\n", True),
        ("...\nthree", "one\nthree of them\n", False),
        ("... passed in ...", "30 passed in 1.2s\n", True),
        ("... passed in ...", "30 failed\n", False),
        ("a.c", "abc\n", False),
        ("", "", True),
        ("", "something\n", False),
    ],
)
def test_comparison(shown: str, printed: str, answer: bool, output_fits: Callable[[str, str], bool]) -> None:
    assert output_fits(shown, printed) is answer
