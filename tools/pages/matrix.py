"""support-matrix.md: every device type with the capabilities that its plugin's objects answer in a generated tree.

Only the plugins of this repository are looked at, whatever else is installed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs

from hal.device import NOUNS, Device
from hal.model import (
    AtSetting,
    AwaitReturn,
    BulkMessages,
    DeviceType,
    ModemModel,
    PowerLevel,
    Requests,
    ScsiEject,
    SelectConfiguration,
    WifiFirmware,
)
from hal.plugins import Catalog, Scope
from hal.tree.new import new_tree
from tools.pages import images
from tools.pages.markdown import code, page, prose, table

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


@attrs.frozen(kw_only=True)
class Seen:
    """A device type, and what opening a generated tree of it showed."""

    row: DeviceType
    cells: tuple[str, ...]
    absent: dict[str, str]


def write() -> str:
    catalog = Catalog()
    ours = {path.name for path in PLUGINS.glob("*/hal_*") if path.is_dir()}
    missing = ours - {*catalog.index.board_modules(), *catalog.index.addon_modules()}
    if missing:
        raise SystemExit(f"not installed: {', '.join(sorted(missing))}; run `make setup`")
    families = [module for module in catalog.index.board_modules() if module in ours]
    addons = [module for module in catalog.index.addon_modules() if module in ours]
    with tempfile.TemporaryDirectory() as folder:
        seen = {
            module: [look(module, row, Path(folder) / row.slug, catalog) for row in catalog.table(module)]
            for module in families
        }
    text = page(
        "Support matrix",
        prose(
            f"""{sum(map(len, seen.values()))} device types of {len(families)} families. Every capability here was
            computed: a tree of each device type was generated and opened, and a cell says what the plugin's object
            answered. Nothing is declared, so a cell changes when a back end is built. `-` is a capability the device
            type lacks; the reasons stand below each table. Boot configuration, clocks, health checks and update steps
            are lists, and `-` is an empty one."""
        ),
        prose(
            """Whether a fan or power modes are there, on PCs and on Raspberry Pi boards the running device tells: such
            a cell shows the generated tree, which is one device of many."""
        ),
        prose(
            """*Boots with* is a fact about the device type; whether that bootloader can be asked is *Bootloader*.
            `hal boards SLUG` prints every fact about a device type."""
        ),
        prose(
            """*Its OS images* is what the board alone puts into an image of its device repository's release, without
            add-ons and flags: how many kernel symbols, packages (firmware among them) and files of the boot partition,
            and whether a plain tree, a Yocto layer and a disk image can be made ([Build an OS image](os-build.md)).
            What a fact that is not known means for the image, `hal image build` says."""
        ),
        *(part for module in families for part in family_parts(module, seen[module], catalog)),
        *addon_parts(catalog, addons, seen[families[0]][0].row),
    )
    if catalog.problems:
        raise SystemExit("\n".join(f"{problem.plugin}: {problem.message}" for problem in catalog.problems))
    return text


def look(module: str, row: DeviceType, directory: Path, catalog: Catalog) -> Seen:
    new_tree(row, module, directory)
    device = Device.open(directory, catalog=catalog)
    return Seen(row=row, cells=tuple(tell(device) for tell in CELLS.values()), absent=dict(device.absent))


def fan_cell(device: Device) -> str:
    return ", ".join(profile.name for profile in device.fan.profiles()) if device.fan else "-"


def power_cell(device: Device) -> str:
    if device.power is None:
        return "-"
    modes = device.power.modes()
    levels = [str(level) for level in PowerLevel if any(level in mode.levels for mode in modes)]
    return ", ".join(levels) or f"{len(modes)} modes"


def listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "-"


CELLS: dict[str, Callable[[Device], str]] = {
    "Bootloader": lambda device: "yes" if device.bootloader else "-",
    "Fan": fan_cell,
    "Power": power_cell,
    "Splash": lambda device: "yes" if device.splash else "-",
    "Boot configuration": lambda device: listed(item.name for item in device.boot_config),
    "Clocks": lambda device: listed(clock.name for clock in device.clocks),
    "Health checks": lambda device: listed(check.name for check in device.health_checks),
    "Update steps": lambda device: listed(step.name for step in device.update_steps),
}


def family_parts(module: str, seen: list[Seen], catalog: Catalog) -> Iterator[str]:
    yield f"## {module}"
    yield f"{len(seen)} device types; see `plugins/{module.removeprefix('hal_')}/README.md`."
    rows = []
    for one in sorted(seen, key=lambda one: one.row.slug):
        boards = "<br>".join(board.name for board in one.row.boards) or "not known"
        rows.append((code(one.row.slug), one.row.name, boards, one.row.bootloader or "not known", *one.cells))
    yield table(("Device type", "Name", "Boards", "Boots with", *CELLS), rows)
    yield "\n".join(reasons(seen))
    yield from images.parts([one.row for one in seen], catalog)


def reasons(seen: list[Seen]) -> Iterator[str]:
    """Why capabilities are absent: each reason once, with the capabilities and, if not all, the device types."""
    slugs: dict[tuple[str, str], list[str]] = {}
    for one in sorted(seen, key=lambda one: one.row.slug):
        for noun in NOUNS:
            if noun in one.absent:
                slugs.setdefault((one.absent[noun], noun), []).append(one.row.slug)
    nouns: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reason, noun), lacking in slugs.items():
        nouns.setdefault((reason, tuple(lacking)), []).append(noun)
    for (reason, which), absent in nouns.items():
        only = "" if len(which) == len(seen) else f" of {', '.join(map(code, which))}"
        yield f"* No {', '.join(absent[:-1])}{' or ' * (len(absent) > 1)}{absent[-1]}{only}: {reason}."


def addon_parts(catalog: Catalog, addons: list[str], row: DeviceType) -> Iterator[str]:
    """The add-ons' tables. They hold for every device type, so it does not matter with which they are asked."""
    yield "## Add-ons"
    yield "Add-ons own no device type. One is loaded on any board where a device with one of its identities is present."
    scopes = {module: Scope(catalog, (module,)) for module in addons}
    modems = [(m, item) for m in addons for item in scopes[m].joined("hal_modems", ModemModel, device_type=row)]
    adapters = [
        (m, item) for m in addons for item in scopes[m].joined("hal_wifi_firmware", WifiFirmware, device_type=row)
    ]
    yield "### Modems"
    yield prose(
        """Identities are USB vendor and product ids, by what the modem is while it shows them. *Modes* are those it can
        be brought into without the loss of its AT port, *default* is what it is brought into unless somebody wants
        something else, and *switched by* tells how: out of storage, and between modes. A modem with several USB
        configurations offers what is in its descriptors. [Modems](modems.md) has the rest."""
    )
    columns: tuple[str, ...] = (
        *("Modem", "Maker", "Form", "Identities", "Modes", "Default", "Switched by"),
        *("Shares an id with", "Plugin"),
    )
    yield table(columns, (modem_row(module, item) for module, item in modems))
    yield "### WiFi adapters"
    columns = ("Adapter", "Modalias", "Driver", "Bands (GHz)", "Firmware", "Without it", "Plugin")
    yield table(columns, (adapter_row(module, item) for module, item in adapters))


