"""The worked example of docs/modems.md: its files in a tree, its stick plugged in there, its plugin installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from backends.usb.sysfs import configuration, device, interface, plug, unplug

from hal import Root
from hal.peripherals.modem import file, known
from hal.peripherals.modem.ladder import BUDGET
from hal.stdlib import read_toml

PAGE = "modems.md"
PLACE = "1-1.2"
BULK, INTERRUPT = 2, 3
PAIR = ((0x81, BULK), (0x01, BULK))
THREE = ((0x82, INTERRUPT), *PAIR)
STORAGE = device(0x1234, 0x5678, configuration(1, interface(0, (8, 6, 0x50), PAIR)))
SERVICE = device(
    0x1234,
    0x5679,
    configuration(
        1,
        interface(0, (0xFF, 0, 0), THREE),
        interface(1, (0xFF, 0, 0), THREE),
        interface(2, (0xFF, 0xFF, 0xFF), THREE),
    ),
)
NODES = {0: ("ttyUSB0",), 1: ("ttyUSB1",), 2: ("net/wwan0", "usbmisc/cdc-wdm0")}
WORDS = {"manufacturer": "ACME", "product": "Stick"}
CD = {"target0:0:0/0:0:0:0/vendor": "ACME    ", "target0:0:0/0:0:0:0/model": "CD-ROM          "}
Blocks = Callable[..., Any]


def becomes(tree: Path, descriptors: bytes, **given: Any) -> None:
    """What is plugged in now, in place of what was."""
    if (tree / "sys/bus/usb/devices" / PLACE).exists():
        unplug(tree, PLACE)
    plug(tree, PLACE, descriptors, strings=WORDS, **given)


def storage(tree: Path) -> None:
    becomes(tree, STORAGE)
    for name, value in CD.items():
        path = tree / "sys/bus/usb/devices" / PLACE / f"{PLACE}:1.0/host0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


PLUGGED: Mapping[str, Callable[[Path], None]] = {
    "hal --root pi modem list": storage,
    "hal --root pi modem list --json": lambda tree: becomes(tree, SERVICE, number=6, nodes=NODES),
}
"""What the stick is, from the block on that begins with this command."""


def test_the_page_from_top_to_bottom(
    tmp_path: Path, hal_tree: Callable[[str], Root], blocks: Blocks, console: Callable[..., list[str]]
) -> None:
    folder, site = tmp_path / "desk", tmp_path / "site"
    folder.mkdir()
    tree = folder / "pi"
    hal_tree("raspberrypi4-64").directory.rename(tree)
    to_do = dict(PLUGGED)
    written = set()
    for block in blocks(PAGE):
        if block.caption is not None:
            path = folder / block.caption
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content)
            written.add(block.caption)
        elif block.language == "console":
            command = block.content.splitlines()[0].removeprefix("$ ").partition(" | ")[0]
            if command in to_do:
                to_do.pop(command)(tree)
            console(block, folder, PIP_TARGET=str(site), PYTHONPATH=str(site))
        else:
            assert block.language == "text", f"{block.where}: would not be run"
    assert to_do == {}
    assert len(written) == 4
    faults = known.know(Root(tree), {"own.toml needs it": _huawei()}).faults
    assert [str(fault) for fault in faults] == []


def _huawei() -> tuple[Any, ...]:
    from hal_modems.models import MODEMS

    return MODEMS


def example(blocks: Blocks) -> dict[str, Any]:
    text = next(block.content for block in blocks(PAGE) if (block.caption or "").endswith("acme.toml"))
    model: dict[str, Any] = read_toml(text)["model"][0]
    return model


TABLES = {
    "model": (lambda model: [model], {"name", *file._MODEL}),
    "identities": (lambda model: model["identities"], set(file._IDENTITY)),
    "switch": (lambda model: [each["switch"] for each in model["identities"] if "switch" in each], set(file._SWITCH)),
    "ports": (lambda model: model["ports"], set(file._PORT)),
    "modes": (lambda model: model["modes"], set(file._CHOICE)),
}


@pytest.mark.parametrize(("tables", "keys"), TABLES.values(), ids=TABLES)
def test_the_example_has_every_key_that_a_file_may_have(
    tables: Callable[[dict[str, Any]], list[dict[str, Any]]], keys: set[str], blocks: Blocks
) -> None:
    assert {key for table in tables(example(blocks)) for key in table} == keys


def test_the_page_names_every_step_place_and_budget() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / PAGE).read_text()
    steps = "\n".join(re.findall(r"^\| `[a-z]+ = .*$", text, re.MULTILINE))
    assert set(re.findall(r"`([a-z]+) = ", steps)) >= set(file._STEPS)
    for place in (*known.FOLDERS, known.OVERRIDES, known.PACKED):
        assert f"`{place}" in text
    assert dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (\d+) \|$", text, re.MULTILINE)) == {
        rung.value: str(times) for rung, times in BUDGET.items()
    }
