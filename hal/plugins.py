"""Loads the plugins of one board, and asks each on its own, so that a broken one is named and left out.

`Catalog` is what is installed: it finds plugins through the index and imports one only when asked for it. `Scope` is
what one open device may ask: the owner of its device type, then the add-ons that match. There is no module-level
plugin manager, and no hook call that reaches another board's plugin.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeVar, cast

import pluggy

from hal import hookspecs
from hal.errors import BoardAmbiguous, BoardUnknown, PluginFault
from hal.index import Index
from hal.model import (
    DeviceType,
    HealthCheck,
    ImagePart,
    ModemModel,
    Problem,
    RtcClock,
    Unsupported,
    UpdateStep,
    WifiFirmware,
)
from hal.protocols import BootConfig, Bootloader, Fan, Power, Splash

T = TypeVar("T")

FIRST: dict[str, type] = {
    "hal_bootloader": Bootloader,
    "hal_fan": Fan,
    "hal_power": Power,
    "hal_splash": Splash,
}
"""Hooks whose first answer counts, and what it must be; each may also answer `Unsupported`."""

ALL: dict[str, type] = {
    "hal_device_types": DeviceType,
    "hal_boot_config": BootConfig,
    "hal_rtc": RtcClock,
    "hal_modems": ModemModel,
    "hal_wifi_firmware": WifiFirmware,
    "hal_health_checks": HealthCheck,
    "hal_update_steps": UpdateStep,
    "hal_image": ImagePart,
}
"""Hooks whose answers are joined, and the type of each item of the tuple they answer."""


class Catalog:
    """The installed plugins. `problems` collects what is wrong with any of them; it grows as plugins are loaded."""

    def __init__(self, index: Index | None = None) -> None:
        self.index = Index.installed() if index is None else index
        self.problems: list[Problem] = []
        self._modules: dict[str, ModuleType | None] = {}
        self._tables: dict[str, tuple[DeviceType, ...]] = {}

    def owner(self, name: str) -> str:
        """The plugin that owns a slug or alias. Raises `BoardUnknown` or, where two claim it, `BoardAmbiguous`."""
        owners = self.index.owners(name)
        modules = sorted({owner.module for owner in owners})
        if not owners:
            close = difflib.get_close_matches(name, self.index.slugs(), n=3)
            raise BoardUnknown(
                f"device type {name!r}: no installed plugin owns it; "
                + (f"the closest known are {', '.join(close)}" if close else "nothing known is spelled like it")
            )
        if len(modules) > 1:
            where = " and ".join(f"{owner.module} (package {owner.distribution})" for owner in owners)
            raise BoardAmbiguous(
                f"device type {name!r} is claimed by {where}; neither is used until one is uninstalled", slugs=(name,)
            )
        return modules[0]

    def device_type(self, name: str) -> tuple[str, DeviceType]:
        """The owner and the row of a slug or alias. Raises `BoardUnknown`, or `PluginFault` for a broken owner."""
        module = self.owner(name)
        for row in self.table(module):
            if name in row.names():
                return module, row
        reasons = "; ".join(problem.message for problem in self.problems if problem.plugin == module)
        raise PluginFault(
            f"plugin {module} owns the device type {name!r} but cannot be used: {reasons or 'its table lacks the row'}",
            path=module,
        )

    def table(self, module: str) -> tuple[DeviceType, ...]:
        """The rows a plugin owns; what is broken or belongs to another is left out, with a problem noted."""
        if module not in self._tables:
            scope = Scope(self, (module,))
            rows = scope.joined("hal_device_types", DeviceType)
            self._tables[module] = tuple(row for row in rows if self._owned(module, row))
        return self._tables[module]

    def _owned(self, module: str, row: DeviceType) -> bool:
        owners = {owner.module for owner in self.index.owners(row.slug)}
        if owners == {module}:
            return True
        if not owners:
            self.report(
                module,
                f"its table has the device type {row.slug!r}, which it does not announce",
                f'add "slug:{row.slug}" = "{module}" to [project.entry-points.hal] and install it again',
            )
        else:
            others = ", ".join(sorted(owners - {module}))
            self.report(
                module,
                f"claims the device type {row.slug!r}, which belongs to {others}",
                f"uninstall either {module} or {others}, or rename the device type",
            )
        return False

    def conflicts(self) -> tuple[Problem, ...]:
        """Slugs that two plugins announce, for the whole installation, without importing any."""
        return tuple(
            Problem(
                plugin=" and ".join(sorted({a.module for a in owners})),
                message=f"both claim the device type {slug!r}; neither is used for it",
                advice=f"uninstall one of {', '.join(sorted({a.distribution for a in owners}))}",
            )
            for slug, owners in sorted(self.index.slugs().items())
            if len({a.module for a in owners}) > 1
        )

    def load(self, module: str) -> ModuleType | None:
        """Import a plugin once; `None`, with a problem noted, where it does not import."""
        if module not in self._modules:
            from importlib import import_module

            self._modules[module] = self.guard(
                module,
                lambda: import_module(module),
                "cannot be imported",
                "install it again, or uninstall it",
            )
        return self._modules[module]

    def guard(self, module: str, action: Callable[[], T], what: str, advice: str) -> T | None:
        """Run a plugin's code; whatever it raises becomes a problem with its name on it."""
        try:
            return action()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything, and must not take others along
            self.report(module, f"{what}: {type(error).__name__}: {error}", advice)
            return None

    def report(self, module: str, message: str, advice: str) -> None:
        """Note a problem, once."""
        problem = Problem(plugin=module, message=message, advice=advice)
        if problem not in self.problems:
            self.problems.append(problem)


