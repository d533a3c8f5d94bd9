"""A fan that the kernel regulates by a device tree whose parameters stand in config.txt.

A profile is a set of parameters. They are written through the config.txt back end and count from the next boot on; the
profile `default` is that none of them is there. Parameters that are no profile are somebody's own: they are shown as
`custom`, and stay until a profile is chosen; a config.json that asks for nothing leaves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from attrs import frozen

from hal.backends import hwmon
from hal.backends.boot_config import variables
from hal.backends.boot_config.config_txt import ConfigTxt
from hal.errors import HalError, ValueRefused
from hal.model import Change, Cost, FanProfile, FanState, Outcome, SetResult
from hal.record import Record
from hal.root import Root

SETTING = "os.fan.profile"
DEFAULT, CUSTOM = "default", "custom"
ZONE = "cpu-thermal"
_NOTE = "in force after the next boot"


@frozen(kw_only=True, repr=False, eq=False)
class Profile(Record):
    """A set of parameters, what it does in words, and the temperatures in m°C at which the fan then changes."""

    name: str
    summary: str
    parameters: Mapping[str, str]
    trips: tuple[int, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class Wired(Record):
    """One way a fan is connected.

    `parameters` are all that belong to it, `overlays` those overlays whose parameters they are: none means the base
    device tree. `adds` is the overlay, with what makes it this board's, that a profile adds where it is missing.
    `names` are what hwmon calls the fan. `needs` is how a running device shows that the fan is there: `hwmon`, that its
    driver found it, `overlay`, that config.txt names it, `board`, that the board carries it.
    """

    what: str
    parameters: tuple[str, ...]
    profiles: tuple[Profile, ...]
    default: Profile
    names: tuple[str, ...]
    needs: str
    overlays: tuple[str, ...] = ()
    adds: str | None = None
    hat: str | None = None
    """A word in the product name of a HAT that brings its overlay itself; its parameters then are the base's."""


class _Decision(NamedTuple):
    previous: str
    value: str
    key: str
    text: str | None


