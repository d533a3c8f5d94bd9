"""Drivers of the running kernel: built in, there as a module, loaded; and which device ids each claims.

Source: what `depmod` and the kernel's build write below `lib/modules/RELEASE`: `modules.dep`, `modules.alias`,
`modules.builtin` and `modules.builtin.modinfo`. A name is compared with `-` and `_` alike, as `modprobe` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from attrs import frozen

from hal.backends.kernel_config import release
from hal.errors import FileFault
from hal.record import Record
from hal.root import Root

FOLDER = "lib/modules"
LIMIT = 32 * 1024 * 1024
"""Bytes of the longest list that is read; Debian's modules.alias has 1.4 MiB."""


@frozen(kw_only=True, repr=False, eq=False)
class Driver(Record):
    """What the lists of the running kernel say of one driver."""

    listed: bool
    """Whether there are lists at all; without them nothing else here is known."""
    built_in: bool = False
    path: str | None = None
    """Its module's file below `lib/modules/RELEASE`, or where it would be if it were one."""
    claims: bool | None = None
    """Whether it claims the device that was asked for; `None` where the lists do not tell."""


def driver(root: Root, name: str, modaliases: Iterable[str] = ()) -> Driver:
    """Look a driver up, and whether it claims a device with one of these modaliases."""
    named = release(root)
    folder = f"{FOLDER}/{named}"
    modules, built_in = list(_lines(root, f"{folder}/modules.dep")), list(_lines(root, f"{folder}/modules.builtin"))
    if named is None or not (modules or built_in):
        return Driver(listed=False)
    path = next((line.partition(":")[0] for line in modules if _stem(line.partition(":")[0]) == _one(name)), None)
    inside = next((line for line in built_in if _stem(line) == _one(name)), None)
    if path is None and inside is None:
        return Driver(listed=True)
    aliases = tuple(_built_in_aliases(root, folder, name) if inside else _module_aliases(root, folder, name))
    wanted = tuple(modaliases)
    claims = any(fnmatchcase(each, pattern) for pattern in aliases for each in wanted) if aliases and wanted else None
    if not aliases and wanted and root.is_file(f"{folder}/modules.alias") and not inside:
        claims = False
    return Driver(listed=True, built_in=inside is not None, path=inside or path, claims=claims)


def _module_aliases(root: Root, folder: str, name: str) -> Iterator[str]:
    """Lines `alias PATTERN MODULE`."""
    for line in _lines(root, f"{folder}/modules.alias"):
        words = line.split()
        if len(words) == 3 and words[0] == "alias" and _one(words[2]) == _one(name):
            yield words[1]


def _built_in_aliases(root: Root, folder: str, name: str) -> Iterator[str]:
    """Texts `MODULE.alias=PATTERN` with a NUL behind each; kernels before 5.2 have no such file."""
    try:
        data = root.read_bytes(f"{folder}/modules.builtin.modinfo", limit=LIMIT)
    except FileFault:
        return
    for text in data.decode(errors="replace").split("\0"):
        key, mark, value = text.partition("=")
        module, _, what = key.rpartition(".")
        if mark and what == "alias" and _one(module) == _one(name):
            yield value


def _lines(root: Root, name: str) -> Iterator[str]:
    try:
        data = root.read_bytes(name, limit=LIMIT)
    except FileFault:
        return
    yield from (line for line in data.decode(errors="replace").splitlines() if line and not line.startswith("#"))


def _stem(path: str) -> str:
    """`brcmfmac` of `kernel/drivers/net/…/brcmfmac.ko.xz`."""
    return _one(path.rpartition("/")[2].partition(".")[0])


def _one(name: str) -> str:
    return name.replace("-", "_")
