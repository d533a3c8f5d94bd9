"""Which device type, on which board: every combination of evidence has one answer, or an error that names the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hal.errors import BoardAmbiguous, BoardUnknown, PluginFault
from hal.identify import identify
from hal.model import Identity
from hal.plugins import Catalog
from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Make = Callable[..., Root]

PI_3 = ("raspberrypi,3-model-b", "brcm,bcm2837")
PI_3_PLUS = ("raspberrypi,3-model-b-plus", "brcm,bcm2837")
PI_4 = ("raspberrypi,4-model-b", "brcm,bcm2711")
PI_5 = ("raspberrypi,5-model-b", "brcm,bcm2712")
CM4 = ("raspberrypi,4-compute-module", "brcm,bcm2711")
BLACK = ("ti,am335x-bone-black", "ti,am335x-bone", "ti,am33xx")
GREEN = ("ti,am335x-bone-green", *BLACK)
AGX = ("nvidia,p3737-0000+p3701-0000", "nvidia,p3701-0000", "nvidia,tegra234")
AGX_64 = ("nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234")
NX_SUPER = ("nvidia,p3768-0000+p3767-0000-super", "nvidia,p3767-0000", "nvidia,tegra234")
NANO_4GB_SUPER = ("nvidia,p3768-0000+p3767-0004-super", "nvidia,p3767-0004", "nvidia,tegra234")
NANO_8GB = ("nvidia,p3768-0000+p3767-0003", "nvidia,p3767-0003", "nvidia,tegra234")
QUILL = ("nvidia,quill", "nvidia,p2597-0000+p3310-1000", "nvidia,tegra186")
NX_MODEL = "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"
PC = "dmi:bvnIntel:bvr1:bd01/01/2020:svnIntel:pnNUC7i5BNH:pvr1:rvnIntel:rnNUC7i5BNB:"


def found(root: Root, board: str | None = None) -> Identity:
    return identify(root, Catalog(), board)


def verdict(identity: Identity, source: str) -> str:
    """What one piece of evidence decided; its source is unique."""
    (item,) = [item for item in identity.evidence if item.source == source]
    return item.verdict


# -- one answer ------------------------------------------------------------------------------------------------------

Evidence = dict[str, Any]

DECIDED: dict[str, tuple[Evidence, str, str | None]] = {
    "all agree": (
        {
            "config": "raspberrypi4-64",
            "contract": "raspberrypi4-64",
            "release": "SLUG=raspberrypi4-64\n",
            "compatible": PI_4,
            "model": "Raspberry Pi 4 Model B Rev 1.4",
        },
        "raspberrypi4-64",
        "Raspberry Pi 4 Model B",
    ),
    "config.json alone": ({"config": "raspberrypi4-64"}, "raspberrypi4-64", None),
    "device-type.json alone": ({"contract": "jetson-nano"}, "jetson-nano", None),
    "os-release alone": ({"release": 'ID="balena-os"\nSLUG="up-board"\n'}, "up-board", None),
    "the boot partition's os-release alone": ({"boot_release": "SLUG=up-board"}, "up-board", None),
    "MACHINE alone, a slug": ({"release": 'MACHINE="jetson-tx2"\n'}, "jetson-tx2", None),
    "MACHINE alone, an alias": ({"release": 'MACHINE="beaglebone"\n'}, "beaglebone-black", None),
    "MACHINE alone, of one device type only": ({"release": 'MACHINE="genericx86-64"\n'}, "intel-nuc", None),
    "MACHINE of another spelling behind a slug": (
        {"config": "intel-nuc", "release": "MACHINE=genericx86-64\n"},
        "intel-nuc",
        None,
    ),
    "MACHINE shared with its sibling": (
        {"config": "raspberrypicm4-ioboard-sb", "release": "MACHINE=raspberrypicm4-ioboard\n", "compatible": CM4},
        "raspberrypicm4-ioboard-sb",
        "Raspberry Pi Compute Module 4",
    ),
    "SLUG before MACHINE": ({"release": "MACHINE=jetson-nano\nSLUG=jetson-tx2\n"}, "jetson-tx2", None),
    "an alias": ({"config": "nuc"}, "intel-nuc", None),
    "an alias and its slug": ({"config": "raspberrypi", "contract": "raspberry-pi"}, "raspberry-pi", None),
    "a slug and its alias": ({"config": "beaglebone-ai64", "contract": "beaglebone-ai-64"}, "beaglebone-ai64", None),
    "a PC": ({"config": "intel-nuc", "contract": "intel-nuc", "dmi": PC}, "intel-nuc", None),
    "a virtual machine": (
        {"config": "generic-amd64", "dmi": "dmi:bvnSeaBIOS:svnQEMU:pnStandardPC:"},
        "generic-amd64",
        None,
    ),
    "an ARM board with UEFI shows both": (
        {"config": "raspberrypi4-64", "compatible": PI_4, "dmi": PC},
        "raspberrypi4-64",
        "Raspberry Pi 4 Model B",
    ),
    "32 bit on a Pi 3": ({"config": "raspberrypi3", "compatible": PI_3}, "raspberrypi3", "Raspberry Pi 3 Model B"),
    "64 bit on a Pi 3": (
        {"config": "raspberrypi3-64", "compatible": PI_3},
        "raspberrypi3-64",
        "Raspberry Pi 3 Model B",
    ),
    "a 3 A+ with the device tree of a 3 B+": (
        {"config": "raspberrypi3", "compatible": PI_3_PLUS, "model": "Raspberry Pi 3 Model A Plus Rev 1.0"},
        "raspberrypi3",
        "Raspberry Pi 3 Model A+",
    ),
    "a revision behind the model": (
        {"config": "raspberrypi5", "compatible": PI_5, "model": "Raspberry Pi 5 Model B Rev 1.1"},
        "raspberrypi5",
        "Raspberry Pi 5 Model B",
    ),
    "a carrier that only the slug tells": (
        {"config": "orbitty-tx2", "compatible": QUILL, "model": "quill"},
        "orbitty-tx2",
        "Jetson TX2 (Quill)",
    ),
    "J4012 with the name of a SUPER board": (
        {"config": "jetson-orin-nx-seeed-j4012", "compatible": NX_SUPER, "model": f"{NX_MODEL} Super"},
        "jetson-orin-nx-seeed-j4012",
        "NVIDIA Jetson Orin NX 16GB (p3767-0000)",
    ),
    "J3010 with the model text of an NX": (
        {"config": "jetson-orin-nano-seeed-j3010", "compatible": NANO_4GB_SUPER, "model": NX_MODEL},
        "jetson-orin-nano-seeed-j3010",
        "Seeed reComputer J3010 (p3767-0004)",
    ),
    "Forecr with the model text of an NX": (
        {"config": "forecr-dsb-ornx-orin-nano-8gb", "compatible": NANO_8GB, "model": NX_MODEL},
        "forecr-dsb-ornx-orin-nano-8gb",
        "NVIDIA Jetson Orin Nano 8GB (p3767-0003)",
    ),
    "D315 with the name of the reference carrier": (
        {
            "config": "jetson-agx-orin-devkit-64gb",
            "compatible": AGX_64,
            "model": "NVIDIA Jetson AGX Orin 64GB - AVerMedia D315",
        },
        "jetson-agx-orin-devkit-64gb",
        "NVIDIA Jetson AGX Orin 64GB (p3701-0005)",
    ),
    "the vendor's name of a Nano": (
        {
            "config": "jetson-nano",
            "compatible": ("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,jetson-nano", "nvidia,tegra210"),
        },
        "jetson-nano",
        "NVIDIA Jetson Nano Developer Kit",
    ),
    "mainline's name of a Nano": (
        {"config": "jetson-nano", "compatible": ("nvidia,p3450-0000", "nvidia,tegra210")},
        "jetson-nano",
        "NVIDIA Jetson Nano Developer Kit",
    ),
    "a proposed name without relatives": (
        {"config": "beaglebone-black", "compatible": ("beagle,am335x-bone-black", "ti,am33xx")},
        "beaglebone-black",
        "BeagleBone Black",
    ),
    "a HAT appends its name": (
        {"config": "revpi-connect-4", "compatible": (*CM4, "kunbus,revpi-connect4")},
        "revpi-connect-4",
        "Raspberry Pi Compute Module 4",
    ),
    "a HAT puts its name first": (
        {"config": "revpi-connect-4", "compatible": ("kunbus,revpi-connect4", *CM4)},
        "revpi-connect-4",
        "Revolution Pi Connect 4",
    ),
    "a module on a carrier of its own name": (
        {"config": "jetson-agx-orin-devkit-64gb", "compatible": ("acme,carrier+p3701-0005", *AGX_64[1:])},
        "jetson-agx-orin-devkit-64gb",
        None,
    ),
}


@pytest.mark.parametrize("case", DECIDED)
def test_the_software_decides_and_nothing_contradicts(case: str, evidence: Make) -> None:
    named, slug, board = DECIDED[case]
    identity = found(evidence(**named))
    assert identity.device_type.slug == slug
    assert (identity.board.name if identity.board else None) == board
    assert identity.warnings == ()
    assert [candidate.slug for candidate in identity.candidates] == [slug]
    assert sum(item.verdict.startswith("decides") for item in identity.evidence) == 1
    assert all(item.verdict for item in identity.evidence), "every piece of evidence says what it decided"


@pytest.mark.parametrize(
    ("compatible", "model", "slug", "board"),
    [
        (BLACK, None, "beaglebone-black", "BeagleBone Black"),
        (GREEN, None, "beaglebone-green", "BeagleBone Green"),
        (("ti,am335x-bone-green-wireless", *GREEN), None, "beaglebone-green-wifi", "BeagleBone Green Wireless"),
        (AGX, None, "jetson-agx-orin-devkit", "NVIDIA Jetson AGX Orin Developer Kit (p3701-0000)"),
        (AGX_64, None, "jetson-agx-orin-devkit-64gb", "NVIDIA Jetson AGX Orin 64GB (p3701-0005)"),
        (NANO_8GB, NX_MODEL, "forecr-dsb-ornx-orin-nano-8gb", "NVIDIA Jetson Orin Nano 8GB (p3767-0003)"),
        (PI_5, "Raspberry Pi 5 Model B Rev 1.0", "raspberrypi5", "Raspberry Pi 5 Model B"),
        (("raspberrypi,2-model-b", "brcm,bcm2837"), None, "raspberry-pi2", "Raspberry Pi 2 Model B"),
        (
            NANO_4GB_SUPER,
            "NVIDIA Jetson Orin Nano Seeed recomputer classic Super",
            "jetson-orin-nano-seeed-j3010",
            "Seeed reComputer J3010 (p3767-0004)",
        ),
        (("kunbus,revpi-connect4", *CM4), None, "revpi-connect-4", "Revolution Pi Connect 4"),
    ],
)
def test_the_hardware_alone_leaves_one(
    compatible: tuple[str, ...], model: str | None, slug: str, board: str, evidence: Make
) -> None:
    identity = found(evidence(compatible=compatible, model=model))
    assert (identity.device_type.slug, identity.board and identity.board.name) == (slug, board)
    assert identity.warnings == ("no software evidence: the device type was found out from the hardware alone",)
    assert verdict(identity, "comparison") == f"decides: only {slug} fits"


# -- several, or none ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compatible", "model", "slugs"),
    [
        (PI_3, None, {"raspberrypi3", "raspberrypi3-64"}),
        (PI_3_PLUS, "Raspberry Pi 3 Model A Plus Rev 1.0", {"raspberrypi3", "raspberrypi3-64"}),
        (PI_4, None, {"raspberrypi4-64", "raspberrypi4-unipi-neuron"}),
        (CM4, None, {"raspberrypicm4-ioboard", "raspberrypicm4-ioboard-sb", "revpi-connect-4"}),
        (
            (*CM4, "kunbus,revpi-connect4"),
            None,
            {"raspberrypicm4-ioboard", "raspberrypicm4-ioboard-sb", "revpi-connect-4"},
        ),
        (
            NX_SUPER,
            f"{NX_MODEL} Super",
            {"jetson-orin-nx-seeed-j4012", "jetson-orin-nx-xavier-nx-devkit", "forecr-dsb-ornx-lan-orin-nx-16gb"},
        ),
        (NANO_4GB_SUPER, NX_MODEL, {"jetson-orin-nano-seeed-j3010", "forecr-dsb-ornx-lan-orin-nano-4gb"}),
        (QUILL, "quill", {"jetson-tx2", "astro-tx2", "orbitty-tx2", "spacely-tx2", "blackboard-tx2", "n510-tx2"}),
        (("nvidia,jetson-nano", "nvidia,tegra210"), None, {"jetson-nano", "jetson-nano-emmc"}),
    ],
)
def test_several_left_are_named(
    compatible: tuple[str, ...], model: str | None, slugs: set[str], evidence: Make
) -> None:
    with pytest.raises(BoardAmbiguous) as error:
        found(evidence(compatible=compatible, model=model))
    assert set(error.value.slugs) == slugs
    assert slugs <= {candidate.slug for candidate in error.value.candidates}
    assert all(slug in error.value.message for slug in slugs)
    assert "--board" in error.value.message
    assert (error.value.code, error.value.exit_status) == ("board-ambiguous", 3)
    assert error.value.evidence[-1].verdict.startswith("fits all of: ")


UNKNOWN: dict[str, tuple[Evidence, tuple[str, ...]]] = {
    "nothing at all": ({}, ("config.json", "device-type.json", "os-release", "DMI", "--board")),
    "an SoC only": ({"compatible": ("brcm,bcm2711",)}, ("brcm,bcm2711",)),
    "a Tegra only": ({"compatible": ("nvidia,tegra234",)}, ("nvidia,tegra234",)),
    "a relative of the Black": (
        {"compatible": ("acme,bone", *BLACK)},
        ("acme,bone", "beaglebone-black (device tree says ti,am335x-bone-black)"),
    ),
    "a name that resembles": (
        {"compatible": ("raspberrypi,4-model-c", "brcm,bcm2711")},
        ("has a board named raspberrypi,4-model-b",),
    ),
    "an Orin module on a foreign carrier": (
        {"compatible": ("acme,x+p3701-0005", *AGX_64[1:])},
        ("jetson-agx-orin-devkit-64gb",),
    ),
    "a board of nobody": ({"compatible": ("pine64,rockpro64", "rockchip,rk3399")}, ("pine64,rockpro64",)),
    "a model alone": ({"model": "Raspberry Pi 4 Model B Rev 1.4"}, ("--board",)),
    "a PC": ({"dmi": PC}, ("a PC's device type is chosen by its image alone", "--board")),
    "a slug of nobody": ({"config": "acme-gateway"}, ("mnt/boot/config.json deviceType says 'acme-gateway'",)),
    "a misspelt slug": ({"config": "raspbery-pi2"}, ("raspbery-pi2", "raspberry-pi2 (is spelled alike)")),
    "a slug of nobody on a known board": (
        {"config": "acme-gateway", "compatible": AGX},
        ("acme-gateway", "jetson-agx-orin-devkit"),
    ),
    "a MACHINE of nobody": ({"release": "MACHINE=qemux86-64\n"}, ("etc/os-release MACHINE says 'qemux86-64'",)),
    "a slug in capitals": ({"config": "RaspberryPi4-64"}, ("RaspberryPi4-64",)),
    "a slug with white space": (
        {"config": "raspberrypi4-64 "},
        ("'raspberrypi4-64 '", "raspberrypi4-64 (is spelled alike)"),
    ),
    "a path for a slug": ({"config": "../../etc/passwd"}, ("../../etc/passwd",)),
    "a pattern for a slug": ({"config": "*"}, ("'*'",)),
    "a line of the index for a slug": ({"release": "SLUG=x\ty"}, ("says",)),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_board_is_a_clear_error(case: str, evidence: Make) -> None:
    named, words = UNKNOWN[case]
    with pytest.raises(BoardUnknown) as error:
        found(evidence(**named))
    assert type(error.value) is BoardUnknown
    assert [word for word in words if word not in error.value.message] == []
    assert (error.value.code, error.value.exit_status) == ("board-unknown", 3)
    assert [item.source for item in error.value.evidence][:1] == ["mnt/boot/config.json deviceType"]


# -- contradictions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "slug", "warned", "agrees"),
    [
        (
            {"config": "raspberrypi4-64", "contract": "raspberrypi3"},
            "raspberrypi4-64",
            ["device-type.json slug says 'raspberrypi3'"],
            [],
        ),
        (
            {
                "config": "jetson-nano",
                "contract": "jetson-tx2",
                "release": "SLUG=up-board\n",
                "boot_release": "SLUG=jetson-nano\n",
            },
            "jetson-nano",
            ["device-type.json slug says 'jetson-tx2'", "etc/os-release SLUG says 'up-board'"],
            ["mnt/boot/os-release SLUG"],
        ),
        (
            {"contract": "jetson-tx2", "release": "SLUG=jetson-nano\n"},
            "jetson-tx2",
            ["etc/os-release SLUG says 'jetson-nano'"],
            [],
        ),
        (
            {"release": "SLUG=jetson-nano\n", "boot_release": "SLUG=jetson-tx2\n"},
            "jetson-nano",
            ["mnt/boot/os-release SLUG says 'jetson-tx2'"],
            [],
        ),
        (
            {"config": "acme", "contract": "jetson-tx2", "release": "SLUG=jetson-tx2\n"},
            "jetson-tx2",
            ["config.json deviceType says 'acme', which no installed plugin owns"],
            ["etc/os-release SLUG"],
        ),
        (
            {"config": "jetson-tx2", "contract": "acme"},
            "jetson-tx2",
            ["device-type.json slug says 'acme', which no installed plugin owns"],
            [],
        ),
        (
            {"config": "jetson-tx2", "release": "MACHINE=genericx86-64\n"},
            "jetson-tx2",
            ["MACHINE says 'genericx86-64'"],
            [],
        ),
    ],
)
def test_the_strongest_software_evidence_wins_and_the_rest_is_news(
    named: Evidence, slug: str, warned: list[str], agrees: list[str], evidence: Make
) -> None:
    identity = found(evidence(**named))
    assert identity.device_type.slug == slug
    assert len(identity.warnings) == len(warned)
    for words in warned:
        assert any(words in warning for warning in identity.warnings), identity.warnings
    assert [item.source for item in identity.evidence if item.verdict == "agrees"] == agrees


@pytest.mark.parametrize(
    ("config", "compatible", "dmi", "on"),
    [
        ("raspberrypi4-64", PI_5, None, "raspberrypi,5-model-b"),
        ("raspberrypi5", PI_4, None, "raspberrypi,4-model-b"),
        ("raspberrypi4-64", BLACK, None, "ti,am335x-bone-black"),
        ("beaglebone-green", BLACK, None, "ti,am335x-bone-black"),
        ("jetson-agx-orin-devkit", AGX_64, None, "nvidia,p3737-0000+p3701-0005"),
        ("raspberrypi4-64", ("brcm,bcm2711",), None, "brcm,bcm2711"),
        ("raspberrypi4-64", (), PC, PC),
        ("jetson-nano", ("acme,board",), PC, "acme,board"),
    ],
)
def test_a_card_in_another_board_is_news_and_not_fatal(
    config: str, compatible: tuple[str, ...], dmi: str | None, on: str, evidence: Make
) -> None:
    identity = found(evidence(config=config, compatible=compatible, dmi=dmi))
    assert (identity.device_type.slug, identity.board) == (config, None)
    (warning,) = identity.warnings
    assert warning.startswith(f"this system was built for {config} (")
    assert warning.endswith(f"but runs on {on}")
    assert "not for" in verdict(identity, "comparison")


def test_nothing_is_remembered(evidence: Make) -> None:
    """The same card, in one board after another, with the same catalog: each answer is that of the board."""
    catalog = Catalog()
    answers = [
        identify(evidence(config="raspberrypi4-64", compatible=compatible), catalog)
        for compatible in (PI_4, PI_5, PI_4)
    ]
    assert [bool(answer.board) for answer in answers] == [True, False, True]
    assert [len(answer.warnings) for answer in answers] == [0, 1, 0]


# -- the override ----------------------------------------------------------------------------------------------------


def test_the_override_decides_and_says_so(evidence: Make) -> None:
    root = evidence(config="raspberrypi4-64", contract="raspberrypi4-64", compatible=PI_4)
    identity = found(root, "raspberrypi3")
    assert identity.device_type.slug == "raspberrypi3"
    assert identity.warnings[0] == "the device type raspberrypi3 was given by --board, not found out"
    assert "but runs on raspberrypi,4-model-b" in identity.warnings[1]
    assert verdict(identity, "--board") == "decides: raspberrypi3"
    assert verdict(identity, "mnt/boot/config.json deviceType") == "not asked: overridden"


def test_the_override_needs_no_evidence_and_takes_an_alias(evidence: Make) -> None:
    identity = found(evidence(), "nuc")
    assert identity.device_type.slug == "intel-nuc"
    assert len(identity.warnings) == 1


@pytest.mark.parametrize("slug", ["acme", "", "raspberrypi4-65", "*", "RASPBERRYPI5", "\ud800", "a\tb"])
def test_an_unknown_override_is_an_error(slug: str, evidence: Make) -> None:
    with pytest.raises(BoardUnknown, match="no installed plugin owns it"):
        found(evidence(config="raspberrypi4-64", compatible=PI_4), slug)


# -- plugins that stand in the way -----------------------------------------------------------------------------------

ACME = """
from hal import hookimpl
from hal.model import Board, DeviceType