class FirmwareFan:
    """The `Fan` of a board with config.txt. Every method may raise `HalError`."""

    reads: tuple[str, ...] = ()

    def __init__(self, root: Root, store: ConfigTxt, ways: tuple[Wired, ...]) -> None:
        self.root = root
        self._store = store
        self._ways = ways

    @property
    def writes(self) -> tuple[str, ...]:
        """config.txt."""
        return self._store.writes

    def absence(self) -> str | None:
        """Why no fan is known to be here."""
        if self._here() is not None:
            return None
        looked = [f"the kernel has found no {each.what}" for each in self._ways if each.needs == "hwmon"]
        *overlays, last = [name for each in self._ways if each.needs == "overlay" for name in each.overlays] or [""]
        if last:
            named = f"{', '.join(overlays)} or {last}" if overlays else last
            looked.append(f"config.txt names no overlay {named}")
        return "no fan is known to be here: " + "; ".join(looked)

    def profiles(self) -> tuple[FanProfile, ...]:
        """The profiles of the fan that is here, without any parameter first."""
        way = self._way()
        return tuple(
            FanProfile(name=each.name, summary=each.summary, default=each is way.default)
            for each in (way.default, *way.profiles)
        )

    def preview(self, wanted: str | None) -> Change | None:
        """What `set` would change in config.txt."""
        decision = self._decide(wanted)
        if not self._store.preview({decision.key: decision.text}):
            return None
        return Change(previous=decision.previous, value=decision.value, cost=Cost.REBOOT, note=_NOTE)

    def set(self, wanted: str | None) -> SetResult:
        """Write the parameters of a profile in place of those that are there."""
        decision = self._decide(wanted)
        done = self._store.set({decision.key: decision.text})
        return SetResult(
            previous=decision.previous,
            value=decision.value,
            outcome=done.outcome,
            cost=done.cost,
            note=_NOTE if done.outcome is not Outcome.UNCHANGED else "",
        )

    def state(self, *, live: bool = True) -> FanState:
        """What stands in config.txt; what the kernel's trip points show to be running, and what is measured."""
        way = self._way()
        configured = self._named(way)
        if not live:
            return FanState(configured=configured)
        running = self._running(way)
        if (configured, running) == (DEFAULT, CUSTOM):
            running = None  # trip points of a firmware, or of an overlay, whose own values are not known here
        readings = hwmon.fans(self.root, way.names, hwmon.temperature(self.root, ZONE))
        odd = hwmon.warnings(readings)
        if not readings and not (way.adds is not None and configured == DEFAULT):
            names = " or ".join(way.names)
            odd = (f"the kernel has found no fan ({names} in hwmon); after a change of config.txt it looks at boot",)
        return FanState(
            configured=configured,
            running=running,
            readings=readings,
            reboot_required=running not in (None, configured),
            reported=running is not None,
            warnings=odd,
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _here(self) -> Wired | None:
        """The first way that this device shows."""
        return next((way for way in self._ways if self._shows(way)), None)

    def _way(self) -> Wired:
        way = self._here()
        if way is None:
            raise HalError(f"fan: {self.absence()}", path="fan")
        return way

    def _shows(self, way: Wired) -> bool:
        if way.needs == "board":
            return True
        if way.needs == "hwmon":
            return any(True for _ in hwmon.devices(self.root, way.names))
        if self._place(way) is not None:
            return True
        return way.hat is not None and way.hat in (self.root.read_value("proc/device-tree/hat/product") or "").lower()

    def _elements(self, key: str) -> list[str]:
        """The values of a key that may stand several times, for every board."""
        found = [each.value for each in self._store.items() if each.key == key and not each.section]
        return [value for text in found for value in variables.elements(text, key=key)]

    def _place(self, way: Wired) -> int | None:
        """Which of the overlays in config.txt is this one's; the last counts."""
        named = [place for place, each in enumerate(self._elements("dtoverlay")) if _head(each) in way.overlays]
        return named[-1] if named else None

    def _own(self, way: Wired) -> dict[str, str]:
        """The parameters of this fan that config.txt has."""
        place = self._place(way)
        if way.overlays and place is not None:
            words = self._elements("dtoverlay")[place].split(",")[1:]
        elif way.overlays and way.hat is None:
            words = []
        else:
            words = self._elements("dtparam")
        return dict(_parameter(word) for word in words if _parameter(word)[0] in way.parameters)

    def _named(self, way: Wired) -> str:
        """The profile that stands in config.txt."""
        own = self._own(way)
        for each in way.profiles:
            if own == each.parameters:
                return each.name
        loaded = way.adds is not None and self._place(way) is not None
        return CUSTOM if own or loaded else DEFAULT

    def _running(self, way: Wired) -> str | None:
        """The profile whose temperatures are the kernel's active trip points; `None` where none can be read."""
        zone = hwmon.zone(self.root, ZONE)
        if zone is None or not any(each.trips for each in (way.default, *way.profiles)):
            return None
        trips = set()
        for name in self.root.glob(f"{zone}/trip_point_*_type"):
            if self.root.read_value(name) == "active":
                trips.add(hwmon.number(self.root, f"{name.removesuffix('type')}temp"))
        if not trips:  # nothing switches a fan, which is the default where a profile adds the overlay
            return DEFAULT if way.adds is not None else None
        named = (each.name for each in (way.default, *way.profiles) if each.trips and set(each.trips) == trips)
        return next(named, CUSTOM)

    def _decide(self, wanted: str | None) -> _Decision:
        """The text of the key of config.txt that holds this fan's parameters, afterwards."""
        way = self._way()
        before = self._named(way)
        profile = self._resolve(way, wanted, before)
        value = CUSTOM if profile is None else profile.name
        place = self._place(way)
        if way.overlays and (place is not None or way.hat is None):
            elements = list(self._elements("dtoverlay"))
            if profile is not None:
                elements = list(_overlays(elements, place, way, profile))
            return _Decision(before, value, "dtoverlay", _text(elements))
        elements = self._elements("dtparam")
        if profile is not None:
            elements = list(_parameters(elements, way, profile))
        return _Decision(before, value, "dtparam", _text(elements))

    def _resolve(self, way: Wired, wanted: str | None, before: str) -> Profile | None:
        """The profile that a word means; `None` where nobody asks for one and the values are somebody's own."""
        if wanted in (None, ""):
            return None if before == CUSTOM else way.default
        found = next((each for each in (way.default, *way.profiles) if each.name == wanted), None)
        if found is None:
            allowed = (DEFAULT, *(each.name for each in way.profiles))
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a fan profile here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return found


def _head(element: str) -> str:
    return element.partition(",")[0]


def _parameter(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _text(elements: list[str]) -> str | None:
    return variables.listed(elements) if elements else None


def _parameters(elements: list[str], way: Wired, profile: Profile) -> Iterator[str]:
    """Other parameters as they are; this fan's where the first of them stood, or at the end."""
    new = [f"{name}={value}" for name, value in profile.parameters.items()]
    for each in elements:
        if _parameter(each)[0] not in way.parameters:
            yield each
        elif new:
            yield from new
            new = []
    yield from new


def _overlays(elements: list[str], place: int | None, way: Wired, profile: Profile) -> Iterator[str]:
    """Other overlays as they are; this one's with other parameters, added or taken away."""
    new = [f"{name}={value}" for name, value in profile.parameters.items()]
    for number, each in enumerate(elements):
        if number != place:
            yield each
            continue
        kept = [word for word in each.split(",") if _parameter(word)[0] not in way.parameters]
        if not new and ",".join(kept) == way.adds:
            continue
        yield ",".join((*kept, *new))
    if place is None and way.adds is not None and new:
        yield ",".join((way.adds, *new))
