"""Build folders around a layer: the base layers for a release, the layer itself, and bitbake run on many of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from hal.image.output import OutputFile
from hal.image.yocto import Release

BASE = Path(__file__).parent / "base"
PARSE = Path(__file__).with_name("parse.py")
LAYERS = ("meta", "balena", "python", "raspberrypi")
KERNELS = (
    "linux-beagleboard", "linux-bb.org", "linux-intel", "linux-jammy-nvidia-tegra", "linux-kunbus", "linux-raspberrypi",
    "linux-tegra", "linux-yocto",
)  # fmt: skip
"""Recipes of kernels that balenaOS's device repositories have."""
KERNEL = 'LICENSE = "CLOSED"\n\nCMDLINE ?= "root=/dev/mmcblk0p2 rootwait quiet"\n\ninherit kernel kernel-balena\n'


@frozen
class Bitbake:
    """A bitbake: the wheel in this environment, or a checkout with a Python that it runs on."""

    checkout: Path | None = None
    python: str = sys.executable

    def version(self) -> tuple[int, int]:
        """Major and minor."""
        return _version(self)

    def command(self) -> list[str]:
        """Runs its Python, and writes no bytecode into a checkout."""
        return [self.python, "-B", "-W", "ignore"]

    def environment(self) -> dict[str, str]:
        """As little as there can be, so that nothing of this machine is read."""
        path = "" if self.checkout is None else str(self.checkout / "lib")
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": path, "HOME": "/nonexistent"}

    def understands(self, release: Release) -> str | None:
        """`native`, `shim`, or `None` where this bitbake has no rule for the syntax of that release."""
        colon = self.version() >= (1, 51)
        if release.old_syntax:
            return "shim" if colon else "native"
        return "native" if colon else None

    def parse(self, folders: Sequence[Path], *, old_syntax: bool) -> list[dict[str, Any]]:
        """What came of each build folder, in order."""
        shim = old_syntax and self.version() >= (1, 51)
        asked = json.dumps({"jobs": [str(folder) for folder in folders], "shim": shim})
        told = subprocess.run(
            [*self.command(), str(PARSE)],
            input=asked,
            capture_output=True,
            text=True,
            timeout=1200,
            env=self.environment(),
        )
        answers = [json.loads(line) for line in told.stdout.splitlines()]
        assert len(answers) == len(folders), told.stderr[-2000:]
        return answers


@cache
def _version(bitbake: Bitbake) -> tuple[int, int]:
    command = [*bitbake.command(), "-c", "import bb; print(bb.__version__)"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, env=bitbake.environment())
    assert told.returncode == 0, told.stderr
    major, minor, *_ = told.stdout.split(".")
    return int(major), int(minor)


def base(folder: Path, release: Release) -> Path:
    """The layers below a board's, as openembedded-core, meta-balena and others have them in this release."""
    words = {
        "@SERIES@": release.name,
        "@PYTHON@": ".".join(map(str, release.python)),
        "@:@": release.separator,
        "@S@": "${UNPACKDIR}/${BP}" if release.own_unpackdir else "${WORKDIR}/${BP}",
        "@UNPACKDIR@": 'UNPACKDIR ?= "${WORKDIR}/sources"' if release.own_unpackdir else "",
    }
    for file in BASE.rglob("*"):
        if file.is_file():
            text = file.read_text()
            for word, value in words.items():
                text = text.replace(word, value)
            made = folder / file.relative_to(BASE)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(text)
    kernels = folder / "raspberrypi/recipes-kernel/linux"
    kernels.mkdir(parents=True)
    for name in KERNELS:
        (kernels / f"{name}_6.6.bb").write_text(
            KERNEL if not release.rpi_cmdline else KERNEL.replace("CMDLINE", "UNUSED")
        )
    if not release.rpi_cmdline:
        (folder / "raspberrypi/recipes-bsp/bootfiles/rpi-cmdline.bb").unlink()
    return folder


def write_layer(folder: Path, files: Iterable[OutputFile], shared: Path) -> Path:
    """The layer; what is carried for the device's Python is written once and linked to."""
    for file in files:
        before, carried, _ = file.name.partition("/site-packages/")
        if carried:
            link, store = folder / before / "site-packages", shared / before
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(store)
            made = store / file.name.removeprefix(f"{before}/site-packages/")
            if made.exists():
                continue
        else:
            made = folder / file.name
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(file.content)
    return folder


def build(folder: Path, layers: Path, layer: Path, *, include: str, machine: str = "board", local: str = "") -> Path:
    """A build folder with all layers, and the include required by the machine."""
    (folder / "conf/machine").mkdir(parents=True)
    every = " ".join(str(each) for each in (*(layers / name for name in LAYERS), layer))
    (folder / "conf/bblayers.conf").write_text(
        f'BBPATH = "${{TOPDIR}}"\nBBFILES ?= ""\nCOREBASE = "{layers}"\nBBLAYERS = "{every}"\n'
    )
    (folder / f"conf/machine/{machine}.conf").write_text(f"require conf/machine/include/{include}.inc\n")
    (folder / "conf/local.conf").write_text(f'MACHINE = "{machine}"\n{local}')
    return folder


def remove(folder: Path) -> None:
    """Frees the disk: ten releases of all device types are many files."""
    shutil.rmtree(folder, ignore_errors=True)
