"""What every plugin's table of image parts is held to: parts that are there or are not, and no word mistyped."""

from __future__ import annotations

from collections.abc import Iterable

from hal.image.asking import image
from hal.image.parts import Group, build_tags, tags
from hal.model import Build, DeviceType, PartKind
from hal.plugins import Catalog

WANTED = object()
"""There, without a value."""
ANY = object()
"""There, with whatever value."""


def check_part(slug: str, build: Build, kind: PartKind, name: str, value: object) -> None:
    """The image of this device type has the part with this value; `None` is for a part that it must not have."""
    found = {part.name: part.value for part in image(Catalog(), slug, build).of(kind)}
    assert (name in found) == (value is not None)
    if value is WANTED:
        assert found[name] is None
    elif value is not None and value is not ANY:
        assert found[name] == value


def check_words(table: Iterable[Group], rows: Iterable[DeviceType]) -> None:
    """Every word that a group asks for is one of a row or of a build; a mistyped one would be for no image at all."""
    builds = (Build(), Build(os_development=True, flasher=True, secure_boot=True))
    known = {word for row in rows for build in builds for word in tags(row, build)}
    assert set(build_tags(builds[1])) <= known
    words = {word.removeprefix("!") for group in table for alternative in group for word in alternative}
    assert words <= known, words - known
