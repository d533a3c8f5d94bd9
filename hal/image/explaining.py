"""Who asked for something in an image, why, and where an output says it.

What is asked about may be a part by its name (`CONFIG_USB_ACM`, `console=null`, a package, a module), a kind of part
(`kernel-symbol`), a file by its place in the image (`/etc/modprobe.d/x.conf`, `/mnt/boot/boot.scr`) or by its name in
the output, or one line of such a file (`kernel.config:3`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from attrs import frozen

from hal.errors import ValueRefused
from hal.image.answer import ANSWER
from hal.image.joining import place
from hal.image.output import OutputFile
from hal.image.overlay import root_files
from hal.model import Image, JoinedPart, PartKind
from hal.record import Record

BOOT_MOUNTED = "mnt/boot/"
"""Where a device has its boot partition."""


@frozen(kw_only=True, repr=False, eq=False)
class Explained(Record):
    """What a line or file is for (empty where parts say it), and one part, if it comes of one.

    `text` is the line asked about. `places` are where the output says the part, as FILE:LINE or FILE.
    """

    about: str
    text: str | None = None
    why: str = ""
    part: JoinedPart | None = None
    places: tuple[str, ...] = ()


def explain(image: Image, files: tuple[OutputFile, ...], name: str) -> tuple[Explained, ...]:
    """Everything that goes by this name. Raises `ValueRefused` with the nearest names where nothing does."""
    ways = (_line(files, name), _file(files, name), _parts(image, files, name), _joined_file(image, files, name))
    for way in ways:
        found = tuple(way)
        if found:
            return found
    from difflib import get_close_matches

    near = get_close_matches(_bare(name), sorted(set(_names(image, files))), n=5, cutoff=0.5)
    told = f"; the nearest are {', '.join(near)}" if near else ""
    message = f"{name!r:.80}: nothing in the image of {image.device_type.slug} goes by this name{told}"
    raise ValueRefused(message, path="name", allowed=near)


def _bare(name: str) -> str:
    """A name as its part has it: without what the kernel or a file system writes before it."""
    bare = name.removeprefix("CONFIG_")
    if bare != name:
        return bare.partition("=")[0]
    bare = name.removeprefix("/")
    return f"boot/{bare.removeprefix(BOOT_MOUNTED)}" if bare.startswith(BOOT_MOUNTED) else bare


def _names(image: Image, files: tuple[OutputFile, ...]) -> Iterator[str]:
    for part in image.parts:
        yield part.name
        yield from filter(None, (place(part),))
    yield from (file.name for file in files)
    yield from (str(kind) for kind in PartKind)


# -- a line ----------------------------------------------------------------------------------------------------------


def _line(files: tuple[OutputFile, ...], name: str) -> Iterator[Explained]:
    """The answer for FILE:LINE. Raises `ValueRefused` for a line behind the last of a file that there is."""
    match = re.fullmatch(r"(.+):([0-9]{1,9})", name)
    file = next((each for each in files if match and each.name == match[1]), None)
    if match is None or file is None:
        return
    number = int(match[2])
    lines = file.content.decode(errors="replace").removesuffix("\n").split("\n") if file.content else []
    if not 1 <= number <= len(lines):
        message = f"{name}: {file.name} has {len(lines)} lines"
        raise ValueRefused(message, path="name", allowed=[file.name])
    text = lines[number - 1]
    said = file.lines[number - 1] if file.lines else file
    why = said.why or ("" if text.strip() else "an empty line, for the eye")
    yield from _told(files, name, text, said.parts, why)


def _told(
    files: tuple[OutputFile, ...], about: str, text: str | None, parts: tuple[JoinedPart, ...], why: str
) -> Iterator[Explained]:
    if why or not parts:
        yield Explained(about=about, text=text, why=why)
    for part in parts:
        yield Explained(about=about, text=text, part=part, places=_places(files, part))


def _places(files: tuple[OutputFile, ...], part: JoinedPart) -> tuple[str, ...]:
    """Where an output says a part: a file that is it as a whole, or lines."""

    def says(parts: tuple[JoinedPart, ...]) -> bool:
        return any(each.kind is part.kind and each.name == part.name for each in parts)

    found = []
    for file in files:
        if says(file.parts):
            found.append(file.name)
        found += [f"{file.name}:{number}" for number, line in enumerate(file.lines, 1) if says(line.parts)]
    return tuple(sorted(found, key=lambda each: each.startswith(f"{ANSWER}:")))  # which says everything


# -- a file, a part, a kind ------------------------------------------------------------------------------------------


def _file(files: tuple[OutputFile, ...], name: str) -> Iterator[Explained]:
    """The answer for a file of the output: what it is for, and every part that it says."""
    for file in files:
        if file.name in (name, _bare(name)):
            parts = (*file.parts, *(part for line in file.lines for part in line.parts))
            once = tuple({(part.kind, part.name): part for part in parts}.values())
            yield from _told(files, name, None, once, file.why or _why_lines(file))


def _joined_file(image: Image, files: tuple[OutputFile, ...], name: str) -> Iterator[Explained]:
    """The answer for a file in the image that several parts make, such as the modules to load."""
    for file in root_files(image):
        if file.name == name.removeprefix("/") and file.lines:
            for line in file.lines:
                yield from _told(files, f"/{file.name}", line.text, line.parts, line.why)


def _why_lines(file: OutputFile) -> str:
    """What its lines are for, each reason once."""
    return "; ".join(dict.fromkeys(line.why for line in file.lines if line.why))


def _parts(image: Image, files: tuple[OutputFile, ...], name: str) -> Iterator[Explained]:
    """The parts of this name, by the first rule that knows any."""
    bare = _bare(name)
    for rule in RULES:
        found = [part for part in image.parts if rule(part, name, bare)]
        for part in found:
            yield Explained(about=f"{part.kind} {part.name}", part=part, places=_places(files, part))
        if found:
            return


def _exactly(part: JoinedPart, name: str, bare: str) -> bool:
    return name == part.kind or bare == part.name or place(part) in (bare, f"root/{bare}")


def _in_any_case(part: JoinedPart, _name: str, bare: str) -> bool:
    return bare.lower() == part.name.lower()


def _sets_it(part: JoinedPart, _name: str, bare: str) -> bool:
    """`console` of `console=null`, `otg_mode` of `[cm4] otg_mode=1`."""
    line = part.name.partition("] ")[2] if part.name.startswith("[") else part.name
    return "=" in line and line.partition("=")[0] == bare


def _last_of_path(part: JoinedPart, _name: str, bare: str) -> bool:
    return bare == part.name.rpartition("/")[2]


RULES: tuple[Callable[[JoinedPart, str, str], bool], ...] = (_exactly, _in_any_case, _sets_it, _last_of_path)
