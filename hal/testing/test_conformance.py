"""The conformance suite: every plugin, times a generated tree of every device type it owns.

Each test is a promise that a plugin makes by being installed; a failure says which, and what to do.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hal
from hal.ask import ask
from hal.device import NOUNS, Device
from hal.document import capabilities
from hal.errors import Damaged, FileFault, HalError, ValueRefused
from hal.identify import Hardware, fit, identify
from hal.model import Build, DeviceType, Outcome
from hal.plugins import ALL, Catalog, Scope
from hal.protocols import BootConfig, Fan, Power, Setting, Splash
from hal.root import Root
from hal.tree.picture import picture


def closed(schema: Any) -> Any:
    """The published schema lets a later version add keys; this version's documents have none that it does not list."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(item) for key, item in schema.items()}
    return {**found, "additionalProperties": False} if schema.get("type") == "object" else found


SCHEMA = closed(json.loads((Path(hal.__file__).parent / "schema" / "capabilities.json").read_text()))
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2].rstrip(b"\n"),
    "binary": lambda data: bytes(range(256)) * 4,
    "not text": lambda data: b"\xff" + data[1:],
}
Tree = Callable[[str], Root]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`plugin` runs over plugins, `slug` over the device types of those that own any."""
    catalog = Catalog()
    named = metafunc.config.getoption("--hal-plugin")
    boards = [name for name in catalog.index.board_modules() if name in named or not named]
    addons = [name for name in catalog.index.addon_modules() if name in named or not named]
    missing = sorted(set(named) - set(boards) - set(addons))
    if missing:
        raise pytest.UsageError(f"--hal-plugin {', '.join(missing)}: not installed, or announces nothing")
    if "slug" in metafunc.fixturenames:
        slugs = [row.slug for name in boards for row in catalog.table(name)]
        metafunc.parametrize("slug", slugs)
    elif "plugin" in metafunc.fixturenames:
        metafunc.parametrize("plugin", [*boards, *addons])


def snapshot(root: Root) -> dict[str, tuple[bytes, int, int]]:
    """Every file of a tree: its content, and what a rewrite with the same content would change."""
    found = {}
    for path in sorted(root.directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            facts = path.stat()
            found[str(path.relative_to(root.directory))] = (path.read_bytes(), facts.st_ino, facts.st_mtime_ns)
    return found


# -- plugins -----------------------------------------------------------------------------------------------------


def test_loads_without_a_problem(plugin: str) -> None:
    catalog = Catalog()
    catalog.table(plugin)
    assert catalog.problems == []
    assert [p for p in catalog.conflicts() if plugin in p.plugin] == []


def test_announces_exactly_its_table(plugin: str) -> None:
    catalog = Catalog()
    announced = {slug for slug, owners in catalog.index.slugs().items() if plugin in {o.module for o in owners}}
    table = {name for row in catalog.table(plugin) for name in row.names()}
    lines = "\n".join(f'"slug:{name}" = "{plugin}"' for name in sorted(table))
    assert announced == table, f"[project.entry-points.hal] of {plugin} should have exactly these slug lines:\n{lines}"


def test_slugs_and_aliases_are_unique(plugin: str) -> None:
    names = [name for row in Catalog().table(plugin) for name in row.names()]
    assert sorted(names) == sorted(set(names))


def test_is_asked_about_its_boards(plugin: str) -> None:
    """Without this, hardware evidence alone would never lead to the plugin."""
    catalog = Catalog()
    for row in catalog.table(plugin):
        for board in row.boards:
            for name in board.compatible:
                asked = catalog.index.matching(Hardware(compatible=(name,)).modaliases())
                assert plugin in asked, f"no of: pattern of {plugin} matches {name} ({board.name})"


def test_every_device_type_can_be_told_from_the_hardware(plugin: str) -> None:
    """Each board's own name leads to the device types that list it, alone or among those that share it."""
    catalog = Catalog()
    for row in catalog.table(plugin):
        for board in row.boards:
            assert board.compatible or board.dmi, f"{board.name}: a model alone identifies nothing"
            for name in board.compatible:
                found = fit(row.boards, Hardware(compatible=(name,), model=next(iter(board.models), None)))
                assert found is not None
                assert (found.position, name in found.board.compatible) == (0, True)


