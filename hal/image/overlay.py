"""The image as a plain tree, for builds that are not Yocto: files for each place, and lists for what the build does.

`README.md` in the tree says what each of them is. Files that hold state are apart, below `fresh/`, so that an update
which copies `boot/` and `rootfs/` cannot reset a device.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from attrs import evolve, frozen

from hal.image.answer import ANSWER, answer
from hal.image.device_type_json import NAME
from hal.image.documents import documents, lacking
from hal.image.joining import HOMES, config_line
from hal.image.output import Line, OutputFile, part_file, placed, text_file
from hal.image.row import layout
from hal.model import Image, JoinedPart, PartKind

MODULES, OPTIONS = "etc/modules-load.d/hal.conf", "etc/modprobe.d/hal.conf"
"""Below `etc`, where systemd and every kmod look; below `usr/lib` only newer ones do."""
PRESET = "usr/lib/systemd/system-preset/50-hal.preset"
"""Links are no part of an output: systemd enables what is in here on a first boot, or with `systemctl preset-all`."""
UDEV = HOMES[PartKind.UDEV_RULE].removeprefix("root/")
FRESH = "\tfresh"
"""Behind a file of the boot partition that holds state, where it is in a list and not a file of the tree."""


@frozen
class _List:
    """A file with one line for each part of a kind."""

    name: str
    kind: PartKind
    text: Callable[[JoinedPart], str]
    about: str


def kernel_config(part: JoinedPart) -> str:
    """A kernel symbol as the kernel's own configuration writes it."""
    return f"# CONFIG_{part.name} is not set" if part.text == "n" else f"CONFIG_{part.name}={part.text}"


def _name(part: JoinedPart) -> str:
    return part.name


def _source(part: JoinedPart) -> str:
    return f"{_both(part)}{FRESH if part.fresh_only else ''}"


def _both(part: JoinedPart) -> str:
    return part.name if part.value is None else f"{part.name}\t{part.text}"


LISTS = (
    _List("kernel.config", PartKind.KERNEL_SYMBOL, kernel_config, "a fragment for the kernel's `merge_config.sh`"),
    _List("kernel-arguments", PartKind.KERNEL_ARGUMENT, _name, "arguments of the kernel, one a line, in order"),
    _List("packages", PartKind.PACKAGE, _both, "packages, and whether each must be `present` or `absent`"),
    _List("firmware-packages", PartKind.FIRMWARE_PACKAGE, _both, "the same of packages with firmware"),
    _List("firmware-files", PartKind.FIRMWARE_FILE, _both, "files below `lib/firmware`, and the package of each"),
    _List(
        "boot-files",
        PartKind.BOOT_FILE,
        _source,
        "names in the boot partition, and what the build deploys for each; `fresh` is for a new medium alone",
    ),
    _List("device-trees", PartKind.DEVICE_TREE, _name, "device trees, without `.dtb`"),
    _List("overlays", PartKind.OVERLAY, _name, "device tree overlays, without `.dtbo`"),
    _List("consoles", PartKind.CONSOLE, _both, "serial consoles, and the speed where it is known"),
    _List("install-targets", PartKind.INSTALL_TARGET, _name, "where a flasher installs to, the best first"),
    _List("boot-media", PartKind.BOOT_MEDIUM, _both, "what the device boots from, as it comes or as well"),
    _List("secure-boot", PartKind.SECURE_BOOT, _both, "what secure boot takes, in words"),
)
CONFIG_TXT, PARTITIONS, README = "config.txt", "partitions.json", "README.md"


def overlay(image: Image) -> tuple[OutputFile, ...]:
    """The tree, in order of name. Raises `Disagreement` where a plugin puts a file in the place of one made here."""
    made = [
        *_below("boot", boot_files(image)),
        *_below("rootfs", root_files(image)),
        *_below("initramfs", initramfs_files(image)),
        *(file for each in LISTS for file in _lines(each.name, image.of(each.kind), each.text)),
        *config_txt(image),
        *_partitions(image),
        *(evolve(file, name=f"boot/{NAME}") if file.name == NAME else file for file in documents(image)),
        answer(image),
    ]
    return placed((*made, _readme(image, made)))


