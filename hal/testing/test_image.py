"""Conformance of `hal_image`: sound parts, sound reasons, and no disagreement with the row or the installed add-ons."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hal.errors import HalError, ValueRefused
from hal.image import row
from hal.image.asking import image
from hal.image.joining import said
from hal.model import Build, DeviceType, ImageKind, ImagePart, PartKind
from hal.plugins import Catalog, Scope
from hal.settings.udev_rules import fault

EMPTY = re.compile(
    r"(?:it is |this is |is |are )?"
    r"(?:needed|required|necessary|wanted|useful|used|support(?:ed)?|because|reason|todo|yes)"
    r"(?: (?:by|for) (?:it|this|that|us|the (?:board|image|device|kernel)))?\W*",
    re.IGNORECASE,
)
"""Reasons that say nothing: what breaks without the part is still not known."""


def builds(device_type: DeviceType) -> Iterator[Build]:
    """Production and development, and a flasher and secure boot where the device type has one."""
    yield from (Build(), Build(os_development=True))
    if device_type.image is ImageKind.FLASHER:
        yield Build(flasher=True)
    if row.secure_boot(device_type):
        yield Build(secure_boot=True)


def answers(plugin: str) -> Iterator[tuple[str, DeviceType, Build, tuple[ImagePart, ...]]]:
    """What a plugin answers: a board's for each of its device types and their builds, an add-on for any board."""
    catalog = Catalog()
    scope = Scope(catalog, (plugin,))
    for device_type in catalog.table(plugin) or (DeviceType(slug="any-board", name="Any"),):
        for build in builds(device_type):
            parts = scope.joined("hal_image", ImagePart, device_type=device_type, build=build)
            assert [problem for problem in catalog.problems if problem.plugin == plugin] == []
            yield f"{device_type.slug} {_words(build)}", device_type, build, tuple(parts)


def _words(build: Build) -> str:
    words = ["development" if build.os_development else "production"]
    return " ".join(words + ["flasher"] * build.flasher + ["secure-boot"] * build.secure_boot)


def test_the_answer_does_not_change(plugin: str) -> None:
    """An image is built twice from the same bytes: no set's order, no time, nothing left over from another question."""
    first, second = ([(name, parts) for name, _, _, parts in answers(plugin)] for _ in range(2))
    for (name, once), (_, again) in zip(first, second, strict=True):
        assert once == again, f"{name}: asked twice, and answered differently"


def test_a_reason_says_what_breaks(plugin: str) -> None:
    for name, _, _, parts in answers(plugin):
        for part in parts:
            told = f"{name}: {part.kind} {part.name}: {part.reason!r}"
            assert len(part.reason.split()) >= 2, f"{told}: what breaks without it, in words"
            assert not EMPTY.fullmatch(part.reason.strip()), f"{told}: says nothing"
            assert part.reason.isprintable(), f"{told}: one line"
            assert part.reason.strip().casefold() != part.name.casefold(), f"{told}: the name is no reason"


def test_nothing_is_said_twice(plugin: str) -> None:
    """What the row says has its place there, and a part has one reason for each thing that needs it."""
    for name, device_type, build, parts in answers(plugin):
        own = {(part.kind, part.name) for part in row.parts(device_type, build)}
        for part in parts:
            assert (part.kind, part.name) not in own, f"{name}: {part.kind} {part.name} is in the row already"
        said_ = [(part.kind, part.name, said(part.value), part.reason) for part in parts]
        assert len(said_) == len(set(said_)), f"{name}: the same part twice, for the same reason"


def test_it_agrees_with_the_row_and_the_add_ons(plugin: str) -> None:
    catalog = Catalog()
    owned = [(each.slug, build, None) for each in catalog.table(plugin) for build in builds(each)]
    others = [
        (each.slug, Build(), [plugin]) for module in catalog.index.board_modules() for each in catalog.table(module)
    ]
    for slug, build, add_ons in owned or others:
        try:
            image(catalog, slug, build, add_ons)
        except ValueRefused:
            raise
        except HalError as error:
            raise AssertionError(f"{slug} {_words(build)}: {error.message}") from error


def test_udev_takes_its_rules(plugin: str) -> None:
    for name, _, _, parts in answers(plugin):
        for part in parts:
            if part.kind is PartKind.UDEV_RULE:
                text = part.value.decode() if isinstance(part.value, bytes) else part.value or ""
                assert text.endswith("\n"), f"{name}: {part.name}: its last line has no end"
                assert fault(text) is None, f"{name}: {part.name}: {fault(text)}"


def test_a_unit_is_there_to_be_enabled(plugin: str) -> None:
    """A service is a file of the same answer, or comes with a package of it, or is the OS's own and turned off."""
    for name, _, _, parts in answers(plugin):
        files = {part.name.rpartition("/")[2] for part in parts if part.kind is PartKind.FILE}
        packages = any(part.kind is PartKind.PACKAGE and part.value == "present" for part in parts)
        for part in parts:
            if part.kind is PartKind.SERVICE and part.value == "enabled":
                assert part.name in files or packages, f"{name}: {part.name} is nowhere: neither a file nor a package"
        for part in parts:
            if part.kind is PartKind.FILE and part.name.endswith(".service") and "@" not in part.name:
                enabled = {each.name for each in parts if each.kind is PartKind.SERVICE}
                assert part.name.rpartition("/")[2] in enabled, f"{name}: {part.name} is there, and nothing starts it"
