"""Asks a board's owner and the add-ons for their parts, and joins the answers into the image of one build.

On a device a broken plugin is left out and the rest goes on. An image is another matter: what is missing from it is
missing on every device, so here anything that is wrong with a plugin ends the build.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from hal.errors import PluginFault, ValueRefused
from hal.image import effects, row
from hal.image.boot_files.facts import SECURE_BOOT, arguments
from hal.image.joining import Contribution, join
from hal.model import Build, DeviceType, Image, ImageKind, ImagePart, Lacking, PartKind
from hal.plugins import Catalog, Scope

CORE = "hal"
"""The contributor of what follows from the build's flags."""


def image(catalog: Catalog, slug: str, build: Build, add_ons: Iterable[str] | None = None) -> Image:
    """Everything that goes into the image of this device type.

    `add_ons` are import names, or those without `hal_`; `None` is every add-on that is installed. A build without a
    release is for the one that the device repository uses. Raises `BoardUnknown`, `ValueRefused` for an add-on that is
    not installed or a medium that the device type does not have, `Disagreement`, and `PluginFault` for a broken plugin.
    """
    owner, device_type = catalog.device_type(slug)
    if build.secure_boot and not row.secure_boot(device_type):
        raise ValueRefused(f"{device_type.slug}: no layout with secure boot is known", path="secure_boot")
    if build.flasher and device_type.image is not ImageKind.FLASHER:
        known = "has no flasher, its image is written straight to the medium it boots from"
        told = known if device_type.image else "whether it has a flasher is not known"
        raise ValueRefused(f"{device_type.slug}: {told}", path="flasher")
    if build.yocto_release is None and device_type.yocto_release is not None:
        build = evolve(build, yocto_release=device_type.yocto_release)
    add_ons = None if add_ons is None else tuple(add_ons)
    plugins = (owner, *_add_ons(catalog, add_ons))
    try:
        given = [Contribution(owner, part) for part in row.parts(device_type, build)]
    except ValueError as error:
        raise PluginFault(f"plugin {owner}: its row {device_type.slug}: {error}", path=owner) from error
    given += [Contribution(CORE, part) for part in effects.parts(device_type, build)]
    given += _answers(catalog, plugins, device_type, build)
    parts = join(given)
    own = {*arguments(device_type, development=build.os_development), *(SECURE_BOOT if build.secure_boot else ())}
    more = tuple(part.name for part in parts if part.kind is PartKind.KERNEL_ARGUMENT and part.name not in own)
    files, unknown = row.rendered(device_type, build, more)
    parts = join([*given, *(Contribution(owner, part) for part in files)])
    made = Image(
        device_type=device_type,
        build=build,
        plugins=plugins,
        parts=parts,
        lacking=(*row.lacking(device_type, build), *unknown),
        installs=image(catalog, slug, evolve(build, flasher=False), add_ons) if build.flasher else None,
    )
    sourceless = tuple(
        Lacking(fact=f"boot_files: {name}", message=f"{device_type.slug}: where {name} comes from is not known")
        for name in made.sourceless()
    )
    return evolve(made, lacking=(*made.lacking, *sourceless))


def _add_ons(catalog: Catalog, wanted: Iterable[str] | None) -> tuple[str, ...]:
    installed = catalog.index.addon_modules()
    if wanted is None:
        return installed
    found = []
    for name in wanted:
        module = name if name in installed else f"hal_{name.replace('-', '_')}"
        if module not in installed:
            short = [each.removeprefix("hal_") for each in installed]
            told = ", ".join(short) or "none"
            raise ValueRefused(f"add-on {name!r:.60} is not installed; installed: {told}", path="add_on", allowed=short)
        found.append(module)
    return tuple(sorted(set(found)))


def _answers(catalog: Catalog, plugins: tuple[str, ...], device_type: DeviceType, build: Build) -> list[Contribution]:
    """The parts each plugin answers. Raises `PluginFault` for the first problem of one that is asked."""
    before = len(catalog.problems)
    told = Scope(catalog, plugins).each("hal_image", ImagePart, device_type=device_type, build=build)
    for problem in catalog.problems[before:]:
        raise PluginFault(f"plugin {problem.plugin}: {problem.message}; {problem.advice}", path=problem.plugin)
    return [Contribution(module, part) for module, parts in told.items() for part in parts]
