"""Who is asked: the owner of the board, then the add-ons that are present; nobody else is even imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acme import ANNOUNCED, CAPABILITIES, CLOCK, HEAD, TABLE, USB, ask_everything, plug_in, rows, told

from hal.device import Device
from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
PI_5 = "raspberrypi5"
AGX = "jetson-agx-orin-devkit"

# -- scope -----------------------------------------------------------------------------------------------------------

SPY = """
import hal_spy_log
from hal import hookimpl
{hooks}
"""
LOG = "calls = []\n"


def spying(module: str) -> str:
    """A plugin that notes every hook it is asked, and never answers."""
    hooks = "".join(
        f"@hookimpl\ndef {hook}():\n    hal_spy_log.calls.append(({module!r}, {hook!r}))\n    return None\n"
        for hook in CAPABILITIES
    )
    return SPY.format(hooks=hooks)


def test_only_the_owner_and_the_present_add_ons_are_asked(acme: Root, hal_tree: Tree, site: Site) -> None:
    site.install("hal_spy_log", LOG)
    site.install("hal_acme", TABLE + spying("hal_acme"), *ANNOUNCED)
    site.install("hal_rival", rows("rival") + spying("hal_rival"), "slug:rival", "of:N*T*Cacme,*", "usb:v12D1*")
    site.install("hal_addon_b", spying("hal_addon_b"), "usb:v12D1p14FE*")
    site.install("hal_addon_a", spying("hal_addon_a"), "usb:v*ic08*")
    site.install("hal_absent", spying("hal_absent"), "usb:v12D1p1506*", "i2c:ds3231")
    plug_in(acme)
    catalog = site.catalog()
    Device.open(hal_tree(PI_5), catalog=catalog)
    catalog.table("hal_rival")
    device = Device.open(acme, catalog=catalog)
    import hal_spy_log  # type: ignore[import-not-found]

    assert hal_spy_log.calls == [], "opening a device asks for nothing but the table"
    asked = [name for name in device.plugins if not name.startswith("hal_modems")]
    assert asked == ["hal_acme", "hal_addon_a", "hal_addon_b"]
    ask_everything(device)
    assert {module for module, _ in hal_spy_log.calls} == set(asked)
    assert {hook for _, hook in hal_spy_log.calls} == set(CAPABILITIES)
    for hook in CAPABILITIES:
        order = [module for module, name in hal_spy_log.calls if name == hook]
        assert order == asked * (len(order) // len(asked)), "the owner first, then add-ons by name"


def test_the_owner_answers_before_an_add_on(acme: Root, site: Site) -> None:
    def fan(reason: str) -> str:
        return f"\n@hookimpl\ndef hal_fan(): return Unsupported(reason={reason!r})\n"

    clock = CLOCK + "\n@hookimpl(tryfirst=True)\ndef hal_rtc(): return (AcmeClock('rtc{n}'),)\n"
    site.install("hal_acme", TABLE + fan("the owner") + clock.format(n=1), *ANNOUNCED)
    site.install("hal_a", HEAD + fan("an add-on") + clock.format(n=2), "usb:v12D1p14FE*")
    plug_in(acme)
    device = Device.open(acme, catalog=site.catalog())
    assert device.absent["fan"] == "the owner"
    assert [item.name for item in device.clocks] == ["rtc1", "rtc2"]


def test_an_add_on_fills_in_where_the_owner_is_broken(acme: Root, site: Site) -> None:
    site.install("hal_acme", TABLE + "\n@hookimpl\ndef hal_fan(): 1 / 0\n", *ANNOUNCED)
    site.install(
        "hal_a", f"{HEAD}@hookimpl\ndef hal_fan(): return Unsupported(reason='an add-on')\n", "usb:v12D1p14FE*"
    )
    plug_in(acme)
    device = Device.open(acme, catalog=site.catalog())
    assert device.absent["fan"] == "an add-on"
    assert told(device._catalog, "hal_acme") == ["raised in hal_fan: ZeroDivisionError: division by zero"]


@pytest.mark.parametrize(
    "source", ["import no_such_module", "def (", "from hal import hookimpl\n@hookimpl\ndef hal_fan(x): pass"]
)
def test_a_broken_add_on_does_not_stop_the_board(source: str, hal_tree: Tree, site: Site) -> None:
    site.install("hal_bad", source, "usb:v12D1p14FE*")
    root = hal_tree(AGX)
    plug_in(root)
    device = Device.open(root, catalog=site.catalog())
    assert device.plugins == ("hal_jetson_orin", "hal_modems")
    assert [problem.plugin for problem in device.problems] == ["hal_bad"]
    assert device.power is not None
    assert device.modems


# -- what is imported, in a process of its own -----------------------------------------------------------------------

IMPORTED = """
import json, sys
from hal import Device
device = Device.open(sys.argv[1])
opened = sorted(name for name in sys.modules if name.startswith("hal_") and "." not in name)
from hal.document import capabilities
found = capabilities(device)
after = sorted(name for name in sys.modules if name.startswith("hal_") and "." not in name)
trees = sorted(name for name in sys.modules if name.startswith("hal_") and name.endswith(".tree"))
print(json.dumps([opened, after, list(device.plugins), [p.plugin for p in device.problems], trees]))
"""


@pytest.fixture
def crowded(site: Site) -> Site:
    """The project's seven plugins, beside bad ones of every kind that match none of the boards here."""
    site.install("hal_bad_import", "import no_such_module", "slug:bad-import", "of:N*T*Cbad,*")
    site.install("hal_bad_exit", "raise SystemExit(3)", "slug:bad-exit", "usb:vBADAp0001*")
    site.install("hal_bad_print", "print('noise on standard output')", "slug:bad-print", "usb:vBADAp0002*")
    site.install("hal_bad_syntax", "def (", "i2c:bad")
    site.install("hal_bad_claim", rows(PI_5), "slug:bad-claim")
    site.install("hal_bad_broad", "raise RuntimeError", "slug:bad-broad", "of:*")
    site.announce("hal_bad_gone", {"slug:bad-gone": "hal_bad_gone"})
    return site


