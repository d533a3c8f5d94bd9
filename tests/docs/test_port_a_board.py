"""The worked example of docs/port-a-board.md: built from the page outside the repository, installed, and conforming."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = "port-a-board.md"
REPOSITORY = Path(__file__).resolve().parents[2]
FILES = {
    "hal-acme/pyproject.toml",
    "hal-acme/hal_acme/__init__.py",
    "hal-acme/hal_acme/fan.py",
    "hal-acme/hal_acme/tree.py",
    "hal-acme/tests/test_gateway.py",
}
CONFORMANCE = "pytest -q --pyargs hal.testing --hal-plugin hal_acme"


def repository() -> dict[str, str]:
    """Every file of the project that somebody wrote, with a digest of its content."""
    folders = [REPOSITORY / "hal", REPOSITORY / "plugins", REPOSITORY / "tools"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [path for path in REPOSITORY.iterdir() if path.is_file()]
    written = [path for path in files if "__pycache__" not in path.parts]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in written}


def test_the_page_from_top_to_bottom(
    tmp_path: Path, blocks: Callable[[str], Any], console: Callable[..., list[str]]
) -> None:
    before = repository()
    folder, site = tmp_path / "desk", tmp_path / "site"
    folder.mkdir()
    printed: dict[str, str] = {}
    written = set()
    for block in blocks(PAGE):
        if block.caption is not None:
            file = folder / block.caption
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.content)
            written.add(block.caption)
        else:
            assert block.language != "python", f"{block.where}: a file without its name"
        if block.language == "console":
            outputs = console(block, folder, PIP_TARGET=str(site), PYTHONPATH=str(site))
            printed.update(
                zip((line[2:] for line in block.content.splitlines() if line[:2] == "$ "), outputs, strict=True)
            )

    assert written == FILES
    assert sorted(path.name for path in site.iterdir()) == ["hal_acme", "hal_acme-0.1.0.dist-info"]
    passed = re.search(r"^(\d+) passed in ", printed[CONFORMANCE], re.MULTILINE)
    assert passed is not None, printed[CONFORMANCE]
    assert int(passed[1]) >= 10
    assert repository() == before, "the example needs no edit inside the repository"