class Scope:
    """The plugins that one open device asks: its owner first, then add-ons by name."""

    def __init__(self, catalog: Catalog, modules: Iterable[str]) -> None:
        self.catalog = catalog
        self._manager = pluggy.PluginManager("hal")
        self._manager.add_hookspecs(hookspecs)
        self.modules = tuple(module for module in modules if self._register(module))

    def _register(self, module: str) -> bool:
        plugin = self.catalog.load(module)
        if plugin is None:
            return False
        try:
            self._manager.register(plugin, name=module)
        except (pluggy.PluginValidationError, ValueError) as error:
            self._manager.unregister(name=module)
            self.catalog.report(
                module, str(error).strip().splitlines()[-1].strip(), "see `hal.hookspecs` for each hook"
            )
            return False
        for caller in self._manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                close = difflib.get_close_matches(caller.name, [*FIRST, *ALL], n=1)
                self.catalog.report(
                    module,
                    f"declares the hook {caller.name!r}, which does not exist",
                    f"did you mean {close[0]}?" if close else "see `hal.hookspecs` for the hooks there are",
                )
        return True

    def _ask(self, module: str, hook: str, arguments: dict[str, Any]) -> Any:
        """One plugin's answer to one hook, alone."""
        others = [self._manager.get_plugin(other) for other in self.modules if other != module]
        caller = self._manager.subset_hook_caller(hook, others)
        return self.catalog.guard(
            module, lambda: caller(**arguments), f"raised in {hook}", f"{hook} is left out; report this to its author"
        )

    def first(self, hook: str, kind: type[T], /, **arguments: Any) -> T | Unsupported | None:
        """The first answer of the declared type; an answer of another type is noted and passed over."""
        for module in self.modules:
            answer = self._ask(module, hook, arguments)
            if answer is None:
                continue
            if isinstance(answer, Unsupported):
                return answer
            if self._is(module, hook, kind, answer):
                return cast(T, answer)
            self._nonsense(module, hook, kind, answer)
        return None

    def joined(self, hook: str, kind: type[T], /, **arguments: Any) -> tuple[T, ...]:
        """All answers joined; what is not of the declared type is noted and left out."""
        found: list[T] = []
        for module in self.modules:
            for answer in self._ask(module, hook, arguments) or ():
                if not isinstance(answer, tuple | list):
                    self._nonsense(module, hook, kind, answer)
                    continue
                for item in answer:
                    if isinstance(item, kind):
                        found.append(item)
                    else:
                        self._nonsense(module, hook, kind, item)
        return tuple(found)

    def _is(self, module: str, hook: str, kind: type, answer: object) -> bool:
        """Whether the answer is of the declared type; looking at its properties runs the plugin's code."""
        check = self.catalog.guard(
            module, lambda: isinstance(answer, kind), f"{hook}: its answer", "report this to its author"
        )
        return bool(check)

    def _nonsense(self, module: str, hook: str, kind: type, answer: object) -> None:
        expected = kind.__name__ if hook in FIRST else f"a tuple of {kind.__name__}"
        self.catalog.report(
            module,
            f"answered {hook} with {type(answer).__name__} instead of {expected}",
            f"{hook} is left out; report this to its author",
        )
