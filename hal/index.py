"""The plugin index: which installed plugin matches what, known without importing any of them.

The announcements are entry points in the group `hal` (see `hal.hookspecs`). Reading them from every installed
distribution costs a file read each, so the result is kept in one sorted text file, as `depmod` keeps modules.alias:
built when it is missing or stale, ignored when it is unreadable. It is stale when a folder of `sys.path` that holds
distributions has another modification time, which every install and removal changes. Times are compared in whole
seconds, because image builds keep no more; so an index is not kept while a folder changed less than two seconds ago.

An OS image cannot keep that one: its build sets the times of folders at the very end, and its root file system is
read-only later. It carries a sealed index instead, valid while the folders hold the same distributions by name.

A line is `kind TAB key TAB pattern TAB module TAB distribution`, sorted. The kind is `board` for a plugin that
announces a slug, else `addon`. The key narrows a lookup to a few lines: the whole text for a slug, bus and vendor for a
modalias. A lookup is a search for both in the file's text, whatever its length.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

GROUP = "hal"
FORMAT = "# device-hal plugin index 3"
END = "# end\n"
CACHE = Path(__file__).parent / "__pycache__" / "plugins.index"
SEALED = Path(__file__).with_name("plugins.index")
_WILD = frozenset("*?[")
_OF = "of:N*T*C"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Announcement(NamedTuple):
    """One entry point: what a plugin matches, its import name, and the distribution that carries it."""

    pattern: str
    module: str
    distribution: str

    @property
    def bus(self) -> str:
        """`slug`, or the bus of a modalias pattern: `of`, `usb`, `dmi` …"""
        return self.pattern.partition(":")[0]


class Index:
    """Every announcement of the installed plugins, looked up by slug or modalias."""

    def __init__(self, announcements: Iterable[Announcement]) -> None:
        distinct = set(announcements)
        boards = {a.module for a in distinct if a.bus == "slug"}
        lines = ["\t".join(("board" if a.module in boards else "addon", key(a.pattern), *a)) for a in distinct]
        self._text = "\n" + "".join(f"{line}\n" for line in sorted(lines))

    @classmethod
    def installed(cls, cache: Path | None = CACHE, paths: Sequence[str] | None = None, sealed: Path = SEALED) -> Index:
        """The index of this Python installation, from `sealed` or `cache` where current; no cache, and both are off."""
        folders = [
            folder for folder in (sys.path if paths is None else paths) if any(True for _ in _distributions(folder))
        ]
        header = _header(folders)
        if cache is not None:
            kept = cls._kept(sealed, lambda: _names(folders)) or cls._kept(cache, lambda: header)
            if kept is not None:
                return kept
        index = cls(scan(folders))
        if cache is not None and _settled(folders):
            index._save(cache, header)
        return index

    @classmethod
    def seal(cls, folder: str, sealed: Path) -> None:
        """Write the index of the distributions in this folder, for an OS image in which it alone holds any."""
        sealed.write_bytes((_names([folder]) + cls(scan([folder]))._text[1:] + END).encode(errors="surrogateescape"))

    @classmethod
    def _kept(cls, file: Path, header: Callable[[], str]) -> Index | None:
        """What this file holds, where it is whole and under this header."""
        with suppress(OSError):
            kept, begin = file.read_bytes(), header().encode(errors="surrogateescape")
            if kept.startswith(begin) and kept.endswith(f"\n{END}".encode()):
                return cls._of_text(str(memoryview(kept)[len(begin) - 1 : -len(END)], "utf-8", "surrogateescape"))
        return None

    @classmethod
    def _of_text(cls, text: str) -> Index:
        index = cls(())
        index._text = text
        return index

    def _save(self, cache: Path, header: str) -> None:
        """A cache is worth no error: where it cannot be written, the next start scans again."""
        temporary = cache.with_name(f"{cache.name}.{os.getpid()}")
        with suppress(OSError):
            cache.parent.mkdir(exist_ok=True)
            try:
                temporary.write_bytes((header + self._text[1:] + END).encode(errors="surrogateescape"))
                temporary.replace(cache)
            except OSError:
                temporary.unlink(missing_ok=True)

    def __iter__(self) -> Iterator[Announcement]:
        return map(_announcement, self._lines())

    def _lines(self, start: str = "") -> list[str]:
        """The lines that start so: one block, because lines are sorted."""
        first = end = self._text.find(f"\n{start}")
        while end != -1 and self._text.startswith(start, end + 1) and end + 1 < len(self._text):
            end = self._text.index("\n", end + 1)
        return self._text[first + 1 : end].split("\n") if end > first else []

    def owners(self, slug: str) -> tuple[Announcement, ...]:
        """Who announces this slug or alias; more than one is a conflict."""
        if "\t" in slug or "\n" in slug:
            return ()
        return tuple(map(_announcement, self._lines(f"board\tslug:{slug}\t")))

    def slugs(self) -> dict[str, tuple[Announcement, ...]]:
        """Every announced slug and alias, with its announcers."""
        found: dict[str, tuple[Announcement, ...]] = {}
        for announcement in map(_announcement, self._lines("board\tslug:")):
            slug = announcement.pattern.removeprefix("slug:")
            found[slug] = (*found.get(slug, ()), announcement)
        return found

    def board_modules(self) -> tuple[str, ...]:
        """Import names of all board plugins, sorted: those that announce a slug."""
        return tuple(sorted(_modules(self._lines("board\tslug:"))))

    def addon_modules(self) -> tuple[str, ...]:
        """Import names of all add-ons, sorted: those that announce no slug."""
        return tuple(sorted(_modules(self._lines("addon\t"))))

    def buses(self) -> frozenset[str]:
        """Buses that a pattern of an add-on names: only these need to be looked at."""
        named = {line[len("addon\t") : line.index(":")] for line in self._lines("addon\t")}
        return frozenset(bus for bus in named if re.fullmatch(r"[a-z0-9_-]+", bus))

    def matching(self, modaliases: Iterable[str], kinds: Sequence[str] = ("addon", "board")) -> tuple[str, ...]:
        """Import names of the plugins of these kinds with a pattern for any of these modaliases."""
        from fnmatch import fnmatchcase

        found: set[str] = set()
        by_key: dict[str, list[str]] = {}
        for modalias in modaliases:
            bus = f"{modalias.partition(':')[0]}:"
            # The kernel writes `of:NrtcT(null)Cmaxim,ds3231`: its vendor stands elsewhere, so the whole bus is asked.
            every = bus == "of:" and not modalias.startswith(_OF)
            for wanted in {bus} if every else {f"{key(modalias)}\t", f"{bus}\t"}:
                by_key.setdefault(wanted, []).append(modalias)
        for wanted, named in by_key.items():
            together = "\n".join(named)
            for line in (line for kind in kinds for line in self._lines(f"{kind}\t{wanted}")):
                _, _, pattern, module, _ = line.split("\t")
                if module in found:
                    continue
                # Most patterns differ in their longest fixed part, and telling so is far cheaper than fnmatch.
                fixed = "" if "[" in pattern else max(pattern.replace("?", "*").split("*"), key=len)
                if fixed in together and any(fnmatchcase(modalias, pattern) for modalias in named):
                    found.add(module)
        return tuple(sorted(found))


def key(pattern: str) -> str:
    """What a lookup narrows by: a slug whole; else the bus, with the vendor where the pattern fixes one."""
    bus, _, rest = pattern.partition(":")
    if bus == "slug":
        return pattern
    if bus == "of":
        name = pattern.removeprefix(_OF) if pattern.startswith(_OF) else ""
        vendor, comma, _ = name.partition(",")
        return f"of:{vendor}" if comma and _WILD.isdisjoint(vendor) else "of:"
    if bus == "usb" and rest.startswith("v") and len(rest) >= 5 and _WILD.isdisjoint(rest[:5]):
        return f"usb:{rest[:5]}"
    return f"{bus}:"


def scan(folders: Sequence[str]) -> tuple[Announcement, ...]:
    """Read the announcements of every distribution in these folders; a damaged one is passed over."""
    from importlib.metadata import distributions

    found: set[Announcement] = set()
    seen: set[str] = set()
    for distribution in distributions(path=list(folders)):
        with suppress(Exception):  # metadata of a half-removed distribution; its plugin is not installed either
            name = distribution.metadata["Name"]
            if name in seen or not _NAME.fullmatch(name):
                continue  # an earlier folder shadows it, as for an import
            seen.add(name)
            found.update(
                Announcement(pattern=point.name, module=point.value, distribution=name)
                for point in distribution.entry_points
                if point.group == GROUP and _sound(point.name, point.value)
            )
    return tuple(sorted(found))


def _sound(pattern: str, module: str) -> bool:
    return (
        ":" in pattern and not re.search(r"[\t\n]", pattern) and all(part.isidentifier() for part in module.split("."))
    )


def _modules(lines: Iterable[str]) -> set[str]:
    return {line.split("\t", 4)[3] for line in lines}


def _announcement(line: str) -> Announcement:
    return Announcement(*line.split("\t")[2:])


def _distributions(folder: str) -> Iterator[str]:
    with suppress(OSError), os.scandir(folder or ".") as entries:
        yield from (entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))


def _names(folders: Sequence[str]) -> str:
    """The header of a sealed index: versions are part of the names, paths are not."""
    lines = [f"{FORMAT}, sealed", f"# {len(folders)} folders"]
    for folder in folders:
        lines += ["#", *(f"# {name}" for name in sorted(_distributions(folder)))]
    lines.append("#")  # else a header with fewer names would be the beginning of one with more
    return "\n".join(lines) + "\n"


def _header(folders: Sequence[str]) -> str:
    lines = [FORMAT, f"# {len(folders)} folders"]
    for folder in folders:
        try:
            lines.append(f"# {int(Path(folder).stat().st_mtime)} {folder}")
        except OSError:
            lines.append(f"# - {folder}")
    return "\n".join(lines) + "\n"


def _settled(folders: Sequence[str]) -> bool:
    now = time.time()
    with suppress(OSError):
        return all(abs(now - Path(folder).stat().st_mtime) > 2 for folder in folders)
    return False
