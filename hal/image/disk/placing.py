"""Which files of an image go where on its disk: below the boot partition, and below the root file system.

Only what the image itself says. What the OS build deployed is `hal.image.disk.deploy`'s.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from hal.image.joining import place
from hal.image.output import Line, OutputFile, part_file, text_file
from hal.model import Image, JoinedPart, PartKind

MODULES, OPTIONS = "etc/modules-load.d/hal.conf", "etc/modprobe.d/hal.conf"
CONFIG, DEVICE_TYPE = "config.json", "device-type.json"
FLAGS = {False: "balena-image", True: "balena-image-flasher"}
"""The empty file that says whether a medium runs the OS or installs it."""
_FILES = (PartKind.RENDERED_FILE, PartKind.FILE, PartKind.UDEV_RULE, PartKind.SPLASH)


def root_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the root file system: files, udev rules, modules to load and their options."""
    return (
        *_below(image, "root/"),
        *_lines(MODULES, image.of(PartKind.MODULE), lambda part: part.name),
        *_lines(OPTIONS, image.of(PartKind.MODULE_OPTIONS), lambda part: f"options {part.name} {part.text}"),
    )


def boot_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the boot partition that no OS build has to make: rendered ones, the splash, and what names it."""
    return (
        *_below(image, "boot/"),
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
    """What `hal identify` needs of it; the whole of it is in `hal.image.device_type_json`."""
    row = image.device_type
    found = {"slug": row.slug, "version": 1, "aliases": list(row.names()), "name": row.name, "arch": row.arch}
    data = json.dumps({key: value for key, value in found.items() if value is not None}, indent=2) + "\n"
    return OutputFile(name=DEVICE_TYPE, data=data.encode(), why="`hal identify` reads the slug here")


def _firmware_files(image: Image) -> Iterator[OutputFile]:
    """A Raspberry Pi's firmware has its settings, and the kernel arguments it hands on, in files of its own."""
    lines = image.of(PartKind.CONFIG_TXT)
    if not lines:
        return
    sections: dict[str, list[JoinedPart]] = {"": []}
    for part in lines:
        section, closed, _ = part.name.rpartition("] ")
        sections.setdefault(f"{section}]" if closed else "", []).append(part)
    text = []
    for section, parts in sections.items():
        text += [Line(text=section, parts=tuple(parts))] if section else []
        text += [Line(text=part.name.removeprefix(f"{section} "), parts=(part,)) for part in parts]
    yield text_file("config.txt", text)
    arguments = image.of(PartKind.KERNEL_ARGUMENT)
    if arguments:
        yield text_file("cmdline.txt", [Line(text=" ".join(part.name for part in arguments), parts=arguments)])


def _below(image: Image, top: str) -> Iterator[OutputFile]:
    for part in image.of(*_FILES):
        where = place(part) or ""
        if where.startswith(top):
            mode = 0o755 if part.data.startswith(b"#!") else 0o644
            yield part_file(where.removeprefix(top), part, mode)


def _lines(name: str, parts: tuple[JoinedPart, ...], text: Callable[[JoinedPart], str]) -> Iterator[OutputFile]:
    """A file with one line for each part; none where there is none."""
    if parts:
        yield text_file(name, [Line(text=text(part), parts=(part,)) for part in parts])
