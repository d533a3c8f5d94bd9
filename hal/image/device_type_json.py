"""device-type.json: what a device type is, for the tools that offer, configure and write its images.

The OS build copies it into the boot partition, where `hal identify` reads the slug. balenaOS's build makes it of a
CoffeeScript file in the device repository; keys and their order are the same here, the instructions are our own words.
Left out are what no row knows: `gettingStartedLink` and `supportsBlink`.

Source: @resin.io/device-types 10.5.3, and every device-type file of the seven public device repositories.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.errors import HalError, ValueRefused
from hal.image.output import OutputFile, json_lines, text_file
from hal.model import Image, ImageKind, Lacking, ReleaseState
from hal.version import OsVersion

NAME = "device-type.json"
RENAMED = "2.72.0"
"""The release of meta-balena from which on images are called `balena-image`, in place of `resin-image`."""

WHY = {
    "slug": "names the device type; `hal identify` reads it",
    "version": "the format's version",
    "aliases": "names that are accepted for the slug",
    "name": "what people call it, with its state unless it is released",
    "arch": "which containers it runs",
    "state": "what the device repository says about its maturity",
    "stateInstructions": "what to do when the flasher is done",
    "instructions": "how a user gets the image onto the device",
    "options": "what a user is asked before the download",
    "yocto": "what is built, and which file of that is offered",
    "configuration": "where config.json goes in the image",
    "initialization": "what a tool does with the image: ask for a drive, write it",
}

_DIRECT = (
    "Write the image to the medium that the {name} boots from.",
    "Put the medium into the {name}, unless it is built in.",
    "Connect the network and the power.",
)
_FLASHER = (
    "Write the image to a removable medium, such as a USB stick or an SD card.",
    "Put the medium into the {name}, and make it boot from there.",
    "Everything on the internal medium is overwritten. Wait until the {name} shuts down.",
)
_INSTALLED = ("Wait until the {name} has shut down.", "Remove the medium.", "Switch the {name} on again.")


def device_type_json(image: Image) -> OutputFile:
    """The file, for the root of the boot partition. Raises `HalError` naming a fact that it needs and nobody knows."""
    for unknown in missing(image):
        raise HalError(unknown.message, path=unknown.fact)
    return text_file(NAME, json_lines(_document(image), WHY))


def missing(image: Image) -> tuple[Lacking, ...]:
    """The facts without which there is no device-type.json."""
    row = image.device_type
    direct = row.image is ImageKind.DIRECT
    facts = {
        "arch": row.arch,
        "machine": row.machine,
        "image": row.image,
        "yocto_release": image.build.yocto_release,
        "partitions": row.partitions if direct else "of the flasher",
    }
    return tuple(
        Lacking(fact=fact, message=f"{row.slug}: {fact} is not known, and device-type.json needs it")
        for fact, value in facts.items()
        if value is None
    )


def _document(image: Image) -> dict[str, object]:
    row = image.device_type
    flasher = row.image is ImageKind.FLASHER
    released = row.state in (None, ReleaseState.RELEASED)
    name = row.name if released else f"{row.name} ({str(row.state).upper()})"
    document: dict[str, object] = {
        "slug": row.slug,
        "version": 1,
        "aliases": list(row.names()),
        "name": name,
        "arch": str(row.arch),
    }
    if row.state is not None:
        document["state"] = row.state.upper()
    words = (*_FLASHER, *_INSTALLED[1:]) if flasher else _DIRECT
    if flasher:
        document["stateInstructions"] = {"postProvisioning": [each.format(name=row.name) for each in _INSTALLED]}
    document["instructions"] = [each.format(name=row.name) for each in words]
    document["options"] = list(_options())
    document["yocto"] = _yocto(image, flasher)
    partition = 1 if flasher or row.partitions is None else row.partitions.boot  # a flasher has no partitions before it
    document["configuration"] = {"config": {"partition": {"primary": partition}, "path": "/config.json"}}
    document["initialization"] = {
        "options": [{"message": "Select the drive to write to", "type": "drive", "name": "drive"}],
        "operations": [{"command": "burn"}],
    }
    return document


def _yocto(image: Image, flasher: bool) -> dict[str, object]:
    row, build = image.device_type, image.build
    brand, kind = ("resin", "resinos-img") if _before_rename(build.os_version) else ("balena", "balenaos-img")
    direct, installer = (f"{brand}-image{suffix}" for suffix in ("", "-flasher"))
    asked = installer if flasher else direct
    facts: dict[str, object] = {
        "machine": row.machine,
        "image": asked,
        "fstype": kind,
        "version": f"yocto-{build.yocto_release}",
        "deployArtifact": f"{asked}-{row.machine}.{kind}",
    }
    if flasher:
        facts["deployFlasherArtifact"] = f"{installer}-{row.machine}.{kind}"
        facts["deployRawArtifact"] = f"{direct}-{row.machine}.{kind}"
    return {**facts, "compressed": True}


def _before_rename(version: str | None) -> bool:
    try:
        return version is not None and OsVersion.parse(version) < OsVersion.parse(RENAMED)
    except ValueRefused:  # a version of another OS
        return False


def _options() -> Iterator[dict[str, object]]:
    """The network, and the group that every device type has. WiFi is asked for everywhere: adapters can be added."""
    wireless = {"network": "wifi"}
    yield {
        "isGroup": True,
        "name": "network",
        "message": "Network",
        "options": [
            {"message": "Network connection", "name": "network", "type": "list", "choices": ["ethernet", "wifi"]},
            {"message": "Name of the WiFi network (SSID)", "name": "wifiSsid", "type": "text", "when": wireless},
            {"message": "WiFi passphrase", "name": "wifiKey", "type": "password", "when": wireless},
        ],
    }
    yield {
        "isGroup": True,
        "isCollapsible": True,
        "collapsed": True,
        "name": "advanced",
        "message": "Advanced",
        "options": [
            {
                "message": "Look for updates every … minutes",
                "name": "appUpdatePollInterval",
                "type": "number",
                "min": 10,
                "default": 10,
            }
        ],
    }
