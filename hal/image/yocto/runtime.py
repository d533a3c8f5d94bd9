"""What runs on the device: recipes for the core, the board's plugin and the add-ons of the image, and their index."""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.output import Line, OutputFile, text_file
from hal.image.yocto.installed import Installed
from hal.image.yocto.payload import LICENSE
from hal.image.yocto.releases import Release
from hal.image.yocto.syntax import fixed
from hal.image.yocto.target import Target

PACKAGES: dict[str, str] = {
    "base64": "netclient", "ctypes": "ctypes", "datetime": "datetime", "decimal": "numbers", "difflib": "difflib",
    "email": "email", "fcntl": "fcntl", "glob": "shell", "gzip": "compression", "hashlib": "crypt",
    "http": "netclient", "importlib": "email", "ipaddress": "io", "json": "json", "logging": "logging",
    "pickle": "pickle", "queue": "threading", "random": "math", "shlex": "shell", "socket": "io", "ssl": "io",
    "string": "stringold", "tarfile": "compression", "tempfile": "io", "tomllib": "tomllib", "urllib": "netclient",
    "uuid": "netclient", "zipfile": "compression",
}  # fmt: skip
"""Modules of the standard library that python3-core lacks, and the package that has them: python3-NAME.

`importlib.metadata` reads with `email`. Source: python3-manifest.json of kirkstone, scarthgap and wrynose.
"""

IN_CORE = frozenset((
    "__future__", "abc", "argparse", "array", "ast", "binascii", "bz2", "collections", "contextlib", "copy", "csv",
    "dis", "enum", "errno", "fnmatch", "functools", "gc", "inspect", "io", "itertools", "locale", "lzma", "math",
    "operator", "os", "pathlib", "pkgutil", "platform", "re", "select", "selectors", "shutil", "signal", "stat",
    "struct", "subprocess", "sys", "textwrap", "threading", "time", "traceback", "types", "typing", "warnings",
    "weakref", "zlib",
))  # fmt: skip
EVERYTHING = "modules"
"""python3-modules has the whole standard library: for a plugin that imports what neither table knows."""
SINCE = {"tomllib": (3, 11)}
"""Modules that older releases lack; who imports them there does so at their own risk, with a way around."""

PYTHON = "${STAGING_BINDIR_NATIVE}/python3-native/python3"
"""The build's own, of the version that the image has."""

LICENSES = {
    "Apache-2.0": LICENSE,
    "MIT": "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302",
}
"""Licenses whose name and text are the same in every release; a plugin under another is CLOSED to the build."""


def carried(target: Target) -> tuple[Installed, ...]:
    """What the image carries: all of them, or none where the release's Python is too old for one."""
    return target.distributions if too_old(target) is None else ()


def too_old(target: Target) -> str | None:
    """Why the runtime is left out, where it is."""
    for each in target.distributions:
        if each.python > target.release.python:
            asked, there = (".".join(map(str, version)) for version in (each.python, target.release.python))
            return f"{each.name} needs Python {asked}, and {target.release.name} has {there}"
    return None


def lower_versions(target: Target) -> Iterator[str]:
    """Requirements that the release's recipe is older than, in words."""
    for each in carried(target):
        for need in each.requires:
            there = target.release.packages.get(need.name)
            if there is not None and need.versions.startswith(">=") and _number(there) < _number(need.versions[2:]):
                yield f"{each.name} asks for {need.name}{need.versions}, and {target.release.name} has {there}"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in version.split(",")[0].strip().split(".") if word.isdigit())


def depends(each: Installed, release: Release) -> tuple[str, ...]:
    """The recipes' packages that it needs at run time, sorted."""
    needed = [need.name for need in each.requires if need.applies(release.python)]
    found = {"core"}
    for module in each.imports:
        name = module.partition(".")[0]
        if SINCE.get(name, (3, 0)) > release.python or name in IN_CORE:
            continue
        found.add(PACKAGES.get(name, EVERYTHING))
    return tuple(sorted([f"python3-{name}" for name in found] + [_recipe_of(name) for name in needed]))


