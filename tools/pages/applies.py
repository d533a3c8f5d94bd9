"""what-applies.md: what can be set on which board, and what a change costs; each cost is asked of the object itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from hal.device import Device
from hal.errors import HalError
from hal.model import Cost
from hal.plugins import Catalog
from hal.settings.keys import BY_PATH
from hal.settings.services.table import ENGINE, SERVICES
from hal.tree.new import new_tree
from hal.tree.picture import picture
from tools.pages.markdown import code, page, prose, table
from tools.pages.matrix import PLUGINS

WORDS = {Cost.NONE: "at once", Cost.SERVICE_RESTART: "service restart", Cost.REBOOT: "reboot"}
COLUMNS = ("`os.fan.profile`", "`os.power.mode`", "Boot splash", "Boot configuration", "Clocks")


@attrs.frozen
class Offered:
    """What one device type offers, in a cell for each column."""

    cells: tuple[str, ...]


def write() -> str:
    catalog = Catalog()
    families = [m for m in catalog.index.board_modules() if any(PLUGINS.glob(f"*/{m}"))]
    with tempfile.TemporaryDirectory() as folder:
        parts = [part for module in families for part in family(module, catalog, Path(folder))]
    return page(
        "What applies where",
        prose(
            """What a service or a user can set, on which device type, and what a change costs until it is in effect.
            This page is computed: a tree of each device type was generated, and the object that sets a value was asked
            what it would cost (`hal plan` and every `--dry-run` ask the same). *At once* needs nothing, *service
            restart* is done by the command itself, *reboot* is left to whoever called it."""
        ),
        prose(
            """`config.json` may ask for more than a board has: what is not here is told with the reason, and nothing
            else is held up. So one file serves many boards."""
        ),
        "## On every board",
        prose(
            """Keys of config.json that services of the OS obey. `hal apply` writes what the service reads, and makes it
            read that. Where the OS lacks the service, the key is reported as *not here*."""
        ),
        table(
            ("Key", "Meaning", "Written to", "What reads it anew", "Cost"),
            [
                (
                    "<br>".join(code(key) for key in own),
                    "; ".join(BY_PATH[key].means for key in own),
                    code(service.where) if " " not in service.where else service.where,
                    ", ".join(code(unit) if unit.endswith(".service") else unit for unit in service.units) or "-",
                    WORDS[service.cost] + ("; a reboot to end it" if service.path == "persistentLogging" else ""),
                )
                for service in (*SERVICES, *ENGINE)
                for own in [[k for k in service.keys if k == service.path or k.startswith(f"{service.path}.")]]
            ],
        ),
        "## On the boards of a family",
        prose(
            """A cell lists the values, and what a change to one of them costs. `-`: not on this device type; the
            [support matrix](support-matrix.md) tells why. Boot configuration is what `hal boot-config` writes; every
            change there waits for a reboot. A clock is set by `hal rtc set`, at once. Whether a PC has a fan that
            software controls, and which power controls its kernel offers, shows on the running machine: some generated
            trees have them and some have not, so that both cases are tested."""
        ),
        *parts,
    )


def family(module: str, catalog: Catalog, folder: Path) -> Iterator[str]:
    """One table, with device types that offer the same in one row."""
    rows: dict[Offered, list[str]] = {}
    for row in sorted(catalog.table(module), key=lambda row: row.slug):
        new_tree(row, module, folder / row.slug)
        device = Device.open(folder / row.slug, catalog=catalog)
        rows.setdefault(offered(device), []).append(row.slug)
    yield f"### {module}"
    yield table(("Device types", *COLUMNS), [(", ".join(map(code, slugs)), *o.cells) for o, slugs in rows.items()])


def offered(device: Device) -> Offered:
    fan = device.fan and values(device.fan, [profile.name for profile in device.fan.profiles()])
    power = device.power and values(device.power, [mode.name for mode in device.power.modes()])
    splash = device.splash and costs(device.splash, [picture(3, 5)])
    stores = ", ".join(store.name for store in device.boot_config)
    clocks = ", ".join(clock.name for clock in device.clocks)
    return Offered((fan or "-", power or "-", splash or "-", stores or "-", clocks or "-"))


def values(setting: object, names: list[str]) -> str:
    return f"{', '.join(names)} ({costs(setting, names)})"


def costs(setting: object, wanted: Iterable[object]) -> str:
    """What changes to these values would cost, from the tree as it was generated."""
    found = set()
    for value in wanted:
        try:
            change = setting.preview(value)  # type: ignore[attr-defined]
        except HalError:
            continue  # a value that this tree cannot take now has no cost to tell
        if change is not None:
            found.add(change.cost)
    return ", or ".join(WORDS[cost] for cost in Cost if cost in found) or "nothing to change"
