"""`Device`: the face that runtime services use. It has no board knowledge of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from hal.errors import CapabilityAbsent, HalError, PluginFault, ValueRefused
from hal.identify import CONFIG, Hardware, identify
from hal.json_file import read_object
from hal.modalias import peripherals
from hal.model import DeviceType, Identity, Problem, Unsupported
from hal.plugins import Catalog, Scope
from hal.protocols import Bootloader, Fan, MayBeAbsent, Power, Splash
from hal.root import Root

if TYPE_CHECKING:
    from hal.model import HealthCheck, ModemModel, ModemPowerLine, RollbackPolicy, UpdateStep, WifiFirmware
    from hal.peripherals.modem.job import Job, Progress
    from hal.peripherals.modem.known import Known
    from hal.peripherals.modem.ladder import Ladder
    from hal.peripherals.modem.match import Modem
    from hal.protocols import BootConfig, Rtc
    from hal.rollback.machine import Rollback
    from hal.settings.plan import Applied, Plan

T = TypeVar("T")

NOUNS = ("bootloader", "fan", "power", "splash")
"""Capabilities of which a board has one or none."""


class Device:
    """One device: what it is, and what it can do.

    A capability the board lacks is `None`, and `absent` says why. Everything is looked up when first asked for. Raises
    `HalError` only; a broken plugin is listed in `problems` and the rest works.
    """

    def __init__(self, root: Root, identity: Identity, catalog: Catalog) -> None:
        self.root = root
        self.identity = identity
        self._catalog = catalog
        self._scope = Scope(catalog, (identity.plugin, *_addons(root, identity, catalog)))
        self._absent: dict[str, str] = {}

    @classmethod
    def open(
        cls, root: Root | str | os.PathLike[str] = "/", *, board: str | None = None, catalog: Catalog | None = None
    ) -> Device:
        """Identify the device below `root` and open it; `board` overrides with a slug or alias.

        A long-running service passes the same `catalog` each time, so that plugins are found and imported once. Raises
        `BoardUnknown`, `BoardAmbiguous`, `PluginFault` or `FileFault`.
        """
        root = root if isinstance(root, Root) else Root(root)
        catalog = Catalog() if catalog is None else catalog
        return cls(root, identify(root, catalog, board), catalog)

    @property
    def device_type(self) -> DeviceType:
        """The row of this device type."""
        return self.identity.device_type

    @property
    def plugins(self) -> tuple[str, ...]:
        """Import names of the plugins in use: the owner, then add-ons."""
        return self._scope.modules

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with plugins, as far as they were asked."""
        return tuple(self._catalog.problems)

    # -- capabilities --------------------------------------------------------------------------------------------

    @cached_property
    def bootloader(self) -> Bootloader | None:
        """Slots, boot count, rollback."""
        return self._one("bootloader", Bootloader)

    @cached_property
    def fan(self) -> Fan | None:
        """Fan profiles."""
        return self._one("fan", Fan)

    @cached_property
    def power(self) -> Power | None:
        """Power modes."""
        return self._one("power", Power)

    @cached_property
    def splash(self) -> Splash | None:
        """The boot logo."""
        return self._one("splash", Splash)

    @cached_property
    def boot_config(self) -> tuple[BootConfig, ...]:
        """What the firmware reads before the kernel."""
        return self._all("hal_boot_config")

    @cached_property
    def clocks(self) -> tuple[Rtc, ...]:
        """Real-time clocks, best first: those that plugins name, there or not, then what else the kernel has."""
        from hal.backends.rtc import further

        named: tuple[Rtc, ...] = self._all("hal_rtc")
        return (*named, *further(self.root, named))

    @cached_property
    def modems(self) -> tuple[ModemModel, ...]:
        """Modem models that the add-ons present here describe."""
        return self._all("hal_modems")

    @cached_property
    def modem_power(self) -> tuple[ModemPowerLine, ...]:
        """Power lines of the board that feed a modem."""
        return self._all("hal_modem_power")

    def present_modems(self) -> tuple[Modem, ...]:
        """The modems that are plugged in now; looked at anew each time."""
        return self.look_for_modems()[0]

    def look_for_modems(self) -> tuple[tuple[Modem, ...], Known]:
        """The modems that are plugged in now, and what is known of the devices that are: where none is, little."""
        from hal.peripherals.modem.here import look

        return look(self.root, self._modem_models(every=False))

    def known_modems(self) -> Known:
        """Every modem model known on this device, with where it comes from, and files that could not be used."""
        from hal.peripherals.modem.known import know

        return know(self.root, self._modem_models(every=True))

    def modem_job(self, progress: Progress | None = None) -> Job:
        """What brings a modem into service, and into a mode."""
        from hal.peripherals.modem.here import job

        return job(self.root, self._modem_models(every=True), progress)

    def modem_ladder(self, progress: Progress | None = None) -> Ladder:
        """What recovers a modem that does not work."""
        from hal.peripherals.modem.here import ladder

        return ladder(self.root, self.modem_job(progress), self.modem_power)

    def _modem_models(self, *, every: bool) -> dict[str, tuple[ModemModel, ...]]:
        """The models by plugin: of the add-ons whose devices are present, or of every add-on.

        Of every one, too, where a file may change a model whose device is not there.
        """
        from hal.peripherals.modem.known import has_files

        scope = self._scope
        if every or has_files(self.root):
            modules = (self.identity.plugin, *self._catalog.index.addon_modules())
            scope = Scope(self._catalog, dict.fromkeys(modules))
        return scope.each("hal_modems", device_type=self.device_type, root=self.root)

    @cached_property
    def wifi_firmware(self) -> tuple[WifiFirmware, ...]:
        """WiFi adapters that the add-ons present here describe."""
        return self._all("hal_wifi_firmware")

    @cached_property
    def health_checks(self) -> tuple[HealthCheck, ...]:
        """Board checks of a new OS."""
        return self._all("hal_health_checks")

    @cached_property
    def update_steps(self) -> tuple[UpdateStep, ...]:
        """Board steps around an OS update."""
        return self._all("hal_update_steps")

    @property
    def absent(self) -> Mapping[str, str]:
        """Why each capability that is `None` is absent, by its name."""
        for noun in NOUNS:
            getattr(self, noun)
        return MappingProxyType(self._absent)

    def need(self, noun: str) -> Any:
        """The capability called `noun`. Raises `CapabilityAbsent` with the reason where this board lacks it."""
        if noun not in NOUNS:
            raise ValueRefused(f"{noun!r} is no capability; allowed are {', '.join(NOUNS)}", allowed=NOUNS)
        capability = getattr(self, noun)
        if capability is None:
            raise CapabilityAbsent(f"{self.device_type.slug} has no {noun}: {self._absent[noun]}", path=noun)
        return capability

    def _one(self, noun: str, kind: type[T]) -> T | None:
        answer = self._scope.first(f"hal_{noun}", kind, device_type=self.device_type, root=self.root)
        if isinstance(answer, Unsupported):
            self._absent[noun] = answer.reason
            return None
        if isinstance(answer, MayBeAbsent) and (reason := self._reason(answer)) is not None:
            self._absent[noun] = reason
            return None
        if answer is None:
            # The advice counts too: of a hook that is misspelled it names the one that was meant.
            about = [
                p
                for p in self._catalog.problems
                if p.plugin in self.plugins and f"hal_{noun}" in f"{p.message} {p.advice}"
            ]
            self._absent[noun] = (
                f"{about[0].plugin}: {about[0].message}"
                if about
                else f"{self.identity.plugin} offers none for this device type"
            )
        return answer

    def _reason(self, capability: MayBeAbsent) -> str | None:
        """Why a capability is not here after all; one that cannot even tell that is not here either."""
        from hal.ask import ask

        try:
            reason: str | None = ask(capability, "absence")
        except HalError as error:
            if isinstance(error, PluginFault):
                self._catalog.report(str(error.path), error.message, "report it to the plugin's author")
            return error.message
        return reason

    def _all(self, hook: str) -> tuple[Any, ...]:
        return self._scope.joined(hook, device_type=self.device_type, root=self.root)

    # -- updates -------------------------------------------------------------------------------------------------

    def rollback(self, policy: RollbackPolicy | None = None) -> Rollback:
        """The state machine around an update. Raises `CapabilityAbsent` where no bootloader is known."""
        from hal.rollback.deployment import boot_files_step
        from hal.rollback.machine import Rollback

        return Rollback(
            self.root,
            self.need("bootloader"),
            steps=(boot_files_step(self.root, self.update_steps), *self.update_steps),
            board_checks=self.health_checks,
            policy=policy,
        )

    # -- config.json ---------------------------------------------------------------------------------------------

    def read_config(self) -> dict[str, Any]:
        """This device's config.json. Raises `FileFault` or `Damaged`; the file is never changed."""
        return read_object(self.root, CONFIG)

    def plan(self, config: dict[str, Any] | None = None) -> Plan:
        """What a config.json would change here; by default the device's own.

        Where that one is no JSON it is refused, and its last good copy stands in; `Damaged` where there is none.
        """
        from hal.settings import own
        from hal.settings.plan import plan, refused_file

        damage, source = None, None
        if config is None:
            config, damage, source = own.read(self.root)
        found = plan(config, self.root, power=self.power, fan=self.fan, absent=dict(self.absent))
        refused = (refused_file(damage), *found.refused) if damage else found.refused
        return evolve(found, source=source, refused=refused)

    def apply(self, plan: Plan) -> tuple[Applied, ...]:
        """Make the changes of a plan; a config.json of the device's own is then kept as its last good copy."""
        from hal.settings import own
        from hal.settings.plan import Applied, apply

        done = apply(plan, self.root)
        if plan.source is not None:
            try:
                own.keep(self.root, plan.source)
            except HalError as error:
                done = (*done, Applied(path=own.KEPT, error=error))
        return done


def _addons(root: Root, identity: Identity, catalog: Catalog) -> tuple[str, ...]:
    """The add-ons whose modalias is present; only buses that some add-on names are looked at."""
    buses = catalog.index.buses()
    if not buses:
        return ()
    hardware = Hardware(compatible=identity.compatible, model=identity.model, dmi=identity.dmi)
    present = {*hardware.modaliases(), *peripherals(root, buses - {"of", "dmi"})}
    return catalog.index.matching(present, ("addon",))
