"""Explaining: every line and every name of every output answers, and a name that nothing has is told the nearest."""

from __future__ import annotations

import pytest
from attrs import evolve
from image.everything import SLUGS, everything, image_of

from hal.errors import ValueRefused
from hal.image.explaining import Answers
from hal.image.formats import files
from hal.image.joining import place
from hal.image.output import Line, OutputFile, text_file
from hal.model import Asked

FORMATS = ("overlay", "yocto")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("slug", SLUGS)
def test_every_line_and_file_of_every_device_type_answers(slug: str, form: str) -> None:
    image = image_of(slug)
    if image.build.yocto_release is None:
        image = image_of(slug, yocto_release="scarthgap")
    made = files(image, form)
    answers = Answers(image, made)
    asked = 0
    for file in made:
        names = [f"{file.name}:{number}" for number in range(1, len(file.lines) + 1)]
        names += [f"{file.name}:1"] if file.data else []
        for name in (file.name, *names):
            for each in answers.of(name):
                assert each.why or (each.part is not None and all(one.reason for one in each.part.asked)), name
                assert each.part is None or any(
                    here in (name, file.name) or name == here.rpartition(":")[0] for here in each.places
                )
            asked += 1
    assert asked > 50


@pytest.mark.parametrize("slug", SLUGS)
def test_every_part_of_every_device_type_answers(slug: str) -> None:
    image = image_of(slug)
    made = files(image, "overlay")
    answers = Answers(image, made)
    outputs = {file.name for file in made}
    for part in image.parts:
        for name in filter(None, (part.name, place(part))):
            assert name in outputs or part in [each.part for each in answers.of(name)], name
    for kind in {part.kind for part in image.parts}:
        assert [each.part for each in answers.of(kind)] == list(image.of(kind))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("USB_ACM", ["USB_ACM"]),
        ("CONFIG_USB_ACM", ["USB_ACM"]),
        ("CONFIG_USB_ACM=m", ["USB_ACM"]),
        ("usb_acm", ["USB_ACM"]),
        ("acme.mode=2", ["acme.mode=2"]),
        ("acme.mode", ["acme.mode=2"]),
        ("otg_mode", ["[cm4] otg_mode=1", "[pi5] otg_mode=1"]),
        ("gpu_mem", ["gpu_mem=16"]),
        ("acme_bus", ["acme_bus", "acme_bus"]),
        ("nano", ["nano"]),
        ("acme/radio.bin", ["acme/radio.bin"]),
        ("radio.bin", ["acme/radio.bin"]),
        ("70-acme.rules", ["70-acme.rules"]),
        ("/usr/lib/udev/rules.d/70-acme.rules", ["70-acme.rules"]),
        ("rootfs/usr/lib/udev/rules.d/70-acme.rules", ["70-acme.rules"]),
        ("rootfs/usr/lib/udev/rules.d/70-acme.rules:2", ["70-acme.rules"]),
        ("/usr/bin/acme", ["usr/bin/acme"]),
        ("usr/bin/acme", ["usr/bin/acme"]),
        ("/etc/acme/slots", ["root/etc/acme/slots"]),
        ("/mnt/boot/acme.cfg", ["boot/acme.cfg"]),
        ("boot/acme.cfg:1", ["boot/acme.cfg"]),
        ("/mnt/boot/EFI/acme.efi", ["EFI/acme.efi"]),
        ("/mnt/boot/splash/balena-logo.png", ["splash/balena-logo.png"]),
        ("/etc/modules-load.d/hal.conf", ["acme_bus"]),
        ("boot", ["boot", "boot"]),
        ("partition", ["boot", "root-a"]),
        ("kernel-symbol", ["USB_ACM", "NFC", "CMDLINE"]),
        ("kernel.config:2", ["NFC"]),
        ("packages", ["acme-tools", "nano"]),
        ("config.txt:2", ["[cm4] otg_mode=1", "[cm4] dtparam=x=on"]),
        ("config.txt:7", [None]),
        ("image.json:1", [None]),
        ("README.md:2", [None]),
        ("boot/device-type.json", [None]),
        ("/mnt/boot/device-type.json", [None]),
    ],
)
def test_names(name: str, parts: list[str | None]) -> None:
    image = everything()
    found = Answers(image, files(image, "overlay")).of(name)
    assert [None if each.part is None else each.part.name for each in found] == parts
    assert all(each.why for each in found if each.part is None)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CONFIG_USB_ACMM", "USB_ACM"),
        ("acme-tool", "acme-tools"),
        ("kernel-symbols", "kernel-symbol"),
        ("kernel.conf:1", "kernel.config"),
        ("/etc/acme/slot", "root/etc/acme/slots"),
    ],
)
def test_a_miss_names_the_nearest(name: str, near: str) -> None:
    image = everything()
    with pytest.raises(ValueRefused, match="nothing in the image of acme-gateway goes by this name") as told:
        Answers(image, files(image, "overlay")).of(name)
    assert near in told.value.allowed


@pytest.mark.parametrize("name", ["", "/", ":", ":1", "CONFIG_", "=", "\0", "qqqqqqqq", "x" * 10000])
def test_nonsense(name: str) -> None:
    image = everything()
    with pytest.raises(ValueRefused):
        Answers(image, files(image, "overlay")).of(name)


@pytest.mark.parametrize("name", ["kernel.config:4", "kernel.config:0", "boot/acme.cfg:2", "README.md:999999999"])
def test_a_line_that_is_not_there(name: str) -> None:
    image = everything()
    with pytest.raises(ValueRefused, match=r"has \d+ lines"):
        Answers(image, files(image, "overlay")).of(name)


def test_two_who_asked_are_both_told() -> None:
    image = everything()
    first, *others = image.parts
    second = Asked(contributor="hal_extra", said="n", reason="no room", gave_way=True)
    image = evolve(image, parts=(evolve(first, asked=(*first.asked, second)), *others))
    (found,) = Answers(image, files(image, "overlay")).of("USB_ACM")
    assert found.part is not None
    assert [each.contributor for each in found.part.asked] == ["hal_acme", "hal_extra"]
    assert found.places == ("kernel.config:1", "image.json:9")


def test_a_line_with_parts_and_a_reason_tells_both() -> None:
    image = everything()
    made: tuple[OutputFile, ...] = (text_file("a", [Line(text="x", parts=image.parts[:1], why="a reason")]),)
    assert [(each.why, each.part) for each in Answers(image, made).of("a:1")] == [
        ("a reason", None),
        ("", image.parts[0]),
    ]


def test_a_flasher_answers_for_both_media() -> None:
    """Two files of one name: each is told with its own reason, at its own places."""
    told = image_of("generic-amd64", flasher=True)
    answers = Answers(told, files(told, "yocto"))
    starts, chooses = answers.of("boot/EFI/BOOT/grub.cfg")
    assert starts.part is not None
    assert chooses.part is not None
    assert [each.part.asked[0].reason for each in (starts, chooses) if each.part] == [
        "EFI: starts the flasher",
        "EFI: chooses the slot and starts its kernel",
    ]
    assert set(starts.places).isdisjoint(chooses.places)
    assert any(place.startswith("recipes-core/images/balena-image-flasher.bbappend") for place in starts.places)
    (state,) = answers.of("EFI/BOOT/grubenv")
    assert state.part is not None
    assert state.part.fresh_only
    assert any("hostapp-update-hooks" in place for place in state.places)
