"""The plugin index: which installed plugin matches what, known without importing any of them.

The announcements are entry points in the group `hal` (see `hal.hookspecs`). Reading them from every installed
distribution costs a file read each, so the result is kept in one sorted text file, as `depmod` keeps modules.alias:
built when it is missing or stale, ignored when it is unreadable. It is stale when a folder of `sys.path` that holds
distributions has another modification time, which every install and removal changes. Times are compared in whole
seconds, because image builds keep no more; so an index is not kept while a folder changed less than two seconds ago.

A line is `key TAB pattern TAB module TAB distribution`, sorted. The key narrows a lookup to a few lines: the whole text
for a slug, bus and vendor for a modalias. A lookup is a search for the key in the file's text, whatever its length.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import frozen

GROUP = "hal"
FORMAT = "# device-hal plugin index 1"
CACHE = Path(__file__).parent / "__pycache__" / "plugins.index"
_WILD = re.compile(r"[*?\[]")
_OF = "of:N*T*C"
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@frozen(kw_only=True, order=True)
class Announcement:
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
        lines = {"\t".join((key(a.pattern), a.pattern, a.module, a.distribution)) for a in announcements}
        self._text = "\n" + "".join(f"{line}\n" for line in sorted(lines))

    @classmethod
    def installed(cls, cache: Path | None = CACHE, paths: Sequence[str] | None = None) -> Index:
        """The index of this Python installation, from `cache` where that is current; `None` keeps nothing."""
        folders = [folder for folder in (sys.path if paths is None else paths) if _holds_distributions(folder)]
        header = _header(folders)
        if cache is not None:
            with suppress(OSError, UnicodeDecodeError):
                text = cache.read_bytes().decode()
                if text.startswith(header):
                    return cls._of_text(text[len(header) - 1 :])
        index = cls(scan(folders))
        if cache is not None and _settled(folders):
            index._save(cache, header)
        return index

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
            temporary.write_text(header + self._text[1:])
            temporary.replace(cache)

    def __iter__(self) -> Iterator[Announcement]:
        for line in self._text.splitlines():
            if line:
                yield _announcement(line)

    def _under(self, wanted: str) -> Iterator[Announcement]:
        """The announcements whose key is `wanted`."""
        at = self._text.find(f"\n{wanted}\t")
        while at != -1:
            end = self._text.index("\n", at + 1)
            yield _announcement(self._text[at + 1 : end])
            at = end if self._text.startswith(f"{wanted}\t", end + 1) else -1

    def owners(self, slug: str) -> tuple[Announcement, ...]:
        """Who announces this slug or alias; more than one is a conflict."""
        return tuple(self._under(f"slug:{slug}")) if "\t" not in slug and "\n" not in slug else ()

    def slugs(self) -> dict[str, tuple[Announcement, ...]]:
        """Every announced slug and alias, with its announcers."""
        found: dict[str, tuple[Announcement, ...]] = {}
        for announcement in self:
            if announcement.bus == "slug":
                slug = announcement.pattern.removeprefix("slug:")
                found[slug] = (*found.get(slug, ()), announcement)
        return found

    def board_modules(self) -> tuple[str, ...]:
        """Import names of all board plugins, sorted: those that announce a slug."""
        return tuple(sorted({a.module for a in self if a.bus == "slug"}))

    def addon_modules(self) -> tuple[str, ...]:
        """Import names of all add-ons, sorted: those that announce no slug."""
        return tuple(sorted({a.module for a in self} - set(self.board_modules())))

    def buses(self) -> frozenset[str]:
        """Buses that any pattern names: only these need to be looked at."""
        return frozenset(re.findall(r"^([a-z0-9_-]+):", self._text, re.MULTILINE)) - {"slug"}

    def matching(self, modaliases: Iterable[str]) -> tuple[str, ...]:
        """Import names of the plugins, board plugins and add-ons, with a pattern for any of these modaliases."""
        from fnmatch import fnmatchcase

        found: set[str] = set()
        by_key: dict[str, list[str]] = {}
        for modalias in modaliases:
            for wanted in {key(modalias), f"{modalias.partition(':')[0]}:"}:
                by_key.setdefault(wanted, []).append(modalias)
        for wanted, named in by_key.items():
            for announcement in self._under(wanted):
                if announcement.module not in found:
                    fixed = [part for part in _WILD.split(announcement.pattern) if "]" not in part]
                    found.update(
                        announcement.module
                        for modalias in named
                        # Most patterns differ in a fixed part, and telling so is far cheaper than a regular expression.
                        if all(part in modalias for part in fixed) and fnmatchcase(modalias, announcement.pattern)
                    )
        return tuple(sorted(found))


def key(pattern: str) -> str:
    """What a lookup narrows by: a slug whole; else the bus, with the vendor where the pattern fixes one."""
    bus, _, rest = pattern.partition(":")
    if bus == "slug":
        return pattern
    if bus == "of":
        name = pattern.removeprefix(_OF) if pattern.startswith(_OF) else ""
        vendor, comma, _ = name.partition(",")
        return f"of:{vendor}" if comma and not _WILD.search(vendor) else "of:"
    if bus == "usb" and rest.startswith("v") and len(rest) >= 5 and not _WILD.search(rest[:5]):
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
            if name in seen:
                continue  # an earlier folder shadows it, as for an import
            seen.add(name)
            found.update(
                Announcement(pattern=point.name, module=point.value, distribution=name)
                for point in distribution.entry_points
                if point.group == GROUP and _sound(point.name, point.value)
            )
    return tuple(sorted(found))


def _sound(pattern: str, module: str) -> bool:
    return ":" in pattern and not re.search(r"[\t\n]", pattern) and bool(_MODULE.fullmatch(module))


def _announcement(line: str) -> Announcement:
    _, pattern, module, distribution = line.split("\t")
    return Announcement(pattern=pattern, module=module, distribution=distribution)


def _holds_distributions(folder: str) -> bool:
    try:
        with os.scandir(folder or ".") as entries:
            return any(entry.name.endswith((".dist-info", ".egg-info")) for entry in entries)
    except OSError:
        return False


def _header(folders: Sequence[str]) -> str:
    lines = [FORMAT]
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
