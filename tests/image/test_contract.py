"""The hardware contract: the keys and order of balena's, and only known facts."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from attrs import evolve
from image.everything import ROW, SLUGS, everything, image_of

from hal.errors import HalError
from hal.image.contract import contract, missing
from hal.model import ImageKind, PartKind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["slug", "version", "type", "aliases", "name", "assets", "data", "partials"],
    "additionalProperties": False,
    "properties": {
        "slug": {"type": "string", "pattern": "^[a-z0-9.-]+$"},
        "version": {"const": "1"},
        "type": {"const": "hw.device-type"},
        "aliases": {"type": "array", "items": {"type": "string"}},
        "name": {"type": "string", "minLength": 1},
        "assets": {
            "type": "object",
            "required": ["logo"],
            "properties": {"logo": {"type": "object", "required": ["url", "name"]}},
        },
        "data": {
            "type": "object",
            "required": ["arch", "connectivity", "storage", "media", "is_private"],
            "additionalProperties": False,
            "properties": {
                "arch": {"enum": ["aarch64", "armv7hf", "amd64", "i386", "i386-nlp", "rpi"]},
                "hdmi": {"type": "boolean"},
                "led": {"type": "boolean"},
                "connectivity": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"bluetooth": {"type": "boolean"}, "wifi": {"type": "boolean"}},
                },
                "storage": {"type": "object", "properties": {"internal": {"type": "boolean"}}},
                "media": {
                    "type": "object",
                    "required": ["defaultBoot"],
                    "properties": {
                        "defaultBoot": {"enum": ["internal", "sdcard", "image"]},
                        "altBoot": {"items": {"enum": ["sdcard", "usb_mass_storage", "network", "sata", "nvme"]}},
                    },
                },
                "flashProtocol": {"enum": ["jetsonFlash", "usbMassStorage", "RPIBOOT", "edisonFlash"]},
                "is_private": {"const": False},
            },
        },
        "partials": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
}
KNOWN = [slug for slug in SLUGS if not missing(image_of(slug))]


@pytest.mark.parametrize("slug", KNOWN)
def test_keys_order_and_types(slug: str) -> None:
    file = contract(image_of(slug))
    told = json.loads(file.content)
    jsonschema.validate(told, SCHEMA)
    assert list(told) == SCHEMA["required"]
    assert file.name == f"contracts/hw.device-type/{slug}/contract.json"
    assert told["assets"]["logo"]["url"] == f"./{slug}.svg"
    media = told["data"]["media"]
    assert told["data"]["storage"]["internal"] == (media["defaultBoot"] == "internal")
    assert media["defaultBoot"] not in media.get("altBoot", [])
    assert all(line.why for line in file.lines)


@pytest.mark.parametrize(
    ("wifi", "bluetooth", "told"),
    [
        (True, False, {"bluetooth": False, "wifi": True}),
        (None, True, {"bluetooth": True}),
        (None, None, {}),
    ],
)
def test_a_connection_that_nobody_knows_is_left_out(
    wifi: bool | None, bluetooth: bool | None, told: dict[str, bool]
) -> None:
    image = everything(row=evolve(ROW, wifi=wifi, bluetooth=bluetooth))
    assert json.loads(contract(image).content)["data"]["connectivity"] == told


@pytest.mark.parametrize(
    ("fact", "change"),
    [("arch", {"arch": None}), ("boot medium", {"image": None}), ("boot medium", {"image": ImageKind.DIRECT})],
)
def test_what_nobody_knows_is_named(fact: str, change: dict[str, Any]) -> None:
    image = everything(row=evolve(ROW, **change))
    parts = tuple(part for part in image.parts if part.kind is not PartKind.BOOT_MEDIUM)
    with pytest.raises(HalError, match=f"acme-gateway: {fact} is not known") as told:
        contract(evolve(image, parts=parts))
    assert told.value.path == fact
