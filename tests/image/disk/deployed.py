"""What an OS build would have deployed for an image: every source, a kernel, and a small root file system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve

from hal.image.asking import image
from hal.model import Asked, Build, Image, JoinedPart, PartKind
from hal.plugins import Catalog
from hal.root import Root

KERNEL = b"kernel" * 1000


def asked(slug: str, **flags: object) -> Image:
    """The image of a device type."""
    return image(Catalog(), slug, Build(**flags))  # type: ignore[arg-type]


def part(kind: PartKind, name: str, value: str | bytes | None = None) -> JoinedPart:
    """A part that somebody asked for."""
    return JoinedPart(kind=kind, name=name, value=value, asked=(Asked(contributor="test", said="", reason="a test"),))


OWN = (
    PartKind.BOOT_FILE,
    PartKind.FILE,
    PartKind.UDEV_RULE,
    PartKind.MODULE,
    PartKind.MODULE_OPTIONS,
    PartKind.SERVICE,
    PartKind.SPLASH,
)


def plain(slug: str, *parts: JoinedPart, **flags: object) -> Image:
    """The image of a device type with these parts in place of all that its plugin gives of their kinds."""
    found = asked(slug, **flags)
    kept = tuple(each for each in found.parts if each.kind not in OWN)
    return evolve(found, parts=(*kept, *parts), device_type=evolve(found.device_type, boot_files=()))


def deploy(
    folder: Path, told: Image, *, kernel: bytes = KERNEL, root: Mapping[str, bytes] | None = None, tree: bool = True
) -> Root:
    """The folder of an OS build; with `root` further files of the root file system."""
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, bytes] = {}
    for each in told.of(PartKind.BOOT_FILE):
        name = f"{each.text}/one" if each.name.endswith("/") else each.text
        sources[name] = f"source {each.text}\n".encode()
    covered = {each.name.rstrip("/") for each in told.of(PartKind.BOOT_FILE)}
    rendered = {each.name.removeprefix("boot/") for each in told.of(PartKind.RENDERED_FILE)}
    for name in told.device_type.boot_files:
        if name not in covered | rendered:
            sources[f"boot/{name}"] = f"file {name}\n".encode()
    if tree:
        sources[f"rootfs/boot/{told.device_type.kernel_image}"] = kernel
        sources |= {f"rootfs/{name}": data for name, data in (root or {}).items()}
    for name, data in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return Root(folder)
