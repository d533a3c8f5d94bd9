"""Broken plugins: each is named, with what to do; every other one works as if it were not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from acme import ANNOUNCED, CAPABILITIES, CLOCK, HEAD, TABLE, ask_everything, rows, told

from hal.device import Device
from hal.document import capabilities
from hal.errors import BoardAmbiguous, BoardUnknown, CapabilityAbsent, HalError, PluginFault
from hal.model import Problem
from hal.plugins import FIRST, Catalog
from hal.root import Root

if TYPE_CHECKING:
    from tests.conftest import Site

Tree = Callable[[str], Root]
PI_5 = "raspberrypi5"


def document(root: Root, catalog: Catalog) -> bytes:
    return json.dumps(capabilities(Device.open(root, catalog=catalog)), indent=2).encode()


# -- a sound one -----------------------------------------------------------------------------------------------------


def test_a_plugin_from_outside_is_found_and_asked(acme: Root, site: Site) -> None:
    extra = """
    @hookimpl
    def hal_fan(): return Unsupported(reason="passively cooled")
    @hookimpl
    def hal_rtc(device_type, root): return (AcmeClock(f"{device_type.slug} {root.directory}"),)
    @hookimpl
    def hal_health_checks(root): return [HealthCheck(name="a", purpose="b", check=lambda: None)]
    """
    site.install("hal_acme", TABLE + CLOCK + extra.replace("\n    ", "\n"), *ANNOUNCED)
    device = Device.open(acme, catalog=site.catalog())
    assert (device.plugins, device.problems) == (("hal_acme",), ())
    assert (device.fan, device.absent["fan"]) == (None, "passively cooled")
    assert [clock.name for clock in device.clocks] == [f"acme-gateway {acme.directory}"]
    assert [check.name for check in device.health_checks] == ["a"]
    assert device.absent["power"] == "hal_acme offers none for this device type"


# -- plugins that do not import --------------------------------------------------------------------------------------

UNIMPORTABLE = {
    "missing": (None, "ModuleNotFoundError"),
    "import": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax": ("def (", "SyntaxError"),
    "indentation": ("\tx = 1\n        y = 2\n", "Error"),
    "NUL": ("x = '\0'", "cannot contain null bytes"),  # SyntaxError or ValueError: releases of Python 3.11 differ
    "raises": ("raise RuntimeError('at import')", "RuntimeError: at import"),
    "nothing to say": ("raise ValueError", "ValueError"),
    "exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "sys.exit": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "recursion": ("def f(): f()\nf()", "RecursionError"),
    "assertion": ("assert False, 'no'", "AssertionError: no"),
    "its own kind": ("class E(BaseException): pass\nraise E('odd')", "E: odd"),
    "cannot be put in words": (
        "class E(Exception):\n    def __str__(self): raise TypeError\nraise E",
        "E",
    ),
    "bad row": (f"{TABLE}\nROW = DeviceType(slug='Not A Slug', name='')", "ValueError: slug 'Not A Slug'"),
    "bad field": (f"{TABLE}\nROW = DeviceType(slug='x', title='')", "TypeError"),
    "circular": ("from hal_acme import nothing", "ImportError"),
    "removed itself": ("import sys; del sys.modules[__name__]", "Error"),
}


@pytest.mark.parametrize("kind", UNIMPORTABLE)
def test_a_plugin_that_cannot_be_imported_is_named(kind: str, acme: Root, hal_tree: Tree, site: Site) -> None:
    source, words = UNIMPORTABLE[kind]
    other = document(hal_tree(PI_5), site.catalog())
    if source is None:
        site.announce("hal_acme", dict.fromkeys(ANNOUNCED, "hal_acme"))
    else:
        site.install("hal_acme", source, *ANNOUNCED)
    catalog = site.catalog()
    with pytest.raises(
        PluginFault, match="plugin hal_acme owns the device type 'acme-gateway' but cannot be used"
    ) as error:
        Device.open(acme, catalog=catalog)
    assert (error.value.code, error.value.path, error.value.exit_status) == ("plugin", "hal_acme", 1)
    (problem,) = catalog.problems
    assert problem.plugin == "hal_acme"
    assert problem.message.startswith("cannot be imported: ")
    assert words in problem.message
    assert problem.advice == "install it again, or uninstall it"
    assert problem.message in error.value.message
    assert document(hal_tree(PI_5), site.catalog()) == other
    assert document(hal_tree(PI_5), catalog) != b"", "the same catalog still serves another board"


def test_a_plugin_is_imported_once_however_often_it_fails(acme: Root, site: Site, tmp_path: Path) -> None:
    log = tmp_path / "log"
    site.install("hal_acme", f"with open({str(log)!r}, 'a') as log: log.write('x')\n1 / 0", *ANNOUNCED)
    catalog = site.catalog()
    for _ in range(3):
        with pytest.raises(PluginFault):
            Device.open(acme, catalog=catalog)
    assert log.read_text() == "x"
    assert len(catalog.problems) == 1


# -- hooks that raise, or answer nonsense ----------------------------------------------------------------------------

RAISES = {
    "error": "raise RuntimeError('in the hook')",
    "HalError": "from hal.errors import FileFault; raise FileFault('in the hook')",
    "SystemExit": "raise SystemExit('in the hook')",
    "assertion": "assert False, 'in the hook'",
    "recursion": "hal_again = lambda: hal_again(); hal_again()",
    "its own kind": "raise type('E', (BaseException,), {})('in the hook')",
}


def with_hook(hook: str, body: str) -> str:
    """The Acme table, with one hook of this body; the table itself may be the one."""
    source = TABLE if hook != "hal_device_types" else HEAD
    return f"{source}\n@hookimpl\ndef {hook}():\n    {body}\n"


@pytest.mark.parametrize("kind", RAISES)
@pytest.mark.parametrize("hook", CAPABILITIES)
def test_a_hook_that_raises_is_named_and_left_out(hook: str, kind: str, acme: Root, site: Site) -> None:
    site.install("hal_acme", with_hook(hook, RAISES[kind]), *ANNOUNCED)
    device = Device.open(acme, catalog=site.catalog())
    ask_everything(device)
    (problem,) = device.problems
    assert problem.plugin == "hal_acme"
    assert problem.message.startswith(f"raised in {hook}: ")
    assert hook in problem.advice
    if hook in FIRST:
        noun = hook.removeprefix("hal_")
        with pytest.raises(CapabilityAbsent, match=f"acme-gateway has no {noun}: hal_acme: raised in {hook}"):
            device.need(noun)


NONSENSE = {
    "None in a list": "return [None]",
    "text": "return 'yes'",
    "bytes": "return b'yes'",
    "number": "return 3",
    "true": "return True",
    "class": "return RtcState",
    "dictionary": "return {'a': 1}",
    "empty dictionary": "return {}",
    "generator": "yield 1",
    "set": "return {1}",
    "tuple of text": "return ('a', 'b')",
    "another answer": "return (Problem(plugin='', message='', advice=''),)",
    "a list in a list": "return [[Unsupported(reason='')]]",
    "object": "return object()",
    "mutable tuple": "return (1, [], {})",
    "coroutine": "return (lambda: None)",
}


@pytest.mark.parametrize("kind", NONSENSE)
@pytest.mark.parametrize("hook", CAPABILITIES)
def test_an_answer_of_another_type_is_named_and_left_out(hook: str, kind: str, acme: Root, site: Site) -> None:
    site.install("hal_acme", with_hook(hook, NONSENSE[kind]), *ANNOUNCED)
    device = Device.open(acme, catalog=site.catalog())
    answer = ask_everything(device)
    messages = told(device._catalog, "hal_acme")
    assert messages
    assert all(message.startswith(f"answered {hook} with ") for message in messages), messages
    found = answer["capabilities"]
    assert isinstance(found, dict)
    assert all(value == [] or value["supported"] is False for value in found.values())


@pytest.mark.parametrize("body", [*RAISES.values(), *NONSENSE.values(), "return None", "return ()", "pass"])
def test_a_table_that_is_none_is_a_plugin_that_cannot_be_used(
    body: str, acme: Root, hal_tree: Tree, site: Site
) -> None:
    site.install("hal_acme", with_hook("hal_device_types", body), *ANNOUNCED)
    catalog = site.catalog()
    with pytest.raises(PluginFault, match="plugin hal_acme owns the device type 'acme-gateway' but cannot be used"):
        Device.open(acme, catalog=catalog)
    assert Device.open(hal_tree(PI_5), catalog=catalog).identity.plugin == "hal_raspberrypi"


UNSAFE_OBJECTS = {
    "property that raises": "class Odd:\n    @property\n    def {member}(self): raise RuntimeError('in a property')",
    "attributes that raise": "class Odd:\n    def __getattr__(self, name): raise RuntimeError('in an attribute')",
    "class that lies": "class Odd:\n    @property\n    def __class__(self): raise RuntimeError('in __class__')",
}
MEMBER = {
    "hal_boot_config": "name",
    "hal_fan": "reads",
    "hal_power": "reads",
    "hal_bootloader": "reads",
    "hal_splash": "read",
}


@pytest.mark.parametrize("kind", UNSAFE_OBJECTS)
@pytest.mark.parametrize("hook", MEMBER)
def test_an_object_that_raises_when_it_is_looked_at(hook: str, kind: str, acme: Root, site: Site) -> None:
    """Telling whether an object has what its protocol asks for runs its properties."""
    body = "return Odd()" if hook in FIRST else "return (Odd(),)"
    source = with_hook(hook, body) + UNSAFE_OBJECTS[kind].format(member=MEMBER[hook])
    site.install("hal_acme", source, *ANNOUNCED)
    device = Device.open(acme, catalog=site.catalog())
    ask_everything(device)
    assert any(hook in message for message in told(device._catalog, "hal_acme"))


@pytest.mark.parametrize("hook", CAPABILITIES)
def test_a_wrapper_that_answers_nonsense(hook: str, acme: Root, site: Site) -> None:
    """pluggy lets an implementation wrap the others, and answer what it likes instead of a list."""
    source = f"{TABLE}\n@hookimpl(wrapper=True)\ndef {hook}():\n    yield\n    return 5\n"
    site.install("hal_acme", source, *ANNOUNCED)
    device = Device.open(acme, catalog=site.catalog())
    ask_everything(device)
    assert told(device._catalog, "hal_acme")


# -- hooks that are declared wrongly ---------------------------------------------------------------------------------

DECLARED = {
    "unknown": (
        "@hookimpl\ndef hal_fann(): pass",
        ["declares the hook 'hal_fann', which does not exist"],
        "did you mean hal_fan?",
    ),
    "far from any": (
        "@hookimpl\ndef frobnicate(): pass",
        ["declares the hook 'frobnicate', which does not exist"],
        "hal.hookspecs",
    ),
    "two unknown": (
        "@hookimpl\ndef hal_fann(): pass\n@hookimpl\ndef hal_powr(): pass",
        ["declares the hook 'hal_fann', which does not exist", "declares the hook 'hal_powr', which does not exist"],
        "did you mean",
    ),
    "unmarked": ("def hal_fann(wrong): pass", [], ""),
}


@pytest.mark.parametrize("kind", DECLARED)
def test_an_unknown_hook_is_named_and_the_rest_works(kind: str, acme: Root, site: Site) -> None:
    source, messages, advice = DECLARED[kind]
    site.install(
        "hal_acme", f"{TABLE}\n{source}\n@hookimpl\ndef hal_power(): return Unsupported(reason='none')", *ANNOUNCED
    )
    catalog = site.catalog()
    device = Device.open(acme, catalog=catalog)
    assert told(catalog, "hal_acme") == messages
    assert all(advice in problem.advice for problem in catalog.problems)
    assert device.absent["power"] == "none"


@pytest.mark.parametrize(
    "source",
    [
        "@hookimpl\ndef hal_fan(device): pass",
        "@hookimpl\ndef hal_fan(device_type, root, catalog): pass",
        "@hookimpl\ndef hal_modems(root): pass",
        "@hookimpl\ndef hal_device_types(root): return ()",
        "@hookimpl\ndef hal_image(root): pass",
        "@hookimpl(hookwrapper=True)\ndef hal_fan(): return None",
        "@hookimpl(wrapper=True)\ndef hal_fan(): return None",
    ],
)
def test_wrong_parameters_are_named(source: str, acme: Root, hal_tree: Tree, site: Site) -> None:
    site.install("hal_acme", f"{TABLE}\n{source}", *ANNOUNCED)
    catalog = site.catalog()
    with pytest.raises(PluginFault, match="hal_acme"):
        Device.open(acme, catalog=catalog)
    (problem,) = catalog.problems
    assert problem.plugin == "hal_acme"
    assert problem.message.strip()
    assert "hal.hookspecs" in problem.advice
    assert Device.open(hal_tree(PI_5), catalog=catalog).problems == catalog_problems(problem)


def catalog_problems(*problems: Problem) -> tuple[Problem, ...]:
    return problems


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_row_that_is_not_announced_is_left_out(acme: Root, site: Site) -> None:
    site.install("hal_acme", rows("acme-gateway", "acme-forgotten"), *ANNOUNCED)
    catalog = site.catalog()
    assert Device.open(acme, catalog=catalog).device_type.slug == "acme-gateway"
    assert [row.slug for row in catalog.table("hal_acme")] == ["acme-gateway"]
    assert told(catalog, "hal_acme") == ["its table has the device type 'acme-forgotten', which it does not announce"]
    assert '"slug:acme-forgotten" = "hal_acme"' in catalog.problems[0].advice
    with pytest.raises(BoardUnknown):
        catalog.device_type("acme-forgotten")


def test_a_row_of_another_plugin_is_left_out(hal_tree: Tree, acme: Root, site: Site) -> None:
    """A table claims a slug that another plugin announces: the announcement decides, and the claim is news."""
    other = document(hal_tree(PI_5), site.catalog())
    site.install("hal_acme", rows("acme-gateway", PI_5), *ANNOUNCED)
    catalog = site.catalog()
    assert [row.slug for row in catalog.table("hal_acme")] == ["acme-gateway"]
    assert told(catalog, "hal_acme") == [f"claims the device type '{PI_5}', which belongs to hal_raspberrypi"]
    assert "uninstall" in catalog.problems[0].advice
    assert catalog.device_type(PI_5)[0] == "hal_raspberrypi"
    assert document(hal_tree(PI_5), site.catalog()) == other


def test_an_alias_of_another_plugin_changes_nothing(acme: Root, hal_tree: Tree, site: Site) -> None:
    site.install("hal_acme", rows("acme-gateway", more=f"aliases=({PI_5!r}, 'acme')"), *ANNOUNCED)
    catalog = site.catalog()
    assert catalog.device_type(PI_5)[0] == "hal_raspberrypi"
    assert Device.open(hal_tree(PI_5), catalog=catalog).identity.plugin == "hal_raspberrypi"
    with pytest.raises(BoardUnknown):
        catalog.device_type("acme")


def test_a_duplicate_row_is_named(acme: Root, site: Site) -> None:
    site.install("hal_acme", rows("acme-gateway", "acme-gateway"), *ANNOUNCED)
    catalog = site.catalog()
    assert Device.open(acme, catalog=catalog).device_type.slug == "acme-gateway"
    assert len(catalog.table("hal_acme")) == 1
    (message,) = told(catalog, "hal_acme")
    assert "acme-gateway" in message


def test_a_missing_row_is_named(acme: Root, site: Site) -> None:
    site.install("hal_acme", rows("acme-two"), *ANNOUNCED, "slug:acme-two")
    with pytest.raises(PluginFault, match="its table lacks the row"):
        Device.open(acme, catalog=site.catalog())


@pytest.mark.parametrize(
    "more",
    [
        "boards=Board(name='no tuple')",
        "boards=('text',)",
        "boards=None",
        "boards=(Board(name='x', compatible=None),)",
        "boards=(Board(name='x', models=None, compatible=('acme,gateway',)),)",
        "boards=(Board(name='x', compatible=('acme,other',), models=(None,)), Board(name='x', dmi=3))",
    ],
)
def test_a_row_with_a_mistake_in_it_stops_no_other_board(more: str, site: Site, evidence: Callable[..., Root]) -> None:
    """A forgotten comma makes `boards` a board; an unknown board is compared with every row there is."""
    expected: dict[str, tuple[type[HalError], str]] = {}
    trees = {
        "unknown": evidence(compatible=("acme,gateway", "acme,soc"), model="Acme", dmi="dmi:x"),
        "misspelt": evidence(config="raspberypi5", compatible=("raspberrypi,5-model-b",)),
    }
    for name, tree in trees.items():
        with pytest.raises(BoardUnknown) as error:
            Device.open(tree, catalog=site.catalog())
        expected[name] = type(error.value), error.value.message
    site.install("hal_acme", rows("acme-gateway", more=more), *ANNOUNCED)
    for tree in trees.values():
        with pytest.raises(BoardUnknown):
            Device.open(tree, catalog=site.catalog())


def test_two_plugins_that_announce_one_slug_are_both_named(acme: Root, hal_tree: Tree, site: Site) -> None:
    other = document(hal_tree(PI_5), site.catalog())
    site.install("hal_acme", rows("acme-gateway", "acme-only"), *ANNOUNCED, "slug:acme-only")
    site.install("hal_rival", rows("acme-gateway", "rival-only"), "slug:acme-gateway", "slug:rival-only")
    catalog = site.catalog()
    with pytest.raises(BoardAmbiguous, match="acme-gateway") as error:
        Device.open(acme, catalog=catalog)
    assert all(name in error.value.message for name in ("hal_acme", "hal_rival", "uninstalled"))
    (problem,) = catalog.conflicts()
    assert problem.plugin == "hal_acme and hal_rival"
    assert "'acme-gateway'" in problem.message
    assert problem.advice == "uninstall one of hal_acme, hal_rival"
    assert [catalog.device_type(slug)[0] for slug in ("acme-only", "rival-only")] == ["hal_acme", "hal_rival"]
    assert document(hal_tree(PI_5), site.catalog()) == other


def test_a_plugin_that_two_packages_bring_is_no_conflict(acme: Root, site: Site) -> None:
    site.install("hal_acme", TABLE, *ANNOUNCED)
    site.announce("hal-acme-copy", {"slug:acme-gateway": "hal_acme"})
    catalog = site.catalog()
    assert catalog.conflicts() == ()
    assert Device.open(acme, catalog=catalog).identity.plugin == "hal_acme"
