"""A mechanism on a device: the files that are there, and what a level comes to in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen

from hal.backends.power.mechanisms import DRIVER, MECHANISMS, POLICIES, Knob, Mechanism
from hal.model import PowerLevel
from hal.record import Record
from hal.root import Root


@frozen(kw_only=True, repr=False, eq=False)
class Place(Record):
    """One file, and the values of each level that it takes, best first. A level without any leaves it as it was."""

    file: str
    knob: Knob
    values: Mapping[PowerLevel, tuple[str, ...]]


@frozen(kw_only=True, repr=False, eq=False)
class Fitted(Record):
    """The mechanism of a device. `levels` are those of which every file has a value."""

    mechanism: Mechanism
    places: tuple[Place, ...]
    levels: tuple[PowerLevel, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, in the order of writing."""
        return tuple(place.file for place in self.places)

    def wanted(
        self, level: PowerLevel, now: Mapping[str, str], found: Mapping[str, str]
    ) -> tuple[tuple[str, str], ...]:
        """What a level makes of the files: a value that fits already is kept."""
        return tuple((place.file, self._value(place, level, now, found)) for place in self.places)

    def level(self, now: Mapping[str, str], found: Mapping[str, str]) -> PowerLevel | None:
        """The level that these values are; `None` where they are none."""
        for level in self.levels:
            if all(now.get(file) == value for file, value in self.wanted(level, now, found)):
                return level
        return None

    def summary(self, level: PowerLevel) -> str:
        """What a level sets, in words; each once, whatever the number of files."""
        words = (
            place.knob.words.replace("{}", place.values[level][0])
            for place in self.places
            if place.knob.words and level in place.values
        )
        return ", ".join(dict.fromkeys(words))

    @staticmethod
    def _value(place: Place, level: PowerLevel, now: Mapping[str, str], found: Mapping[str, str]) -> str:
        current = now.get(place.file, "")
        candidates = place.values.get(level)
        if candidates is None:
            return found.get(place.file, current)
        return current if current in candidates else candidates[0]


def fit(root: Root) -> Fitted | None:
    """The first mechanism with at least two levels to choose from; `None` where none has."""
    for mechanism in MECHANISMS:
        if not _drives(root, mechanism) or not (places := tuple(_places(root, mechanism))):
            continue
        levels = tuple(level for level in PowerLevel if all(_has(place, level) for place in places))
        if len(levels) > 1:
            return Fitted(mechanism=mechanism, places=places, levels=levels)
    return None


def _drives(root: Root, mechanism: Mechanism) -> bool:
    if not mechanism.drivers:
        return True
    drivers = {root.read_value(name) for name in root.glob(f"{POLICIES}/{DRIVER}")}
    return bool(drivers) and drivers <= set(mechanism.drivers)


def _places(root: Root, mechanism: Mechanism) -> Iterator[Place]:
    """Every file of every knob; nothing at all where one that is needed is missing, or cannot be written."""
    found: list[Place] = []
    for knob in mechanism.knobs:
        files = root.glob(knob.files)
        if not files and not knob.optional:
            return
        for file in files:
            if root.read_value(file) is None or not root.is_writable(file):
                return
            found.append(Place(file=file, knob=knob, values=_taken(root, knob, file)))
    yield from found


def _taken(root: Root, knob: Knob, file: str) -> dict[PowerLevel, tuple[str, ...]]:
    """Of the candidates those that the file beside lists."""
    if knob.listing is None:
        return dict(knob.values)
    listed = (root.read_value(f"{file.rpartition('/')[0]}/{knob.listing}") or "").split()
    return {level: tuple(each for each in values if each in listed) for level, values in knob.values.items()}


def _has(place: Place, level: PowerLevel) -> bool:
    """Whether a file has a value for a level, or is to stay as it was found."""
    return level not in place.knob.values or bool(place.values[level])
