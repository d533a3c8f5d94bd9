"""Who asked for something in an image, why, and where an output says it.

What is asked about may be a part by its name (`CONFIG_USB_ACM`, `console=null`, a package, a module), a kind of part
(`kernel-symbol`), a file by its place in the image (`/etc/modprobe.d/x.conf`, `/mnt/boot/boot.scr`) or by its name in
the output, or one line of such a file (`kernel.config:3`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from attrs import frozen

from hal.errors import ValueRefused
from hal.image.answer import ANSWER
from hal.image.joining import config_line, place
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


class Answers:
    """Answers about one image, what it installs if it is a flasher, and the files of one output of it."""

    def __init__(self, image: Image, files: tuple[OutputFile, ...]) -> None:
        self._image = image
        media = (image,) if image.installs is None else (image, image.installs)
        self._joined = tuple(dict.fromkeys(part for medium in media for part in medium.parts))
        self._files = {file.name: file for file in files}
        self._places = _places(files)

    def of(self, name: str) -> tuple[Explained, ...]:
        """Everything that goes by this name. Raises `ValueRefused` with the nearest names where nothing does."""
        for way in (self._line, self._file, self._parts, self._joined_file):
            found = tuple(way(name))
            if found:
                return found
        from difflib import get_close_matches

        near = get_close_matches(_bare(name), sorted(self._names()), n=5, cutoff=0.5)
        told = f"; the nearest are {', '.join(near)}" if near else ""
        slug = self._image.device_type.slug
        message = f"{name!r:.80}: nothing in the image of {slug} goes by this name{told}"
        raise ValueRefused(message, path="name", allowed=near)

    def _names(self) -> set[str]:
        places = {place(part) for part in self._joined} - {None}
        return {*(part.name for part in self._joined), *filter(None, places), *self._files, *PartKind}

    def _line(self, name: str) -> Iterator[Explained]:
        """The answer for FILE:LINE. Raises `ValueRefused` for a line behind the last of a file that there is."""
        match = re.fullmatch(r"(.+):([0-9]{1,9})", name)
        file = self._files.get(match[1]) if match else None
        if match is None or file is None:
            return
        number = int(match[2])
        data = file.data.decode(errors="replace").removesuffix("\n").split("\n") if file.data else []
        count = len(file.lines or data)
        if not 1 <= number <= count:
            raise ValueRefused(f"{name}: {file.name} has {count} lines", path="name", allowed=[file.name])
        said = file.lines[number - 1] if file.lines else file
        text = file.lines[number - 1].text if file.lines else data[number - 1]
        yield from self._told(
            name, text, said.parts, said.why or ("" if text.strip() else "an empty line, for the eye")
        )

    def _file(self, name: str) -> Iterator[Explained]:
        """The answer for a file of the output: what it is for, and every part that it says."""
        file = self._files.get(name) or self._files.get(_bare(name))
        if file is not None:
            parts = (*file.parts, *(part for line in file.lines for part in line.parts))
            once = tuple(dict.fromkeys(parts))
            why = file.why or "; ".join(dict.fromkeys(line.why for line in file.lines if line.why))
            yield from self._told(file.name, None, once, why)

    def _joined_file(self, name: str) -> Iterator[Explained]:
        """The answer for a file in the image that several parts make, such as the modules to load."""
        for file in root_files(self._image):
            if file.name == name.removeprefix("/"):
                for line in file.lines:
                    yield from self._told(f"/{file.name}", line.text, line.parts, line.why)

    def _parts(self, name: str) -> Iterator[Explained]:
        """The parts of this name, by the first rule that knows any."""
        bare = _bare(name)
        for rule in RULES:
            found = tuple(part for part in self._joined if rule(part, name, bare))
            if found:
                for part in found:
                    yield from self._told(f"{part.kind} {part.name}", None, (part,), "")
                return

    def _told(self, about: str, text: str | None, parts: tuple[JoinedPart, ...], why: str) -> Iterator[Explained]:
        if why or not parts:
            yield Explained(about=about, text=text, why=why)
        for part in parts:
            places = self._places.get(part, ())
            yield Explained(about=about, text=text, part=part, places=places)


def _places(files: tuple[OutputFile, ...]) -> Mapping[JoinedPart, tuple[str, ...]]:
    """Where an output says each part: a file that is it as a whole, or lines; last the file that says everything."""
    found: dict[JoinedPart, dict[str, None]] = {}
    for file in sorted(files, key=lambda file: file.name == ANSWER):
        for part in file.parts:
            found.setdefault(part, {})[file.name] = None
        for number, line in enumerate(file.lines, 1):
            for part in line.parts:
                found.setdefault(part, {})[f"{file.name}:{number}"] = None
    return {key: tuple(places) for key, places in found.items()}


def _bare(name: str) -> str:
    """A name as its part has it: without what the kernel or a file system writes before it."""
    bare = name.removeprefix("CONFIG_")
    if bare != name:
        return bare.partition("=")[0]
    bare = name.removeprefix("/")
    return f"boot/{bare.removeprefix(BOOT_MOUNTED)}" if bare.startswith(BOOT_MOUNTED) else bare


def _exactly(part: JoinedPart, name: str, bare: str) -> bool:
    return name == part.kind or bare == part.name or place(part) in (bare, f"root/{bare}", f"boot/{bare}")


def _in_any_case(part: JoinedPart, _name: str, bare: str) -> bool:
    return bare.lower() == part.name.lower()


def _sets_it(part: JoinedPart, _name: str, bare: str) -> bool:
    """`console` of `console=null`, `otg_mode` of `[cm4] otg_mode=1`."""
    line = config_line(part.name)[1]
    return "=" in line and line.partition("=")[0] == bare


def _last_of_path(part: JoinedPart, _name: str, bare: str) -> bool:
    return bare == part.name.rpartition("/")[2]


RULES: tuple[Callable[[JoinedPart, str, str], bool], ...] = (_exactly, _in_any_case, _sets_it, _last_of_path)
