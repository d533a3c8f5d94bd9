"""Loads the plugins of one board, and asks each on its own, so that a broken one is named and left out.

`Catalog` is what is installed: it finds plugins through the index and imports one only when asked for it. `Scope` is
what one open device may ask: the owner of its device type, then the add-ons that match. There is no module-level
plugin manager, and no hook call that reaches another board's plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

import pluggy

from hal import hookspecs
from hal.errors import BoardAmbiguous, BoardUnknown, PluginFault
from hal.index import Index
from hal.model import DeviceType, Problem, Unsupported
from hal.protocols import Bootloader, Fan, Power, Splash

T = TypeVar("T")
_REPORT = "report this to its author"


class _Declared(Mapping[str, type]):
    """The type each hook declares, loaded when an answer is compared with it."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def __getitem__(self, hook: str) -> type:
        module, _, name = self._names[hook].partition(":")
        found = getattr(import_module(module), name)
        assert isinstance(found, type)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


FIRST: dict[str, type] = {
    "hal_bootloader": Bootloader,
    "hal_fan": Fan,
    "hal_power": Power,
    "hal_splash": Splash,
}
"""Hooks whose first answer counts, and what it must be; each may also answer `Unsupported`."""

ALL: Mapping[str, type] = _Declared(
    {
        "hal_device_types": "hal.model:DeviceType",
        "hal_boot_config": "hal.protocols:BootConfig",
        "hal_rtc": "hal.protocols:Rtc",
        "hal_modems": "hal.model:ModemModel",
        "hal_modem_power": "hal.model:ModemPowerLine",
        "hal_wifi_firmware": "hal.model:WifiFirmware",
        "hal_health_checks": "hal.model:HealthCheck",
        "hal_update_steps": "hal.model:UpdateStep",
        "hal_image": "hal.model:ImagePart",
    }
)
"""Hooks whose answers are joined, and the type of each item of the tuple they answer."""


