"""Conformance: what a plugin promises by being installed. A failure says which promise, and what to do."""

from __future__ import annotations

from hal.identify import Hardware, fit
from hal.plugins import Catalog


def test_loads_without_a_problem(plugin: str) -> None:
    catalog = Catalog()
    catalog.table(plugin)
    assert catalog.problems == []
    assert [p for p in catalog.conflicts() if plugin in p.plugin] == []


def test_announces_exactly_its_table(plugin: str) -> None:
    catalog = Catalog()
    announced = {slug for slug, owners in catalog.index.slugs().items() if plugin in {o.module for o in owners}}
    table = {name for row in catalog.table(plugin) for name in row.names()}
    lines = "\n".join(f'"slug:{name}" = "{plugin}"' for name in sorted(table))
    assert announced == table, f"[project.entry-points.hal] of {plugin} should have exactly these slug lines:\n{lines}"


def test_slugs_and_aliases_are_unique(plugin: str) -> None:
    names = [name for row in Catalog().table(plugin) for name in row.names()]
    assert sorted(names) == sorted(set(names))


def test_is_asked_about_its_boards(plugin: str) -> None:
    """Without this, hardware evidence alone would never lead to the plugin."""
    catalog = Catalog()
    for row in catalog.table(plugin):
        for board in row.boards:
            for name in board.compatible:
                asked = catalog.index.matching(Hardware(compatible=(name,)).modaliases())
                assert plugin in asked, f"no of: pattern of {plugin} matches {name} ({board.name})"


def test_every_device_type_can_be_told_from_the_hardware(plugin: str) -> None:
    """Each board's own name leads to the device types that list it, alone or among those that share it."""
    catalog = Catalog()
    for row in catalog.table(plugin):
        for board in row.boards:
            assert board.compatible or board.dmi, f"{board.name}: a model alone identifies nothing"
            for name in board.compatible:
                found = fit(row.boards, Hardware(compatible=(name,), model=next(iter(board.models), None)))
                assert found is not None
                assert (found.position, name in found.board.compatible) == (0, True)
