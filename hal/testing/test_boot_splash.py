"""Conformance of the boot splash."""

from __future__ import annotations

import base64

import jsonschema
import pytest

from hal.device import Device
from hal.document import capabilities
from hal.errors import ValueRefused
from hal.model import Outcome
from hal.protocols import Splash
from hal.root import Root
from hal.testing.cases import DAMAGE, SCHEMA, Tree, snapshot
from hal.tree.picture import picture

PICTURES = (picture(16, 8, (200, 0, 0)), picture(8, 16, (0, 0, 200)))
NO_PICTURES = {
    "empty": b"",
    "text": b"no image",
    "signature": PICTURES[0][:8],
    "cut": PICTURES[0][:-20],
    "checksum": PICTURES[0][:-13] + bytes((PICTURES[0][-13] ^ 1,)) + PICTURES[0][-12:],
    "wide": picture(5000, 1),
}


def splash_of(root: Root) -> Splash | None:
    return Device.open(root).splash


def test_a_splash_can_be_set_read_back_and_reset(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    first = splash.read()
    for data in (*PICTURES, base64.b64encode(PICTURES[0]).decode()):
        planned = splash.preview(data)
        before = snapshot(root)
        result = splash.set(data)
        assert planned is not None
        assert (planned.previous, planned.value, planned.cost) == (result.previous, result.value, result.cost)
        touched = {name for name, facts in snapshot(root).items() if before.get(name) != facts}
        assert touched <= set(splash.writes), "a change that is in none of `writes`"
        again = splash_of(root)
        assert again is not None
        assert again.read() == (data if isinstance(data, bytes) else PICTURES[0]), "lost with the object"
        before = snapshot(root)
        assert (splash.preview(data), splash.set(data).outcome) == (None, Outcome.UNCHANGED)
        assert snapshot(root) == before, "set twice, written twice"
        image = splash.state().image
        assert image is not None
        assert (image.whole, image.problem) == (True, "")
    assert splash.state().custom is True
    splash.reset()
    assert splash.read() == first, "the default was not kept"
    before = snapshot(root)
    for nothing in (None, ""):
        assert splash.set(nothing).outcome is Outcome.UNCHANGED
    assert splash.reset().outcome is Outcome.UNCHANGED
    assert snapshot(root) == before


def test_what_is_no_picture_is_refused_and_nothing_written(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    before = snapshot(root)
    for case, data in NO_PICTURES.items():
        for method in (splash.preview, splash.set):
            with pytest.raises(ValueRefused) as refusal:
                method(data)
            assert refusal.value.allowed, "a refusal says what is allowed"
        assert snapshot(root) == before, case


def test_a_damaged_splash_is_told_and_can_be_replaced(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    image = splash.state().image
    assert image is not None, "a generated tree has one"
    path = root.resolve(image.file)
    for damage in DAMAGE.values():
        splash.set(PICTURES[0])
        path.write_bytes(damage(PICTURES[0]))
        told = splash.state().image
        assert told is not None
        assert (told.whole, bool(told.problem)) == (False, True)
        jsonschema.validate(capabilities(Device.open(root)), SCHEMA)
        splash.set(PICTURES[1])
        assert splash.read() == PICTURES[1]
        path.write_bytes(damage(PICTURES[1]))
        splash.reset()
        assert splash.state().custom is False
