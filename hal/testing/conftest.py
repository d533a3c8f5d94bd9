"""Which plugins and device types the conformance suite runs over."""

from __future__ import annotations

import pytest

from hal.plugins import Catalog


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`plugin` runs over plugins, `slug` over the device types of those that own any."""
    catalog = Catalog()
    named = metafunc.config.getoption("--hal-plugin")
    boards = [name for name in catalog.index.board_modules() if name in named or not named]
    addons = [name for name in catalog.index.addon_modules() if name in named or not named]
    missing = sorted(set(named) - set(boards) - set(addons))
    if missing:
        raise pytest.UsageError(f"--hal-plugin {', '.join(missing)}: not installed, or announces nothing")
    if "slug" in metafunc.fixturenames:
        slugs = [row.slug for name in boards for row in catalog.table(name)]
        metafunc.parametrize("slug", slugs)
    elif "plugin" in metafunc.fixturenames:
        metafunc.parametrize("plugin", [*boards, *addons])
