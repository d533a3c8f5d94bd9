"""The formats that an image is written in as files: which there are, and what makes each."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from hal.image import device_type_json
from hal.image.documents import documents
from hal.image.output import OutputFile, placed
from hal.model import Image

FOLDER = "device-type"
"""Where a layer has device-type.json and the contract: bitbake reads neither, the device repository takes them over."""


def overlay(image: Image) -> tuple[OutputFile, ...]:
    """The plain tree."""
    from hal.image.overlay import overlay

    return overlay(image)


def yocto(image: Image) -> tuple[OutputFile, ...]:
    """The layer, and beside its recipes what the device repository takes over.

    device-type.json is called as balenaOS's build looks for it, by the machine.
    """
    from hal.image.yocto import layer

    names = {device_type_json.NAME: f"{image.device_type.machine}.json"}
    more = (evolve(file, name=f"{FOLDER}/{names.get(file.name, file.name)}") for file in documents(image))
    return placed((*layer(image), *more))


WRITERS: dict[str, Callable[[Image], tuple[OutputFile, ...]]] = {"yocto": yocto, "overlay": overlay}


def files(image: Image, form: str) -> tuple[OutputFile, ...]:
    """The files of this format, in order of name.

    Raises `ValueRefused` for a layer without a release, and `Disagreement` where a plugin puts a file in the place of
    one that the format has.
    """
    return WRITERS[form](image)
