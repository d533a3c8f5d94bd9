"""README.md of a layer: what it is, how to add it, what it does, and what it does not know."""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.output import Line, OutputFile, text_file
from hal.image.yocto import kernel, runtime
from hal.image.yocto.appends import states
from hal.image.yocto.syntax import fixed
from hal.image.yocto.target import Target
from hal.model import PRESENT, PartKind

BARYS = "For this release barys converts meta-balena to the syntax of overrides that this layer is in."


def files(target: Target) -> Iterator[OutputFile]:
    """The one file."""
    yield text_file("README.md", _lines(target))


def _lines(target: Target) -> Iterator[Line]:
    row, release, build = target.image.device_type, target.release, target.image.build
    layer, name = f"meta-{target.name}", target.name
    why = "for people"
    yield from fixed(
        (
            f"# {layer}",
            "",
            f"What `hal` knows about {row.name} (`{row.slug}`), as a layer on top of balenaOS's layers and the board's",
            f"own, for Yocto {release.number} ({release.name}). Machine: {row.machine or 'not known'}.",
            "",
            f"Made for `OS_DEVELOPMENT={int(build.os_development)}`, `BALENA_STORAGE={build.balena_storage}`"
            + (", secure boot" if build.secure_boot else "")
            + (", the flasher and the image that it installs." if build.flasher else ", the image that a device runs."),
            "Do not edit it: make it again.",
            "",
            "## Adding it",
            "",
            "1. Put this folder beside the other layers, and add it to `BBLAYERS` in `bblayers.conf`:",
            f"   `${{TOPDIR}}/../layers/{layer}`. It must not be called `meta-balena-…`, which barys looks for.",
            "2. Add to the machine's configuration, or to `local.conf`:",
            f"   `require conf/machine/include/{name}.inc`.",
            "",
            f"It needs meta-balena {release.meta_balena} or newer: names are `BALENA_…`, and the older `RESIN_…` are",
            "not written.",
            *((BARYS,) if release.old_syntax else ()),
        ),
        why,
    )
    if target.raspberry_pi:
        yield from fixed(("It appends recipes of meta-raspberrypi.",), why)
    if any(part.name.startswith("initramfs/") for part in target.of(PartKind.RENDERED_FILE)):
        yield from fixed(("The balena bootloader's step needs meta-balena 4.0.13 or newer.",), why)
    yield from fixed(("", "## What it does", ""), why)
    yield from fixed((f"- {line}" for line in _does(target)), why)
    yield from fixed(("", "## What is not known, or not done", ""), why)
    yield from fixed((f"- {line}" for line in _lacks(target)), why)


def _does(target: Target) -> Iterator[str]:
    yield f"Kernel symbols: {len(kernel.symbols(target))}. Kernel arguments: `OS_KERNEL_CMDLINE`."
    if runtime.carried(target):
        names = ", ".join(f"{each.name} {each.version}" for each in runtime.carried(target))
        yield f"The image carries {names}, and their index."
    kept = ", ".join(f"`{name}`" for name, _ in states(target))
    if kept:
        yield f"Updates leave these files of the boot partition alone: {kept}. A build stops where they would not."
    yield "Files are laid over the root file system as its last step; one of the same name in a package gives way."
    if target.of(PartKind.DEVICE_TREE):
        yield "Device trees are built by the machine; the image is checked for them, with a warning."


def _lacks(target: Target) -> Iterator[str]:
    yield from (each.message for each in target.image.lacking)
    installed, last = (medium.image.names(PartKind.KERNEL_ARGUMENT) for medium in (target.media[0], target.media[-1]))
    if alone := [name for name in last if name not in installed]:
        yield f"Kernel arguments of the flasher alone, which the board's own layer has to give: {' '.join(alone)}."
    reason = runtime.too_old(target)
    if reason:
        yield f"No part of this project runs on the device: {reason}."
    yield from runtime.lower_versions(target)
    if target.image.device_type.kernel_recipe is None:
        yield "The name of the kernel's recipe: the kernel that the machine prefers gets the symbols."
        for part in kernel.symbols(target):
            if kernel.fragment_only(part):
                yield f"CONFIG_{part.name} is not carried: its text has blanks, and only a fragment could."
    silent = [part.name for part in target.of(PartKind.CONSOLE) if not part.value]
    if silent:
        yield f"The speed of {', '.join(silent)}, so no login is started there from here."
    for part in target.of(PartKind.SECURE_BOOT):
        yield f"Secure boot, {part.name}: {part.text}. meta-balena does it where `SIGN_API` is set."
    packages = [part.name for part in target.of(PartKind.PACKAGE) if part.value == PRESENT]
    if packages:
        yield f"Whether {target.release.name} has every package that is named: a build tells."
