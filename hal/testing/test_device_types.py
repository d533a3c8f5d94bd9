"""Conformance: a generated tree of every device type is identified, and every hook answers as declared."""

from __future__ import annotations

import jsonschema
import pytest

from hal.device import NOUNS, Device
from hal.document import capabilities
from hal.identify import identify
from hal.model import Build, DeviceType
from hal.plugins import ALL, Catalog, Scope
from hal.testing.cases import SCHEMA, Tree, snapshot


def test_a_generated_tree_is_identified(slug: str, hal_tree: Tree) -> None:
    identity = identify(hal_tree(slug), Catalog())
    assert identity.device_type.slug == slug
    assert identity.warnings == ()


def test_every_hook_answers_what_it_declares(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for noun in NOUNS:
        assert (getattr(device, noun) is None) == (noun in device.absent)
        assert noun not in device.absent or device.absent[noun].strip(), "absence needs a reason"
    scope = Scope(Catalog(), device.plugins)
    arguments = {"device_type": device.device_type, "root": device.root, "build": Build()}
    for hook, kind in ALL.items():
        answered: tuple[object, ...] = scope.joined(hook, kind, **arguments)
        assert all(isinstance(item, kind) for item in answered)
    assert scope.catalog.problems == []
    assert device.problems == ()


def test_the_capability_document_is_valid(slug: str, hal_tree: Tree) -> None:
    jsonschema.validate(capabilities(Device.open(hal_tree(slug))), SCHEMA)


def test_opening_changes_nothing(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    before = snapshot(root)
    device = Device.open(root)
    capabilities(device)
    device.plan()
    assert snapshot(root) == before


def test_rows_are_frozen(slug: str) -> None:
    _, row = Catalog().device_type(slug)
    assert isinstance(row, DeviceType)
    with pytest.raises(AttributeError):
        row.slug = "other"  # type: ignore[misc]
