"""Power modes of a board whose kernel has the knobs: CPU governors, energy preferences, the platform's profile.

A change is live and holds until the next boot, as the kernel's own settings do. What was there before the first change
of this boot is recorded below `/run`, and is what `default` goes back to. A mode that shall stay stands in config.json
as `os.power.mode`: `hal apply` sets it again after every boot.
"""

from __future__ import annotations

from collections.abc import Mapping

from hal.backends import attributes, found
from hal.backends.found import Decision, Found
from hal.backends.power.fitted import Fitted, fit
from hal.backends.power.mechanisms import GOVERNOR, POLICIES, PROFILE
from hal.errors import CapabilityAbsent, ValueRefused
from hal.model import Change, PowerLevel, PowerMode, PowerState, SetResult
from hal.root import Root

SETTING = "os.power.mode"
RECORD = f"{found.FOLDER}/power.json"
CUSTOM = "custom"
LOCK_SECONDS = 10.0


class CpuPower:
    """The `Power` of a board that has no power modes of its vendor. Every method may raise `HalError`."""

    reads: tuple[str, ...] = ()
    """None: attributes of the kernel are not damaged."""

    def __init__(self, root: Root) -> None:
        self.root = root

    @property
    def writes(self) -> tuple[str, ...]:
        """The attributes of the mechanism that this device has, and the record of what was found."""
        fitted = fit(self.root)
        return (*(fitted.files if fitted else ()), RECORD)

    def absence(self) -> str | None:
        """Why there is nothing to choose from here."""
        if fit(self.root) is not None:
            return None
        governors = sorted(
            {
                word
                for name in self.root.glob(f"{POLICIES}/scaling_available_governors")
                for word in (self.root.read_value(name) or "").split()
            }
        )
        if governors:
            return f"the kernel offers no two power levels to choose from; its CPU governors are {', '.join(governors)}"
        if self.root.exists(PROFILE) or self.root.glob(f"{POLICIES}/{GOVERNOR}"):
            return "the kernel tells no values that its power settings take"
        return "the kernel scales no CPU frequency here, and offers no platform profile"

    def modes(self) -> tuple[PowerMode, ...]:
        """One mode for each level, named like it."""
        fitted, _, there = self._look()
        return self._modes(fitted, there)

    def preview(self, wanted: str | None) -> Change | None:
        """What `set` would change. Raises what it would raise before its first write."""
        return self._decide(wanted).change

    def set(self, wanted: str | None) -> SetResult:
        """Set every attribute of the mode, all CPUs or none, and read each back."""
        fitted, _, _ = self._look()
        with self.root.lock(fitted.files[0], timeout_seconds=LOCK_SECONDS):
            decision = self._decide(wanted)
            found.carry_out(self.root, RECORD, decision)
        return decision.result

    def state(self, *, live: bool = True) -> PowerState:
        """What was chosen since the boot, what the kernel is set to now, and what else holds the CPU back."""
        from hal.backends.power import measured

        fitted, now, record = self._look()
        named = {mode.name: mode for mode in self._modes(fitted, record)}
        running = self._named(fitted, now, record)
        chosen = record.chosen if record else running
        configured = named.get(chosen) or PowerMode(name=chosen)
        if not live:
            return PowerState(configured=configured)
        return PowerState(
            configured=configured,
            running=named.get(running) or PowerMode(name=running),
            caps=measured.caps(self.root),
            limits=measured.limits(self.root),
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _look(self) -> tuple[Fitted, dict[str, str], Found | None]:
        """The mechanism, what its files hold, and what they held before."""
        fitted = fit(self.root)
        if fitted is None:
            raise CapabilityAbsent(f"power: {self.absence()}", path="power")
        return fitted, attributes.read(self.root, fitted.files), found.read(self.root, RECORD)

    def _named(self, fitted: Fitted, now: Mapping[str, str], record: Found | None) -> str:
        """The name of the mode that these values are."""
        level = fitted.level(now, record.values if record else now)
        return CUSTOM if level is None else level.value

    def _modes(self, fitted: Fitted, record: Found | None) -> tuple[PowerMode, ...]:
        values = record.values if record else attributes.read(self.root, fitted.files)
        default = fitted.level(values, values)
        return tuple(
            PowerMode(name=level.value, levels=(level,), default=level is default, summary=fitted.summary(level))
            for level in fitted.levels
        )

    def _decide(self, wanted: str | None) -> Decision:
        fitted, now, record = self._look()
        there = record.values if record else now
        level = self._resolve(fitted, wanted)
        if level is None:
            target = tuple((file, there[file]) for file in fitted.files if file in there)
        else:
            target = fitted.wanted(level, now, there)
        writes = attributes.differing(now, target)
        value = self._named(fitted, {**now, **dict(target)}, record)
        previous = record.chosen if record and not writes else self._named(fitted, now, record)
        kept = None if level is None else Found(values=there, chosen=value)
        is_due = bool(writes) or (record is not None and (kept is None or kept.chosen != record.chosen))
        return Decision(
            setting=SETTING,
            stages=(target,) if writes else (),
            back=tuple(now.items()),
            previous=previous,
            value=value,
            record=kept,
            is_due=is_due,
        )

    def _resolve(self, fitted: Fitted, wanted: str | None) -> PowerLevel | None:
        """The level that a word names; `None` for the values that were found."""
        if wanted in (None, "", "default"):
            return None
        level = next((each for each in fitted.levels if each.value == wanted), None)
        if level is None:
            allowed = (*(each.value for each in fitted.levels), "default")
            raise ValueRefused(
                f"{SETTING}: {wanted!r:.80} is not a power mode here; allowed are {', '.join(allowed)}",
                path=SETTING,
                allowed=allowed,
            )
        return level
