"""The hook specifications: exactly twelve, in the form that pluggy passes on, and in step with how they are asked."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable

import pluggy
import pytest

from hal import hookspecs, model, protocols
from hal.hookspecs import hookimpl
from hal.model import Build, DeviceType, Unsupported
from hal.plugins import ALL, FIRST
from hal.root import Root

HOOKS: dict[str, tuple[str, ...]] = {
    "hal_device_types": (),
    "hal_bootloader": ("device_type", "root"),
    "hal_boot_config": ("device_type", "root"),
    "hal_fan": ("device_type", "root"),
    "hal_power": ("device_type", "root"),
    "hal_rtc": ("device_type", "root"),
    "hal_splash": ("device_type", "root"),
    "hal_modems": ("device_type",),
    "hal_modem_power": ("device_type", "root"),
    "hal_wifi_firmware": ("device_type",),
    "hal_health_checks": ("device_type", "root"),
    "hal_update_steps": ("device_type", "root"),
    "hal_image": ("device_type", "build"),
}
"""DESIGN section 4: every hook, with its parameters."""

NAMES = {**model.names(), **vars(protocols), "Root": Root}
PARAMETERS = {"device_type": DeviceType, "root": Root, "build": Build}


def spec(hook: str) -> Callable[..., object]:
    found = getattr(hookspecs, hook)
    assert callable(found)
    return typing.cast(Callable[..., object], found)


def hints(hook: str) -> dict[str, object]:
    """The annotations as types; the manual imports them for readers only."""
    names = {**model.names(), **vars(protocols), "Root": Root}
    return typing.get_type_hints(spec(hook), localns=names)


def options(hook: str) -> dict[str, object]:
    return typing.cast(dict[str, object], getattr(spec(hook), "hal_spec", {}))


def test_exactly_the_thirteen_hooks() -> None:
    marked = {name for name, value in vars(hookspecs).items() if hasattr(value, "hal_spec")}
    named = {name for name in vars(hookspecs) if name.startswith("hal_")}
    assert marked == named == set(HOOKS)
    assert len(HOOKS) == 13


def test_every_hook_is_asked_in_one_way() -> None:
    assert FIRST.keys() | ALL.keys() == HOOKS.keys()
    assert FIRST.keys().isdisjoint(ALL)


@pytest.mark.parametrize("hook", HOOKS)
def test_parameters_are_plain(hook: str) -> None:
    """pluggy passes positional names and ignores keyword-only ones; a default would hide a missing argument."""
    parameters = inspect.signature(spec(hook)).parameters
    assert tuple(parameters) == HOOKS[hook]
    for parameter in parameters.values():
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert parameter.default is inspect.Parameter.empty
    hints = typing.get_type_hints(spec(hook), localns=NAMES)
    assert {name: hints[name] for name in HOOKS[hook]} == {name: PARAMETERS[name] for name in HOOKS[hook]}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_declared_answer_is_the_one_that_is_checked(hook: str) -> None:
    answer = typing.get_type_hints(spec(hook), localns=NAMES)["return"]
    if hook in FIRST:
        assert options(hook)["firstresult"] is True
        assert typing.get_origin(answer) in (types.UnionType, typing.Union)
        assert set(typing.get_args(answer)) == {FIRST[hook], Unsupported, types.NoneType}
    else:
        assert options(hook)["firstresult"] is False
        assert typing.get_origin(answer) is tuple
        assert typing.get_args(answer) == (ALL[hook], Ellipsis)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_manual_says_what_a_hook_is(hook: str) -> None:
    text = inspect.getdoc(spec(hook)) or ""
    assert len(text.splitlines()[0]) > 20
    if hook in FIRST:
        assert "first answer that is not `None` counts" in text
    elif hook != "hal_device_types":
        assert "answers are joined" in text


@pytest.mark.parametrize("hook", HOOKS)
def test_a_specification_is_never_called(hook: str) -> None:
    with pytest.raises(AssertionError, match="never called"):
        spec(hook)(*HOOKS[hook])


@pytest.mark.parametrize("hook", HOOKS)
def test_nothing_but_the_two_kinds_is_used(hook: str) -> None:
    assert options(hook)["historic"] is False
    assert options(hook)["warn_on_impl"] is None


def test_pluggy_takes_them_and_an_implementation_of_each() -> None:
    """A plugin that names every parameter of every hook, and one that names none, both register without complaint."""
    for wanted in (True, False):
        source = "".join(
            f"@hookimpl\ndef {hook}({', '.join(names if wanted else ())}): return None\n"
            for hook, names in HOOKS.items()
        )
        plugin = types.ModuleType("hal_all")
        exec(source, {"hookimpl": hookimpl}, plugin.__dict__)
        plugins = pluggy.PluginManager("hal")
        plugins.add_hookspecs(hookspecs)
        plugins.register(plugin)
        plugins.check_pending()
        callers = plugins.get_hookcallers(plugin) or []
        assert {caller.name for caller in callers} == set(HOOKS)


def test_the_public_marker_is_the_one_of_the_specifications() -> None:
    import hal

    assert hal.hookimpl is hookimpl
    assert hookimpl.project_name == hookspecs.hookspec.project_name == "hal"
