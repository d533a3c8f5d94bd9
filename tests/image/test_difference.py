"""Difference: what only one image has, what has another value, and the reasons of both."""

from __future__ import annotations

from itertools import pairwise

import pytest
from attrs import evolve
from image.everything import SLUGS, everything, image_of

from hal.image.difference import Change, difference
from hal.model import Image, PartKind


@pytest.mark.parametrize("slug", SLUGS)
def test_an_image_does_not_differ_from_itself(slug: str) -> None:
    found = difference(image_of(slug), image_of(slug))
    assert (found.facts, found.parts) == ((), ())


@pytest.mark.parametrize(("one", "other"), [*pairwise(SLUGS)])
def test_there_and_back_is_the_same_turned_around(one: str, other: str) -> None:
    there, back = difference(image_of(one), image_of(other)), difference(image_of(other), image_of(one))
    turned = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED, Change.CHANGED: Change.CHANGED}
    assert [(turned[each.change], each.name, each.after, each.before) for each in there.parts] == [
        (each.change, each.name, each.before, each.after) for each in back.parts
    ]
    names = [{(part.kind, part.name) for part in image_of(slug).parts} for slug in (one, other)]
    same = names[0] & names[1] - {(each.kind, each.name) for each in there.parts}
    assert len(there.parts) + len(same) == len(names[0] | names[1])


def changed(image: Image, name: str, **change: object) -> Image:
    return evolve(image, parts=tuple(evolve(p, **change) if p.name == name else p for p in image.parts))


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("USB_ACM", {"value": "y"}, Change.CHANGED),
        ("ttyS1", {"value": "9600"}, Change.CHANGED),
        ("etc/acme.bin", {"value": b"\1"}, Change.CHANGED),
        ("boot/acme.env", {"fresh_only": False}, Change.CHANGED),
        ("gpu_mem=16", {"asked": ()}, None),
        ("usr/bin/acme", {"value": b"#!/bin/sh\necho acme\n"}, None),
    ],
)
def test_what_counts(name: str, change: dict[str, object], told: Change | None) -> None:
    found = difference(everything(), changed(everything(), name, **change))
    assert [(each.change, each.name) for each in found.parts] == ([(told, name)] if told else [])


def test_text_is_a_unified_diff() -> None:
    (found,) = difference(everything(), changed(everything(), "usr/bin/acme", value="#!/bin/sh\necho ACME\n")).parts
    assert found.text == (
        "--- acme-gateway/usr/bin/acme", "+++ acme-gateway/usr/bin/acme", "@@ -1,2 +1,2 @@",
        " #!/bin/sh", "-echo acme", "+echo ACME",
    )  # fmt: skip


@pytest.mark.parametrize("value", [b"\0\n\1\n", b"\xff\n\xfe\n", "one line"])
def test_what_is_no_text_has_none(value: str | bytes) -> None:
    one = changed(everything(), "etc/acme.bin", value=value)
    other = changed(everything(), "etc/acme.bin", value="another line")
    (found,) = difference(one, other).parts
    assert found.text == ()


def test_real_boards() -> None:
    found = difference(image_of("generic-amd64"), image_of("intel-nuc", yocto_release="dunfell"))
    assert found.facts == (("machine", "generic-amd64", "genericx86-64"), ("yocto_release", "scarthgap", "dunfell"))
    assert ("removed", "install-target", "vd?") in [(each.change, each.kind, each.name) for each in found.parts]


def test_a_flag_shows_in_a_boot_file() -> None:
    found = difference(image_of("generic-amd64"), image_of("generic-amd64", os_development=True))
    grub = next(each for each in found.parts if each.name == "boot/EFI/BOOT/grub.cfg")
    assert (grub.kind, grub.change) == (PartKind.RENDERED_FILE, Change.CHANGED)
    assert {"-timeout=0", "+timeout=3"} <= set(grub.text)
