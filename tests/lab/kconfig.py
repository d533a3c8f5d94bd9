"""The kernel's own Kconfig files, from Debian's source package: which symbols there are, and what they depend on."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
ARCHES: dict[str, tuple[str, str]] = {
    "amd64": ("x86", "x86_64_defconfig"),
    "aarch64": ("arm64", "defconfig"),
    "armv7hf": ("arm", "multi_v7_defconfig"),
    "rpi": ("arm", "bcm2835_defconfig"),
}
"""balena's word for an architecture: the kernel's, and the configuration to begin with."""
WANTED = re.compile(r"[^/]+/(?:.*/)?Kconfig[^/]*|[^/]+/scripts/[^/]+|[^/]+/arch/(?:x86|arm|arm64)/configs/.*")


@cache
def unpacked() -> Path:
    """A folder with nothing of the source but what Kconfig reads. Unpacked once for a process.

    Kconfiglib is older than the plain word `modules`, and knows it as an option.
    """
    folder = Path(mkdtemp(prefix="kconfig-"))
    with tarfile.open(SOURCE) as archive:
        archive.extractall(folder, (each for each in archive if WANTED.fullmatch(each.name)), filter="data")
    (top,) = folder.iterdir()
    modules = top / "kernel/module/Kconfig"
    modules.write_text(re.sub(r"^\tmodules$", "\toption modules", modules.read_text(), flags=re.MULTILINE))
    return top


@cache
def kernel(arch: str) -> Any:
    """Kconfig of an architecture, with its first configuration loaded. The host's compiler stands for the target's."""
    from kconfiglib import Kconfig

    source, base = ARCHES[arch]
    compiler = shutil.which("gcc") or "false"
    environment = {
        "srctree": str(unpacked()),
        "ARCH": source,
        "SRCARCH": source,
        "CC": compiler,
        "HOSTCC": compiler,
        "LD": "ld",
        "NM": "nm",
        "OBJCOPY": "objcopy",
        "PAHOLE": "false",
        "RUSTC": "false",
        "BINDGEN": "false",
        "KERNELVERSION": "6.1.0",
    }
    before = dict(os.environ)
    here = Path.cwd()
    os.environ.update(environment)
    os.chdir(unpacked())
    try:
        found = Kconfig(warn=False, suppress_traceback=True)
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
    found.load_config(str(unpacked() / "arch" / source / "configs" / base))
    return found


def names(arch: str) -> frozenset[str]:
    """Every symbol of an architecture that somebody can set."""
    return frozenset(name for name, symbol in kernel(arch).syms.items() if symbol.nodes)


def outcome(arch: str, wanted: Mapping[str, str], besides: Iterable[str] = ()) -> dict[str, tuple[str, str]]:
    """Set these on top of the first configuration; what came out otherwise, each with the value and why.

    Dependencies may be among them, in any order, so they are set until nothing changes any more. `besides` are symbols
    to turn on that the image has from elsewhere.
    """
    found = kernel(arch)
    source, base = ARCHES[arch]
    found.load_config(str(unpacked() / "arch" / source / "configs" / base))
    given = {**dict.fromkeys(besides, "y"), **wanted}
    for _ in range(6):
        before = [found.syms[name].str_value for name in given]
        for name, value in given.items():
            symbol = found.syms[name]
            symbol.set_value(value.strip('"'))
        if before == [found.syms[name].str_value for name in given]:
            break
    wrong = {}
    for name, value in wanted.items():
        symbol = found.syms[name]
        if symbol.str_value != value.strip('"'):
            wrong[name] = (symbol.str_value, _why(symbol))
    return wrong


def _why(symbol: Any) -> str:
    from kconfiglib import TRI_TO_STR, expr_items, expr_str

    chains = [expr_str(node.dep) for node in symbol.nodes]
    kind = "prompt" if any(node.prompt for node in symbol.nodes) else "no prompt: only others select it"
    parts = (each for node in symbol.nodes for each in expr_items(node.dep))
    missing = sorted({each.name for each in parts if each.name and each.str_value == "n"})
    return f"{TRI_TO_STR[symbol.visibility]} visible, {kind}; depends on {' / '.join(chains)[:120]}; off: {missing[:8]}"
