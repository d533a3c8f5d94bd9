"""Reads the fenced blocks of a page of the documentation, and runs the console sessions shown in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen
from markdown_it import MarkdownIt

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
MARK = "--8<-- end of command, status "
SECONDS = 120


@frozen(kw_only=True)
class Block:
    """A fenced block: its language, its content, its caption where it has one, and where it stands."""

    page: str
    line: int
    language: str
    content: str
    caption: str | None

    @property
    def where(self) -> str:
        return f"docs/{self.page}:{self.line}"


@frozen(kw_only=True)
class Command:
    """One command of a console block, with the output shown below it."""

    words: str
    shown: str


def read_blocks(page: str, text: str | None = None) -> tuple[Block, ...]:
    """Every fenced block of a page, or of a text in its place. A `{code-block} LANGUAGE` counts as its language."""
    found = []
    for token in MarkdownIt().parse((DOCS / page).read_text() if text is None else text):
        if token.type != "fence" or token.map is None:
            continue
        language, content, caption = token.info.strip(), token.content, None
        if language.startswith("{code-block}"):
            language = language.removeprefix("{code-block}").strip()
            options = re.match(r"(?::[a-z-]+:.*\n)+\n?", content)
            if options is not None:
                content = content[options.end() :]
                named = re.search(r"^:caption: *(.*)$", options[0], re.MULTILINE)
                caption = named[1].strip() if named else None
        found.append(Block(page=page, line=token.map[0] + 1, language=language, content=content, caption=caption))
    return tuple(found)


def read_commands(block: Block) -> tuple[Command, ...]:
    """`$ ` begins a command, `> ` continues it; every other line is output."""
    commands: list[list[str]] = []
    shown: list[list[str]] = []
    for line in block.content.splitlines():
        if line.startswith("$ "):
            commands.append([line[2:]])
            shown.append([])
        elif line.startswith("> ") and commands and not shown[-1]:
            commands[-1].append(line[2:])
        else:
            assert commands, f"{block.where}: output before the first command"
            shown[-1].append(line)
    return tuple(
        Command(words="\n".join(words), shown="\n".join(lines).strip("\n"))
        for words, lines in zip(commands, shown, strict=True)
    )


def fits(shown: str, printed: str) -> bool:
    """Whether output is as shown; `...` alone on a line stands for any lines, inside a line for any text."""
    lines = []
    for line in shown.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            lines.append(
                "".join(r"[^\n]*" if part == "..." else re.escape(part) for part in re.split(r"(\.\.\.)", line)) + r"\n"
            )
    tidy = "".join(f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines())
    return re.fullmatch("".join(lines), tidy) is not None


def run_console(block: Block, folder: Path, **environment: str) -> list[str]:
    """Run a console block through one bash, and compare what each command prints with what is shown.

    A command that fails must be followed by `$ echo $?`. Returns what each command printed.
    """
    commands = read_commands(block)
    script = ["exec 2>&1", "status=0"]
    for command in commands:
        script += ["(exit $status)", command.words, "status=$?", f"echo; echo '{MARK}'$status"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    parts = re.split(re.escape(MARK) + r"(\d+)\n", done.stdout)
    printed, statuses = parts[0:-1:2], parts[1::2]
    assert len(printed) == len(commands), f"{block.where}: ended early:\n{done.stdout}"
    for place, (command, output, status) in enumerate(zip(commands, printed, statuses, strict=True)):
        told = place + 1 < len(commands) and commands[place + 1].words == "echo $?"
        assert status == "0" or told, f"{block.where}: $ {command.words}\nends with {status} and prints\n{output}"
        assert fits(command.shown, output), (
            f"{block.where}: $ {command.words}\nprints\n{output.strip()}\nbut the page shows\n{command.shown}"
        )
    return printed


@pytest.fixture
def blocks() -> Callable[[str], tuple[Block, ...]]:
    return read_blocks


@pytest.fixture
def console() -> Callable[..., list[str]]:
    return run_console


@pytest.fixture
def output_fits() -> Callable[[str, str], bool]:
    return fits
