"""The distributions that run on a device, read from this Python installation: the core, a plugin, an add-on.

The image carries the very files that are installed here, editable or not, and nothing is downloaded for them.
"""

from __future__ import annotations

import ast
import operator
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from attrs import frozen

from hal.errors import PluginFault
from hal.index import GROUP, Index
from hal.record import Record

CORE, CORE_MODULE = "device-hal", "hal"
LEFT_OUT = frozenset(("__pycache__", "testing", "tests"))
"""Folders that a device has no use for."""
OS_BUILD = "image"
"""Nor for this folder of core, which is the distribution `device-hal-image`."""
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
SCRIPTS = "console_scripts"


class Requirement(NamedTuple):
    """A distribution, its versions, and where it is asked for: `tomli`, `>=2`, `python_version < '3.11'`."""

    name: str
    versions: str
    marker: str

    def applies(self, python: tuple[int, int]) -> bool:
        """Whether this Python needs it. Of markers only that of the Python's version is read; any other applies."""
        told = re.fullmatch(r"python_version\s*(<|<=|>|>=|==)\s*['\"](\d+)\.(\d+)['\"]", self.marker)
        return told is None or COMPARE[told[1]](python, (int(told[2]), int(told[3])))


@frozen(kw_only=True, repr=False, eq=False)
class Installed(Record):
    """A distribution: what it is called, what it asks for, and its files below `site-packages`."""

    module: str
    name: str
    version: str
    license: str
    """As its metadata say, empty where they do not."""
    python: tuple[int, int]
    """The oldest Python that it runs on."""
    requires: tuple[Requirement, ...]
    """Distributions that it asks for; extras are not among them."""
    scripts: tuple[tuple[str, str, str], ...]
    """Commands: name, module and function."""
    imports: tuple[str, ...]
    """Modules of the standard library that its code imports, sorted."""
    files: tuple[tuple[str, bytes], ...]
    """Sorted by name."""


def read_installed(module: str) -> Installed:
    """The distribution of `hal` or of a plugin, by its import name. Raises `PluginFault` where there is none."""
    name = CORE if module == CORE_MODULE else _carrier(module)
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise PluginFault(
            f"{module}: no distribution {name} is installed, so no recipe can carry it", path=module
        ) from error
    sources = dict(sorted(_sources(module)))
    metadata, points = _metadata(found), _points(found)
    folder = f"{re.sub(r'[-_.]+', '_', name)}-{found.version}.dist-info"
    about = {f"{folder}/METADATA": metadata.encode(), f"{folder}/entry_points.txt": points.encode()}
    return Installed(
        module=module,
        name=re.sub(r"[-_.]+", "-", name).lower(),
        version=found.version,
        license=found.metadata["License-Expression"] or found.metadata["License"] or "",
        python=_python(found),
        requires=tuple(_requires(found)),
        scripts=tuple(
            sorted((each.name, each.module, each.attr) for each in found.entry_points if each.group == SCRIPTS)
        ),
        imports=_imports(sources),
        files=tuple(sorted((sources | about).items())),
    )  # fmt: skip


def _carrier(module: str) -> str:
    for announcement in Index.installed():
        if announcement.module == module:
            return announcement.distribution
    raise PluginFault(f"{module}: no installed distribution announces it", path=module)


def _sources(module: str) -> Iterator[tuple[str, bytes]]:
    """The package's files by name below `site-packages`, wherever it is imported from."""
    spec = find_spec(module)
    if spec is None:
        raise PluginFault(f"{module}: cannot be found, though a distribution announces it", path=module)
    if not spec.submodule_search_locations:
        assert spec.origin is not None
        yield f"{module}.py", Path(spec.origin).read_bytes()
        return
    for location in spec.submodule_search_locations:
        top = Path(location)
        for file in top.rglob("*"):
            inner = file.relative_to(top)
            if module == CORE_MODULE and inner.parts[0] == OS_BUILD:
                continue
            if LEFT_OUT.isdisjoint(inner.parts) and file.is_file():
                yield f"{module}/{inner.as_posix()}", file.read_bytes()


def _metadata(found: Distribution) -> str:
    """What importlib reads of it: the head. The description is for people who look for it elsewhere."""
    head = (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").partition("\n\n")[0]
    return f"{head}\n"


def _points(found: Distribution) -> str:
    """Announcements and commands; those for test tools are left out as their code is."""
    lines: list[str] = []
    for group in (SCRIPTS, GROUP):
        points = sorted((point.name, point.value) for point in found.entry_points if point.group == group)
        if points:
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points), ""]
    return "\n".join(lines)


def _python(found: Distribution) -> tuple[int, int]:
    told = re.search(r">=\s*(\d+)\.(\d+)", found.metadata["Requires-Python"] or "")
    return (int(told[1]), int(told[2])) if told else (3, 0)


def _requires(found: Distribution) -> Iterator[Requirement]:
    for text in found.requires or ():
        need, _, marker = text.partition(";")
        name = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(.*)", need)
        if name and "extra" not in marker:
            canonical = re.sub(r"[-_.]+", "-", name[1]).lower()
            yield Requirement(canonical, name[2].strip().strip("()"), marker.strip())


def _imports(sources: dict[str, bytes]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*(_file_imports(data) for name, data in sources.items() if name.endswith(".py")))))


@cache
def _file_imports(source: bytes) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return frozenset(name for name in found if name.partition(".")[0] in sys.stdlib_module_names)