def _below(folder: str, files: Iterable[OutputFile]) -> Iterator[OutputFile]:
    for file in files:
        fresh = any(part.fresh_only for part in file.parts)
        yield evolve(file, name=f"{'fresh/' if fresh else ''}{folder}/{file.name}")


def config_txt(image: Image) -> Iterator[OutputFile]:
    """The Raspberry Pi's config.txt, if it says anything: the lines for every board, then those of each section."""
    sections: dict[str, list[JoinedPart]] = {"": []}
    for part in image.of(PartKind.CONFIG_TXT):
        sections.setdefault(config_line(part.name)[0], []).append(part)
    lines = []
    for section, parts in sections.items():
        if section:
            lines.append(Line(text=section, parts=tuple(parts)))
        lines += [Line(text=config_line(part.name)[1], parts=(part,)) for part in parts]
    if len(sections) > 1:
        lines.append(Line(text="[all]", why="what stands behind it is for every board again"))
    if lines:
        yield text_file(CONFIG_TXT, lines)


def _partitions(image: Image) -> Iterator[OutputFile]:
    """Numbers and sizes by role, one partition a line."""
    roles: dict[str, dict[PartKind, JoinedPart]] = {}
    for part in image.of(PartKind.PARTITION, PartKind.PARTITION_SIZE):
        roles.setdefault(part.name, {})[part.kind] = part
    found = layout(image.device_type, image.build)
    if not roles:
        return
    keys = {PartKind.PARTITION: "number", PartKind.PARTITION_SIZE: "size_kib"}
    shape = "the shape of the file: each partition has a role, and a number and a size in KiB where they are known"
    lines = [Line(text="{", why=shape)]
    if found is not None:
        lines.append(Line(text=f'  "table": "{found.table}",', why="the row's partition table"))
    lines.append(Line(text='  "partitions": [', why=shape))
    for place, (role, parts) in enumerate(roles.items(), 1):
        facts = {"role": role, **{keys[kind]: int(part.text) for kind, part in parts.items()}}
        comma = "," if place < len(roles) else ""
        lines.append(Line(text=f"    {json.dumps(facts)}{comma}", parts=tuple(parts.values())))
    lines += [Line(text="  ]", why=shape), Line(text="}", why=shape)]
    yield text_file(PARTITIONS, lines)


FOLDERS = {
    "boot/": "copied over the boot partition",
    "rootfs/": "copied over the root file system of each slot",
    "initramfs/": "copied over the initramfs of the balena bootloader",
    "contracts/": "the hardware contract, for a repository of contracts",
    "fresh/": "the same for a new medium: these files hold state, and an update must leave them alone",
}


def _readme(image: Image, files: list[OutputFile]) -> OutputFile:
    """What is in the tree, and what is lacking."""
    names = [file.name for file in files]
    told = {each.name: each.about for each in LISTS} | {
        CONFIG_TXT: "lines for the Raspberry Pi's config.txt",
        PARTITIONS: "partitions: number, and size in KiB",
        ANSWER: "all of it with who asked for each part and why, for programs",
    }
    build = image.build
    text = [
        f"# {image.device_type.name} (`{image.device_type.slug}`)",
        "",
        f"What goes into its OS image, as {', '.join(f'`{each}`' for each in image.plugins)} tell it.",
        f"Yocto release {build.yocto_release}." if build.yocto_release else "For no release of Yocto.",
        "",
        "| Name | What it is |",
        "| --- | --- |",
        *(f"| `{name}` | {words} |" for name, words in FOLDERS.items() if any(each.startswith(name) for each in names)),
        *(f"| `{name}` | {words} |" for name, words in told.items() if name in names),
    ]
    unknown = lacking(image)
    if unknown:
        text += ["", "Not known, and therefore not in here:", "", *(f"* {each.message}" for each in unknown)]
    why = "tells people what is in the tree"
    return text_file(README, (Line(text=each, why=why if each else "") for each in text))


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
    return placed(made)


def boot_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the boot partition that are made here, by their names in it: rendered ones and the splash."""
    return placed([*_rendered(image, "boot"), *(part_file(part.name, part) for part in image.of(PartKind.SPLASH))])


def initramfs_files(image: Image) -> tuple[OutputFile, ...]:
    """The files of the initramfs, by their names in it."""
    return placed(_rendered(image, "initramfs"))


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