class Catalog:
    """The installed plugins. `problems` collects what is wrong with any of them; it grows as plugins are loaded."""

    def __init__(self, index: Index | None = None) -> None:
        self.index = Index.installed() if index is None else index
        self.problems: list[Problem] = []
        self._host = pluggy.PluginManager("hal")
        self._host.add_hookspecs(hookspecs)
        self._modules: dict[str, ModuleType | None] = {}
        self._tables: dict[str, tuple[DeviceType, ...]] = {}

    def owner(self, name: str) -> str:
        """The plugin that owns a slug or alias. Raises `BoardUnknown` or, where two claim it, `BoardAmbiguous`."""
        owners = self.index.owners(name)
        modules = sorted({owner.module for owner in owners})
        if not owners:
            from difflib import get_close_matches

            close = get_close_matches(name, self.index.slugs(), n=3)
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
            owned: dict[str, DeviceType] = {}
            for row in scope.joined("hal_device_types", DeviceType):
                if row.slug in owned:
                    self.report(module, f"its table has the device type {row.slug!r} twice", "remove one of the rows")
                elif self._owned(module, row):
                    owned[row.slug] = row
            self._tables[module] = tuple(owned.values())
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
        """Import and register a plugin once; `None`, with a problem noted, where it cannot be used."""
        if module not in self._modules:
            plugin = self.guard(
                module,
                lambda: import_module(module),
                "cannot be imported",
                "install it again, or uninstall it",
            )
            self._modules[module] = plugin if plugin is not None and self._register(module, plugin) else None
        return self._modules[module]

    def _register(self, module: str, plugin: ModuleType) -> bool:
        try:
            self._host.register(plugin, name=module)
        except (pluggy.PluginValidationError, ValueError) as error:
            self._host.unregister(name=module)
            self.report(module, str(error).strip().splitlines()[-1].strip(), "see `hal.hookspecs` for each hook")
            return False
        for caller in self._host.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                from difflib import get_close_matches

                close = get_close_matches(caller.name, [*FIRST, *ALL], n=1)
                self.report(
                    module,
                    f"declares the hook {caller.name!r}, which does not exist",
                    f"did you mean {close[0]}?" if close else "see `hal.hookspecs` for the hooks there are",
                )
        return True

    def ask(self, module: str, hook: str, arguments: dict[str, Any]) -> Any:
        """One loaded plugin's answer to one hook, alone; `None` where it raises, with a problem noted."""
        others = [plugin for name, plugin in self._host.list_name_plugin() if name != module]
        caller = self._host.subset_hook_caller(hook, others)
        return self.guard(module, lambda: caller(**arguments), f"raised in {hook}", f"{hook} is left out; {_REPORT}")

    def guard(self, module: str, action: Callable[[], T], what: str, advice: str) -> T | None:
        """Run a plugin's code; whatever it raises becomes a problem with its name on it."""
        try:
            return action()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, and must not take others along
            try:
                words = str(error)
            except Exception:  # noqa: BLE001 - even that is the plugin's code
                words = "an error that cannot be put in words"
            self.report(module, f"{what}: {type(error).__name__}: {words}", advice)
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
        self.modules = tuple(module for module in modules if catalog.load(module) is not None)

    def first(self, hook: str, kind: type[T], /, **arguments: Any) -> T | Unsupported | None:
        """The first answer of the declared type; an answer of another type is noted and passed over."""
        for module in self.modules:
            answer = self.catalog.ask(module, hook, arguments)
            if answer is None:
                continue
            if self._is(module, hook, (Unsupported, kind), answer) and self._tells_files(module, hook, answer):
                return cast("T | Unsupported", answer)
            self._nonsense(module, hook, answer)
        return None

    def joined(self, hook: str, kind: type[T] | None = None, /, **arguments: Any) -> tuple[T, ...]:
        """All answers joined; what is not of `kind`, by default the declared type, is noted and left out."""
        return tuple(item for told in self.each(hook, kind, **arguments).values() for item in told)

    def each(self, hook: str, kind: type[T] | None = None, /, **arguments: Any) -> dict[str, tuple[T, ...]]:
        """The answers by the plugin that gave them, the owner's first."""
        answers: dict[str, tuple[T, ...]] = {}
        for module in self.modules:
            found: list[T] = []
            for answer in self._items(module, hook, self.catalog.ask(module, hook, arguments)):
                for item in self._items(module, hook, answer):
                    if self._is(module, hook, (kind or ALL[hook],), item):
                        found.append(cast(T, item))
                    else:
                        self._nonsense(module, hook, item)
            answers[module] = tuple(found)
        return answers

    def _items(self, module: str, hook: str, answer: object) -> tuple[object, ...]:
        """The items of a tuple or list that a plugin answered; none, with a problem noted, of anything else."""
        if answer is None:
            return ()
        if self._is(module, hook, (tuple, list), answer):
            listed = cast("Iterable[object]", answer)
            return self.catalog.guard(module, lambda: tuple(listed), f"{hook}: its answer", _REPORT) or ()
        self._nonsense(module, hook, answer)
        return ()

    def _tells_files(self, module: str, hook: str, answer: Any) -> bool:
        """Whether a capability's `reads` and `writes` are tuples of names."""
        if isinstance(answer, Unsupported):
            return True
        told = self.catalog.guard(module, lambda: (answer.reads, answer.writes), f"{hook}: its files", _REPORT) or ()
        sound = all(isinstance(files, tuple) and all(isinstance(name, str) for name in files) for files in told)
        if not sound:
            self.catalog.report(module, f"{hook}: its reads or writes are not tuples of file names", _REPORT)
        return bool(told) and sound

    def _is(self, module: str, hook: str, kinds: tuple[type, ...], answer: object) -> bool:
        """Whether the answer is an object of a declared type; looking at it runs the plugin's code."""

        def look() -> bool:
            return not isinstance(answer, type) and isinstance(answer, kinds)

        return bool(self.catalog.guard(module, look, f"{hook}: its answer", _REPORT))

    def _nonsense(self, module: str, hook: str, answer: object) -> None:
        expected = FIRST[hook].__name__ if hook in FIRST else f"a tuple of {ALL[hook].__name__}"
        self.catalog.report(
            module,
            f"answered {hook} with {type(answer).__name__} instead of {expected}",
            f"{hook} is left out; {_REPORT}",
        )
