"""device-type.json: the keys and order of balena's, only known facts, and `hal identify` reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from attrs import evolve
from image.everything import ROW, SLUGS, everything, image_of

from hal import Root
from hal.errors import HalError
from hal.identify import identify
from hal.image.device_type_json import NAME, device_type_json, missing
from hal.model import Build, ImageKind, ReleaseState
from hal.plugins import Catalog

TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
OPTION = {
    "type": "object",
    "required": ["message", "name", "type"],
    "additionalProperties": False,
    "properties": {
        "message": {"type": "string"},
        "name": {"type": "string"},
        "type": {"enum": ["list", "text", "password", "number", "drive"]},
        "choices": {"type": "array", "items": {"type": "string"}},
        "when": {"type": "object"},
        "min": {"type": "integer"},
        "default": {},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        "slug", "version", "aliases", "name", "arch", "instructions", "options", "yocto", "configuration",
        "initialization",
    ],
    "additionalProperties": False,
    "properties": {
        "slug": {"type": "string", "pattern": "^[a-z0-9.-]+$"},
        "version": {"const": 1},
        "aliases": {"type": "array", "items": {"type": "string"}},
        "name": {"type": "string"},
        "arch": {"enum": ["rpi", "armv7hf", "aarch64", "amd64", "i386", "i386-nlp"]},
        "state": {"enum": ["RELEASED", "NEW", "EXPERIMENTAL", "DISCONTINUED"]},
        "stateInstructions": {
            "type": "object",
            "required": ["postProvisioning"],
            "additionalProperties": False,
            "properties": {"postProvisioning": TEXTS},
        },
        "instructions": TEXTS,
        "options": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["isGroup", "name", "message", "options"],
                "additionalProperties": False,
                "properties": {
                    "isGroup": {"const": True},
                    "isCollapsible": {"type": "boolean"},
                    "collapsed": {"type": "boolean"},
                    "name": {"type": "string"},
                    "message": {"type": "string"},
                    "options": {"type": "array", "items": OPTION, "minItems": 1},
                },
            },
        },
        "yocto": {
            "type": "object",
            "required": ["machine", "image", "fstype", "version", "deployArtifact", "compressed"],
            "additionalProperties": False,
            "properties": {
                "machine": {"type": "string"},
                "image": {"pattern": "^(?:balena|resin)-image(?:-flasher)?$"},
                "fstype": {"enum": ["balenaos-img", "resinos-img"]},
                "version": {"pattern": "^yocto-[a-z]+$"},
                "deployArtifact": {"type": "string"},
                "deployFlasherArtifact": {"type": "string"},
                "deployRawArtifact": {"type": "string"},
                "compressed": {"type": "boolean"},
            },
        },
        "configuration": {
            "type": "object",
            "properties": {
                "config": {
                    "type": "object",
                    "required": ["partition", "path"],
                    "properties": {
                        "partition": {"type": "object", "properties": {"primary": {"type": "integer", "minimum": 1}}},
                        "path": {"const": "/config.json"},
                    },
                }
            },
        },
        "initialization": {
            "type": "object",
            "required": ["options", "operations"],
            "properties": {
                "options": {"type": "array", "items": OPTION},
                "operations": {"const": [{"command": "burn"}]},
            },
        },
    },
}  # fmt: skip
ORDER = [
    "slug", "version", "aliases", "name", "arch", "state", "stateInstructions", "instructions", "options", "yocto",
    "configuration", "initialization",
]  # fmt: skip
KNOWN = [slug for slug in SLUGS if not missing(image_of(slug))]


def document(slug: str, **facts: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(device_type_json(image_of(slug, **facts)).content)
    return told


@pytest.mark.parametrize("slug", KNOWN)
def test_keys_order_and_types(slug: str) -> None:
    file = device_type_json(image_of(slug))
    told = json.loads(file.content)
    jsonschema.validate(told, SCHEMA)
    assert list(told) == [key for key in ORDER if key in told]
    assert file.content == (json.dumps(told, indent="\t", ensure_ascii=False) + "\n").encode()
    assert all(line.why for line in file.lines)
    row = image_of(slug).device_type
    flasher = row.image is ImageKind.FLASHER
    assert ("stateInstructions" in told) is ("deployRawArtifact" in told["yocto"]) is flasher
    assert told["yocto"]["deployArtifact"] == f"balena-image{'-flasher' * flasher}-{row.machine}.balenaos-img"


def test_most_device_types_have_one() -> None:
    """Those without lack a fact that no public repository tells."""
    assert len(KNOWN) >= 59


@pytest.mark.parametrize(
    ("slug", "path", "value"),
    [
        ("raspberrypi4-64", ("name",), "Raspberry Pi 4"),
        ("generic-amd64", ("name",), "Generic x86_64 (GPT) (NEW)"),
        ("generic-amd64", ("state",), "NEW"),
        ("jetson-tx1", ("state",), "DISCONTINUED"),
        ("beaglebone-black", ("state",), None),
        ("beaglebone-black", ("yocto", "machine"), "beaglebone"),
        ("jetson-nano", ("configuration", "config", "partition", "primary"), 12),
        ("jetson-tx2", ("configuration", "config", "partition", "primary"), 1),
        ("raspberrypi5", ("yocto", "version"), "yocto-kirkstone"),
        ("raspberrypi5", ("aliases",), ["raspberrypi5"]),
        ("raspberrypi5", ("options", 1, "name"), "advanced"),
    ],
)
def test_facts(slug: str, path: tuple[str | int, ...], value: object) -> None:
    told: Any = document(slug)
    for key in path:
        told = told.get(key) if isinstance(told, dict) else told[key]
    assert told == value


@pytest.mark.parametrize(
    ("version", "brand"),
    [(None, "balena"), ("2.72.0", "balena"), ("2.71.9+rev3", "resin"), ("8.0.2", "balena"), ("my own", "balena")],
)
def test_old_releases_call_images_otherwise(version: str | None, brand: str) -> None:
    told = document("generic-amd64", os_version=version)["yocto"]
    assert told["image"] == f"{brand}-image-flasher"
    assert told["deployRawArtifact"] == f"{brand}-image-generic-amd64.{brand}os-img"


@pytest.mark.parametrize(
    ("fact", "change"),
    [("arch", {"arch": None}), ("machine", {"machine": None}), ("image", {"image": None}),
     ("partitions", {"image": ImageKind.DIRECT, "partitions": None})],
)  # fmt: skip
def test_what_nobody_knows_is_named(fact: str, change: dict[str, Any]) -> None:
    image = everything(row=evolve(ROW, **change))
    with pytest.raises(HalError, match=f"acme-gateway: {fact} is not known") as told:
        device_type_json(image)
    assert told.value.path == fact
    assert [each.fact for each in missing(image)] == [fact]


def test_without_a_release() -> None:
    with pytest.raises(HalError, match="yocto_release is not known"):
        device_type_json(everything(Build()))


def test_a_name_with_braces_is_a_name() -> None:
    told = json.loads(device_type_json(everything(row=evolve(ROW, name="A {name} {0} ü"))).content)
    assert "A {name} {0} ü" in " ".join(told["instructions"])


@pytest.mark.parametrize("slug", KNOWN)
def test_hal_identify_reads_it(slug: str, evidence: Callable[..., Root]) -> None:
    root = evidence()
    (root.directory / "mnt/boot").mkdir(parents=True)
    (root.directory / "mnt/boot" / NAME).write_bytes(device_type_json(image_of(slug)).content)
    assert identify(root, Catalog()).device_type.slug == slug


def test_every_state_of_a_row_is_a_state_of_the_format() -> None:
    allowed = SCHEMA["properties"]["state"]["enum"]
    assert {state.upper() for state in ReleaseState} <= set(allowed)
