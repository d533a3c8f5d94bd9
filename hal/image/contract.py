"""The hardware contract: what a device type is and has, as balena's contracts describe it.

Keys and their order are those of balena's `hw.device-type` contracts; a connection, light or screen that no row knows
is left out, as it is in some of theirs. The texts are our own words.

Source: balena-io/contracts 2.0.146.
"""

from __future__ import annotations

from hal.errors import HalError
from hal.image.output import OutputFile, json_lines, text_file
from hal.model import Image, ImageKind, Lacking, PartKind

WHY = {
    "slug": "names the device type, as the folder does",
    "version": "the contract's version",
    "type": "what the contract is about",
    "aliases": "names that are accepted for the slug",
    "name": "what people call it",
    "assets": "the logo that belongs beside the contract",
    "data": "what it has, and what it boots from: a fact of the row",
    "partials": "how the device is made to boot what was written, in words",
}


def name(image: Image) -> str:
    """Where the contract stands in a repository of contracts."""
    return f"contracts/hw.device-type/{image.device_type.slug}/contract.json"


def contract(image: Image) -> OutputFile:
    """The contract. Raises `HalError` naming a fact that it needs and nobody knows."""
    for unknown in missing(image):
        raise HalError(unknown.message, path=unknown.fact)
    return text_file(name(image), json_lines(_document(image), WHY, indent=2))


def missing(image: Image) -> tuple[Lacking, ...]:
    """The facts without which there is no contract."""
    row = image.device_type
    told = {
        "arch": (row.arch, "which a hardware contract needs"),
        "boot medium": (_medium(image), "which a hardware contract needs"),
    }
    return tuple(
        Lacking(fact=fact, message=f"{row.slug}: {fact} is not known, {words}")
        for fact, (value, words) in told.items()
        if value is None
    )


def _medium(image: Image) -> str | None:
    """What it boots from as it comes. A flasher is there to install on a medium that stays in the device."""
    for part in image.of(PartKind.BOOT_MEDIUM):
        if part.text == "default":
            return part.name
    return "internal" if image.device_type.image is ImageKind.FLASHER else None


def _document(image: Image) -> dict[str, object]:
    row, medium = image.device_type, _medium(image)
    others = [part.name for part in image.of(PartKind.BOOT_MEDIUM) if part.text == "alternate"]
    known = {"bluetooth": row.bluetooth, "wifi": row.wifi}
    return {
        "slug": row.slug,
        "version": "1",
        "type": "hw.device-type",
        "aliases": list(row.aliases),
        "name": row.name,
        "assets": {"logo": {"url": f"./{row.slug}.svg", "name": "logo"}},
        "data": {
            "arch": str(row.arch),
            "connectivity": {key: value for key, value in known.items() if value is not None},
            "storage": {"internal": medium == "internal"},
            "media": {"defaultBoot": medium, **({"altBoot": others} if others else {})},
            "is_private": False,
        },
        "partials": {
            "bootDeviceExternal": ["Put the medium into the {{name}}, and switch it on."],
            "bootDevice": ["Remove the medium from the {{name}}, and switch it on again."],
        },
    }
