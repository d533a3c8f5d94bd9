"""Which files of an image go where on its disk: below the boot partition, and below the root file system.

Only what the image itself says. What the OS build deployed is `hal.image.disk.deploy`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from hal.image import device_type_json as device_type
from hal.image import overlay
from hal.image.output import Line, OutputFile, text_file
from hal.model import Image, PartKind

CONFIG = "config.json"
FLAGS = {False: "balena-image", True: "balena-image-flasher"}
"""The empty file that says whether a medium runs the OS or installs it."""


def boot_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the boot partition that no OS build has to make: rendered ones, the splash, and what names it."""
    return (
        *overlay.boot_files(image),
        *_firmware_files(image),
        device_type_json(image),
        config_json(image),
        OutputFile(name=FLAGS[image.build.flasher], why="says whether the medium runs the OS or installs it"),
    )


def config_json(image: Image) -> OutputFile:
    """The config.json of a new medium, before a fleet's is put in."""
    found = {"deviceType": image.device_type.slug, "persistentLogging": False}
    if image.build.os_development:
        found["developmentMode"] = True
    data = json.dumps(found, indent=2, sort_keys=True) + "\n"
    return OutputFile(name=CONFIG, data=data.encode(), why="what the device is, before a user configures it")


def device_type_json(image: Image) -> OutputFile:
    """The whole of it; where a fact for that is not known, what `hal identify` needs."""
    if not device_type.missing(image):
        return device_type.device_type_json(image)
    row = image.device_type
    found = {"slug": row.slug, "version": 1, "aliases": list(row.names()), "name": row.name, "arch": row.arch}
    data = json.dumps({key: value for key, value in found.items() if value is not None}, indent=2) + "\n"
    return OutputFile(name=device_type.NAME, data=data.encode(), why="`hal identify` reads the slug here")


def _firmware_files(image: Image) -> Iterator[OutputFile]:
    """A Raspberry Pi's firmware has its settings, and the kernel arguments it hands on, in files of its own."""
    settings = tuple(overlay.config_txt(image))
    yield from settings
    arguments = image.of(PartKind.KERNEL_ARGUMENT)
    if settings and arguments:
        yield text_file("cmdline.txt", [Line(text=" ".join(part.name for part in arguments), parts=arguments)])
