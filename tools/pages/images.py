"""The part of support-matrix.md about OS images: what a board puts into one, and in which formats it can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from hal.errors import HalError
from hal.image.asking import image
from hal.image.disk.planning import partitions
from hal.image.documents import lacking
from hal.image.formats import files
from hal.model import Build, DeviceType, Image, PartKind
from hal.plugins import Catalog
from tools.pages.markdown import code, table

COLUMNS = ("Device type", "Yocto", "Kernel recipe", "Symbols", "Packages", "Boot files", "Tree", "Layer", "Disk")


@attrs.frozen(kw_only=True)
class Built:
    """The image of a device type without add-ons, and why a format cannot be made; by format."""

    image: Image
    refused: dict[str, str]


def build(row: DeviceType, catalog: Catalog) -> Built:
    made = image(catalog, row.slug, Build(), add_ons=())
    makers: dict[str, Callable[[], object]] = {
        "tree": lambda: files(made, "overlay"),
        "layer": lambda: files(made, "yocto"),
        "disk": lambda: partitions(made),
    }
    refused = {}
    for name, make in makers.items():
        try:
            make()
        except HalError as error:
            refused[name] = _own_words(row.slug, error.message)
    return Built(image=made, refused=refused)


def _own_words(slug: str, message: str) -> str:
    """A message without the name of the device type, so that those of several can be told as one."""
    return message.removeprefix(f"{slug}: ").partition("; say which")[0]


def parts(rows: list[DeviceType], catalog: Catalog) -> Iterator[str]:
    built = [build(row, catalog) for row in sorted(rows, key=lambda row: row.slug)]
    yield "### Its OS images"
    yield table(COLUMNS, map(_row, built))
    yield "\n".join(_reasons(built))


def _row(one: Built) -> tuple[object, ...]:
    told, row = one.image, one.image.device_type
    packages = (*told.wanted(PartKind.PACKAGE), *told.wanted(PartKind.FIRMWARE_PACKAGE))
    boot = [name for name in told.names(PartKind.RENDERED_FILE) if name.startswith("boot/")]
    return (
        code(row.slug),
        told.build.yocto_release or "not known",
        code(row.kernel_recipe) or "not known",
        len(told.of(PartKind.KERNEL_SYMBOL)),
        len(packages),
        len(told.of(PartKind.BOOT_FILE)) + len(boot),
        *("no" if name in one.refused else "yes" for name in ("tree", "layer", "disk")),
    )


def _reasons(built: list[Built]) -> Iterator[str]:
    """Why a format cannot be made, and which facts nobody knows; each once, with the device types unless it is all."""
    refused: dict[str, list[str]] = {}
    unknown: dict[str, list[str]] = {}
    for one in built:
        slug = one.image.device_type.slug
        for name, why in one.refused.items():
            refused.setdefault(f"No {name}|{why}", []).append(slug)
        for each in lacking(one.image):
            if slug not in unknown.setdefault(each.fact, []):
                unknown[each.fact].append(slug)
    facts: dict[tuple[str, ...], list[str]] = {}
    for fact, which in unknown.items():
        facts.setdefault(tuple(which), []).append(fact)
    told = [(words, tuple(which)) for words, which in refused.items()]
    told += [(f"Not known|{', '.join(names)}", which) for which, names in facts.items()]
    for words, slugs in told:
        head, _, tail = words.partition("|")
        only = "" if len(slugs) == len(built) else f" of {', '.join(map(code, slugs))}"
        yield f"* {head}{only}: {tail}."
