"""The pytest plugin: the option that chooses plugins, and the fixture that makes trees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hal.plugins import Catalog
from hal.root import Root
from hal.tree.new import new_tree


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--hal-plugin NAME`, as often as there are plugins to check."""
    parser.getgroup("hal").addoption(
        "--hal-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="check only this plugin, by import name (conformance suite; may be repeated)",
    )


@pytest.fixture
def hal_tree(tmp_path: Path) -> Callable[[str], Root]:
    """Call it with a slug: a new tree of that device type, as a `Root`."""

    def make(slug: str) -> Root:
        plugin, row = Catalog().device_type(slug)
        directory = tmp_path / f"tree-{len(list(tmp_path.iterdir()))}-{slug}"
        new_tree(row, plugin, directory)
        return Root(directory)

    return make