# -- device types ------------------------------------------------------------------------------------------------


def test_a_generated_tree_is_identified(slug: str, hal_tree: Tree) -> None:
    identity = identify(hal_tree(slug), Catalog())
    assert identity.device_type.slug == slug
    assert identity.warnings == ()


def test_every_hook_answers_what_it_declares(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for noun in NOUNS:
        assert (getattr(device, noun) is None) == (noun in device.absent)
        assert noun not in device.absent or device.absent[noun].strip(), "absence needs a reason"
    scope = Scope(Catalog(), device.plugins)
    arguments = {"device_type": device.device_type, "root": device.root, "build": Build()}
    for hook, kind in ALL.items():
        answered: tuple[object, ...] = scope.joined(hook, kind, **arguments)
        assert all(isinstance(item, kind) for item in answered)
    assert scope.catalog.problems == []
    assert device.problems == ()


def test_the_capability_document_is_valid(slug: str, hal_tree: Tree) -> None:
    jsonschema.validate(capabilities(Device.open(hal_tree(slug))), SCHEMA)


def test_opening_changes_nothing(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    before = snapshot(root)
    device = Device.open(root)
    capabilities(device)
    device.plan()
    assert snapshot(root) == before


# -- settings: fan and power --------------------------------------------------------------------------------------


def settings(device: Device) -> Iterator[tuple[str, Setting, tuple[str, ...]]]:
    """The settings this device has, each with every value that it lists."""
    if device.fan is not None:
        yield "fan", device.fan, tuple(profile.name for profile in device.fan.profiles())
    if device.power is not None:
        modes = device.power.modes()
        names = [mode.name for mode in modes] + [str(mode.id) for mode in modes]
        yield "power", device.power, (*names, *(str(level) for mode in modes for level in mode.levels))


def configured(setting: Setting) -> str:
    """What is stored now, by name."""
    if isinstance(setting, Fan):
        return setting.state().configured
    assert isinstance(setting, Power)
    return setting.state().configured.name


def test_every_listed_value_can_be_set_and_read_back(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for noun, setting, values in settings(device):
        assert values, f"{noun} is offered, but lists nothing"
        for value in (*values, *reversed(values), "default"):
            planned = setting.preview(value)
            before = snapshot(device.root)
            result = setting.set(value)
            assert configured(getattr(Device.open(device.root), noun)) == result.value, "lost with the object"
            after = snapshot(device.root)
            touched = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            assert planned is None or touched & set(setting.writes), "a change that is in none of `writes`"
            assert (planned is None) == (result.outcome is Outcome.UNCHANGED)
            assert planned is None or (planned.previous, planned.value) == (result.previous, result.value)
            assert setting.preview(value) is None


def test_setting_twice_writes_nothing(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        for value in values:
            setting.set(value)
            before = snapshot(device.root)
            assert setting.set(value).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == before


def test_unset_is_the_vendors_default(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        before = {name: device.root.read_value(name) for name in setting.writes}
        setting.set(None)
        default = configured(setting)
        for value in values:
            setting.set(value)
        setting.set("")
        assert configured(setting) == default
        assert {name: device.root.read_value(name) for name in setting.writes} == before


@pytest.mark.parametrize("value", ["no-such-value", "../../etc/passwd", "a\nb", "$(reboot)", "x" * 5000, "9999", " "])
def test_an_unknown_value_is_refused_and_nothing_written(slug: str, hal_tree: Tree, value: str) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, _ in settings(device):
        before = snapshot(device.root)
        with pytest.raises(ValueRefused) as refusal:
            setting.set(value)
        assert refusal.value.allowed, "a refusal says what is allowed"
        assert snapshot(device.root) == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_an_error_and_nothing_written(slug: str, hal_tree: Tree, damage: str) -> None:
    device = Device.open(hal_tree(slug))
    for _, setting, values in settings(device):
        for name in setting.reads:
            sound = device.root.read_bytes(name)
            path = device.root.resolve(name)
            path.write_bytes(DAMAGE[damage](sound))
            before = snapshot(device.root)
            for value in values:
                with pytest.raises((Damaged, FileFault)) as error:
                    setting.set(value)
                assert name in str(error.value)
            assert snapshot(device.root) == before
            jsonschema.validate(capabilities(device), SCHEMA)
            path.unlink()
            with pytest.raises(HalError):
                setting.set(values[0])
            path.write_bytes(sound)


# -- the boot splash ----------------------------------------------------------------------------------------------


PICTURES = (picture(16, 8, (200, 0, 0)), picture(8, 16, (0, 0, 200)))
NO_PICTURES = {
    "empty": b"",
    "text": b"no image",
    "signature": PICTURES[0][:8],
    "cut": PICTURES[0][:-20],
    "checksum": PICTURES[0][:-13] + bytes((PICTURES[0][-13] ^ 1,)) + PICTURES[0][-12:],
    "wide": picture(5000, 1),
}


def splash_of(root: Root) -> Splash | None:
    return Device.open(root).splash


def test_a_splash_can_be_set_read_back_and_reset(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    first = splash.read()
    for data in (*PICTURES, base64.b64encode(PICTURES[0]).decode()):
        planned = splash.preview(data)
        before = snapshot(root)
        result = splash.set(data)
        assert planned is not None
        assert (planned.previous, planned.value, planned.cost) == (result.previous, result.value, result.cost)
        touched = {name for name, facts in snapshot(root).items() if before.get(name) != facts}
        assert touched <= set(splash.writes), "a change that is in none of `writes`"
        again = splash_of(root)
        assert again is not None
        assert again.read() == (data if isinstance(data, bytes) else PICTURES[0]), "lost with the object"
        before = snapshot(root)
        assert (splash.preview(data), splash.set(data).outcome) == (None, Outcome.UNCHANGED)
        assert snapshot(root) == before, "set twice, written twice"
        image = splash.state().image
        assert image is not None
        assert (image.whole, image.problem) == (True, "")
    assert splash.state().custom is True
    splash.reset()
    assert splash.read() == first, "the default was not kept"
    before = snapshot(root)
    for nothing in (None, ""):
        assert splash.set(nothing).outcome is Outcome.UNCHANGED
    assert splash.reset().outcome is Outcome.UNCHANGED
    assert snapshot(root) == before


def test_what_is_no_picture_is_refused_and_nothing_written(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    before = snapshot(root)
    for case, data in NO_PICTURES.items():
        for method in (splash.preview, splash.set):
            with pytest.raises(ValueRefused) as refusal:
                method(data)
            assert refusal.value.allowed, "a refusal says what is allowed"
        assert snapshot(root) == before, case


def test_a_damaged_splash_is_told_and_can_be_replaced(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    splash = splash_of(root)
    if splash is None:
        return
    image = splash.state().image
    assert image is not None, "a generated tree has one"
    path = root.resolve(image.file)
    for damage in DAMAGE.values():
        splash.set(PICTURES[0])
        path.write_bytes(damage(PICTURES[0]))
        told = splash.state().image
        assert told is not None
        assert (told.whole, bool(told.problem)) == (False, True)
        jsonschema.validate(capabilities(Device.open(root)), SCHEMA)
        splash.set(PICTURES[1])
        assert splash.read() == PICTURES[1]
        path.write_bytes(damage(PICTURES[1]))
        splash.reset()
        assert splash.state().custom is False


# -- boot configuration -------------------------------------------------------------------------------------------

PROBES = {
    "gpu_mem": "64",
    "dtparam": '"spi=on","i2c_arm=off"',
    "fdt": "conformance.dtb",
    "isolcpus": "1-3",
    "extra_os_cmdline": "quiet loglevel=3",
    "enable_uboot_overlays": "1",
    "configuration": "2",
}
"""A value for keys that some stores know; whichever of them a store has is tried, beside what it holds already."""
ODD = ("a\nb", "a\0b", "\udcff", "a\rb")


def held(store: BootConfig) -> dict[str, str]:
    """What holds for every board."""
    return {each.key: each.value for each in ask(store, "items") if not each.section}


def probes(store: BootConfig) -> Iterator[tuple[str, str]]:
    """Keys of a store, each with a value that it should take."""
    if ask(store, "absence") is None:
        yield from held(store).items()
        yield from ((key, value) for key, value in PROBES.items() if ask(store, "key_for", key) is not None)


def test_a_store_has_a_name_of_its_own_and_knows_its_variables(slug: str, hal_tree: Tree) -> None:
    stores = Device.open(hal_tree(slug)).boot_config
    names = [store.name for store in stores]
    assert len(set(names)) == len(names)
    assert all(name and ":" not in name and "=" not in name for name in names), "users type STORE:KEY=VALUE"
    for store in stores:
        assert ask(store, "key_for", "no such key") is None
        for each in ask(store, "items"):
            assert ask(store, "key_for", each.key) == each.key
            if each.variable:
                bare = each.variable.removeprefix("BALENA_")
                assert {ask(store, "key_for", f"{prefix}{bare}") for prefix in ("BALENA_", "RESIN_", "")} == {each.key}


def test_a_boot_setting_can_be_set_and_read_back_and_setting_it_twice_writes_nothing(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        for key, value in probes(store):
            before = snapshot(device.root)
            planned = ask(store, "preview", {key: value})
            assert snapshot(device.root) == before, "a preview writes nothing"
            result = ask(store, "set", {key: value})
            after = snapshot(device.root)
            assert result.changes == planned
            assert (result.outcome is Outcome.UNCHANGED) == (not planned) == (after == before)
            touched = {name for name in {*before, *after} if before.get(name) != after.get(name)}
            assert touched <= set(store.writes), "a change that is in none of `writes`"
            again = next(each for each in Device.open(device.root).boot_config if each.name == store.name)
            assert held(again)[key] == value, "lost with the object"
            assert ask(store, "set", {key: value}).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == after


def test_a_boot_setting_can_be_removed_and_put_back(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        for key, value in probes(store):
            ask(store, "set", {key: value})
            kept = ask(store, "kept")
            before = snapshot(device.root)
            try:
                ask(store, "set", {key: None})
            except ValueRefused:
                assert snapshot(device.root) == before
                continue
            without = snapshot(device.root)
            assert ask(store, "set", {key: None}).outcome is Outcome.UNCHANGED
            assert snapshot(device.root) == without
            ask(store, "set", {key: value})
            assert held(store)[key] == value
            assert [each.text for each in ask(store, "kept")] == [each.text for each in kept]


def test_a_wrong_boot_setting_is_refused_and_nothing_written(slug: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        before = snapshot(device.root)
        for key, _ in probes(store):
            for odd in ODD:
                with pytest.raises(ValueRefused) as refusal:
                    ask(store, "set", {key: odd})
                assert refusal.value.allowed, "a refusal says what is allowed"
        if ask(store, "absence") is None:
            with pytest.raises(ValueRefused):
                ask(store, "set", {"no such key": "1"})
        assert snapshot(device.root) == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_boot_file_is_an_error_or_keeps_its_bytes(slug: str, hal_tree: Tree, damage: str) -> None:
    """A set into a damaged file writes nothing, or what it wrote is read back; nothing but `HalError` is raised."""
    device = Device.open(hal_tree(slug))
    for store in device.boot_config:
        wanted = dict(probes(store))
        for name in store.writes:
            if not device.root.is_file(name):
                continue
            sound = device.root.read_bytes(name)
            path = device.root.resolve(name)
            path.write_bytes(DAMAGE[damage](sound))
            for key, value in wanted.items():
                before = snapshot(device.root)
                try:
                    ask(store, "set", {key: value})
                except HalError:
                    assert snapshot(device.root) == before
                else:
                    assert held(store)[key] == value
            jsonschema.validate(capabilities(device), SCHEMA)
            path.write_bytes(sound)


def test_rows_are_frozen(slug: str) -> None:
    _, row = Catalog().device_type(slug)
    assert isinstance(row, DeviceType)
    with pytest.raises(AttributeError):
        row.slug = "other"  # type: ignore[misc]
