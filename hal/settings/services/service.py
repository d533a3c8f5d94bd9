"""A service of the OS that obeys keys of config.json, as a row; and the one way to bring any of them up to date.

First a mark is left, then the places are written, then the service is made to read them, and the mark is taken away.
So what is interrupted in between is seen by the next look, whatever stands in the files. The mark is in
`run/hal/unread`, because after a reboot every service has read its files; what no boot makes up for has its mark on
the state partition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from hal.errors import HalError, NotApplied
from hal.model import Change, Cost, Outcome, SetResult
from hal.record import Record
from hal.root import Root
from hal.settings.services.places import Place

MARKS = "run/hal/unread"
KEPT_MARKS = "mnt/state/hal-unread"
SECONDS = 90.0
"""How long a service may take to stop and start; systemd's own limit for one that sets none. The engine sets none."""
RUNNING = ("active", "activating", "reloading")


@frozen(kw_only=True, repr=False, eq=False)
class Asked(Record):
    """What config.json asks of a service: the sound values by path, and the paths of those that were refused."""

    values: Mapping[str, object]
    wrong: frozenset[str] = frozenset()

    def is_wrong(self, key: str) -> bool:
        """Whether a key's value, or what stands in the place of the object it is in, was refused as a whole."""
        return any(key == path or key.startswith(f"{path}.") for path in self.wrong)


@frozen(kw_only=True, repr=False, eq=False)
class TakeUp(Record):
    """A command that makes a service read its files; with `active`, only while that unit runs."""

    argv: tuple[str, ...]
    active: str = ""


def restart(unit: str, *, wait: bool = True) -> TakeUp:
    """Restart a unit that runs. One that may take for ever to stop and start, as the engine, is not waited for."""
    how = () if wait else ("--no-block",)
    return TakeUp(argv=("systemctl", *how, "restart", unit), active=unit)


Found = Mapping[Place, bytes | None]
Wanted = Mapping[Place, bytes | None]


@frozen(kw_only=True, repr=False, eq=False)
class Service(Record):
    """One service. `path` is what the plan calls it, `keys` what it obeys, `units` what a change restarts or reloads.

    `wanted` says what shall stand where, given what is asked and what is found; `None` where nothing can be said, and
    everything is left. `places` are those that may hold something of it, `words` tells a content in short.
    """

    path: str
    keys: tuple[str, ...]
    places: Callable[[Root], tuple[Place, ...]]
    wanted: Callable[[Asked, Found], Wanted | None]
    words: Callable[[Found], str]
    absence: Callable[[Root], str | None]
    take_up: tuple[TakeUp, ...] = ()
    units: tuple[str, ...] = ()
    cost: Cost = Cost.SERVICE_RESTART
    waits: Callable[[Wanted], bool] = lambda wanted: False
    """Whether what is wanted comes only with the next boot: then nothing takes it up before."""
    outlives_boot: bool = False
    """Whether what takes it up is done by no boot."""
    where: str = ""
    """The files, for people."""


def needs(program: str, what: str) -> Callable[[Root], str | None]:
    """Absence of a service whose program is not in the OS."""
    return lambda root: None if root.which(program) else f"this OS has no {what} (no program {program})"


@frozen(repr=False, eq=False)
class ServiceSetting(Record):
    """A service on a device, as a setting whose value is `Asked`."""

    service: Service
    root: Root = field(repr=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """None: what stands in the places is replaced whatever it is."""
        return ()

    @property
    def writes(self) -> tuple[str, ...]:
        """The places that are there now, and the mark."""
        return (*(place.name for place in self.service.places(self.root)), self._mark)

    def preview(self, asked: Asked) -> Change | None:
        """What differs from what is asked; nothing while this OS lacks the service."""
        if self.service.absence(self.root) is not None:
            return None
        found, wanted = self._look(asked)
        if wanted is None:
            return None
        before, after = self.service.words(found), self.service.words({**found, **wanted})
        units = ", ".join(self.service.units)
        waits = self.service.waits(wanted)
        cost, note = (Cost.REBOOT, "") if waits else (self.service.cost, units)
        if self._differing(found, wanted):
            after += ", changed" if before == after else ""
            return Change(previous=before, value=after, cost=cost, note=note)
        if self.root.exists(self._mark):
            return Change(previous=f"{before}, not read yet", value=after, cost=cost, note=note)
        return None

    def set(self, asked: Asked) -> SetResult:
        """Write what differs, and make the service read it. Raises `HalError`; the next `set` then goes on."""
        change = self.preview(asked)
        found, wanted = self._look(asked)
        if change is None or wanted is None:
            words = self.service.words(found)
            return SetResult(previous=words, value=words, outcome=Outcome.UNCHANGED, cost=Cost.NONE)
        self.root.make_folder(self._mark.rpartition("/")[0])
        if not self.root.exists(self._mark):
            self.root.replace(self._mark, b"")
        for place in self._differing(found, wanted):
            place.write(self.root, wanted[place])
            if not place.same(place.read(self.root), wanted[place]):
                raise NotApplied(f"{place.name}: reads back different from what was written", path=place.name)
        if not self.service.waits(wanted):
            for each in self.service.take_up:
                self._run(each)
        self.root.remove(self._mark)
        waits = change.cost is Cost.REBOOT
        return SetResult(
            previous=change.previous,
            value=change.value,
            outcome=Outcome.ACCEPTED if waits else Outcome.APPLIED,
            cost=change.cost,
            note="in force after the next boot" if waits else change.note,
        )

    # -- inside --------------------------------------------------------------------------------------------------

    @property
    def _mark(self) -> str:
        kept = self.service.outlives_boot and self.root.is_dir("mnt/state")
        return f"{KEPT_MARKS if kept else MARKS}/{self.service.path}"

    def _look(self, asked: Asked) -> tuple[dict[Place, bytes | None], Wanted | None]:
        """What stands in the places, and what shall; a place that nothing is wanted for may not even be read."""
        found = {place: place.read(self.root) for place in self.service.places(self.root)}
        wanted = self.service.wanted(asked, found)
        for place in wanted or ():
            if place not in found:
                found[place] = place.read(self.root)
        return found, wanted

    @staticmethod
    def _differing(found: Found, wanted: Wanted) -> tuple[Place, ...]:
        return tuple(place for place, data in wanted.items() if not place.same(found.get(place), data))

    def _run(self, step: TakeUp) -> None:
        """Where this fails the mark stays, so the next `set` tries again."""
        try:
            if step.active:
                told = self.root.run(["systemctl", "is-active", step.active], timeout_seconds=SECONDS, check=False)
                if told.stdout.strip() not in RUNNING:
                    return
            self.root.run(list(step.argv), timeout_seconds=SECONDS)
        except HalError as error:
            raise NotApplied(
                f"{self.service.path}: written, but not read by the service yet: {error.message}",
                path=self.service.path,
            ) from error