@hookimpl
def hal_device_types():
    board = Board(name="Acme", compatible=("acme,gateway", "raspberrypi,5-model-b"))
    return (DeviceType(slug="acme-gateway", name="Acme", boards=(board,)),) * {copies}
"""
ANNOUNCED = ("slug:acme-gateway", "of:N*T*Cacme,*", "of:N*T*Craspberrypi,5*")


def test_two_families_that_claim_one_board_are_both_named(evidence: Make, site: Site) -> None:
    site.install("hal_acme", ACME.format(copies=1), *ANNOUNCED)
    with pytest.raises(BoardAmbiguous) as error:
        identify(evidence(compatible=PI_5), site.catalog())
    assert set(error.value.slugs) == {"acme-gateway", "raspberrypi5"}
    assert {candidate.plugin for candidate in error.value.candidates} == {"hal_acme", "hal_raspberrypi"}
    assert identify(evidence(compatible=PI_5, config="raspberrypi5"), site.catalog()).plugin == "hal_raspberrypi"
    assert identify(evidence(compatible=PI_5, config="acme-gateway"), site.catalog()).plugin == "hal_acme"


def test_a_row_that_stands_twice_is_still_one_answer(evidence: Make, site: Site) -> None:
    site.install("hal_acme", ACME.format(copies=2), *ANNOUNCED)
    identity = identify(evidence(compatible=("acme,gateway",)), site.catalog())
    assert identity.device_type.slug == "acme-gateway"


@pytest.mark.parametrize("source", ["import no_such_module", "1 / 0", "from hal import hookimpl"])
def test_a_broken_owner_is_named_with_the_evidence(source: str, evidence: Make, site: Site) -> None:
    site.install("hal_acme", source, *ANNOUNCED)
    with pytest.raises(
        PluginFault, match=r"plugin hal_acme owns the device type 'acme-gateway' but cannot be used: .+"
    ):
        identify(evidence(config="acme-gateway"), site.catalog())
    assert identify(evidence(config="raspberrypi5", compatible=PI_5), site.catalog()).warnings == ()


def test_a_broken_plugin_that_might_know_the_board_is_named(evidence: Make, site: Site) -> None:
    """From the hardware alone: "no plugin knows it" would be wrong, for one could not be asked."""
    site.install("hal_acme", "import no_such_module", *ANNOUNCED)
    with pytest.raises(BoardUnknown, match="the plugin hal_acme might, but cannot be imported: ModuleNotFoundError"):
        identify(evidence(compatible=("acme,gateway",)), site.catalog())
    assert identify(evidence(compatible=PI_5), site.catalog()).device_type.slug == "raspberrypi5"


def test_a_slug_that_two_claim_shows_its_evidence(evidence: Make, site: Site) -> None:
    site.install("hal_acme", ACME.format(copies=1), "slug:raspberrypi5")
    with pytest.raises(BoardAmbiguous, match=r"claimed by hal_acme .* and hal_raspberrypi") as error:
        identify(evidence(config="raspberrypi5"), site.catalog())
    config = error.value.evidence[0]
    assert (config.source, config.value) == ("mnt/boot/config.json deviceType", "raspberrypi5")
    assert config.verdict.startswith("cannot decide: ")


# -- through the command line ----------------------------------------------------------------------------------------


def hal(root: Root, *words: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).parent / "hal", "--root", root.directory, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_explain_prints_every_piece_of_evidence(evidence: Make) -> None:
    root = evidence(config="raspberrypi4-64", contract="raspberrypi3", compatible=PI_5, dmi=PC)
    answer = hal(root, "identify", "--explain")
    assert answer.returncode == 0
    for words in (
        "mnt/boot/config.json deviceType: raspberrypi4-64",
        "-> decides: raspberrypi4-64",
        "mnt/boot/device-type.json slug: raspberrypi3",
        "etc/os-release: nothing",
        "device tree compatible: raspberrypi,5-model-b, brcm,bcm2712",
        f"DMI modalias: {PC}",
        "raspberrypi4-64 is made for Raspberry Pi 4 Model B, not for raspberrypi,5-model-b",
    ):
        assert words in answer.stdout
    assert answer.stderr.count("note: ") == 2


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"compatible": PI_3}, ["fits      raspberrypi3 [hal_raspberrypi]", "fits      raspberrypi3-64"]),
        ({"config": "acme"}, ["mnt/boot/config.json deviceType: acme", "no installed plugin owns this device type"]),
        ({}, ["mnt/boot/config.json deviceType: nothing", "device tree compatible: nothing"]),
    ],
)
def test_explain_helps_most_where_there_is_no_answer(named: Evidence, words: list[str], evidence: Make) -> None:
    answer = hal(evidence(**named), "identify", "--explain")
    assert answer.returncode == 3
    assert [word for word in words if word not in answer.stdout] == []
    assert answer.stderr.startswith("hal: ")
    as_json = hal(evidence(**named), "identify", "--json")
    assert (as_json.returncode, as_json.stdout) == (3, "")
    assert json.loads(as_json.stderr)["error"]["code"] in ("board-ambiguous", "board-unknown")


def test_a_machine_that_two_device_types_are_built_as_decides_nothing(evidence: Make, site: Site) -> None:
    rows = ", ".join(f'DeviceType(slug="acme-{name}", name="", machine="acme-board")' for name in ("one", "two"))
    imports = "from hal import hookimpl\nfrom hal.model import DeviceType\n"
    source = f"{imports}@hookimpl\ndef hal_device_types(): return ({rows})"
    site.install("hal_acme", source, "slug:acme-one", "slug:acme-two")
    with pytest.raises(BoardUnknown, match="etc/os-release MACHINE says 'acme-board'"):
        identify(evidence(release="MACHINE=acme-board\n"), site.catalog())