@pytest.mark.parametrize(
    ("slug", "devices", "modules"),
    [
        (PI_5, [], ["hal_raspberrypi"]),
        (AGX, [], ["hal_jetson_orin"]),
        ("jetson-nano", [], ["hal_jetson"]),
        ("intel-nuc", [], ["hal_x86_grub"]),
        ("beaglebone-black", [], ["hal_beaglebone"]),
        (PI_5, [USB], ["hal_raspberrypi", "hal_modems"]),
        (AGX, ["usb:v0A5CpBD1Ed0001dcFFdscFFdpFFicFFiscFFipFFin00"], ["hal_jetson_orin", "hal_wifi"]),
        (
            AGX,
            [USB, "usb:v148Fp5572d0101dc00dsc00dp00icFFiscFFipFFin00"],
            ["hal_jetson_orin", "hal_modems", "hal_wifi"],
        ),
        (PI_5, ["usb:v12D1p9999d0000", "usb:v1D6Bp0002d0601dc09dsc00dp01ic09isc00ip00in00"], ["hal_raspberrypi"]),
    ],
)
def test_opening_a_device_imports_one_family_and_the_matching_add_ons(
    slug: str, devices: list[str], modules: list[str], hal_tree: Tree, crowded: Site
) -> None:
    root = hal_tree(slug)
    for number, modalias in enumerate(devices):
        plug_in(root, modalias, f"1-{number}:1.0")
    answer = subprocess.run(
        [sys.executable, "-c", IMPORTED, root.directory],
        env=crowded.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    opened, after, plugins, problems, trees = json.loads(answer.stdout)
    assert opened == after == sorted(modules)
    assert plugins == modules
    assert (problems, trees) == ([], [])


@pytest.mark.parametrize("slug", [PI_5, AGX])
def test_bad_plugins_change_no_byte_of_another_board_s_document(slug: str, hal_tree: Tree, crowded: Site) -> None:
    root = hal_tree(slug)
    plug_in(root)
    hal = [Path(sys.executable).parent / "hal", "--root", root.directory, "capabilities", "--json"]
    without, with_bad = (
        subprocess.run(hal, env=environment, capture_output=True, timeout=60, check=True)
        for environment in (None, crowded.environment)
    )
    assert without.stdout == with_bad.stdout
    assert without.stderr == with_bad.stderr == b""


def test_the_list_of_boards_names_every_bad_plugin_and_lists_the_rest(crowded: Site) -> None:
    answer = subprocess.run(
        [Path(sys.executable).parent / "hal", "boards"],
        env=crowded.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert PI_5 in answer.stdout
    notes = "\n".join(line for line in answer.stderr.splitlines() if line.startswith("note: plugin "))
    for name in ("hal_bad_import", "hal_bad_exit", "hal_bad_claim", "hal_bad_broad", "hal_bad_gone"):
        assert name in notes
    assert "hal_bad_syntax" not in notes, "an add-on is not asked for boards"
    assert "Traceback" not in answer.stderr
