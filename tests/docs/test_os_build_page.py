"""docs/os-build.md from top to bottom: its plugins are written, installed and seen in what is built."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hal.model import PartKind

PAGE = "os-build.md"
FILES = {
    "hal-acme-radio/pyproject.toml",
    "hal-acme-radio/hal_acme_radio/__init__.py",
    "hal-acme-small/pyproject.toml",
    "hal-acme-small/hal_acme_small/__init__.py",
}


def test_the_page_from_top_to_bottom(
    tmp_path: Path, blocks: Callable[[str], Any], console: Callable[..., list[str]]
) -> None:
    assert shutil.which("jq"), "the page uses jq: apt-get install jq"
    folder, site = tmp_path / "desk", tmp_path / "site"
    folder.mkdir()
    written = set()
    for block in blocks(PAGE):
        if block.caption is not None:
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content)
            written.add(block.caption)
        elif block.language == "console":
            console(block, folder, PIP_TARGET=str(site), PYTHONPATH=str(site))
        else:
            assert block.language == "text", f"{block.where}: would not be run"
    assert written == FILES
    layer = folder / "layers/meta-hal-raspberrypi4-64"
    assert not [path for path in layer.parent.iterdir() if path != layer], "nothing is left beside an output"


def test_the_plugin_is_a_dozen_lines(blocks: Callable[[str], Any]) -> None:
    (code,) = [block.content for block in blocks(PAGE) if block.caption == "hal-acme-radio/hal_acme_radio/__init__.py"]
    lines = [line for line in code.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))]
    assert len(lines) <= 14
    for kind in (PartKind.KERNEL_SYMBOL, PartKind.FIRMWARE_PACKAGE, PartKind.UDEV_RULE):
        assert f"PartKind.{kind.name}" in code