def _recipe_of(distribution: str) -> str:
    """Yocto's name of a distribution: this project's own, or the convention."""
    return distribution if distribution.startswith(("device-hal", "hal-")) else f"python3-{distribution}"


def files(target: Target) -> Iterator[OutputFile]:
    """A recipe for each distribution, with its files."""
    for each in carried(target):
        folder = f"recipes-hal/{each.name}"
        yield text_file(f"{folder}/{each.name}_{each.version}.bb", _recipe(target, each))
        for name, data in each.files:
            why = f"{each.name} {each.version}, as it is installed where this layer was written"
            yield OutputFile(name=f"{folder}/{each.name}/site-packages/{name}", data=data, why=why)
        for name, module, function in each.scripts:
            yield text_file(f"{folder}/{each.name}/bin/{name}", _script(module, function), mode=0o755)


def _script(module: str, function: str) -> Iterator[Line]:
    why = "the command line of the distribution"
    yield from fixed(("#!/usr/bin/env python3", "import sys", f"from {module} import {function}"), why)
    yield Line(text=f"sys.exit({function}())", why=why)


def _recipe(target: Target, each: Installed) -> Iterator[Line]:
    why = f"carries {each.name} and nothing else; nothing is downloaded"
    package = "${PN}"
    sources = ["file://site-packages"] + (["file://bin"] if each.scripts else [])
    site = "${D}${PYTHON_SITEPACKAGES_DIR}"
    yield from fixed(
        (
            f'SUMMARY = "{each.name} {each.version}"',
            f'LICENSE = "{each.license if each.license in LICENSES else "CLOSED"}"',
            *([f'LIC_FILES_CHKSUM = "{LICENSES[each.license]}"'] if each.license in LICENSES else []),
            "",
            f'SRC_URI = "{" ".join(sources)}"',
            'S = "${UNPACKDIR}"',
            "",
            "inherit python3native python3-dir",
            "",
            'do_configure[noexec] = "1"',
            'do_compile[noexec] = "1"',
            "",
            "do_install() {",
            f'    install -d "{site}"',
            f'    cp -R "${{UNPACKDIR}}/site-packages/." "{site}/"',
            "    # A root file system that is read-only never keeps what Python compiles at the first start.",
            f'    "{PYTHON}" -m compileall -q \\',
            f'        --invalidation-mode unchecked-hash -d "${{PYTHON_SITEPACKAGES_DIR}}" "{site}"',
            *(
                f'    install -D -m 0755 "${{UNPACKDIR}}/bin/{name}" "${{D}}${{bindir}}/{name}"'
                for name, _, _ in each.scripts
            ),
            "}",
            "",
            f'{target.named("FILES", package)} = "${{PYTHON_SITEPACKAGES_DIR}} ${{bindir}}"',
            f'{target.named("RDEPENDS", package)} = "{" ".join(depends(each, target.release))}"',
        ),
        why,
    )


def image_lines(target: Target) -> Iterator[Line]:
    """In the image recipe: the distributions, and the index of them, sealed when all are there."""
    every = carried(target)
    if not every:
        return
    why = "the image carries exactly this board's plugin and these add-ons"
    names = " ".join(each.name for each in every)
    yield Line(text=f'{target.named("IMAGE_INSTALL", "append")} = " {names}"', why=why)
    site = "${IMAGE_ROOTFS}${PYTHON_SITEPACKAGES_DIR}"
    seal = "import sys, pathlib; from hal.index import Index; Index.seal(sys.argv[1], pathlib.Path(sys.argv[2]))"
    yield from fixed(
        (
            "",
            "inherit python3-dir",
            'do_rootfs[depends] += "python3-native:do_populate_sysroot"',
            "hal_seal_index() {",
            f'    PYTHONPATH="{site}" "{PYTHON}" -B -c \\',
            f"        '{seal}' \\",
            f'        "{site}" "{site}/hal/plugins.index"',
            "}",
            'ROOTFS_POSTPROCESS_COMMAND += "; hal_seal_index; "',
        ),
        "the plugin index cannot be kept on a read-only root file system, so it is made with the image",
    )
