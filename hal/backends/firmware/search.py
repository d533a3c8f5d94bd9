"""Where the kernel looks for a firmware file, in its order, and which file it takes.

Source: the kernel's `Documentation/driver-api/firmware/fw_search_path.rst` and `drivers/base/firmware_loader/main.c`
(6.18). Every folder is asked for the plain file before any is asked for a compressed one; `.zst` comes before `.xz`. A
file that cannot be read or unpacked is passed over, and the search goes on. A driver that finds nothing in the end logs
error -2, also where a file was passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from hal.backends.firmware.contents import Contents, contents
from hal.backends.kernel_config import options, release
from hal.errors import FileFault
from hal.record import Record
from hal.root import Root

PARAMETER = "sys/module/firmware_class/parameters/path"
"""The folder that is asked first; empty for none."""
VOLUMES = "var/lib/docker/volumes"
"""The engine's volumes: balenaOS has its extra firmware in one of them."""
ON_DATA = "mnt/data/docker/volumes"
"""The same folder where the data partition is mounted."""
_SUFFIXES = ("", ".zst", ".xz")


@frozen(kw_only=True, repr=False, eq=False)
class Place(Record):
    """A folder of the search. `name` is as the kernel has it, without a leading slash."""

    name: str
    folder: str
    """Where its files are reached: another name for the engine's volumes where only the data partition is mounted."""
    extra: bool = False
    """Whether it is the one of the kernel's parameter."""


@frozen(kw_only=True, repr=False, eq=False)
class Candidate(Record):
    """A file of that name that is there: what is in it, or why the kernel passes over it."""

    name: str
    suffix: str
    contents: Contents | None
    passed_over: str = ""
    certain: bool = True
    """False where nothing tells whether this kernel unpacks such a file."""


@frozen(kw_only=True, repr=False, eq=False)
class Search(Record):
    """The answer: every file of the name that is there, in the kernel's order."""

    name: str
    places: tuple[Place, ...]
    candidates: tuple[Candidate, ...]

    @property
    def taken(self) -> Candidate | None:
        """The file that the kernel takes."""
        return next((each for each in self.candidates if not each.passed_over), None)


def search(root: Root, name: str) -> Search:
    """Look for a firmware file as the kernel would, by the name that a driver asks for (`brcm/brcmfmac43143.bin`)."""
    found = places(root)
    able = unpacks(options(root), release(root))
    return Search(name=name, places=found, candidates=tuple(_candidates(root, name, found, able)))


def places(root: Root) -> tuple[Place, ...]:
    """The folders, in the kernel's order."""
    named = release(root)
    standard = ["lib/firmware/updates", "lib/firmware"]
    if named is not None:
        standard = [f"{standard[0]}/{named}", standard[0], f"{standard[1]}/{named}", standard[1]]
    first = parameter(root)
    extra = () if not first else (Place(name=first.lstrip("/"), folder=_reached(root, first), extra=True),)
    return (*extra, *(Place(name=each, folder=each) for each in standard))


def parameter(root: Root) -> str:
    """The folder of the kernel's parameter; the kernel ends what it shows with one line feed that is not part of it."""
    try:
        return root.read_bytes(PARAMETER).decode(errors="replace").removesuffix("\n").rstrip("\0")
    except FileFault:
        return ""


def extra_volume(root: Root) -> str | None:
    """The engine's volume that the parameter names, as `os.kernel.extraFirmwareVol` would; `None` where it is none."""
    found = re.fullmatch(rf"/{VOLUMES}/([^/\n]+)/_data", parameter(root))
    return found[1] if found else None


def unpacks(known: Mapping[str, str | None] | None, named: str | None) -> dict[str, bool | None]:
    """Whether this kernel unpacks files with each suffix; `None` where nothing tells.

    Kernels from 5.3 on know xz; from 5.19 on each way of compression has an option of its own.
    """
    version = re.match(r"(\d+)\.(\d+)", named or "")
    number = (int(version[1]), int(version[2])) if version else None
    if number is not None and number < (5, 3):
        return {".xz": False, ".zst": False}
    if known is None:
        return {".xz": None, ".zst": False if number is not None and number < (5, 19) else None}
    whole = known.get("FW_LOADER_COMPRESS") == "y"
    each = {
        f".{kind.lower().replace('zstd', 'zst')}": known.get(f"FW_LOADER_COMPRESS_{kind}") for kind in ("XZ", "ZSTD")
    }
    own = any(f"FW_LOADER_COMPRESS_{kind}" in known for kind in ("XZ", "ZSTD"))
    if not own:
        old = number is None or number < (5, 19)
        return {".xz": whole and old, ".zst": False}
    return {suffix: whole and value == "y" for suffix, value in each.items()}


def _candidates(
    root: Root, name: str, found: tuple[Place, ...], able: Mapping[str, bool | None]
) -> Iterator[Candidate]:
    for suffix in _SUFFIXES:
        for place in found:
            file = f"{place.folder}/{name}{suffix}"
            if not _there(root, file):
                continue
            capable = able.get(suffix, True)
            if capable is False:
                reason = f"this kernel does not unpack {suffix} files"
                yield Candidate(name=file, suffix=suffix, contents=None, passed_over=reason)
                continue
            inside = contents(root, file, suffix)
            yield Candidate(
                name=file,
                suffix=suffix,
                contents=inside,
                passed_over=inside.problem,
                certain=capable is True,
            )


def _there(root: Root, file: str) -> bool:
    """Whether anything of that name is there; a name that leads out of the tree is not."""
    try:
        return root.exists(file)
    except FileFault:
        return False


def _reached(root: Root, folder: str) -> str:
    """The folder itself, or where the data partition has it."""
    plain = folder.lstrip("/")
    try:
        if plain.startswith(f"{VOLUMES}/") and not root.is_dir(VOLUMES):
            return f"{ON_DATA}/{plain.removeprefix(f'{VOLUMES}/')}"
    except FileFault:
        pass
    return plain
