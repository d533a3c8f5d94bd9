"""What describes a device type to balena's tools: device-type.json and the hardware contract."""

from __future__ import annotations

from collections.abc import Iterator

from hal.image import contract, device_type_json
from hal.image.output import OutputFile
from hal.model import Image, Lacking


def documents(image: Image) -> Iterator[OutputFile]:
    """Those of the two for which every fact is known."""
    if not device_type_json.missing(image):
        yield device_type_json.device_type_json(image)
    if not contract.missing(image):
        yield contract.contract(image)


def lacking(image: Image) -> tuple[Lacking, ...]:
    """What is not known and therefore in no output: of the image, of device-type.json, of the contract."""
    return (*image.lacking, *device_type_json.missing(image), *contract.missing(image))
