"""The regulatory domain beside adapters: asked, in force, and whether the kernel can know it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from backends.firmware.files import regdb
from peripherals.wifi.trees import CONFIG, Step, bcm, file, kernel, look, pau, program, put, says

from hal.root import Root

Tree = Callable[[str], Root]
BOARD = "raspberrypi4-64"
DB = file("regulatory.db", regdb("00", "DE", "US"))
SIGNED = file("regulatory.db.p7s", b"0\x82")
STRICT = kernel(config=f"{CONFIG}CONFIG_CFG80211_REQUIRE_SIGNED_REGDB=y\n")
LAX = kernel(config=f"{CONFIG}# CONFIG_CFG80211_REQUIRE_SIGNED_REGDB is not set\n")
REFUSED = "cfg80211: loaded regulatory.db is malformed or signature is missing/invalid"


def asks(country: object) -> Step:
    return lambda root: put(root, "mnt/boot/config.json", json.dumps({"deviceType": BOARD, "country": country}))


def has(country: str) -> Step:
    """The kernel of the tree, through the stand-in for `iw`."""
    return lambda root: put(root, "var/lib/hal-tree/regulatory-domain", f"{country}\n")


CASES: dict[str, tuple[tuple[Step, ...], tuple[str, ...], tuple[str, ...]]] = {
    "all is well": ((STRICT, DB, SIGNED, asks("DE"), has("DE"), pau()), (), ()),
    "no country, and 2.4 GHz alone": ((LAX, DB, bcm()), (), ()),
    "no country, and 5 GHz": (
        (LAX, DB, pau()), ("no country is set, so most of 5 GHz is for listening only (1-1.3)",),
        ("hal config set country=DE",),
    ),
    "not in force": ((LAX, DB, asks("DE"), pau()), ("config.json asks for DE, but the kernel has 00",), ("hal apply",)),
    "not in the database": ((LAX, DB, asks("ZZ"), pau()), ("regulatory.db does not know the country ZZ",), ("",)),
    "no database": ((LAX, asks("DE"), has("DE")), ("no regulatory.db where the kernel looks",), ("wireless-regdb",)),
    "no signature where one is wanted": (
        (STRICT, DB, asks("DE"), has("DE")),
        ("no signature beside it, and this kernel wants one",), ("yocto:wireless-regdb-static",),
    ),
    "refused by the kernel": (
        (LAX, DB, asks("DE"), has("DE"), says(REFUSED)),
        ("the kernel does not take lib/firmware/regulatory.db",), ("",),
    ),
    "no database, and another country": (
        (LAX, asks("DE")), ("no regulatory.db", "asks for DE, but the kernel has 00"), ("wireless-regdb", "hal apply"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_domain(case: str, hal_tree: Tree) -> None:
    steps, problems, advice = CASES[case]
    found = look(hal_tree(BOARD), *steps).regulatory
    assert len(found.problems) == len(problems), found.problems
    assert len(found.advice) == len(advice)
    for told, expected in zip((*found.problems, *found.advice), (*problems, *advice), strict=True):
        assert expected in told


def test_facts_without_a_problem(hal_tree: Tree) -> None:
    found = look(hal_tree(BOARD), STRICT, DB, SIGNED, asks("DE"), has("DE")).regulatory
    assert (found.asked, found.kernel, found.radios) == ("DE", "DE", ())
    assert (found.database, found.signature) == ("lib/firmware/regulatory.db", "lib/firmware/regulatory.db.p7s")


def test_radios_with_a_country_of_their_own(hal_tree: Tree) -> None:
    root = hal_tree(BOARD)
    program(
        root, "usr/sbin/iw", "printf 'global\\ncountry DE: DFS-ETSI\\n\\nphy#0 (self-managed)\\ncountry US: DFS\\n'"
    )
    assert look(root, LAX, DB).regulatory.radios == ("phy0 US",)


def test_a_kernel_without_wifi_has_none(hal_tree: Tree) -> None:
    root = hal_tree(BOARD)
    (root.directory / "sys/module/cfg80211").rmdir()
    found = look(root, asks("DE")).regulatory
    assert (found.asked, found.kernel, found.problems) == ("DE", None, ())


@pytest.mark.parametrize("content", ["", "{", '{"country": 7}', '{"country": ""}', '{"country": ["DE"]}'])
def test_a_config_that_asks_for_nothing_sensible_asks_for_nothing(content: str, hal_tree: Tree) -> None:
    from hal.peripherals.wifi import check

    root = hal_tree(BOARD)
    put(root, "mnt/boot/config.json", content)
    assert check(root, ()).regulatory.asked is None
