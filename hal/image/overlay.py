"""The image as a plain tree, for builds that are not Yocto: files for each place, and lists for the build.

| name | what it is for |
| --- | --- |
| `boot/`, `rootfs/`, `initramfs/` | copied over the boot partition, the root file system, the initramfs |
| `fresh/` | the same for what holds state: only for a new medium, an update must leave it alone |
| lists, `LISTS` | one part a line, for what the build does itself |
| `partitions.json`, `image.json` | numbers and sizes; the whole answer with its reasons |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hal.errors import Disagreement
from hal.image.joining import HOMES
from hal.image.output import Line, OutputFile, part_file, text_file
from hal.model import Image, JoinedPart, PartKind

MODULES, OPTIONS = "etc/modules-load.d/hal.conf", "etc/modprobe.d/hal.conf"
"""Below `etc`, where systemd and every kmod look; below `usr/lib` only newer ones do."""
PRESET = "usr/lib/systemd/system-preset/50-hal.preset"
UDEV = HOMES[PartKind.UDEV_RULE].removeprefix("root/")


def root_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the root file system, by their names below it: files, udev rules, modules with options, units.

    Raises `Disagreement` where a plugin puts a file in the place of one that is made here.
    """
    made = [
        *_rendered(image, "root"),
        *(part_file(part.name, part, _mode(part)) for part in image.of(PartKind.FILE)),
        *(part_file(f"{UDEV}{part.name}", part) for part in image.of(PartKind.UDEV_RULE)),
        *_lines(MODULES, image.of(PartKind.MODULE), lambda part: part.name),
        *_lines(OPTIONS, image.of(PartKind.MODULE_OPTIONS), lambda part: f"options {part.name} {part.text}"),
        *_lines(PRESET, image.of(PartKind.SERVICE), lambda part: f"{part.text.removesuffix('d')} {part.name}"),
    ]
    return _placed(made)


def boot_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the boot partition that are made here, by their names in it: rendered ones and the splash."""
    return _placed([*_rendered(image, "boot"), *(part_file(part.name, part) for part in image.of(PartKind.SPLASH))])


def initramfs_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the initramfs, by their names in it."""
    return _placed(list(_rendered(image, "initramfs")))


def _rendered(image: Image, where: str) -> Iterator[OutputFile]:
    for part in image.of(PartKind.RENDERED_FILE):
        if part.name.startswith(f"{where}/"):
            yield part_file(part.name.removeprefix(f"{where}/"), part, _mode(part))


def _mode(part: JoinedPart) -> int:
    """What begins with `#!` is a program."""
    return 0o755 if part.data.startswith(b"#!") else 0o644


def _lines(name: str, parts: Iterable[JoinedPart], text: Callable[[JoinedPart], str]) -> Iterator[OutputFile]:
    """A file with one line for each part; none where there is none."""
    lines = [Line(text=text(part), parts=(part,)) for part in parts]
    if lines:
        yield text_file(name, lines)


def _placed(made: list[OutputFile]) -> tuple[OutputFile, ...]:
    """The files in order of name. Two in one place are a conflict."""
    taken: dict[str, OutputFile] = {}
    for file in made:
        other = taken.setdefault(file.name, file)
        if other is not file:
            raise Disagreement((f"{file.name}: {_who(other)} puts a file there, but it is made of {_who(file)}",))
    return tuple(taken[name] for name in sorted(taken))


def _who(file: OutputFile) -> str:
    parts = [*file.parts, *(part for line in file.lines for part in line.parts)]
    said = (
        f"{part.kind} {part.name} of {' and '.join(dict.fromkeys(each.contributor for each in part.asked))}"
        for part in parts
    )
    return ", ".join(said)