def modem_row(module: str, modem: ModemModel) -> tuple[str, ...]:
    states: dict[str, list[str]] = {}
    for identity in modem.identities:
        states.setdefault(identity.state, []).append(code(f"{identity.vendor_id:04x}:{identity.product_id:04x}"))
    identities = "; ".join(f"{state}: {', '.join(ids)}" for state, ids in states.items())
    modes = [choice.mode for choice in modem.modes if choice.keeps_at is not False]
    return (
        modem.name,
        modem.maker,
        modem.form_factor,
        identities,
        listed(dict.fromkeys((*modes, *modem.prefers))),
        ", else ".join(modem.prefers) or "as it comes",
        "; ".join(switched_by(modem)) or "-",
        listed(modem.ambiguous_with),
        code(module),
    )


def switched_by(modem: ModemModel) -> Iterator[str]:
    """How it leaves storage, and how its mode is changed; each way once."""
    leaving = (step for identity in modem.identities if identity.switch for step in identity.switch.steps)
    changing = (step for choice in modem.modes for step in choice.steps)
    for state, steps in (("storage", leaving), ("mode", changing)):
        ways = dict.fromkeys(map(step_in_words, steps))
        if state == "mode" and modem.prefers and not modem.modes:
            ways = {"USB configuration": None}
        if ways:
            yield f"{state}: {', '.join(ways)}"


def step_in_words(step: object) -> str:
    match step:
        case BulkMessages():
            return "message to its bulk endpoint"
        case ScsiEject():
            return "eject"
        case Requests():
            return "control requests"
        case SelectConfiguration():
            return "USB configuration"
        case AtSetting():
            setting = re.match(r'[^=,]*(?:="[^"]*")?', step.command)  # the name, without the value
            return code(f"AT{setting[0] if setting else step.command}")
        case AwaitReturn():
            return "waiting for its return"
    raise TypeError(step)


def adapter_row(module: str, adapter: WifiFirmware) -> tuple[str, ...]:
    files = "; ".join(f"{code(file.name)} in {', '.join(map(code, file.packages))}" for file in adapter.files)
    names = ", ".join(map(code, adapter.modaliases))
    bands = ", ".join(adapter.bands_ghz)
    return adapter.name, names, code(adapter.driver), bands, files, adapter.missing_symptom, code(module)
